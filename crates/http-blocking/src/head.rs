//! The head of a request: from bytes to the vocabulary of the `http` crate, with every ambiguity refused.

use std::mem::MaybeUninit;

use bytes::Bytes;
use contract::head::{
    Once, check_expectation, check_host, has_user, is_beyond_counting, is_continue, is_method,
    needs_length,
};
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri, Version};

use crate::Limits;

/// A head that was accepted.
#[derive(Debug)]
pub struct Head {
    /// Method, target, version and fields, as they came: nothing is normalised.
    pub request: Request<()>,
    /// Where the body ends.
    pub framing: Framing,
    /// Whether the client wants to use the connection again.
    pub keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub expects_continue: bool,
}

/// Where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// After this many bytes; 0 where there is no body.
    Length(u64),
    /// After the last chunk.
    Chunked,
}

/// Why a head is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 400: not a head, one that can be read in two ways, or one with a transfer coding besides `chunked` (for which
    /// RFC 9112 section 6.1 has 501, but hyper answers 400 before it can be asked).
    #[error("malformed head")]
    Malformed,
    /// 408: the head took too long.
    #[error("the head took too long")]
    TooSlow,
    /// 417: an expectation other than `100-continue`.
    #[error("unknown expectation")]
    Expectation,
    /// 414: the request line is too long.
    #[error("request line too long")]
    LineTooLong,
    /// 431: too many bytes or fields.
    #[error("head too large")]
    TooLarge,
}

impl Refusal {
    /// The status that says it. A version other than 1.0 and 1.1 is `Malformed` too: hyper and actix answer 400.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            Self::LineTooLong => StatusCode::URI_TOO_LONG,
            Self::TooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        }
    }
}

/// The most fields that [`Limits::head_fields`] can allow; the parser's table stands on the stack.
pub(crate) const MOST_FIELDS: usize = 128;

/// As many as most heads have. A page of stack that was touched once is held while the connection lives, so the table
/// for the most fields is used only where it is needed.
const FEW_FIELDS: usize = 24;

/// Parses the head at the start of `input`: nothing while it is incomplete, else the head and its length in bytes.
///
/// # Errors
/// When the head is refused; what follows it cannot be trusted.
pub fn parse(input: &[u8], limits: &Limits) -> Result<Option<(Head, usize)>, Refusal> {
    match parse_up_to::<FEW_FIELDS>(input, limits) {
        Err(Refusal::TooLarge) => parse_up_to::<MOST_FIELDS>(input, limits),
        parsed => parsed,
    }
}

/// With room for `N` fields. A call of its own, so that its table is not part of the caller's frame.
#[inline(never)]
fn parse_up_to<const N: usize>(
    input: &[u8],
    limits: &Limits,
) -> Result<Option<(Head, usize)>, Refusal> {
    let mut table = [const { MaybeUninit::uninit() }; N];
    let table = &mut table[..limits.head_fields.min(N)];
    let mut parsed = httparse::Request::new(&mut []);
    let length = match parsed.parse_with_uninit_headers(input, table) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Refusal::TooLarge),
        Err(_) => return Err(Refusal::Malformed),
    };
    if length > limits.head_bytes {
        return Err(Refusal::TooLarge);
    }
    let (Some(method), Some(target), Some(version)) = (parsed.method, parsed.path, parsed.version)
    else {
        return Err(Refusal::Malformed);
    };
    if method.len() + target.len() + "  HTTP/1.1\r\n".len() > limits.head_line {
        return Err(Refusal::LineTooLong);
    }
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| Refusal::Malformed)?;
    if !is_method(method.as_str()) {
        return Err(Refusal::Malformed);
    }
    check_target(&method, target.as_bytes())?;

    // One copy of the head, which target and values share.
    let shared = Bytes::copy_from_slice(&input[..length]);
    let share = |part: &[u8]| {
        let start = part.as_ptr() as usize - input.as_ptr() as usize;
        shared.slice(start..start + part.len())
    };
    let uri = Uri::from_maybe_shared(share(target.as_bytes())).map_err(|_| Refusal::Malformed)?;
    if uri.authority().is_some_and(|authority| has_user(authority.as_str())) {
        return Err(Refusal::Malformed);
    }
    let mut request = Request::new(());
    let fields = request.headers_mut();
    fields.reserve(parsed.headers.len());
    let mut told = Told::default();
    for field in parsed.headers.iter() {
        told.note(field);
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let value = HeaderValue::from_maybe_shared(share(field.value));
        fields
            .append(name.map_err(|_| Refusal::Malformed)?, value.map_err(|_| Refusal::Malformed)?);
    }

    let is_http11 = version == 1;
    check_host(is_http11, told.host).map_err(|_| Refusal::Malformed)?;
    let framing = told.framing(is_http11, &method)?;
    check_expectation(is_http11, told.expects_else).map_err(|_| Refusal::Expectation)?;
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.version_mut() = if is_http11 { Version::HTTP_11 } else { Version::HTTP_10 };
    let head = Head {
        keep_alive: (is_http11 || told.keep_alive) && !told.close,
        expects_continue: told.expects_continue && is_http11 && framing != Framing::Length(0),
        framing,
        request,
    };
    Ok(Some((head, length)))
}

