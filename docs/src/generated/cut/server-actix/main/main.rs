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

    let workers = workers.and_then(NonZeroUsize::new).or(available_parallelism().ok());
    let workers = workers.unwrap_or(NonZeroUsize::MIN);
    let drained = actix_rt::System::new().block_on(serve::serve(listener, app, workers))?;
    Ok(ExitCode::from(if drained.cut == 0 { 0 } else { 3 }))
}
