//! What one client may cost the server: bytes, seconds and connections, each with its default.

use std::time::Duration;

/// The limits of a [`Server`](crate::Server). All are plain numbers; the defaults are those of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The whole head, request line and fields, in bytes. Over it: 431.
    pub head_bytes: usize,
    /// Fields in a head, at most 128. Over it: 431.
    pub head_fields: usize,
    /// The request line, in bytes. Over it: 414.
    pub head_line: usize,
    /// From the first byte of a head to its end, in total, on every request of a connection. Over it: 408.
    pub head_deadline: Duration,
    /// How long a connection may stay silent between requests before it is closed without a word.
    pub idle: Duration,
    /// How long a body may stay silent. Over it: [`BodyError::Idle`](crate::BodyError::Idle).
    pub body_idle: Duration,
    /// The slowest body, in bytes per second, once [`body_grace`](Self::body_grace) has passed; only the time spent
    /// waiting for the client counts. Under it: [`BodyError::TooSlow`](crate::BodyError::TooSlow).
    pub body_rate: u64,
    /// How long a body may be slower than [`body_rate`](Self::body_rate).
    pub body_grace: Duration,
    /// How long a write may make no progress, because the client does not read, before the connection is closed.
    pub write_stall: Duration,
    /// How long requests in flight may take to finish once a drain began.
    pub drain: Duration,
    /// Connections open at once. Over it: 503 and close.
    pub connections: usize,
    /// The stack of each thread, in bytes. Address space only: a page costs memory when it is first touched.
    pub stack_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 64 * 1024,
            head_fields: 96,
            head_line: 16 * 1024,
            head_deadline: Duration::from_secs(10),
            idle: Duration::from_secs(15),
            body_idle: Duration::from_secs(10),
            body_rate: 1024,
            body_grace: Duration::from_secs(10),
            write_stall: Duration::from_secs(20),
            drain: Duration::from_secs(10),
            connections: 12_000,
            stack_bytes: 1024 * 1024,
        }
    }
}
