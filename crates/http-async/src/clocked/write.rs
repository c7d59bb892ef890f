//! What goes out: when it stalls, when a reply has ended, and what is said without a request.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;
use tokio::time::Instant;

use super::Clocked;
use crate::connection::Phase;
use crate::refusal::status_of;

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

    /// Nothing can be written now.
    fn block(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.remember(cx.waker());
        if self.state().drain().is_cutting() {
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
        if self.state().is_closing() {
            self.enter(Phase::Over);
            // The framework shall read the end of input, which actix does only when woken.
            cx.waker().wake_by_ref();
            return;
        }
        let now = Instant::now();
        self.idle_since = now;
        self.enter(Phase::Idle);
        if self.state().drain().is_draining() || !self.held.is_empty() {
            cx.waker().wake_by_ref();
        }
        if self.timer.is_due() {
            self.arm(cx, now, now + self.clocks().idle);
        }
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
