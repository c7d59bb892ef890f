//! A reply that breaks off after its head has gone: no status can tell its client any more, so the log is told which request
//! it was. What the client sees is a connection that ends before its content does.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use contract::RequestId;
use http_body::{Frame, SizeHint};
use settings::caught;

use crate::edge;

/// The same content; what it fails or panics with is logged with the id.
pub(crate) fn watched(body: Body, id: RequestId) -> Body {
    Body::new(Watched { body, id })
}

struct Watched {
    body: Body,
    id: RequestId,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match caught(|| Pin::new(&mut self.body).poll_frame(cx)) {
            Ok(Poll::Ready(Some(Err(error)))) => {
                tracing::warn!(id = self.id.as_str(), %error, "a reply broke off");
                Poll::Ready(Some(Err(error)))
            }
            Ok(polled) => polled,
            Err(panic) => {
                edge::log_panic(&self.id, &panic);
                Poll::Ready(Some(Err(axum::Error::new(io::Error::other("it panicked")))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
