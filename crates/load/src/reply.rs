//! Reads replies as they arrive: a head by httparse, then a body by length, by chunks or to the close.
//!
//! The framing is RFC 9112, section 6.3. Nothing is kept between reads but an incomplete head, so a connection
//! that waits for its reply holds no buffer.

use std::mem::MaybeUninit;

use httparse::{ParserConfig, Status};

/// More than any head we ask for; what is longer is not a reply but an attack or a bug.
const HEAD_MAX: usize = 64 * 1024;
/// Fields in one head.
const FIELDS_MAX: usize = 100;
/// Bytes of chunk extensions and trailers that one reply may carry.
const OVERHEAD_MAX: u32 = 64 * 1024;

/// One reply, being read.
#[derive(Debug)]
pub struct Reply {
    state: State,
    /// The beginning of a head whose end has not arrived.
    kept: Vec<u8>,
    status: u16,
    closes: bool,
    bodiless: bool,
    /// Bytes of chunk extensions and trailers so far.
    overhead: u32,
}

/// How far a reply is after some bytes were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It needs more bytes.
    More,
    /// It is whole. This many of the last bytes were its own; the rest were never asked for.
    Whole {
        /// Bytes of the last read that belong to this reply.
        used: usize,
    },
}

/// Why these bytes are no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    Length(u64),
    UntilClose,
    Chunk(Chunk),
    Whole,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chunk {
    Size {
        value: u64,
        digits: u8,
    },
    Extension {
        value: u64,
    },
    SizeEnd {
        value: u64,
    },
    Data {
        left: u64,
    },
    DataCr,
    DataLf,
    /// The start of a trailer line; an empty one ends the reply.
    LineStart,
    Line,
    LineEnd,
    LastLf,
}

impl Default for Reply {
    fn default() -> Self {
        Self {
            state: State::Head,
            kept: Vec::new(),
            status: 0,
            closes: false,
            bodiless: false,
            overhead: 0,
        }
    }
}

impl Reply {
    /// Forgets the last reply and waits for the next. `bodiless`: it answers a HEAD.
    pub fn begin(&mut self, bodiless: bool) {
        self.state = State::Head;
        self.kept = Vec::new();
        self.bodiless = bodiless;
        self.overhead = 0;
    }

    /// The status, once the head has been read.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the connection ends with this reply.
    pub fn closes(&self) -> bool {
        self.closes
    }

    /// Reads what has arrived, and hands each piece of the body to `body`.
    ///
    /// # Errors
    /// When the bytes cannot be a reply; the connection is then of no more use.
    pub fn read(&mut self, bytes: &[u8], mut body: impl FnMut(&[u8])) -> Result<Step, Malformed> {
        let mut used = 0;
        while self.state != State::Whole {
            let rest = &bytes[used..];
            if rest.is_empty() {
                return Ok(Step::More);
            }
            used += match self.state {
                State::Head => self.read_head(rest)?,
                State::Length(left) => {
                    let piece = first(rest, left);
                    body(piece);
                    self.state = match left - piece.len() as u64 {
                        0 => State::Whole,
                        left => State::Length(left),
                    };
                    piece.len()
                }
                State::UntilClose => {
                    body(rest);
                    rest.len()
                }
                State::Chunk(Chunk::Data { left }) => {
                    let piece = first(rest, left);
                    body(piece);
                    self.state = State::Chunk(match left - piece.len() as u64 {
                        0 => Chunk::DataCr,
                        left => Chunk::Data { left },
                    });
                    piece.len()
                }
                State::Chunk(chunk) => {
                    self.state = self.frame(chunk, rest[0])?;
                    1
                }
                State::Whole => unreachable!("the loop ends there"),
            };
        }
        Ok(Step::Whole { used })
    }

    /// The connection ended: whether that completes the reply.
    pub fn end(&mut self) -> bool {
        if self.state == State::UntilClose {
            self.state = State::Whole;
        }
        self.state == State::Whole
    }

    /// Whether a byte of this reply has arrived.
    pub fn begun(&self) -> bool {
        self.state != State::Head || !self.kept.is_empty()
    }

    /// Reads a head, or keeps its beginning. Says how many bytes of `rest` it took.
    fn read_head(&mut self, rest: &[u8]) -> Result<usize, Malformed> {
        if self.kept.is_empty() {
            let Some(length) = self.parse_head(rest)? else {
                self.kept.extend_from_slice(rest);
                return Ok(rest.len());
            };
            return Ok(length);
        }
        let before = self.kept.len();
        let mut kept = std::mem::take(&mut self.kept);
        kept.extend_from_slice(rest);
        let Some(length) = self.parse_head(&kept)? else {
            if kept.len() > HEAD_MAX {
                return Err(Malformed("a head longer than 64 KiB"));
            }
            self.kept = kept;
            return Ok(rest.len());
        };
        Ok(length - before)
    }

