/// Ends idle connections and incomplete heads at once, and the others after their reply.
pub fn start(&self) {
    self.0.draining.store(true, Ordering::SeqCst);
    self.0.started.notify_waiters();
    self.wake_all();
}
