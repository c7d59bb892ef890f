//! One connection's state, shared by its socket, its requests and the drain.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Waker;

use crate::Drain;
use crate::rest::DISCARDED;

/// A service's handle on the socket that its requests come from. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Connection(pub(crate) Arc<State>);

impl Connection {
    /// A head is complete: the head clock stops, and a drain waits for the reply until its deadline.
    ///
    /// None behind a reply that closes the connection: such a request must not be answered (RFC 9112 section 9.6).
    pub fn head_complete(&self, content: Content) -> Option<InFlight> {
        if self.is_closing() {
            return None;
        }
        self.set_body_unread(content.most > 0);
        self.0.small.store(content.small, Ordering::Relaxed);
        self.0.length.store(content.most, Ordering::Relaxed);
        self.0.left.store(content.most, Ordering::Relaxed);
        self.0.chunked.store(content.chunked, Ordering::Relaxed);
        self.0.enter(Phase::Busy);
        Some(InFlight(self.clone()))
    }

    /// The reply under way is the last of this connection; whoever calls this also says `connection: close`.
    pub fn close_after_reply(&self) {
        self.0.closing.store(true, Ordering::Relaxed);
    }

    /// Whether the reply under way is the last.
    pub fn is_closing(&self) -> bool {
        self.0.is_closing()
    }

    /// Whether there is content that nobody has read, and too much to throw away: the connection has to close.
    pub fn has_unread_body(&self) -> bool {
        self.is_body_unread() && !self.0.small.load(Ordering::Relaxed)
    }

    pub(crate) fn is_body_unread(&self) -> bool {
        self.0.is_body_unread()
    }

    pub(crate) fn set_body_unread(&self, unread: bool) {
        self.0.unread.store(unread, Ordering::Relaxed);
    }

    /// The body failed: there is no telling where the next request begins, or when.
    pub(crate) fn give_up_body(&self) {
        self.0.small.store(false, Ordering::Relaxed);
    }

    /// The length of the content, without bound where it was not said.
    pub(crate) fn content_length(&self) -> u64 {
        self.0.length.load(Ordering::Relaxed)
    }

    /// Whether what came in is not chunked as it should be; the framework has got nothing of that, and will get no more.
    pub(crate) fn is_body_malformed(&self) -> bool {
        self.0.is_body_malformed()
    }

    /// The server that this connection belongs to.
    pub fn drain(&self) -> &Drain {
        &self.0.drain
    }
}

/// What follows a head.
#[derive(Clone, Copy, Debug)]
pub struct Content {
    /// In bytes, as they come in.
    most: u64,
    /// Where it ends is in the bytes.
    chunked: bool,
    /// What a handler leaves of it may be thrown away.
    small: bool,
}

impl Content {
    /// No body.
    pub const NOTHING: Self = Self { most: 0, chunked: false, small: false };
    /// All that comes: behind CONNECT, or an upgrade that the framework foresees.
    pub const ENDLESS: Self = Self { most: u64::MAX, chunked: false, small: false };

    /// A body of `length`, chunked if there is none. One that the client may keep back until it is told to go on
    /// (`Expect: 100-continue`) is not waited for unless a handler wants it.
    pub fn announced(length: Option<u64>, expects_continue: bool) -> Self {
        let small = !expects_continue && length.is_none_or(|length| length <= DISCARDED);
        Self { most: length.unwrap_or(u64::MAX), chunked: length.is_none(), small }
    }
}

/// A request between the end of its head and the end of its reply's body.
///
/// Dropped once the framework has taken the last of the body; the connection is idle when all of it is written.
#[derive(Debug)]
pub struct InFlight(Connection);

impl InFlight {
    /// The connection that the request came from.
    pub fn connection(&self) -> &Connection {
        &self.0
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.0.enter(Phase::Answered);
    }
}

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// Nothing of a request has come in.
    Idle,
    /// A part of a head has come in.
    Head,
    /// A request is being answered.
    Busy,
    /// The framework has the whole reply and may still be writing it.
    Answered,
    /// Decided: nothing more is read or written.
    Over,
}

const PHASES: [Phase; 5] = [Phase::Idle, Phase::Head, Phase::Busy, Phase::Answered, Phase::Over];

/// Written by the connection's own task, read by the drain: no ordering is needed between the fields.
#[derive(Debug)]
pub(crate) struct State {
    phase: AtomicU8,
    closing: AtomicBool,
    unread: AtomicBool,
    /// What is unread may be thrown away.
    small: AtomicBool,
    /// What the request said of its content.
    length: AtomicU64,
    /// Bytes that may still come in before the next head, unless the body is chunked.
    left: AtomicU64,
    chunked: AtomicBool,
    malformed: AtomicBool,
    waker: Mutex<Option<Waker>>,
    drain: Drain,
}

impl State {
    pub(crate) fn new(drain: Drain) -> Self {
        Self {
            phase: AtomicU8::new(Phase::Idle as u8),
            closing: AtomicBool::new(false),
            unread: AtomicBool::new(false),
            small: AtomicBool::new(false),
            length: AtomicU64::new(0),
            left: AtomicU64::new(0),
            chunked: AtomicBool::new(false),
            malformed: AtomicBool::new(false),
            waker: Mutex::new(None),
            drain,
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        PHASES[usize::from(self.phase.load(Ordering::Relaxed))]
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    pub(crate) fn drain(&self) -> &Drain {
        &self.drain
    }

    /// How many of the bytes that came in belong to the body, if it has a length.
    pub(crate) fn share_of_body(&self, bytes: usize) -> usize {
        let left = self.left.load(Ordering::Relaxed);
        let share = bytes.min(usize::try_from(left).unwrap_or(usize::MAX));
        self.left.store(left - share as u64, Ordering::Relaxed);
        share
    }

    /// Whether as much of the body has come in as its length says.
    pub(crate) fn is_body_in(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }

    /// Whether the body that comes in is chunked.
    pub(crate) fn is_body_chunked(&self) -> bool {
        self.chunked.load(Ordering::Relaxed)
    }

    pub(crate) fn is_body_malformed(&self) -> bool {
        self.malformed.load(Ordering::Relaxed)
    }

    /// It is not waited for again, and the connection ends with the reply.
    pub(crate) fn set_body_malformed(&self) {
        self.malformed.store(true, Ordering::Relaxed);
        self.small.store(false, Ordering::Relaxed);
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    pub(crate) fn is_body_unread(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }

    /// Whether a drain has to wait for it, and cuts it at the deadline.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self.phase(), Phase::Busy | Phase::Answered)
    }

    pub(crate) fn wake_with(&self, waker: &Waker) {
        *self.waker.lock().expect("no code panics while it holds the lock") = Some(waker.clone());
    }

    pub(crate) fn wake(&self) {
        if let Some(waker) = &*self.waker.lock().expect("no code panics while it holds the lock") {
            waker.wake_by_ref();
        }
    }
}
