/// The lines as they come. All calls are parts of this one task, and no more than a few are under way.
fn lines(app: App, names: Vec<Username>) -> impl Stream<Item = Vec<u8>> {
    let pace = Arc::new(Pace::default());
    iter(names)
        .map(move |name| {
            let (app, pace) = (app.clone(), Arc::clone(&pace));
            async move { line(&user(&app, &pace, &name).await) }
        })
        .buffer_unordered(AT_ONCE)
}
