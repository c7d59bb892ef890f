/// Closes the write side, then reads until the client closes too.
pub(crate) async fn linger(mut socket: TcpStream, draining: bool) {
    let patience = if draining { PATIENCE_WHILE_DRAINING } else { PATIENCE };
    // Not in time: the RST is what is left.
    let _ = timeout(patience, async {
        if socket.shutdown().await.is_ok() {
            discard(&socket).await;
        }
    })
    .await;
}
