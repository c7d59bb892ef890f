//! What nobody read of a body: thrown away if it is small, so that the connection can serve the next request.
//!
//! hyper takes up one more piece and closes if that was not all; actix-http closes at once. Whether a client keeps its
//! connection after a 404 would depend on how its bytes were cut.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::poll_fn;
use http_body::{Body, Frame, SizeHint};
use tokio::time::timeout;

use crate::Connection;

/// As much is thrown away to keep a connection.
pub(crate) const DISCARDED: u64 = 64 << 10;
/// As long is waited for it, and by the reply for the wait: its head says whether the connection goes on, and the framework
/// writes it. `http-blocking` answers first and reads then, for as long as a body may take: only its own thread waits.
const PATIENCE: Duration = Duration::from_millis(200);

/// A body on its way to a handler, which gives back what it did not read.
///
/// It ends with its length, whatever the framework goes on to read: actix-http takes all that follows `Upgrade: websocket`.
#[derive(Debug)]
pub struct Lent<B> {
    /// Taken on drop.
    body: Option<B>,
    /// Content still to come, if that was said.
    left: u64,
    rest: Rest<B>,
}

/// Where the rest of a [`Lent`] body ends up.
#[derive(Debug)]
pub struct Rest<B> {
    body: Arc<Mutex<Option<B>>>,
    connection: Connection,
}

impl<B> Lent<B> {
    /// Lends a body, which is not empty.
    pub fn new(body: B, connection: Connection) -> (Self, Rest<B>) {
        let rest = || Arc::new(Mutex::new(None));
        let rest = Rest { body: rest(), connection };
        let theirs = Rest { body: Arc::clone(&rest.body), connection: rest.connection.clone() };
        (Self { body: Some(body), left: rest.connection.content_length(), rest: theirs }, rest)
    }

    /// Notes what the handler gets next.
    fn came<T, E>(&mut self, part: Option<&Result<T, E>>, bytes: impl FnOnce(&T) -> usize) {
        match part {
            None => self.left = 0,
            Some(Err(_)) => return self.rest.connection.give_up_body(),
            Some(Ok(part)) => self.left = self.left.saturating_sub(bytes(part) as u64),
        }
        if self.left == 0 {
            self.rest.connection.set_body_unread(false);
        }
    }

    fn body(&mut self) -> &mut B {
        self.body.as_mut().expect("the body is only taken on drop")
    }
}

impl<B> Drop for Lent<B> {
    fn drop(&mut self) {
        *self.rest.body.lock().unwrap_or_else(PoisonError::into_inner) = self.body.take();
    }
}

impl<B> Rest<B> {
    /// Reads what is left; says whether the connection stands at the next request.
    async fn discard(
        self,
        mut poll: impl FnMut(Pin<&mut B>, &mut Context<'_>) -> Poll<Option<Option<usize>>>,
    ) -> bool
    where
        B: Unpin,
    {
        if !self.connection.is_body_unread() {
            return true;
        }
        if self.connection.has_unread_body() || self.connection.is_closing() {
            return false;
        }
        let rest = self.body.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A handler that has not given it back may be reading still.
        let Some(mut body) = rest else { return false };
        let mut left = DISCARDED;
        let ended = poll_fn(|cx| {
            loop {
                let Some(part) = ready!(poll(Pin::new(&mut body), cx)) else {
                    return Poll::Ready(true);
                };
                let Some(less) = part.and_then(|bytes| left.checked_sub(bytes as u64)) else {
                    return Poll::Ready(false);
                };
                left = less;
            }
        });
        let ended = timeout(PATIENCE, ended).await.unwrap_or(false);
        self.connection.set_body_unread(!ended);
        ended
    }

    /// Reads what is left of a body; says whether the connection stands at the next request.
    pub async fn discard_frames(self) -> bool
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let len = |frame: Frame<Bytes>| frame.data_ref().map_or(0, Bytes::len);
        self.discard(move |body, cx| {
            body.poll_frame(cx).map(|part| part.map(|part| part.ok().map(len)))
        })
        .await
    }

    /// The same for a stream.
    pub async fn discard_chunks<E>(self) -> bool
    where
        B: Stream<Item = Result<Bytes, E>> + Unpin,
    {
        let len = |chunk: Bytes| chunk.len();
        self.discard(move |body, cx| {
            body.poll_next(cx).map(|part| part.map(|part| part.ok().map(len)))
        })
        .await
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Lent<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        if this.left == 0 {
            return Poll::Ready(None);
        }
        let part = ready!(Pin::new(this.body()).poll_frame(cx));
        this.came(part.as_ref(), |frame| frame.data_ref().map_or(0, Bytes::len));
        if this.body().is_end_stream() {
            this.rest.connection.set_body_unread(false);
        }
        Poll::Ready(part)
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0 || self.body.as_ref().is_some_and(B::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, B::size_hint)
    }
}

impl<B: Stream<Item = Result<Bytes, E>> + Unpin, E> Stream for Lent<B> {
    type Item = Result<Bytes, E>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<B::Item>> {
        let this = self.get_mut();
        if this.left == 0 {
            return Poll::Ready(None);
        }
        let part = ready!(Pin::new(this.body()).poll_next(cx));
        this.came(part.as_ref(), Bytes::len);
        Poll::Ready(part)
    }
}
