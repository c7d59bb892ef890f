//! What comes in: who it is for, how long it may take, and how it ends.

use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use contract::chunk::Decoder;
use http::StatusCode;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Instant;

use super::Clocked;
use crate::connection::Phase;
use crate::head::Head;

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
        match this.came_in(cx, came) {
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

impl Clocked {
    /// How many of the bytes that came in are for the framework now: they begin a head, go on with it, or belong to its
    /// body, which has clocks of its own.
    fn came_in(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Result<usize, StatusCode> {
        match self.phase() {
            Phase::Idle => {
                self.enter(Phase::Head);
                self.head = Head::new();
                self.chunks = Decoder::new();
            }
            Phase::Head => {}
            Phase::Busy if self.state().is_body_chunked() => return Ok(self.chunks_in(cx, bytes)),
            Phase::Busy => return Ok(self.state().share_of_body(bytes.len())),
            Phase::Answered | Phase::Over => return Ok(0),
        }
        let clocks = *self.clocks();
        self.head.take(bytes, &clocks)
    }

    /// How many of the bytes belong to a chunked body. What is malformed stays here: hyper would tell its service, but
    /// actix-http closes unless the answer is ready that instant (its `h1/dispatcher.rs` takes it for a client that left).
    fn chunks_in(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> usize {
        if self.state().is_body_malformed() {
            return 0;
        }
        self.chunks.pass_over(bytes).unwrap_or_else(|_| {
            self.state().set_body_malformed();
            // Who reads the body is to look again.
            cx.waker().wake_by_ref();
            0
        })
    }

    /// Reads what was held back, as if it came in now.
    fn read_held(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let part = self.held.slice(..self.held.len().min(buf.remaining()));
        match self.came_in(cx, &part) {
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
            // Also if the service has not had a chance to read what was the last of its body.
            Phase::Busy => !self.state().is_body_unread() || self.is_body_in(),
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

    /// Whether all of the body has come in.
    fn is_body_in(&self) -> bool {
        if self.state().is_body_chunked() {
            self.chunks.is_end()
        } else {
            self.state().is_body_in()
        }
    }

    /// Nothing to read now. `Ready` is the end of input, as far as the framework is to know.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.remember(cx.waker());
        let fresh = mem::take(&mut self.head.fresh);
        let phase = self.phase();
        let drain = self.state().drain();
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
}
