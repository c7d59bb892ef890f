/// Serves until the drain starts, then closes the listener and waits for what is in flight.
pub(crate) async fn serve(listener: TcpListener, app: App) -> io::Result<Drained> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let router = routes(&app);
    let late = gauge!("event_loop_lag_seconds");
    tokio::spawn(http_async::lag(move |lag| late.set(lag.as_secs_f64())));
    let mut backoff = Backoff::default();
    let mut accepted = VecDeque::new();
    let mut started = pin!(app.drain.started());
    loop {
        // All that wait, before any is given a task: who finds the kernel's queue full tries again a second later.
        let waiting = tokio::select! {
            biased;
            () = &mut started => break,
            waiting = unconstrained(accept(&listener, &mut accepted)) => waiting,
        };
        if let Err(error) = waiting {
            // The drain is heard within the pause, too.
            if timeout(backoff.pause(&error), &mut started).await.is_ok() {
                break;
            }
            continue;
        }
        backoff = Backoff { last: Duration::ZERO, ..backoff };
        for socket in accepted.drain(..accepted.len().min(OPENED_AT_ONCE)) {
            open(socket, &app, &router);
        }
    }
    drop(listener);
    Ok(app.drain.closed(app.limits.drain).await)
}