    /// Parses one head and decides how its body ends. `None`: it is incomplete.
    fn parse_head(&mut self, bytes: &[u8]) -> Result<Option<usize>, Malformed> {
        let mut fields = [const { MaybeUninit::uninit() }; FIELDS_MAX];
        let mut head = httparse::Response::new(&mut []);
        let parsed = ParserConfig::default()
            .parse_response_with_uninit_headers(&mut head, bytes, &mut fields)
            .map_err(|_| Malformed("a head that is not HTTP/1"))?;
        let Status::Complete(length) = parsed else { return Ok(None) };
        let status = head.code.expect("a complete head has a status");
        if status == 101 {
            return Err(Malformed("101 to a request that asked for no upgrade"));
        }
        if (100..200).contains(&status) {
            // An interim reply: the real one follows it.
            return Ok(Some(length));
        }
        self.status = status;
        let (mut close, mut keep_alive, mut chunked) = (false, false, None);
        let mut content_length = None;
        for field in head.headers.iter() {
            let name = field.name;
            if name.eq_ignore_ascii_case("content-length") {
                let value = digits(field.value).ok_or(Malformed("a length that is no number"))?;
                if content_length.is_some_and(|other| other != value) {
                    return Err(Malformed("two lengths"));
                }
                content_length = Some(value);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                let last = tokens(field.value).last().unwrap_or_default();
                chunked = Some(last.eq_ignore_ascii_case(b"chunked"));
            } else if name.eq_ignore_ascii_case("connection") {
                close |= tokens(field.value).any(|token| token.eq_ignore_ascii_case(b"close"));
                keep_alive |=
                    tokens(field.value).any(|token| token.eq_ignore_ascii_case(b"keep-alive"));
            }
        }
        if chunked.is_some() && content_length.is_some() {
            return Err(Malformed("both a length and a transfer coding"));
        }
        self.closes = close || (head.version == Some(0) && !keep_alive);
        self.state = if self.bodiless || status == 204 || status == 304 {
            State::Whole
        } else if chunked == Some(true) {
            State::Chunk(Chunk::Size { value: 0, digits: 0 })
        } else if let (None, Some(content_length)) = (chunked, content_length) {
            if content_length == 0 { State::Whole } else { State::Length(content_length) }
        } else {
            self.closes = true;
            State::UntilClose
        };
        Ok(Some(length))
    }

    /// One byte of the framing around chunks (RFC 9112, section 7.1).
    fn frame(&mut self, chunk: Chunk, byte: u8) -> Result<State, Malformed> {
        if matches!(chunk, Chunk::Extension { .. } | Chunk::LineStart | Chunk::Line) {
            self.overhead += 1;
            if self.overhead > OVERHEAD_MAX {
                return Err(Malformed("too much around the chunks"));
            }
        }
        Ok(State::Chunk(match (chunk, byte) {
            (Chunk::Size { value, digits }, _) if byte.is_ascii_hexdigit() => {
                if digits == 15 {
                    return Err(Malformed("a chunk size too large"));
                }
                let digit = (byte as char).to_digit(16).expect("a hex digit, as just seen");
                Chunk::Size { value: value * 16 + u64::from(digit), digits: digits + 1 }
            }
            (Chunk::Size { digits: 0, .. }, _) => return Err(Malformed("a chunk without a size")),
            (Chunk::Size { value, .. } | Chunk::Extension { value }, b'\r') => {
                Chunk::SizeEnd { value }
            }
            (Chunk::Size { value, .. }, b';' | b' ' | b'\t') => Chunk::Extension { value },
            (Chunk::Extension { value }, _) if byte != b'\n' => Chunk::Extension { value },
            (Chunk::SizeEnd { value: 0 }, b'\n') => Chunk::LineStart,
            (Chunk::SizeEnd { value }, b'\n') => Chunk::Data { left: value },
            (Chunk::DataCr, b'\r') => Chunk::DataLf,
            (Chunk::DataLf, b'\n') => Chunk::Size { value: 0, digits: 0 },
            (Chunk::LineStart, b'\r') => Chunk::LastLf,
            (Chunk::Line, b'\r') => Chunk::LineEnd,
            (Chunk::LineStart | Chunk::Line, _) if byte != b'\n' => Chunk::Line,
            (Chunk::LineEnd, b'\n') => Chunk::LineStart,
            (Chunk::LastLf, b'\n') => return Ok(State::Whole),
            _ => return Err(Malformed("chunks that do not end where they say")),
        }))
    }
}

/// As much of `bytes` as `left` allows.
fn first(bytes: &[u8], left: u64) -> &[u8] {
    match usize::try_from(left) {
        Ok(left) if left < bytes.len() => &bytes[..left],
        _ => bytes,
    }
}

/// Digits and nothing else: Rust's own parser would take "+5".
fn digits(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?.trim_matches([' ', '\t']);
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// The members of a comma-separated field.
fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(|token| token.trim_ascii())
}
