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

use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::connection::Phase;
use crate::drain::Admission;
use crate::linger::linger;
use crate::refusal::{refusal, status_of};
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
    /// Since when a write has made no progress.
    blocked_since: Option<Instant>,
    /// The client closed its side, or the connection broke.
    gone: bool,
    /// The last reply was a refusal: input is on its way that nobody will read.
    refused: bool,
}

/// What has come in of the head that is being read.
#[derive(Debug, Default)]
struct Head {
    /// Taken when the framework asks for more; a head that comes in one piece needs no look at the clock.
    since: Option<Instant>,
    bytes: usize,
    line_ended: bool,
    /// The framework has not had a chance to parse the last bytes: actix reads until nothing is left, then parses.
    fresh: bool,
}

impl Clocked {
    pub(crate) fn new(socket: TcpStream, admission: Admission) -> Self {
        Self {
            parts: Some((socket, admission)),
            timer: Timer::default(),
            waker: None,
            idle_since: Instant::now(),
            head: Head::default(),
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

    /// Bytes came in: they begin a head, go on with it, or belong to a body, which has clocks of its own.
    fn came_in(&mut self, bytes: &[u8]) -> Result<(), StatusCode> {
        match self.phase() {
            Phase::Idle => {
                self.enter(Phase::Head);
                self.head = Head::default();
            }
            Phase::Head => {}
            Phase::Busy | Phase::Answered | Phase::Over => {
                self.admission().0.took(bytes.len());
                return Ok(());
            }
        }
        self.head.fresh = true;
        if !self.head.line_ended {
            // A fragment belongs to no target, and the `Uri` of both frameworks drops it without a word.
            let end = memchr::memchr2(b'\n', b'#', bytes);
            if end.is_some_and(|end| bytes[end] == b'#') {
                return Err(StatusCode::BAD_REQUEST);
            }
            self.head.line_ended = end.is_some();
            if self.head.bytes + end.unwrap_or(bytes.len()) > self.clocks().head_line {
                return Err(StatusCode::URI_TOO_LONG);
            }
        }
        self.head.bytes += bytes.len();
        Ok(())
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
                let too_long = self.head.bytes > self.clocks().head_bytes;
                let due = self.timer.is_due();
                if !(draining || too_long || due || self.head.since.is_none()) {
                    return Poll::Pending;
                }
                let now = Instant::now();
                let deadline = *self.head.since.get_or_insert(now) + self.clocks().head;
                let late = due && now >= deadline;
                if fresh && (draining || too_long || late) {
                    // To be judged when the framework has parsed what it was just given.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                if draining {
                    return self.end();
                }
                if too_long {
                    return self.refuse(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
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
        if self.admission().0.drain().is_draining() {
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
        let had = buf.filled().len();
        match this.pinned().poll_read(cx, buf) {
            Poll::Pending => this.wait(cx),
            Poll::Ready(Err(error)) => {
                this.gone = true;
                Poll::Ready(Err(error))
            }
            Poll::Ready(Ok(())) if buf.filled().len() == had => {
                this.gone = true;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Ok(())) => match this.came_in(&buf.filled()[had..]) {
                Ok(()) => Poll::Ready(Ok(())),
                Err(status) => {
                    buf.set_filled(had);
                    this.refuse(status)
                }
            },
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

/// One sleep a connection, made when first needed and moved only after it has fired.
#[derive(Debug, Default)]
struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timer {
    /// Whether it has fired, or was never set.
    fn is_due(&self) -> bool {
        self.sleep.as_ref().is_none_or(|sleep| sleep.is_elapsed())
    }

    fn arm(&mut self, cx: &mut Context<'_>, at: Instant) {
        let sleep = match &mut self.sleep {
            Some(sleep) => {
                sleep.as_mut().reset(at);
                sleep
            }
            none => none.insert(Box::pin(sleep_until(at))),
        };
        // Polled to leave the waker; if it is due already, the task comes back at once.
        if sleep.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }
}
