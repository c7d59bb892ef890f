//! Where a head ends, found without parsing it, so that a framework gets one request at a time.
//!
//! actix-http decodes the next request while it answers one, and writes the answer as if it were for the later: a GET
//! that is pipelined behind a HEAD gives the HEAD's reply content (its `h1/codec.rs` keeps one version, one connection
//! type and one HEAD flag for both). What stands behind a head is held back until it is a body's turn, or the next
//! head's.
//!
//! On the way it sees what the frameworks hide from their services: how long a head really was, a fragment, a second
//! field that says where the body ends. And what hyper does not look at: once a head has come in pieces, it parses no more
//! until the empty line is there (its `h1/io.rs`), so that nonsense without one would be waited for.

use std::mem;

use http::StatusCode;
use tokio::time::Instant;

use crate::Clocks;

/// What has come in of a head.
#[derive(Debug)]
pub(crate) struct Head {
    /// Taken when the framework asks for more; a head that comes in one piece needs no look at the clock.
    pub(crate) since: Option<Instant>,
    /// The framework has not had a chance to parse the last bytes: actix reads until nothing is left, then parses.
    pub(crate) fresh: bool,
    /// The client has closed its side behind it.
    pub(crate) left: bool,
    /// The empty line has come.
    pub(crate) ended: bool,
    bytes: usize,
    /// Of the request line, which may stand behind empty lines.
    line: usize,
    line_ended: bool,
    /// The request line is none; said when the head has ended.
    malformed: bool,
    /// A line that is not empty has ended.
    begun: bool,
    /// The line that is coming in is empty so far, but for a CR.
    blank: bool,
    /// And the CR is there.
    blank_cr: bool,
    /// How that line begins, if it came in pieces.
    cut: [u8; LONGEST],
    cut_len: usize,
    /// Fields that say where the body ends.
    lengths: usize,
    /// All of a head that comes in pieces.
    pieces: Vec<u8>,
    /// How much of it was last looked at, and how much work all the looks were.
    looked: usize,
    work: usize,
}

/// How many bytes of incomplete heads are parsed in vain before only a doubling is worth another look, as in
/// `http-blocking`: a head that comes byte by byte does not cost the square of its length.
const EAGER: usize = 256 << 10;

/// As many fields as any limit allows.
const MOST_FIELDS: usize = 128;

/// The fields that say where a body ends, and the length of the longer name.
const FRAMING: [&[u8]; 2] = [b"content-length:", b"transfer-encoding:"];
const LONGEST: usize = 18;

impl Head {
    pub(crate) fn new() -> Self {
        Self {
            since: None,
            fresh: false,
            left: false,
            ended: false,
            bytes: 0,
            line: 0,
            line_ended: false,
            malformed: false,
            begun: false,
            blank: true,
            blank_cr: false,
            cut: [0; LONGEST],
            cut_len: 0,
            lengths: 0,
            pieces: Vec::new(),
            looked: 0,
            work: 0,
        }
    }

    /// How many of `bytes` belong to the head, or why it is refused before it has ended.
    pub(crate) fn take(&mut self, bytes: &[u8], clocks: &Clocks) -> Result<usize, StatusCode> {
        if self.ended {
            return Ok(0);
        }
        self.fresh = true;
        if !self.line_ended {
            self.check_line(bytes, clocks.head_line)?;
        }
        let taken = self.end_of(bytes);
        // hyper drops a length beside a coding, and one of two equal lengths, before anybody can look.
        if self.ended && (self.malformed || self.lengths > 1) {
            return Err(StatusCode::BAD_REQUEST);
        }
        self.bytes += taken;
        if self.bytes > clocks.head_bytes {
            return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        }
        if self.ended {
            self.pieces = Vec::new();
        } else {
            self.look_at(&bytes[..taken])?;
        }
        Ok(taken)
    }

    /// Refuses a head that has not ended and cannot become one.
    fn look_at(&mut self, piece: &[u8]) -> Result<(), StatusCode> {
        self.pieces.extend_from_slice(piece);
        let length = self.pieces.len();
        if self.work >= EAGER && length < 2 * self.looked {
            return Ok(());
        }
        self.looked = length;
        self.work += length;
        let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
        match httparse::Request::new(&mut fields).parse(&self.pieces) {
            Ok(_) => Ok(()),
            Err(httparse::Error::TooManyHeaders) => {
                Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
            }
            Err(_) => Err(StatusCode::BAD_REQUEST),
        }
    }

    fn check_line(&mut self, bytes: &[u8], most: usize) -> Result<(), StatusCode> {
        let empty = |byte: &&u8| matches!(byte, b'\r' | b'\n');
        let skipped = if self.line == 0 { bytes.iter().take_while(empty).count() } else { 0 };
        let line = &bytes[skipped..];
        // A fragment belongs to no target, and the `Uri` of both frameworks drops it without a word. (In a method `#` is a
        // letter, which actix-http's `Method` does not know.)
        let end = memchr::memchr(b'\n', line);
        let line_end = end.unwrap_or(line.len());
        let fragment = memchr::memchr(b'#', &line[..line_end]).is_some();
        // Nor do bytes beyond ASCII, which only hyper lets through.
        self.malformed |= fragment || !line[..line_end].is_ascii();
        self.line += line_end;
        self.line_ended = end.is_some();
        if self.line > most { Err(StatusCode::URI_TOO_LONG) } else { Ok(()) }
    }

