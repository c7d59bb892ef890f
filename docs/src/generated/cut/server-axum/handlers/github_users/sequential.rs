async fn sequential(app: &App, names: &[Username]) -> Vec<User> {
    let mut users = Vec::with_capacity(names.len());
    for name in names {
        users.push(user(app, name).await);
    }
    users
}
