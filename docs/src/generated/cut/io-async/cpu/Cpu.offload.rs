/// Runs the work on a thread of the pool, and awaits its result.
///
/// Past the deadline, or dropped, the work ends where it next asks whether to go on: nothing interrupts a thread.
///
/// # Errors
///
/// When as much waits as may, or the deadline passes.
///
/// # Panics
///
/// With what the work panics with, as if it ran here.
pub async fn offload<T: Send + 'static>(
    &self,
    deadline: Deadline,
    work: impl FnOnce(&dyn Fn() -> bool) -> T + Send + 'static,
) -> Result<T, Problem> {
    let until = Instant::now() + deadline.duration();
    let turn = self.turn(until).await?;
    let (result, ready) = oneshot::channel();
    self.pool()?.spawn(move || {
        // First of all that a panic lets go of: whoever learns of it may come at once.
        let turn = turn;
        let done = carried(|| work(&|| !result.is_closed() && Instant::now() < until));
        drop(turn);
        // Nobody waits for it any more when the deadline has passed, or the client has left.
        let _ = result.send(done);
    });
    let done = timeout_at(until, ready).await.map_err(|_| Problem::deadline_passed())?;
    Ok(done.map_err(|_| Problem::internal())?.unwrap_or_else(Carried::again))
}
