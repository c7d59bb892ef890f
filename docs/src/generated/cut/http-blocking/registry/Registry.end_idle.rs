/// Ends the connections that answer nothing now.
pub(crate) fn end_idle(&self) {
    for link in self.links().values() {
        if link.state.load(Ordering::SeqCst) == IDLE {
            link.stop_reading();
        }
    }
}