/// The forms of RFC 9112 section 3.2, each with the methods it goes with; visible ASCII and no fragment.
fn check_target(method: &Method, target: &[u8]) -> Result<(), Refusal> {
    // Without an early end, so that many bytes are looked at together.
    let odd = |byte: u8| !matches!(byte, b'!'..=b'~') | (byte == b'#');
    if target.iter().fold(false, |found, &byte| found | odd(byte)) {
        return Err(Refusal::Malformed);
    }
    let has_scheme = || target.windows(3).any(|part| part == b"://");
    let fits = match target {
        [b'/', ..] => method != Method::CONNECT,
        b"*" => method == Method::OPTIONS,
        _ => (method == Method::CONNECT) != has_scheme(),
    };
    if fits { Ok(()) } else { Err(Refusal::Malformed) }
}

/// What the fields say about the message and the connection, noted as they pass: looking each up afterwards is a
/// walk over all of them for each.
#[derive(Default)]
struct Told<'a> {
    host: Once<'a>,
    length: Once<'a>,
    codings: Codings,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
    expects_else: bool,
}

impl<'a> Told<'a> {
    fn note(&mut self, field: &httparse::Header<'a>) {
        // Their lengths tell them from most other names.
        match field.name.len() {
            4 if field.name.eq_ignore_ascii_case("host") => self.host.note(field.value),
            6 if field.name.eq_ignore_ascii_case("expect") => {
                let is_continue = is_continue(field.value);
                self.expects_continue |= is_continue;
                self.expects_else |= !is_continue;
            }
            // A line that holds more than ASCII neither hyper nor actix-http heeds.
            10 if field.name.eq_ignore_ascii_case("connection") && field.value.is_ascii() => {
                for option in list(field.value) {
                    self.close |= option.eq_ignore_ascii_case(b"close");
                    self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                }
            }
            14 if field.name.eq_ignore_ascii_case("content-length") => {
                self.length.note(field.value);
            }
            17 if field.name.eq_ignore_ascii_case("transfer-encoding") => {
                list(field.value).for_each(|coding| self.codings.note(coding));
            }
            _ => {}
        }
    }

    /// RFC 9112 section 6.3, refusing whatever two readers could read in two ways.
    fn framing(&self, is_http11: bool, method: &Method) -> Result<Framing, Refusal> {
        let length = match self.length {
            Once::Never => None,
            Once::Said(digits) if is_beyond_counting(digits) => return Err(Refusal::TooLarge),
            Once::Said(digits) => Some(parse_length(digits)?),
            Once::Repeated => return Err(Refusal::Malformed),
        };
        match (self.codings, length) {
            (Codings::None, None) if needs_length(is_http11, method.as_str()) => {
                Err(Refusal::Malformed)
            }
            (Codings::None, length) => Ok(Framing::Length(length.unwrap_or(0))),
            (Codings::Chunked, None) if is_http11 => Ok(Framing::Chunked),
            _ => Err(Refusal::Malformed),
        }
    }
}

/// The transfer codings so far.
#[derive(Clone, Copy, Default)]
enum Codings {
    #[default]
    None,
    Chunked,
    /// Anything else, also `chunked` twice.
    Others,
}

impl Codings {
    fn note(&mut self, coding: &[u8]) {
        *self = match self {
            Self::None if coding.eq_ignore_ascii_case(b"chunked") => Self::Chunked,
            _ => Self::Others,
        };
    }
}

/// The members of a list (RFC 9110 section 5.6.1).
fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii)
}

