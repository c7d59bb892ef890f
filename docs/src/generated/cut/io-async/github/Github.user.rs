/// The profile of one user.
///
/// Is ready after at most `upstream_total`: the wait for a permit, connecting, retries and reading count together,
/// so an upstream that sends a byte a second does not hold a task for longer. Dropping it ends the call at once.
///
/// # Errors
///
/// The problem that our client gets: 404, 502, 503 or 504.
pub async fn user(&self, username: &Username) -> Result<Profile, Problem> {
    let deadline = Instant::now() + self.limits.upstream_total;
    let _permit = self.permits.acquire(deadline).await.ok_or(Failed::NoPermit)?;
    let _counted = InFlight::new(&self.meters);
    // One deadline around it all: whatever is awaited in there is dropped when the time is up.
    let answer = timeout_at(deadline, self.ask(username, deadline));
    let answer = answer.await.map_err(|_| Failed::TimedOut)??;
    judge(answer.status, &answer.fields, &answer.body)
}
