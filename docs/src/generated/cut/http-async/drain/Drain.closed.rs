/// Waits until every connection has ended, for `deadline` at most, then cuts what is left.
pub async fn closed(&self, deadline: Duration) -> Drained {
    let emptied = async {
        loop {
            let mut emptied = pin!(self.0.emptied.notified());
            emptied.as_mut().enable();
            if self.open() == 0 {
                return;
            }
            emptied.await;
        }
    };
    if timeout(deadline, emptied).await.is_ok() {
        return Drained { cut: 0 };
    }
    let cut = self.in_flight();
    self.0.cutting.store(true, Ordering::SeqCst);
    self.wake_all();
    Drained { cut }
}
