/// Closes the write side, then reads until the client closes too, or for as long as it deserves.
pub(crate) async fn linger(mut socket: TcpStream, drain: &Drain) {
    let closed = pin!(timeout(PATIENCE, async {
        if socket.shutdown().await.is_ok() {
            discard(&socket).await;
        }
    }));
    let drained = pin!(async {
        drain.started().await;
        sleep(PATIENCE_WHILE_DRAINING).await;
    });
    select(closed, drained).await;
}
