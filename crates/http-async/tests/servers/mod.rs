//! Two small servers, alike but for the framework, and a client on a bare socket.

pub(crate) mod actix;
pub(crate) mod client;
pub(crate) mod hyper;

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use http_async::{Clocks, Drain, Drained, Pace};

/// Short, so that a test is; apart, so that one is not taken for another.
pub(crate) const CLOCKS: Clocks = Clocks {
    idle: Duration::from_millis(900),
    head: Duration::from_millis(400),
    write_stall: Duration::from_millis(500),
    head_line: 16 << 10,
    head_bytes: 64 << 10,
};

/// The same for bodies.
pub(crate) const PACE: Pace = Pace { idle: Duration::from_millis(400), rate: 1_000 };

/// A server that is running.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    pub(crate) drain: Drain,
    /// How the drain ended, once it has.
    pub(crate) drained: std::sync::mpsc::Receiver<Drained>,
}

/// How to start one.
pub(crate) type Start = fn(TcpListener, Drain, Duration) -> std::sync::mpsc::Receiver<Drained>;

impl Server {
    /// With room for `cap` connections; a drain that waits two seconds.
    pub(crate) fn start(start: Start, cap: usize) -> Self {
        Self::with_deadline(start, cap, Duration::from_secs(2))
    }

    pub(crate) fn with_deadline(start: Start, cap: usize, deadline: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let drain = Drain::new(CLOCKS, cap);
        Self { addr, drained: start(listener, drain.clone(), deadline), drain }
    }
}

/// What `/large` sends, chunk by chunk, for as long as it is read.
pub(crate) const CHUNK: &[u8] = &[b'x'; 64 << 10];

/// An answer that is not ready the instant its body fails: a file has to be removed first, say.
pub(crate) async fn pause(path: &str) {
    if path == "/echo-slowly" {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
