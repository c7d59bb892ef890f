/// Panics with it here, so that it is the panic of the handler that waited.
///
/// # Panics
/// Always; the hook is not called a second time, and whoever [catches](caught) here gets it as it was.
pub fn again<T>(mut self) -> T {
    LAST.set(self.0.take());
    resume_unwind(Box::new("carried over from another thread"))
}
