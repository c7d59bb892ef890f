//! The fields every reply carries, whatever it answers, so that no server looks better by sending less.

use http::{HeaderName, HeaderValue, header};

/// `nosniff`, a policy that allows nothing, no referrer, no storing.
pub const ALWAYS: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// The policy of the pages made for a browser: their own files, and the inline styles and images of Swagger UI.
pub const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
);

/// `X-Request-Id`: taken from the client when it is one, else made.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The media type of `/plaintext` and `/echo`.
pub const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The media type of everything that is JSON and no problem.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The media type of a failure.
pub const PROBLEM: HeaderValue = HeaderValue::from_static(crate::problem::MEDIA_TYPE);

/// The media type of `/metrics` (Prometheus text exposition format).
pub const METRICS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4");
