/// Blocks this thread for `duration`, or until the drain begins; says whether it did.
pub fn pause(&self, duration: Duration) -> bool {
    let deadline = Instant::now().checked_add(duration);
    let mut bell = self.0.bell.lock().unwrap_or_else(PoisonError::into_inner);
    while !self.is_draining() {
        let left = match deadline {
            Some(deadline) => deadline.saturating_duration_since(Instant::now()),
            None => Duration::MAX,
        };
        if left.is_zero() {
            return false;
        }
        let woken = self.0.changed.wait_timeout(bell, left);
        bell = woken.unwrap_or_else(PoisonError::into_inner).0;
    }
    true
}
