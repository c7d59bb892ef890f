//! The fields every reply carries, whatever it answers, so that no server looks better by sending less.
//!
//! Plain text, because actix-web is on another major version of the `http` crate than hyper.

/// `X-Content-Type-Options`: the type is what it says, no guessing.
pub const NOSNIFF: &str = "nosniff";

/// `Content-Security-Policy`: an API reply loads nothing.
pub const POLICY: &str = "default-src 'none'";

/// The policy of the pages made for a browser: their own files, and the inline styles and images of Swagger UI.
pub const PAGE_POLICY: &str =
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:";

/// `Referrer-Policy`: where our pages link to does not learn of it.
pub const NO_REFERRER: &str = "no-referrer";

/// `Cache-Control`: each request asks again.
pub const NO_STORE: &str = "no-store";

/// The field that carries a [`RequestId`](crate::RequestId).
pub const REQUEST_ID: &str = "x-request-id";

/// The field that carries an [`IdempotencyKey`](crate::notes::IdempotencyKey).
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The media type of `/plaintext` and `/echo`.
pub const TEXT: &str = "text/plain; charset=utf-8";

/// The media type of everything that is JSON and no problem.
pub const JSON: &str = "application/json";

/// The media type of `/stream`: a JSON value a line.
pub const NDJSON: &str = "application/x-ndjson";

/// The media type of a room's events, which a browser's `EventSource` asks for.
pub const EVENTS: &str = "text/event-stream";

/// The media type of a thumbnail.
pub const JPEG: &str = "image/jpeg";

/// The media type of bytes that only their owner can read: what was sealed, what was opened.
pub const BYTES: &str = "application/octet-stream";

/// The media type of a failure.
pub const PROBLEM: &str = "application/problem+json";

/// The media type of `/metrics` (Prometheus text exposition format).
pub const METRICS: &str = "text/plain; version=0.0.4";
