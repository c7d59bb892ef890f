/// A thread for each call: each costs a stack, and a switch to wake it.
fn parallel(app: &App, names: &[Username]) -> Vec<User> {
    scope(|threads| {
        let call = |name| Builder::new().spawn_scoped(threads, move || user(app, name));
        let calls: Vec<_> = names.iter().map(|name| (name, call(name))).collect();
        calls.into_iter().map(|(name, call)| joined(name, call)).collect()
    })
}
