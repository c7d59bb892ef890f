//! A reply that breaks off after its head has gone: no status can tell its client any more, so the log is told which request
//! it was. What the client sees is a connection that ends before its content does.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_http::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;
use contract::RequestId;
use settings::caught;

use crate::edge;

/// The same content; what it fails or panics with is logged with the id.
pub(crate) fn watched(body: BoxBody, id: &RequestId) -> BoxBody {
    match body.size() {
        BodySize::None | BodySize::Sized(0) => body,
        // What is here already neither fails nor panics.
        _ => match body.try_into_bytes() {
            Ok(bytes) => BoxBody::new(bytes),
            Err(body) => BoxBody::new(Watched { body, id: id.clone() }),
        },
    }
}

struct Watched {
    body: BoxBody,
    id: RequestId,
}

impl MessageBody for Watched {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Box<dyn Error>>>> {
        match caught(|| Pin::new(&mut self.body).poll_next(cx)) {
            Ok(Poll::Ready(Some(Err(error)))) => {
                tracing::warn!(id = self.id.as_str(), %error, "a reply broke off");
                Poll::Ready(Some(Err(error)))
            }
            Ok(polled) => polled,
            Err(panic) => {
                edge::log_panic(&self.id, &panic);
                Poll::Ready(Some(Err(io::Error::other("it panicked").into())))
            }
        }
    }
}
