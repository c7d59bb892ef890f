/// The profile of one user.
///
/// Blocks the calling thread for at most `upstream_total`: the wait for a permit, connecting, retries and reading
/// count together, so an upstream that sends a byte a second does not hold a thread for longer.
///
/// # Errors
///
/// The problem that our client gets: 404, 502, 503 or 504.
pub fn user(&self, username: &Username) -> Result<Profile, Problem> {
    let deadline = Instant::now() + self.limits.upstream_total;
    let _permit = self.permits.acquire(deadline).ok_or(Failed::NoPermit)?;
    let _counted = InFlight::new(&self.meters);
    // Nothing can stop a blocked thread from outside: each call in there is handed the deadline.
    let answer = self.ask(username, deadline)?;
    judge(answer.status, &answer.fields, &answer.body)
}
