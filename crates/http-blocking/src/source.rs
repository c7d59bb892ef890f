//! The receiving half of a connection: bytes read ahead, and a clock on every read.

use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use memchr::memchr;

use crate::Limits;
use crate::head::{self, Head, Refusal};
use crate::registry::Link;

/// What a connection reads ahead at first: most heads fit.
const SMALL: usize = 1024;

/// How many bytes of incomplete heads a request may have parsed in vain before only a doubling is worth another try.
/// So short nonsense is refused at once, and a head that comes byte by byte does not cost the square of its length.
const EAGER: usize = 256 * 1024;

/// What arrives, and what was read of it ahead of its use.
pub(crate) struct Source {
    pub(crate) link: Arc<Link>,
    /// All of it is initialised; `start..end` holds what is not used yet.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// What the socket's receive timeout was set to, so that it is set only when it changes.
    timeout: Option<Duration>,
}

/// What came of waiting for a head.
#[expect(clippy::large_enum_variant, reason = "made once a request, and taken apart at once")]
pub(crate) enum Arrival {
    Head(Head),
    Refused(Refusal),
    /// The client left, stayed silent, or a drain closed the connection: there is nothing to say.
    Silence,
}

impl Source {
    pub(crate) fn new(link: Arc<Link>) -> Self {
        Self { link, buffer: Vec::new(), start: 0, end: 0, timeout: None }
    }

    /// Waits for the next head. The clocks are `idle` up to its first byte and `head_deadline` from there to its end.
    pub(crate) fn next_head(&mut self, limits: &Limits) -> Arrival {
        if self.unused().is_empty() && !matches!(self.read_ahead(limits.idle), Ok(1..)) {
            return Arrival::Silence;
        }
        match head::parse(self.unused(), limits) {
            Ok(Some((head, length))) => self.arrived(head, length),
            Ok(None) => self.rest_of_head(limits),
            Err(refusal) => Arrival::Refused(refusal),
        }
    }

    /// Reads into an empty buffer, which becomes as large as what came. A call of its own, so that the room for most heads
    /// is on the stack only here: a page of it that was touched once is held while the connection lives.
    #[inline(never)]
    fn read_ahead(&mut self, timeout: Duration) -> io::Result<usize> {
        let mut ahead = [0; SMALL];
        self.set_timeout(timeout)?;
        let count = read(&self.link, &mut ahead)?;
        self.buffer = ahead[..count].to_vec();
        (self.start, self.end) = (0, count);
        Ok(count)
    }

