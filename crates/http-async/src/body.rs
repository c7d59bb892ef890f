//! A request body that may neither fall silent nor drip.
//!
//! A body that is there when asked for costs nothing: the clock starts when the reader first has to wait.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::Connection;

/// What a body has to keep to.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The longest silence; and as long, in all, a body may be waited for at any rate.
    pub idle: Duration,
    /// The least bytes a second of the wait beyond that.
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
/// A body that fails under it is not waited for again: [`Connection::has_unread_body`] says so.
#[derive(Debug)]
pub struct Paced<B> {
    body: B,
    connection: Connection,
    clock: Clock,
}

impl<B> Paced<B> {
    /// Puts `body`, which is not empty, under `pace`.
    pub fn new(body: B, connection: Connection, pace: Pace) -> Self {
        Self { body, connection, clock: Clock::new(pace) }
    }

    /// What the reader gets for what the framework has.
    fn part<T, E>(
        &mut self,
        cx: &mut Context<'_>,
        came: Poll<Option<Result<T, E>>>,
        bytes: impl FnOnce(&T) -> usize,
    ) -> Poll<Option<Result<T, BodyError>>>
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let part = match came {
            Poll::Ready(Some(Ok(part))) => {
                self.clock.came(bytes(&part));
                Some(Ok(part))
            }
            Poll::Ready(Some(Err(error))) => Some(Err(BodyError::Broken(error.into()))),
            Poll::Ready(None) => {
                self.connection.set_body_unread(false);
                None
            }
            Poll::Pending if self.connection.is_body_malformed() => {
                Some(Err(BodyError::Broken("malformed chunks".into())))
            }
            Poll::Pending => Some(Err(ready!(self.clock.poll_late(cx)).into())),
        };
        if matches!(part, Some(Err(_))) {
            self.connection.give_up_body();
        }
        Poll::Ready(part)
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
        let part = ready!(this.part(cx, came, |frame| frame.data_ref().map_or(0, Bytes::len)));
        if this.body.is_end_stream() {
            this.connection.set_body_unread(false);
        }
        Poll::Ready(part)
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
        this.part(cx, came, Bytes::len)
    }
}

/// Only the time spent waiting counts, so that a slow handler does not make its client look slow.
#[derive(Debug)]
struct Clock {
    pace: Pace,
    read: u64,
    waited: Duration,
    /// None while the reader has what it asked for.
    since: Option<Instant>,
    /// Set to a deadline and moved only after it has fired: deadlines only move away.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Clock {
    fn new(pace: Pace) -> Self {
        Self { pace, read: 0, waited: Duration::ZERO, since: None, sleep: None }
    }

    fn came(&mut self, bytes: usize) {
        self.read += bytes as u64;
        if let Some(since) = self.since.take() {
            self.waited += since.elapsed();
        }
    }

    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<SlowBody> {
        let since = *self.since.get_or_insert_with(Instant::now);
        let silent = since + self.pace.idle;
        let earned = Duration::from_secs_f64(self.read as f64 / self.pace.rate.max(1) as f64);
        let slow = since + (self.pace.idle + earned).saturating_sub(self.waited);
        let deadline = silent.min(slow);
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        loop {
            ready!(sleep.as_mut().poll(cx));
            let now = Instant::now();
            if now >= deadline {
                return Poll::Ready(if now >= silent { SlowBody::Idle } else { SlowBody::TooSlow });
            }
            sleep.as_mut().reset(deadline);
        }
    }
}
