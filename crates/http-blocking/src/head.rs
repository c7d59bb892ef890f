//! The head of a request: from bytes to the vocabulary of the `http` crate, with every ambiguity refused.

use std::mem::MaybeUninit;

use bytes::Bytes;
use contract::head::check_host;
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version};

use crate::Limits;

/// A head that was accepted.
#[derive(Debug)]
pub struct Head {
    /// The method; any token.
    pub method: Method,
    /// The target, not normalised.
    pub uri: Uri,
    /// HTTP/1.0 or HTTP/1.1.
    pub version: Version,
    /// The fields, in their order.
    pub fields: HeaderMap,
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
    /// 400: not a head, or one that can be read in two ways.
    #[error("malformed head")]
    Malformed,
    /// 408: the head took too long.
    #[error("the head took too long")]
    TooSlow,
    /// 414: the request line is too long.
    #[error("request line too long")]
    LineTooLong,
    /// 431: too many bytes or fields.
    #[error("head too large")]
    TooLarge,
    /// 501: a transfer coding besides `chunked`.
    #[error("unknown transfer coding")]
    UnknownCoding,
}

impl Refusal {
    /// The status that says it. A version other than 1.0 and 1.1 is `Malformed` too: hyper and actix answer 400.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::LineTooLong => StatusCode::URI_TOO_LONG,
            Self::TooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::UnknownCoding => StatusCode::NOT_IMPLEMENTED,
        }
    }
}

/// The most fields that [`Limits::head_fields`] can allow; the parser's table stands on the stack.
pub(crate) const MOST_FIELDS: usize = 128;

/// Parses the head at the start of `input`: nothing while it is incomplete, else the head and its length in bytes.
///
/// # Errors
/// When the head is refused; what follows it cannot be trusted.
pub fn parse(input: &[u8], limits: &Limits) -> Result<Option<(Head, usize)>, Refusal> {
    let mut table = [const { MaybeUninit::uninit() }; MOST_FIELDS];
    let table = &mut table[..limits.head_fields.min(MOST_FIELDS)];
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
    check_target(&method, target.as_bytes())?;

    // One copy of the head, which target and values share.
    let shared = Bytes::copy_from_slice(&input[..length]);
    let share = |part: &[u8]| {
        let start = part.as_ptr() as usize - input.as_ptr() as usize;
        shared.slice(start..start + part.len())
    };
    let uri = Uri::from_maybe_shared(share(target.as_bytes())).map_err(|_| Refusal::Malformed)?;
    let mut fields = HeaderMap::with_capacity(parsed.headers.len());
    for field in parsed.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let value = HeaderValue::from_maybe_shared(share(field.value));
        fields
            .append(name.map_err(|_| Refusal::Malformed)?, value.map_err(|_| Refusal::Malformed)?);
    }

    let version = if version == 0 { Version::HTTP_10 } else { Version::HTTP_11 };
    let hosts = fields.get_all(HOST).iter().map(HeaderValue::as_bytes);
    check_host(version == Version::HTTP_11, hosts).map_err(|_| Refusal::Malformed)?;
    let framing = framing(version, &fields)?;
    let head = Head {
        keep_alive: keeps_alive(version, &fields),
        expects_continue: version == Version::HTTP_11
            && framing != Framing::Length(0)
            && fields
                .get(EXPECT)
                .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue")),
        framing,
        method,
        uri,
        version,
        fields,
    };
    Ok(Some((head, length)))
}

/// The forms of RFC 9112 section 3.2, each with the methods it goes with; visible ASCII and no fragment.
fn check_target(method: &Method, target: &[u8]) -> Result<(), Refusal> {
    if !target.iter().all(|&byte| matches!(byte, b'!'..=b'~') && byte != b'#') {
        return Err(Refusal::Malformed);
    }
    let fits = match target {
        _ if method == Method::CONNECT => !target.starts_with(b"/"),
        [b'/', ..] => true,
        b"*" => method == Method::OPTIONS,
        _ => target.windows(3).any(|part| part == b"://"),
    };
    if fits { Ok(()) } else { Err(Refusal::Malformed) }
}

