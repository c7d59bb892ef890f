/// Serves until the drain starts, then closes the listener and waits for what is in flight.
pub(crate) async fn serve(
    listener: TcpListener,
    app: App,
    workers: NonZeroUsize,
) -> io::Result<Drained> {
    let (drain, deadline) = (app.drain.clone(), app.limits.drain);
    let server = actix_server::Server::build()
        .workers(workers.get())
        .disable_signals()
        // tokio's own size for files, SQLite and names, and as many again as are offloaded: neither waits for the other.
        .worker_max_blocking_threads(512 / workers + app.offload.largest_share(workers))
        // The drain counts connections, and answers the one too many.
        .max_concurrent_connections(usize::MAX)
        .listen("http", listener, move || worker(app.for_worker(workers)))?
        .run();
    let handle = server.handle();
    let running = actix_rt::spawn(server);
    drain.started().await;
    // This closes the listener at once, but looks for the last connection only once a second: the drain knows sooner.
    let stopping = actix_rt::spawn(handle.stop(true));
    let drained = drain.closed(deadline).await;
    stopping.abort();
    running.abort();
    Ok(drained)
}
