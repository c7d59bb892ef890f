/// Claims the connection for a request; no when a drain's deadline was faster.
pub(crate) fn begin(&self) -> bool {
    self.state.compare_exchange(IDLE, BUSY, Ordering::SeqCst, Ordering::SeqCst).is_ok()
}
