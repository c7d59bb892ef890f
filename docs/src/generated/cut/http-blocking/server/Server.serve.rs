/// Serves until `shutdown` drains, then until the requests in flight are answered or the drain deadline cuts
/// them. Accepts on this thread.
///
/// # Errors
/// When the listener cannot be used. A failure to accept one connection is counted, not returned.
pub fn serve(self, service: impl Service, shutdown: &Shutdown) -> io::Result<Drained> {
    let Self { listener, limits, threads, always, beside } = self;
    let cap = ThreadCap::of_system(limits.connections, limits.stack_bytes, beside);
    let connections = match threads {
        Threads::Connection | Threads::Request => limits.connections.min(cap.threads),
        Threads::Pool(_) => limits.connections,
    };
    tracing::info!(
        %threads, connections, thread_cap = cap.threads, bound_by = %cap.bound_by, "serving"
    );
    let shared = Arc::new(Shared {
        service,
        always,
        limits,
        connections,
        shutdown: shutdown.clone(),
        registry: shutdown.registry(),
        meters: Meters::new(),
    });
    let acceptor = Acceptor::new(Arc::clone(&shared), threads, cap)?;
    acceptor.run(listener)?;

    // The listener is closed by now: who comes late is refused by the kernel.
    shared.registry.end_idle();
    shared.registry.wait_empty(Instant::now() + limits.drain);
    Ok(Drained { cut: shared.registry.cut() })
}
