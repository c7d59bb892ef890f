//! A reply's body that holds its request in flight until its end.

use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::InFlight;

pin_project! {
    /// A body for hyper. The adaptor for actix, which has a body trait of its own, stands in that server.
    #[derive(Debug)]
    pub struct Reply<B> {
        #[pin]
        body: B,
        in_flight: InFlight,
    }
}

impl<B> Reply<B> {
    /// Holds `in_flight` for as long as `body` lives.
    pub fn new(body: B, in_flight: InFlight) -> Self {
        Self { body, in_flight }
    }
}

impl<B: Body> Body for Reply<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
