/// Runs the work on a thread of the pool, and blocks this one until its result is there.
///
/// Past the deadline the work ends where it next asks whether to go on: nothing interrupts a thread.
///
/// # Errors
///
/// When as much waits as may, or the deadline passes.
///
/// # Panics
///
/// With what the work panics with, as if it ran here.
pub fn offload<T: Send + 'static>(
    &self,
    deadline: Deadline,
    work: impl FnOnce(&dyn Fn() -> bool) -> T + Send + 'static,
) -> Result<T, Problem> {
    let until = Instant::now() + deadline.duration();
    let turn = self.turn(until)?;
    let (result, ready) = sync_channel(1);
    self.pool()?.spawn(move || {
        // First of all that a panic lets go of: whoever learns of it may come at once.
        let turn = turn;
        let done = carried(|| work(&|| Instant::now() < until));
        drop(turn);
        // Nobody waits for it any more when the deadline has passed.
        let _ = result.send(done);
    });
    let left = until.saturating_duration_since(Instant::now());
    let done = ready.recv_timeout(left).map_err(|error| match error {
        RecvTimeoutError::Timeout => Problem::deadline_passed(),
        RecvTimeoutError::Disconnected => Problem::internal(),
    })?;
    Ok(done.unwrap_or_else(Carried::again))
}
