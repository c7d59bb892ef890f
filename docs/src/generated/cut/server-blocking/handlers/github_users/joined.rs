/// The thread's result; there is none if it could not start, or panicked.
fn joined(name: &Username, call: io::Result<ScopedJoinHandle<'_, User>>) -> User {
    match call.map(ScopedJoinHandle::join) {
        Ok(Ok(user)) => user,
        Ok(Err(_)) => User::new(name, Err(Problem::internal())),
        Err(_) => User::new(name, Err(Problem::no_thread())),
    }
}
