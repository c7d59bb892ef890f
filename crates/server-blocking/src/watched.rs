//! A reply that breaks off after its head has gone: no status can tell its client any more, so the log is told which request
//! it was. What the client sees is a connection that ends before its content does.

use std::io::{self, ErrorKind};

use contract::RequestId;
use http_blocking::Payload;
use settings::caught;

use crate::edge;

/// The same content; what it fails or panics with is logged with the id.
pub(crate) fn watched(payload: Payload, id: RequestId) -> Payload {
    payload.watched(move |write, client| match caught(|| write(client)) {
        Ok(Err(error)) if !is_of_client(&error) => {
            tracing::warn!(id = id.as_str(), %error, "a reply broke off");
            Err(error)
        }
        Ok(written) => written,
        Err(panic) => {
            edge::log_panic(&id, &panic);
            Err(io::Error::other("it panicked"))
        }
    })
}

/// The same function makes the content and sends it, so it also fails when the client leaves or does not read, which is no
/// news.
fn is_of_client(error: &io::Error) -> bool {
    use ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, TimedOut, WouldBlock,
    };
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | TimedOut | WouldBlock
    )
}
