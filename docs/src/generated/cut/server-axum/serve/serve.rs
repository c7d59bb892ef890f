/// Serves until the drain starts, then closes the listener and waits for what is in flight.
pub(crate) async fn serve(listener: TcpListener, app: App) -> io::Result<Drained> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let router = routes(&app);
    let late = gauge!("event_loop_lag_seconds");
    tokio::spawn(http_async::lag(move |lag| late.set(lag.as_secs_f64())));
    let mut backoff = Backoff::default();
    let mut started = pin!(app.drain.started());
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut started => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, _)) => {
                backoff = Backoff { last: Duration::ZERO, ..backoff };
                open(socket, &app, &router);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                // The drain is heard within the pause, too.
                if timeout(backoff.pause(&error), &mut started).await.is_ok() {
                    break;
                }
            }
        }
    }
    drop(listener);
    Ok(app.drain.closed(app.limits.drain).await)
}
