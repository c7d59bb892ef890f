/// Runs a call on a thread of the pool, and blocks this one until its result is there.
///
/// Past the deadline only the result is given up, not the call: a thread that blocks cannot be interrupted.
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
        let _ = result.send(call());
    });
    self.calls.try_send(call).map_err(|_| Problem::offload_full())?;
    ready.recv_timeout(deadline.duration()).map_err(|error| {
        Error::from(match error {
            RecvTimeoutError::Timeout => Problem::deadline_passed(),
            RecvTimeoutError::Disconnected => Problem::internal(),
        })
    })
}
