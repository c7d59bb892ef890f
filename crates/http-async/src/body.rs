//! A request body that may neither fall silent nor drip.
//!
//! A body that is there when asked for costs nothing: the clock starts when the reader first has to wait.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::Stream;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::Connection;

/// What a body has to keep to.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The longest silence; and as long, at first, the rate is not looked at.
    pub idle: Duration,
    /// The least bytes a second on average, from the first wait on.
    pub rate: u64,
}

/// Why a body was given up: the client is too slow. The reply is 408 and the connection closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlowBody {
    /// Nothing came for as long as [`Pace::idle`].
    #[error("the body fell silent")]
    Idle,
    /// Less came than [`Pace::rate`] asks for.
    #[error("the body comes too slowly")]
    TooSlow,
}

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Answer 408.
    #[error(transparent)]
    Slow(#[from] SlowBody),
    /// What the framework says: malformed chunks, or the client has gone. Answer 400.
    #[error("the body is malformed or incomplete")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
}

/// A request body under a [`Pace`]: an [`http_body::Body`] if `B` is one, a [`Stream`] if `B` is one.
///
/// Until it has been read to its end, [`Connection::has_unread_body`] says so.
#[derive(Debug)]
pub struct Paced<B> {
    body: B,
    connection: Connection,
    clock: Clock,
}

impl<B> Paced<B> {
    /// Puts `body`, which is not empty, under `pace`.
    pub fn new(body: B, connection: Connection, pace: Pace) -> Self {
        Self { body, connection, clock: Clock { pace, read: 0, waiting: None } }
    }

    /// Ready with the error once the wait has been too long.
    fn came<T>(
        &mut self,
        cx: &mut Context<'_>,
        came: Poll<Option<T>>,
        bytes: impl FnOnce(&T) -> usize,
    ) -> Poll<Option<Result<T, SlowBody>>> {
        match came {
            Poll::Ready(Some(part)) => {
                self.clock.came(bytes(&part));
                Poll::Ready(Some(Ok(part)))
            }
            Poll::Ready(None) => {
                self.connection.set_unread_body(false);
                Poll::Ready(None)
            }
            Poll::Pending => Poll::Ready(Some(Err(ready!(self.clock.poll_late(cx))))),
        }
    }
}

impl<B> Body for Paced<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let came = Pin::new(&mut this.body).poll_frame(cx);
        let bytes = |frame: &Result<Frame<Bytes>, _>| {
            frame.as_ref().ok().and_then(Frame::data_ref).map_or(0, Buf::remaining)
        };
        let part = ready!(this.came(cx, came, bytes));
        if this.body.is_end_stream() {
            this.connection.set_unread_body(false);
        }
        Poll::Ready(part.map(|part| part?.map_err(|error| BodyError::Broken(error.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B, E> Stream for Paced<B>
where
    B: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    type Item = Result<Bytes, BodyError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let came = Pin::new(&mut this.body).poll_next(cx);
        let part =
            ready!(this.came(cx, came, |bytes| bytes.as_ref().map_or(0, |bytes| bytes.len())));
        Poll::Ready(part.map(|part| part?.map_err(|error| BodyError::Broken(error.into()))))
    }
}

#[derive(Debug)]
struct Clock {
    pace: Pace,
    read: u64,
    /// None until the reader first has to wait.
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    last: Instant,
    /// Set to a deadline and moved only after it has fired: deadlines only move away.
    sleep: Pin<Box<Sleep>>,
}

impl Clock {
    fn came(&mut self, bytes: usize) {
        self.read += bytes as u64;
        if let Some(waiting) = &mut self.waiting {
            waiting.last = Instant::now();
        }
    }

    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<SlowBody> {
        let (idle, rate) = (self.pace.idle, self.pace.rate);
        let waiting = self.waiting.get_or_insert_with(|| {
            let now = Instant::now();
            Waiting { since: now, last: now, sleep: Box::pin(sleep_until(now + idle)) }
        });
        loop {
            ready!(waiting.sleep.as_mut().poll(cx));
            let now = Instant::now();
            let silent = waiting.last + idle;
            if now >= silent {
                return Poll::Ready(SlowBody::Idle);
            }
            // The moment at which what has come so far is too little.
            let earned = Duration::from_secs_f64(self.read as f64 / rate.max(1) as f64);
            let slow = waiting.since + idle.max(earned);
            if now >= slow {
                return Poll::Ready(SlowBody::TooSlow);
            }
            waiting.sleep.as_mut().reset(silent.min(slow));
        }
    }
}
