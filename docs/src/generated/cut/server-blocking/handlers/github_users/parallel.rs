/// A thread for each call, as far as there are threads to spare: each costs a stack, and a switch to wake it.
fn parallel(app: &App, names: &[Username]) -> Vec<User> {
    let until = Instant::now() + app.limits.upstream_total;
    scope(|threads| {
        let call = |name| app.helpers.start(threads, move || user(app, name));
        let calls: Vec<_> = names.iter().map(|name| (name, call(name))).collect();
        calls.into_iter().map(|(name, call)| joined(app, name, call, until)).collect()
    })
}