/// Digits and nothing else: `parse` alone would take `+5`.
fn parse_length(digits: &[u8]) -> Result<u64, Refusal> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Refusal::Malformed);
    }
    let digits = std::str::from_utf8(digits).map_err(|_| Refusal::Malformed)?;
    digits.parse().map_err(|_| Refusal::Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Result<Option<(Head, usize)>, Refusal> {
        parse(text.as_bytes(), &Limits::default())
    }

    fn head(fields: &str) -> Result<Head, Refusal> {
        let text = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        parsed(&text).map(|head| head.unwrap().0)
    }

    #[test]
    fn a_head_becomes_what_it_says() {
        let text =
            "PUT /a%2Fb/../c?d HTTP/1.1\r\nHost: a\r\nX: 1\r\nx:2\r\nContent-Length: 7\r\n\r\n";
        let (head, length) = parsed(&format!("{text}content")).unwrap().unwrap();
        assert_eq!(length, text.len());
        assert_eq!(head.request.method(), Method::PUT);
        assert_eq!(head.request.version(), Version::HTTP_11);
        assert_eq!(head.request.uri(), "/a%2Fb/../c?d");
        assert_eq!(head.request.headers().get_all("x").iter().collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(head.framing, Framing::Length(7));
        assert!(head.keep_alive && !head.expects_continue);
    }

    #[test]
    fn the_connection_is_kept_unless_someone_says_close() {
        for (fields, kept) in [
            ("", true),
            ("Connection: keep-alive\r\n", true),
            ("Connection: CLOSE\r\n", false),
            ("Connection: keep-alive\r\nConnection: x, close\r\n", false),
            ("Connection: closed\r\n", true),
        ] {
            assert_eq!(head(fields).unwrap().keep_alive, kept, "{fields:?}");
        }
    }

    #[test]
    fn only_a_request_with_a_body_can_expect_to_be_told_to_go_on() {
        assert!(!head("Expect: 100-continue\r\n").unwrap().expects_continue);
        assert!(head("Expect: 100-continue\r\nContent-Length: 1\r\n").unwrap().expects_continue);
        for other in ["Expect: a miracle\r\n", "Expect: 100-continue\r\nExpect:\r\n"] {
            assert_eq!(head(other).unwrap_err(), Refusal::Expectation);
        }
    }

    #[test]
    fn framing_that_can_be_read_in_two_ways_is_refused() {
        for fields in [
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            "Content-Length: 5, 5\r\n",
            "Content-Length: 0x5\r\n",
            "Content-Length: -1\r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: xchunked\r\n",
            "Transfer-Encoding:\r\n",
            "Transfer-Encoding: chunked, identity\r\n",
            "Transfer-Encoding: chunked, chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
        ] {
            assert_eq!(head(fields).unwrap_err(), Refusal::Malformed, "{fields:?}");
        }
        assert_eq!(head("Transfer-Encoding: CHUNKED\r\n").unwrap().framing, Framing::Chunked);
        assert_eq!(parsed("POST / HTTP/1.0\r\n\r\n").unwrap_err(), Refusal::Malformed);
        assert!(parsed("GET / HTTP/1.0\r\n\r\n").is_ok_and(|head| head.is_some()));
    }

    /// What a reader that parses after each byte ends with.
    fn byte_by_byte(text: &[u8]) -> Option<Result<(String, usize), Refusal>> {
        (1..=text.len()).find_map(|end| outcome(&text[..end]))
    }

    fn outcome(text: &[u8]) -> Option<Result<(String, usize), Refusal>> {
        parse(text, &Limits::default())
            .map(|head| head.map(|(head, length)| (format!("{head:?}"), length)))
            .transpose()
    }

    proptest! {
        #[test]
        fn splits_change_nothing(
            mut text in Just(
                b"\r\nPOST /a?b HTTP/1.1\r\nHost: a:1\r\nX-Long: \xff\ty\r\nContent-Length: 3\r\n\r\nabc".to_vec()
            ),
            flaws in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..3),
        ) {
            for (index, byte) in flaws {
                *index.get_mut(&mut text) = byte;
            }
            // A complete head is the same wherever it was cut, and is refused by all or by none.
            let (whole, pieces) = (outcome(&text), byte_by_byte(&text));
            prop_assert_eq!(
                whole.map(|outcome| outcome.map_err(drop)),
                pieces.map(|outcome| outcome.map_err(drop))
            );
        }

        #[test]
        fn no_bytes_make_it_panic(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = outcome(&text);
        }
    }
}
