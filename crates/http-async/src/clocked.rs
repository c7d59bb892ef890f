//! An accepted socket with three clocks: idle, head, write stall.
//!
//! It sits between the framework and the kernel, so it sees the first byte of every head, each write that blocks, and,
//! by the flush that both frameworks make when nothing is left to write, the end of every reply.

use std::io::{self, IoSlice};
use std::mem;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes};
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::connection::Phase;
use crate::drain::Admission;
use crate::head::Head;
use crate::linger::linger;
use crate::refusal::{refusal, status_of};
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
            held: Bytes::new(),
            blocked_since: None,
            gone: false,
            refused: false,
        }
    }

    /// The handle for the service that answers this socket's requests.
    pub fn connection(&self) -> Connection {
        Connection(Arc::clone(&self.admission().0))
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

    fn admission(&self) -> &Admission {
        &self.parts.as_ref().expect("parts are only taken on drop").1
    }

    fn phase(&self) -> Phase {
        self.admission().0.phase()
    }

    fn enter(&self, phase: Phase) {
        self.admission().0.enter(phase);
    }

    fn clocks(&self) -> &Clocks {
        self.admission().0.drain().clocks()
    }

    /// How many of the bytes that came in are for the framework now: they begin a head, go on with it, or belong to its
    /// body, which has clocks of its own.
    fn came_in(&mut self, bytes: &[u8]) -> Result<usize, StatusCode> {
        match self.phase() {
            Phase::Idle => {
                self.enter(Phase::Head);
                self.head = Head::new();
            }
            Phase::Head => {}
            Phase::Busy => return Ok(self.admission().0.share_of_body(bytes.len())),
            Phase::Answered | Phase::Over => return Ok(0),
        }
        let clocks = *self.clocks();
        self.head.take(bytes, &clocks)
    }

    /// Reads what was held back, as if it came in now.
    fn read_held(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let part = self.held.slice(..self.held.len().min(buf.remaining()));
        match self.came_in(&part) {
            Ok(0) => self.wait(cx),
            Ok(taken) => {
                buf.put_slice(&part[..taken]);
                self.held.advance(taken);
                Poll::Ready(Ok(()))
            }
            Err(status) => self.refuse(status),
        }
    }

    /// The client closed its side.
    fn no_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let leaves = match self.phase() {
            Phase::Busy => !self.connection().is_body_unread(),
            Phase::Head => self.head.fresh,
            Phase::Idle | Phase::Answered | Phase::Over => false,
        };
        if leaves && !mem::replace(&mut self.head.left, true) {
            // To be judged when the framework has parsed what it was given, and polled the service.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.gone = true;
        if leaves {
            // Whoever leaves in mid-request is gone: hyper's own view. actix's switch for it would also drop the answer
            // under way when a malformed request is pipelined behind.
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Poll::Ready(Ok(()))
    }

    /// Nothing to read now. `Ready` is the end of input, as far as the framework is to know.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.remember(cx.waker());
        let fresh = mem::take(&mut self.head.fresh);
        let phase = self.phase();
        let drain = self.admission().0.drain();
        if drain.is_cutting() && phase != Phase::Over {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let draining = drain.is_draining();
        match phase {
            Phase::Over => Poll::Ready(Ok(())),
            Phase::Busy | Phase::Answered => Poll::Pending,
            Phase::Idle if draining => self.end(),
            Phase::Idle => {
                if !self.timer.is_due() {
                    return Poll::Pending;
                }
                let (now, deadline) = (Instant::now(), self.idle_since + self.clocks().idle);
                if now >= deadline {
                    return self.end();
                }
                self.arm(cx, now, deadline);
                Poll::Pending
            }
            Phase::Head => {
                let due = self.timer.is_due();
                let held = self.head.ended && !self.held.is_empty();
                if !(draining || due || held || self.head.since.is_none()) {
                    return Poll::Pending;
                }
                let now = Instant::now();
                let deadline = *self.head.since.get_or_insert(now) + self.clocks().head;
                let late = due && now >= deadline;
                if fresh && (draining || late || held) {
                    // To be judged when the framework has parsed what it was just given.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                if draining {
                    return self.end();
                }
                if late {
                    self.say(StatusCode::REQUEST_TIMEOUT);
                    return self.end();
                }
                if due {
                    self.arm(cx, now, deadline);
                }
                Poll::Pending
            }
        }
    }

    /// Nothing can be written now.
    fn block(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.remember(cx.waker());
        if self.admission().0.drain().is_cutting() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let due = self.timer.is_due();
        if self.blocked_since.is_some() && !due {
            return Poll::Pending;
        }
        let now = Instant::now();
        let deadline = *self.blocked_since.get_or_insert(now) + self.clocks().write_stall;
        if now >= deadline {
            // What the kernel still holds for this client would stay for minutes: reset.
            let _ = self.socket().set_zero_linger();
            self.gone = true;
            self.enter(Phase::Over);
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if due {
            self.arm(cx, now, deadline);
        }
        Poll::Pending
    }

    /// Everything that the framework had to write is written.
    fn flushed(&mut self, cx: &mut Context<'_>) {
        if self.phase() != Phase::Answered {
            return;
        }
        if self.connection().is_closing() {
            self.enter(Phase::Over);
            // The framework shall read the end of input, which actix does only when woken.
            cx.waker().wake_by_ref();
            return;
        }
        let now = Instant::now();
        self.idle_since = now;
        self.enter(Phase::Idle);
        if self.admission().0.drain().is_draining() || !self.held.is_empty() {
            cx.waker().wake_by_ref();
        }
        if self.timer.is_due() {
            self.arm(cx, now, now + self.clocks().idle);
        }
    }

    fn arm(&mut self, cx: &mut Context<'_>, now: Instant, deadline: Instant) {
        let at = deadline.min(now + self.clocks().shortest());
        self.timer.arm(cx, at);
    }

    /// The drain wakes the task that polls this socket, which is the same for the life of the connection.
    fn remember(&mut self, waker: &Waker) {
        if !self.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.admission().0.wake_with(waker);
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

    /// What the framework writes without a request is its own refusal: said in our words, so that all servers say the same.
    fn is_refusal(&mut self, bytes: &[u8]) -> bool {
        if !matches!(self.phase(), Phase::Idle | Phase::Head) {
            return false;
        }
        let Some(status) = status_of(bytes) else { return false };
        let _ = self.refuse(status);
        true
    }
}

impl AsyncRead for Clocked {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.phase() == Phase::Over {
            return Poll::Ready(Ok(()));
        }
        if !this.held.is_empty() {
            return this.read_held(cx, buf);
        }
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let had = buf.filled().len();
        match this.pinned().poll_read(cx, buf) {
            Poll::Pending => return this.wait(cx),
            Poll::Ready(Err(error)) => {
                this.gone = true;
                return Poll::Ready(Err(error));
            }
            Poll::Ready(Ok(())) => {}
        }
        let came = &buf.filled()[had..];
        if came.is_empty() {
            return this.no_more(cx);
        }
        match this.came_in(came) {
            Ok(taken) if taken == came.len() => Poll::Ready(Ok(())),
            Ok(taken) => {
                this.held = Bytes::copy_from_slice(&came[taken..]);
                buf.set_filled(had + taken);
                if taken == 0 { this.wait(cx) } else { Poll::Ready(Ok(())) }
            }
            Err(status) => {
                buf.set_filled(had);
                this.refuse(status)
            }
        }
    }
}

impl AsyncWrite for Clocked {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.phase() == Phase::Over || this.is_refusal(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let wrote = this.pinned().poll_write(cx, bytes);
        this.wrote(cx, wrote)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.phase() == Phase::Over || this.is_refusal(parts.first().map_or(&[], |part| part)) {
            return Poll::Ready(Ok(parts.iter().map(|part| part.len()).sum()));
        }
        let wrote = this.pinned().poll_write_vectored(cx, parts);
        this.wrote(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket().is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.pinned().poll_flush(cx))?;
        this.flushed(cx);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().pinned().poll_shutdown(cx)
    }
}

impl Clocked {
    fn wrote(
        &mut self,
        cx: &mut Context<'_>,
        wrote: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match wrote {
            Poll::Pending => return self.block(cx),
            Poll::Ready(Ok(_)) => self.blocked_since = None,
            Poll::Ready(Err(_)) => self.gone = true,
        }
        wrote
    }
}

impl Drop for Clocked {
    fn drop(&mut self) {
        let Some((socket, admission)) = self.parts.take() else { return };
        let state = &admission.0;
        // A write that never ended has nothing to say, and reading on would only hold the socket.
        let broken = self.gone || state.is_busy();
        let unread = self.refused
            || Connection(Arc::clone(state)).is_body_unread()
            || (!broken && socket.try_read(&mut [0; 1]).is_ok_and(|read| read > 0));
        if broken || !unread {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(async move { linger(socket, admission.0.drain()).await });
    }
}
