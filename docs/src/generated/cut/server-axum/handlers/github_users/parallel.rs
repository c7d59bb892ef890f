/// All calls are parts of this one task: they cost no task and no thread of their own.
async fn parallel(app: &App, names: &[Username]) -> Vec<User> {
    join_all(names.iter().map(|name| user(app, name))).await
}
