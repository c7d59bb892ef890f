//! An accepted socket with three clocks: idle, head, write stall.
//!
//! It sits between the framework and the kernel, so it sees the first byte of every head, each write that blocks, and,
//! by the flush that both frameworks make when nothing is left to write, the end of every reply.

mod read;
mod write;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use contract::chunk::Decoder;
use http::StatusCode;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::connection::{Phase, State};
use crate::drain::Admission;
use crate::head::Head;
use crate::linger::linger;
use crate::refusal::refusal;
use crate::timer::Timer;
use crate::{Clocks, Connection};

/// A socket under the clocks of its [`Drain`](crate::Drain).
#[derive(Debug)]
pub struct Clocked {
    /// None once dropped, when the socket may move on into a lingering close.
    parts: Option<(TcpStream, Admission)>,
    timer: Timer,
    /// The waker that the drain has.
    waker: Option<Waker>,
    /// When the connection became idle.
    idle_since: Instant,
    head: Head,
    /// Where a chunked body stands.
    chunks: Decoder,
    /// What came in behind the head or body that is being read.
    held: Bytes,
    /// Since when a write has made no progress.
    blocked_since: Option<Instant>,
    /// The client closed its side, or the connection broke.
    gone: bool,
    /// The last reply was a refusal: input is on its way that nobody will read.
    refused: bool,
}

impl Clocked {
    pub(crate) fn new(socket: TcpStream, admission: Admission) -> Self {
        Self {
            parts: Some((socket, admission)),
            timer: Timer::default(),
            waker: None,
            idle_since: Instant::now(),
            head: Head::new(),
            chunks: Decoder::new(),
            held: Bytes::new(),
            blocked_since: None,
            gone: false,
            refused: false,
        }
    }

    /// The handle for the service that answers this socket's requests.
    pub fn connection(&self) -> Connection {
        Connection(Arc::clone(self.state()))
    }

    /// The client's address.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket().peer_addr()
    }

    fn socket(&self) -> &TcpStream {
        &self.parts.as_ref().expect("parts are only taken on drop").0
    }

    fn pinned(&mut self) -> Pin<&mut TcpStream> {
        Pin::new(&mut self.parts.as_mut().expect("parts are only taken on drop").0)
    }

    fn state(&self) -> &Arc<State> {
        &self.parts.as_ref().expect("parts are only taken on drop").1.0
    }

    fn phase(&self) -> Phase {
        self.state().phase()
    }

    fn enter(&self, phase: Phase) {
        self.state().enter(phase);
    }

    fn clocks(&self) -> &Clocks {
        self.state().drain().clocks()
    }

    fn arm(&mut self, cx: &mut Context<'_>, now: Instant, deadline: Instant) {
        let at = deadline.min(now + self.clocks().shortest());
        self.timer.arm(cx, at);
    }

    /// The drain wakes the task that polls this socket, which is the same for the life of the connection.
    fn remember(&mut self, waker: &Waker) {
        if !self.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.state().wake_with(waker);
            self.waker = Some(waker.clone());
        }
    }

    /// Input ends here for the framework.
    fn end(&mut self) -> Poll<io::Result<()>> {
        self.enter(Phase::Over);
        Poll::Ready(Ok(()))
    }

    /// A refusal to a client that goes on sending.
    fn refuse(&mut self, status: StatusCode) -> Poll<io::Result<()>> {
        self.say(status);
        self.refused = true;
        self.end()
    }

    /// As much as fits: nothing else is waiting to be written while a head is incomplete.
    fn say(&mut self, status: StatusCode) {
        let _ = self.socket().try_write(refusal(status).as_bytes());
    }
}

impl Drop for Clocked {
    fn drop(&mut self) {
        let Some((socket, admission)) = self.parts.take() else { return };
        let state = &admission.0;
        // A write that never ended has nothing to say, and reading on would only hold the socket.
        let broken = self.gone || state.is_busy();
        let unread = self.refused
            || state.is_body_unread()
            || (!broken && socket.try_read(&mut [0; 1]).is_ok_and(|read| read > 0));
        if broken || !unread {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(async move { linger(socket, admission.0.drain()).await });
    }
}
