/// The thread's result, unless it panicked; without a thread, this one asks, as long as the others would have waited.
fn joined(
    app: &App,
    name: &Username,
    call: Option<ScopedJoinHandle<'_, User>>,
    until: Instant,
) -> User {
    match call.map(ScopedJoinHandle::join) {
        Some(Ok(user)) => user,
        Some(Err(_)) => User::new(name, Err(Problem::internal())),
        None if Instant::now() < until => user(app, name),
        None => User::new(name, Err(Problem::unavailable("no thread was free for it in time", 1))),
    }
}
