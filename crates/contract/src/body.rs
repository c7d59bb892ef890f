//! How large the body of a request may be: each route takes one kind, and a handler names it in its signature.

use crate::Limits;

/// A kind of body, which has a limit of its own.
pub trait BodyKind {
    /// The most bytes of it; more is a 413.
    fn limit(limits: &Limits) -> u64;
}

/// JSON, and what `/echo` reads.
#[derive(Clone, Copy, Debug)]
pub enum Small {}

/// An image, or what is sealed and opened: held in memory as a whole.
#[derive(Clone, Copy, Debug)]
pub enum Media {}

/// A file, or a form of files: never in memory as a whole.
#[derive(Clone, Copy, Debug)]
pub enum Upload {}

impl BodyKind for Small {
    fn limit(limits: &Limits) -> u64 {
        limits.body_bytes
    }
}

impl BodyKind for Media {
    fn limit(limits: &Limits) -> u64 {
        limits.media_bytes
    }
}

impl BodyKind for Upload {
    fn limit(limits: &Limits) -> u64 {
        limits.upload_bytes
    }
}