/// RFC 9112 section 6.3, refusing whatever two readers could read in two ways.
fn framing(version: Version, fields: &HeaderMap) -> Result<Framing, Refusal> {
    let mut lengths = fields.get_all(CONTENT_LENGTH).iter();
    let length = lengths.next();
    if lengths.next().is_some() {
        return Err(Refusal::Malformed);
    }
    if fields.contains_key(TRANSFER_ENCODING) {
        if length.is_some() || version == Version::HTTP_10 {
            return Err(Refusal::Malformed);
        }
        return check_codings(fields).map(|()| Framing::Chunked);
    }
    match length {
        None => Ok(Framing::Length(0)),
        Some(digits) => parse_length(digits.as_bytes()).map(Framing::Length),
    }
}

/// `chunked` alone is understood. Where it is not the last coding the end of the body cannot be known (400); where
/// others stand before it, they are not implemented (501).
fn check_codings(fields: &HeaderMap) -> Result<(), Refusal> {
    let mut codings = fields
        .get_all(TRANSFER_ENCODING)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii);
    let first = codings.next().unwrap_or_default();
    let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    match codings.next_back() {
        None if is_chunked(first) => Ok(()),
        Some(last) if is_chunked(last) && !is_chunked(first) => Err(Refusal::UnknownCoding),
        _ => Err(Refusal::Malformed),
    }
}

/// Digits and nothing else: `parse` alone would take `+5`.
fn parse_length(digits: &[u8]) -> Result<u64, Refusal> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Refusal::Malformed);
    }
    let digits = std::str::from_utf8(digits).map_err(|_| Refusal::Malformed)?;
    digits.parse().map_err(|_| Refusal::Malformed)
}

/// RFC 9112 section 9.3: `close` wins over everything, HTTP/1.0 must ask to be kept.
fn keeps_alive(version: Version, fields: &HeaderMap) -> bool {
    let (mut close, mut keep) = (false, version == Version::HTTP_11);
    for value in fields.get_all(CONNECTION) {
        for option in value.as_bytes().split(|&byte| byte == b',') {
            let option = option.trim_ascii();
            close |= option.eq_ignore_ascii_case(b"close");
            keep |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }
    keep && !close
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
        assert_eq!((head.method, head.version), (Method::PUT, Version::HTTP_11));
        assert_eq!(head.uri, "/a%2Fb/../c?d");
        assert_eq!(head.fields.get_all("x").iter().collect::<Vec<_>>(), ["1", "2"]);
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
        assert!(!head("Expect: a miracle\r\nContent-Length: 1\r\n").unwrap().expects_continue);
    }

    #[test]
    fn framing_that_can_be_read_in_two_ways_is_refused() {
        for (fields, refusal) in [
            ("Content-Length: 5\r\nContent-Length: 5\r\n", Refusal::Malformed),
            ("Content-Length: 5, 5\r\n", Refusal::Malformed),
            ("Content-Length: 0x5\r\n", Refusal::Malformed),
            ("Content-Length: -1\r\n", Refusal::Malformed),
            ("Content-Length: 99999999999999999999\r\n", Refusal::Malformed),
            ("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", Refusal::Malformed),
            ("Transfer-Encoding: xchunked\r\n", Refusal::Malformed),
            ("Transfer-Encoding:\r\n", Refusal::Malformed),
            ("Transfer-Encoding: chunked, identity\r\n", Refusal::Malformed),
            ("Transfer-Encoding: chunked, chunked\r\n", Refusal::Malformed),
            ("Transfer-Encoding: gzip, chunked\r\n", Refusal::UnknownCoding),
        ] {
            assert_eq!(head(fields).unwrap_err(), refusal, "{fields:?}");
        }
        assert_eq!(head("Transfer-Encoding: CHUNKED\r\n").unwrap().framing, Framing::Chunked);
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