    /// The slow path: the head did not come in one read.
    fn rest_of_head(&mut self, limits: &Limits) -> Arrival {
        let deadline = Instant::now() + limits.head_deadline;
        let mut scan = Scan::default();
        let mut parsed = self.unused().len();
        let mut work = 0;
        loop {
            let ended = match scan.go_on(self.unused(), limits) {
                Ok(ended) => ended,
                Err(refusal) => return Arrival::Refused(refusal),
            };
            let length = self.unused().len();
            if length > parsed && (ended || work < EAGER || length >= 2 * parsed) {
                parsed = length;
                work += length;
                match head::parse(self.unused(), limits) {
                    Ok(Some((head, length))) => return self.arrived(head, length),
                    // The empty line is there, and still it is no head.
                    Ok(None) if ended => return Arrival::Refused(Refusal::Malformed),
                    Ok(None) => {}
                    Err(refusal) => return Arrival::Refused(refusal),
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.fill(SMALL, left) {
                _ if left.is_zero() => return Arrival::Refused(Refusal::TooSlow),
                Ok(1..) => {}
                Err(error) if is_timeout(&error) => return Arrival::Refused(Refusal::TooSlow),
                Ok(0) | Err(_) => return Arrival::Silence,
            }
        }
    }

    /// Gives the buffer back unless more than the head came: a request that waits holds none, nor does a silent client.
    fn arrived(&mut self, head: Head, length: usize) -> Arrival {
        self.used(length);
        if self.unused().is_empty() {
            self.buffer = Vec::new();
            (self.start, self.end) = (0, 0);
        }
        Arrival::Head(head)
    }

    /// What was read ahead.
    pub(crate) fn unused(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Says that `count` of the unused bytes were used.
    pub(crate) fn used(&mut self, count: usize) {
        self.start += count;
        debug_assert!(self.start <= self.end);
    }

    /// Reads more ahead: at least one byte, or nothing at the end of the stream. The buffer has at least `room` bytes.
    pub(crate) fn fill(&mut self, room: usize, timeout: Duration) -> io::Result<usize> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.buffer.len() && self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        } else if self.end == self.buffer.len() {
            self.buffer.resize(2 * self.buffer.len(), 0);
        }
        self.set_timeout(timeout)?;
        let count = read(&self.link, &mut self.buffer[self.end..])?;
        self.end += count;
        Ok(count)
    }

    /// Reads past the buffer, which must hold nothing unused.
    pub(crate) fn read_directly(
        &mut self,
        into: &mut [u8],
        timeout: Duration,
    ) -> io::Result<usize> {
        debug_assert!(self.unused().is_empty());
        self.set_timeout(timeout)?;
        read(&self.link, into)
    }

    fn set_timeout(&mut self, timeout: Duration) -> io::Result<()> {
        if self.timeout == Some(timeout) {
            return Ok(());
        }
        // Zero would mean no timeout, and std refuses it.
        self.link.stream.set_read_timeout(Some(timeout.max(Duration::from_millis(1))))?;
        self.timeout = Some(timeout);
        Ok(())
    }
}

fn read(link: &Link, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match (&link.stream).read(into) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// A timeout on a blocking socket is EAGAIN; other systems say ETIMEDOUT.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// Follows an incomplete head line by line, looking at each byte once.
#[derive(Default)]
struct Scan {
    seen: usize,
    line_start: usize,
    lines: usize,
}

impl Scan {
    /// Looks at what is new in `head`; says whether the empty line that ends it is there.
    fn go_on(&mut self, head: &[u8], limits: &Limits) -> Result<bool, Refusal> {
        while let Some(at) = memchr(b'\n', &head[self.seen..]) {
            let line = &head[self.line_start..self.seen + at];
            self.seen += at + 1;
            self.line_start = self.seen;
            // Empty lines in front of the request line are skipped (RFC 9112 section 2.2).
            match line {
                b"" | b"\r" if self.lines > 0 => return Ok(true),
                b"" | b"\r" => {}
                _ => self.lines += 1,
            }
            if self.lines == 1 && line.len() > limits.head_line {
                return Err(Refusal::LineTooLong);
            }
            if self.lines > limits.head_fields + 1 {
                return Err(Refusal::TooLarge);
            }
        }
        self.seen = head.len();
        if self.lines == 0 && head.len() - self.line_start > limits.head_line {
            return Err(Refusal::LineTooLong);
        }
        if head.len() > limits.head_bytes {
            return Err(Refusal::TooLarge);
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(head: &[u8], step: usize) -> Result<bool, Refusal> {
        let limits = Limits { head_bytes: 200, head_fields: 3, head_line: 50, ..Limits::default() };
        let mut scan = Scan::default();
        let mut at = 0;
        while at < head.len() {
            at = head.len().min(at + step);
            if scan.go_on(&head[..at], &limits)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    #[test]
    fn a_scan_finds_the_end_and_the_limits_however_the_head_is_cut() {
        let long = "x".repeat(60);
        for (head, wanted) in [
            ("GET / HTTP/1.1\r\n\r\n".to_owned(), Ok(true)),
            ("\r\n\r\nGET / HTTP/1.1\n\nrest".to_owned(), Ok(true)),
            ("GET / HTTP/1.1\r\nA: 1\r\n".to_owned(), Ok(false)),
            ("\r\n\n\r\n".to_owned(), Ok(false)),
            (long.clone(), Err(Refusal::LineTooLong)),
            (format!("\r\n{long}\r\n"), Err(Refusal::LineTooLong)),
            ("G\r\n".to_owned() + &"A:\r\n".repeat(4), Err(Refusal::TooLarge)),
            (format!("G\r\nA: {long}{long}{long}{long}"), Err(Refusal::TooLarge)),
        ] {
            for step in [1, 2, 3, 7, 1000] {
                assert_eq!(scan(head.as_bytes(), step), wanted, "{head:?} in steps of {step}");
            }
        }
    }
}
