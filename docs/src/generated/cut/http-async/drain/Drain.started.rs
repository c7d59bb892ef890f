/// Waits for [`start`](Self::start): what a stream without an end of its own listens to.
pub async fn started(&self) {
    let mut started = pin!(self.0.started.notified());
    started.as_mut().enable();
    if !self.0.draining.load(Ordering::SeqCst) {
        started.await;
    }
}
