//! A close that lets the answer arrive.
//!
//! Closing a socket with unread input makes the kernel send RST, and the client may lose the answer that explains it
//! (RFC 9112 section 9.6). So the write side is closed first, and what still comes in is thrown away for a while.

use std::io;
use std::pin::pin;
use std::time::Duration;

use contract::refused::LINGER_BYTES;
use futures_util::future::select;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::Drain;

/// As long as a client may go on sending after its answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// While the server drains, nobody is waited for that long.
const PATIENCE_WHILE_DRAINING: Duration = Duration::from_millis(200);

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

async fn discard(socket: &TcpStream) {
    // A client that sends more gets its RST.
    let mut left = LINGER_BYTES;
    while left > 0 && socket.readable().await.is_ok() {
        match discard_some(socket) {
            Ok(0) => return,
            Ok(read) => left = left.saturating_sub(read),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

/// The buffer lives on the stack for one call, not in the task for two seconds.
fn discard_some(socket: &TcpStream) -> io::Result<usize> {
    socket.try_read(&mut [0; 16 << 10])
}
