//! A body on its way in: where it ends, how fast it must come, and what to do with what nobody read.

use std::io::{self, IoSlice};
use std::time::{Duration, Instant};

use contract::chunk::{Decoder, Progress};

use crate::head::Framing;
use crate::sink::send;
use crate::source::{Source, is_timeout};
use crate::{BodyError, Limits};

/// What is read and thrown away of a body that nobody wanted, so that the connection can be used again.
pub(crate) const DISCARD: u64 = 64 * 1024;

/// What is read ahead of a chunked body: small chunks come many to a read.
const CHUNKED_ROOM: usize = 8 * 1024;

/// Reads smaller than this go through the buffer.
const SMALL_READ: usize = 1024;

/// The body of the request that the connection is answering.
pub(crate) struct Incoming {
    /// Taken back by the connection when the request is answered; a body that outlives its request reads nothing.
    source: Option<Source>,
    framing: Left,
    declared: Option<u64>,
    clock: Clock,
    /// Content that was read, and how much may be.
    read: u64,
    limit: u64,
    expects_continue: bool,
    failed: Option<BodyError>,
}

enum Left {
    Bytes(u64),
    Chunks(Decoder),
}

impl Incoming {
    pub(crate) fn new(
        source: Source,
        framing: Framing,
        expects_continue: bool,
        limits: &Limits,
    ) -> Self {
        let (framing, declared) = match framing {
            Framing::Length(length) => (Left::Bytes(length), Some(length)),
            Framing::Chunked => (Left::Chunks(Decoder::new()), None),
        };
        Self {
            source: Some(source),
            framing,
            declared,
            clock: Clock::new(limits),
            read: 0,
            limit: u64::MAX,
            expects_continue,
            failed: None,
        }
    }

    pub(crate) fn declared(&self) -> Option<u64> {
        self.declared
    }

    pub(crate) fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
    }

    pub(crate) fn read(&mut self, into: &mut [u8]) -> Result<usize, BodyError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let result = self.try_read(into);
        self.failed = result.err();
        result
    }

    fn try_read(&mut self, into: &mut [u8]) -> Result<usize, BodyError> {
        let Some(source) = &mut self.source else { return Err(BodyError::CutShort) };
        if self.declared.is_some_and(|declared| declared > self.limit) {
            return Err(BodyError::TooLarge);
        }
        if into.is_empty() {
            return Ok(0);
        }
        loop {
            let left = match &mut self.framing {
                Left::Bytes(left) => *left,
                Left::Chunks(decoder) => {
                    let (taken, progress) =
                        decoder.advance(source.unused()).map_err(|_| BodyError::Malformed)?;
                    source.used(taken);
                    match progress {
                        Progress::End => 0,
                        Progress::Data(left) => left,
                        Progress::More => {
                            say_continue(&mut self.expects_continue, source)?;
                            self.clock.wait(|timeout| source.fill(CHUNKED_ROOM, timeout))?;
                            continue;
                        }
                    }
                }
            };
            if left == 0 {
                return Ok(0);
            }
            // One byte more than allowed may arrive: that is how "too large" is known.
            let allowed = self.limit.saturating_sub(self.read).saturating_add(1).min(left);
            let most = into.len().min(usize::try_from(allowed).unwrap_or(usize::MAX));
            let into = &mut into[..most];
            if source.unused().is_empty() {
                say_continue(&mut self.expects_continue, source)?;
                if most < SMALL_READ {
                    self.clock.wait(|timeout| source.fill(SMALL_READ, timeout))?;
                    continue;
                }
            }
            let count = if source.unused().is_empty() {
                self.clock.wait(|timeout| source.read_directly(into, timeout))?
            } else {
                let count = source.unused().len().min(most);
                into[..count].copy_from_slice(&source.unused()[..count]);
                source.used(count);
                count
            };
            match &mut self.framing {
                Left::Bytes(left) => *left -= count as u64,
                Left::Chunks(decoder) => decoder.took(count as u64),
            }
            self.read += count as u64;
            return if self.read > self.limit { Err(BodyError::TooLarge) } else { Ok(count) };
        }
    }

    /// Whether the connection can probably be used again: the body was read, or what is left is small. The answer's
    /// head says so, before [`discard`](Self::discard) knows.
    pub(crate) fn may_end(&self) -> bool {
        let small = match &self.framing {
            Left::Bytes(left) => *left <= DISCARD,
            Left::Chunks(_) => true,
        };
        // A client that was never told to go on may send the body or not: nobody can tell what comes next.
        self.failed.is_none() && small && (!self.expects_continue || self.is_end())
    }

    /// Reads what nobody read, up to a limit, for as long as a body may take: the answer is out, and only this thread waits. Says whether the connection stands at the next request.
    pub(crate) fn discard(&mut self) -> bool {
        if !self.may_end() {
            return false;
        }
        self.limit = self.read.saturating_add(DISCARD);
        self.declared = None;
        let mut sink = [0; 4096];
        loop {
            match self.read(&mut sink) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }

    fn is_end(&self) -> bool {
        match &self.framing {
            Left::Bytes(left) => *left == 0,
            Left::Chunks(decoder) => decoder.is_end(),
        }
    }

    /// The connection takes its receiving half back.
    pub(crate) fn take_source(&mut self) -> Option<Source> {
        self.source.take()
    }
}

/// Tells a client that asked to go on, once, when its body is wanted and has not begun to arrive.
fn say_continue(expected: &mut bool, source: &Source) -> Result<(), BodyError> {
    if !std::mem::take(expected) {
        return Ok(());
    }
    let told = b"HTTP/1.1 100 Continue\r\n\r\n";
    let told = send(&source.link.stream, &mut [IoSlice::new(told)]);
    told.map_err(|_| BodyError::CutShort)
}

/// How long the client may take. Only the time spent waiting for it counts, so that a slow handler does not make its
/// client look slow.
struct Clock {
    idle: Duration,
    grace: Duration,
    rate: u64,
    waited: Duration,
    received: u64,
}

impl Clock {
    fn new(limits: &Limits) -> Self {
        Self {
            idle: limits.body_idle,
            grace: limits.body_grace,
            rate: limits.body_rate.max(1),
            waited: Duration::ZERO,
            received: 0,
        }
    }

    /// Runs a read with the time it may take. The client has the grace, and a second for each `rate` bytes it sent.
    fn wait(
        &mut self,
        read: impl FnOnce(Duration) -> io::Result<usize>,
    ) -> Result<usize, BodyError> {
        let earned = Duration::from_secs_f64(self.received as f64 / self.rate as f64);
        let left = (self.grace + earned).saturating_sub(self.waited);
        if left.is_zero() {
            return Err(BodyError::TooSlow);
        }
        let began = Instant::now();
        let result = read(left.min(self.idle));
        self.waited += began.elapsed();
        match result {
            Ok(0) => Err(BodyError::CutShort),
            Ok(count) => {
                self.received += count as u64;
                Ok(count)
            }
            Err(error) if is_timeout(&error) && left > self.idle => Err(BodyError::Idle),
            Err(error) if is_timeout(&error) => Err(BodyError::TooSlow),
            Err(_) => Err(BodyError::CutShort),
        }
    }
}