    /// Up to the end of the empty line; up to the end of `bytes` if there is none.
    fn end_of(&mut self, bytes: &[u8]) -> usize {
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', bytes) {
            let line = &bytes[start..end];
            let blank = self.is_blank_with(line);
            self.lengths += usize::from(self.is_framing(line));
            start = end + 1;
            // Empty lines before the request line are skipped (RFC 9112 section 2.2).
            if blank && self.begun {
                self.ended = true;
                return start;
            }
            self.begun |= !blank;
            (self.blank, self.blank_cr) = (true, false);
        }
        let last = &bytes[start..];
        self.blank = self.is_blank_with(last);
        self.blank_cr |= last == b"\r";
        self.keep(last);
        bytes.len()
    }

    /// Whether the line is empty, but for one CR, if `piece` is the rest of it.
    fn is_blank_with(&self, piece: &[u8]) -> bool {
        self.blank && (piece.is_empty() || piece == b"\r" && !self.blank_cr)
    }

    /// Whether the line that ends with `piece` says where the body ends.
    fn is_framing(&mut self, piece: &[u8]) -> bool {
        let begins = |line: &[u8]| {
            FRAMING.iter().any(|name| {
                line.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name))
            })
        };
        if self.cut_len == 0 {
            return begins(piece);
        }
        self.keep(piece);
        begins(&self.cut[..mem::take(&mut self.cut_len)])
    }

    fn keep(&mut self, piece: &[u8]) {
        let free = &mut self.cut[self.cut_len..];
        let kept = piece.len().min(free.len());
        free[..kept].copy_from_slice(&piece[..kept]);
        self.cut_len += kept;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const CLOCKS: Clocks = Clocks {
        idle: Duration::ZERO,
        head: Duration::ZERO,
        write_stall: Duration::ZERO,
        head_line: 40,
        head_bytes: 80,
    };

    /// What is taken of `bytes` when they come in pieces of `size`, and whether the head has ended.
    fn taken(bytes: &[u8], size: usize) -> Result<(usize, bool), u16> {
        let mut head = Head::new();
        let mut taken = 0;
        for piece in bytes.chunks(size) {
            taken += head.take(piece, &CLOCKS).map_err(|status| status.as_u16())?;
        }
        Ok((taken, head.ended))
    }

    #[test]
    fn a_head_ends_behind_its_empty_line_however_it_is_cut() {
        for head in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\nHost: a\n\n",
            "\nGET / HTTP/1.1\r\nHost: a\n\r\n",
            "GET / HTTP/1.0\r\n\r\n",
        ] {
            for behind in ["", "\r\n", "body", "GET / HTTP/1.1\r\n\r\n"] {
                let bytes = format!("{head}{behind}");
                for size in 1..=bytes.len() {
                    let taken = taken(bytes.as_bytes(), size);
                    assert_eq!(taken, Ok((head.len(), true)), "{bytes:?} in pieces of {size}");
                }
            }
            for cut in 1..head.len() {
                assert_eq!(
                    taken(&head.as_bytes()[..cut], 7),
                    Ok((cut, false)),
                    "{head:?} cut at {cut}"
                );
            }
        }
    }

    #[test]
    fn two_fields_that_say_where_the_body_ends_are_refused() {
        let (length, coding) = ("Content-length: 5\r\n", "TRANSFER-ENCODING: chunked\r\n");
        let clocks = Clocks { head_bytes: 200, ..CLOCKS };
        for (fields, refused) in [
            (vec![length], false),
            (vec![coding], false),
            (vec![length, "X-Content-Length: 5\r\nContent-Lengths: 5\r\nTE: trailers\r\n"], false),
            (vec![length, coding], true),
            (vec![coding, "X: 1\r\n", length], true),
            (vec![length, length], true),
        ] {
            let bytes = format!("POST / HTTP/1.1\r\n{}\r\n", fields.concat());
            for size in 1..=bytes.len() {
                let mut head = Head::new();
                let mut pieces = bytes.as_bytes().chunks(size);
                let status = pieces.find_map(|piece| head.take(piece, &clocks).err());
                assert_eq!(status, refused.then_some(StatusCode::BAD_REQUEST), "{bytes} by {size}");
            }
        }
    }

    #[test]
    fn what_cannot_become_a_head_is_refused_before_it_ends() {
        for nonsense in ["GE(T / H", "GET / HTTP/1.1\r\nX : 1", "GET / HTTP/1.1\n\r\r\n"] {
            for size in 1..=nonsense.len() {
                assert_eq!(taken(nonsense.as_bytes(), size), Err(400), "{nonsense:?} by {size}");
            }
        }
    }

    #[test]
    fn a_head_is_refused_for_what_it_breaks_first() {
        for size in [1, 7, 1_000] {
            assert_eq!(taken(b"GET /#a HTTP/1.1\r\n\r\n", size), Err(400));
            assert_eq!(taken(b"GET# /a HTTP/1.1\r\n\r\n", size), Err(400));
            assert_eq!(taken(b"GET /\xe9 HTTP/1.1\r\n\r\n", size), Err(400));
            assert_eq!(taken(b"GET / HTTP/1.1\r\nX: \xe9\r\n\r\n", size), Ok((24, true)));
            assert_eq!(taken(b"GET / HTTP/1.1\r\nX: #\r\n\r\n", size), Ok((24, true)));
            assert_eq!(taken(&[b'q'; 41], size), Err(414));
            let longest = format!("\r\n\r\nGET /{} HTTP/1.1\r\n", "q".repeat(25));
            assert_eq!(taken(longest.as_bytes(), size), Ok((45, false)));
            assert_eq!(
                taken(&[b"GET / HTTP/1.1\r\nX: ", &[b'x'; 70][..]].concat(), size),
                Err(431)
            );
            assert_eq!(taken(&b"\r\n".repeat(41), size), Err(431));
        }
    }
}
