/// Runs a call on a thread of the pool, and blocks this one until its result is there.
///
/// Past the deadline only the result is given up, not the call: a thread that blocks cannot be interrupted. What the
/// call panics with goes on here, as if it had been called here.
pub(crate) fn run<T: Send + 'static>(
    &self,
    deadline: Deadline,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let (result, ready) = sync_channel(1);
    let waiting = Counted::new(&self.waiting);
    let call = Box::new(move || {
        drop(waiting);
        // Nobody waits for it any more when the deadline has passed.
        let _ = result.send(carried(call));
    });
    self.calls.try_send(call).map_err(|_| Problem::offload_full())?;
    match ready.recv_timeout(deadline.duration()) {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(panic)) => panic.again(),
        Err(RecvTimeoutError::Timeout) => Err(Problem::deadline_passed().into()),
        Err(RecvTimeoutError::Disconnected) => Err(Problem::internal().into()),
    }
}
