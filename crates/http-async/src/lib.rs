//! What hyper and actix-http both lack to stand on the open internet, once: clocks, caps, one reading of where a request
//! ends, and a drain.
//!
//! Neither framework bounds how long a client may take to send a head (on every request), to send a body or to read a
//! reply, and neither can end within a deadline when a client stalls. So the accepted socket is wrapped before the
//! framework sees it, and the framework's service tells the wrapper two things: a head is complete, a reply has ended.
//!
//! ```text
//!              first byte              head_complete()            reply written
//!     Idle ─────────────────▶ Head ─────────────────────▶ Busy ─────────────────▶ Idle …
//!      │ idle clock            │ head clock                │ write-stall clock
//!      ▼ silent close          ▼ 408, 414, 431             ▼ reset
//! ```
//!
//! - [`Drain`]: one a server. It admits sockets up to the cap, ends them in order, and says what it had to cut.
//! - [`Clocked`]: one a socket, `AsyncRead + AsyncWrite` for the framework above it.
//! - [`Connection`]: the service's handle on its socket, and [`InFlight`], which a request holds until its reply has ended.
//! - [`Paced`]: one a request body, with the silence and the rate that it must keep to; [`Lent`]: one a body, too, so
//!   that what a handler leaves of it can be thrown away.
//!
//! A framework gets one request at a time: what a client pipelines behind it waits in the wrapper, also behind a chunked
//! body, and what is no chunk never gets to it. Both frameworks then answer the same requests, in the same order, and a refusal
//! never takes the reply before it along.
//!
//! One timer a connection is armed at the nearest clock and left alone: deadlines are stored, not rescheduled, so a
//! request costs a few relaxed atomics and one or two looks at the clock.

mod body;
mod clocked;
mod connection;
mod drain;
mod head;
mod lag;
mod linger;
mod refusal;
mod reply;
mod rest;
mod signals;
mod timer;

use std::time::Duration;

pub use body::{BodyError, Pace, Paced, SlowBody};
pub use clocked::Clocked;
pub use connection::{Connection, Content, InFlight};
pub use drain::{Drain, Drained};
pub use lag::lag;
pub use reply::Reply;
pub use rest::{Lent, Rest};
pub use signals::drain_on_signal;

/// How long a client may take, and how long a head may be.
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    /// Between requests, and before the first byte of the first.
    pub idle: Duration,
    /// From the first byte of a head to its last, on every request.
    pub head: Duration,
    /// A write that makes no progress because the client does not read.
    pub write_stall: Duration,
    /// The request line, in bytes; more is a 414.
    pub head_line: usize,
    /// The whole head, in bytes; more is a 431.
    pub head_bytes: usize,
}

impl Clocks {
    /// A timer set this far ahead is never too late for any of the clocks, whatever state comes next.
    fn shortest(&self) -> Duration {
        self.idle.min(self.head).min(self.write_stall)
    }
}
