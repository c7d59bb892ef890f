/// Runs a call on a thread of the pool, and blocks this one until its result is there.
///
/// Past the deadline a call that runs is given up, but not ended: a thread that blocks cannot be interrupted. What the
/// call panics with goes on here, as if it had been called here.
pub(crate) fn run<T: Send + 'static>(
    &self,
    deadline: Deadline,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let until = Instant::now() + deadline.duration();
    let Some(place) = self.places.take() else {
        return Err(Problem::offload_full().into());
    };
    let waiting = Counted::new(&self.waiting);
    let thread = self.threads.acquire(until).ok_or_else(Problem::deadline_passed)?;
    drop(waiting);
    let running = Counted::new(&self.running);
    let (result, ready) = sync_channel(1);
    // The permits go along with the call: they are free when it ends, not when nobody waits for it any more.
    let call = Box::new(move || {
        let held = (place, thread, running);
        let done = carried(call);
        drop(held);
        // Nobody waits for it any more when the deadline has passed.
        let _ = result.send(done);
    });
    self.calls.send(call).expect("the threads take calls as long as the pool lives");
    let left = until.saturating_duration_since(Instant::now());
    match ready.recv_timeout(left) {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(panic)) => panic.again(),
        Err(RecvTimeoutError::Timeout) => Err(Problem::deadline_passed().into()),
        Err(RecvTimeoutError::Disconnected) => Err(Problem::internal().into()),
    }
}
