/// Shuts it down if it is in `state`; says whether it was.
fn shut(&self, state: u8) -> bool {
    let was =
        self.state.compare_exchange(state, CLOSED, Ordering::SeqCst, Ordering::SeqCst).is_ok();
    if was {
        // It fails when the client is gone already, which is as well.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
    was
}
