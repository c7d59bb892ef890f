fn main() -> anyhow::Result<ExitCode> {
    let Server { workers, flags } = Server::parse();
    flags.log.start(flags.access_log);
    settings::spare_address_space();
    let app = App::new(&flags)?;
    let listener = settings::listen(flags.addr)?;
    // Whoever reads the first line may send a signal next.
    http_async::drain_on_signal(app.drain.clone(), app.limits.drain)?;
    println!("listening on http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;

    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = workers {
        runtime.worker_threads(workers);
    }
    // tokio's own size, for files, SQLite and names, and as many again as are offloaded: neither waits for the other.
    runtime.max_blocking_threads(512 + flags.offload_threads());
    let runtime = runtime.enable_all().build()?;
    let drained = runtime.block_on(serve::serve(listener, app))?;
    // Dropped, it would wait for every blocking call to return, and nobody waits for them any more.
    runtime.shutdown_background();
    Ok(ExitCode::from(if drained.cut == 0 { 0 } else { 3 }))
}
