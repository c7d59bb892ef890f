//! What every head must satisfy, whatever the framework let through.
//!
//! hyper does not check `Host` at all, actix-http half; both take more fields and longer lines than our limits.
//! One set of rules, so that the three servers refuse the same requests with the same status.

use http::{HeaderMap, StatusCode};

use crate::Limits;

/// Why a head is refused. The reply is the status, `Connection: close` and no content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 400: none or several `Host`, or one that no host can be (RFC 9112 section 3.2).
    #[error("the Host field is missing, repeated or not a host")]
    Host,
    /// 400: a method that not all of us know for one, or a target whose form it does not go with (RFC 9112 section 3.2).
    #[error("the target does not go with the method")]
    Target,
    /// 400: two ways of saying where the body ends, or none where one is needed (RFC 9112 section 6.3).
    #[error("the length of the body is ambiguous")]
    Length,
    /// 400, as hyper says it before we are asked (RFC 9112 section 6.1 would have 501): a transfer coding other than
    /// `chunked`.
    #[error("the transfer coding is not known")]
    Coding,
    /// 417: an expectation other than `100-continue`, alone in its line (RFC 9110 section 10.1.1).
    #[error("the expectation is not known")]
    Expectation,
    /// 414: the request line is too long.
    #[error("the request line is too long")]
    Line,
    /// 431: too many fields, or too many bytes of them; or, as hyper says it before we are asked, a length beyond all counting.
    #[error("the head holds too many fields")]
    Fields,
}

impl Refusal {
    /// The status that says it.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Host | Self::Target | Self::Length | Self::Coding => StatusCode::BAD_REQUEST,
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            Self::Line => StatusCode::URI_TOO_LONG,
            Self::Fields => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        }
    }
}

/// A parsed request line, in plain words: actix-web is on another major version of the `http` crate than hyper.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// The target's path.
    pub path: &'a str,
    /// The target's query.
    pub query: Option<&'a str>,
    /// The target's authority, in absolute-form and authority-form.
    pub authority: Option<&'a str>,
    /// Whether the target has a scheme: absolute-form.
    pub has_scheme: bool,
    /// HTTP/1.1, as against HTTP/1.0.
    pub is_http11: bool,
}

/// The fields of a head.
pub trait Fields {
    /// Every line of them: its name, in lower case, and its value.
    fn lines(&self) -> impl Iterator<Item = (&str, &[u8])>;

    /// The values of the lines of this name, which is lower-case.
    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.lines().filter(move |(line, _)| *line == name).map(|(_, value)| value)
    }
}

impl Fields for HeaderMap {
    fn lines(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
    }
}

/// Checks a parsed head.
pub fn check(line: Line<'_>, fields: &impl Fields, limits: &Limits) -> Result<(), Refusal> {
    let told = Told::by(fields, limits)?;
    check_length(line, limits)?;
    check_target(line)?;
    check_host(line.is_http11, told.host)?;
    check_framing(line, told)?;
    check_expectation(line.is_http11, told.expects_else)
}

/// What the fields say that we have rules for, noted in one pass: a look-up each would hash its name and walk the map.
#[derive(Clone, Copy, Default)]
struct Told<'a> {
    host: Once<'a>,
    length: Once<'a>,
    coding: Once<'a>,
    expects_else: bool,
}

impl<'a> Told<'a> {
    fn by(fields: &'a impl Fields, limits: &Limits) -> Result<Self, Refusal> {
        let (mut told, mut count, mut bytes) = (Self::default(), 0, 0);
        for (name, value) in fields.lines() {
            count += 1;
            // With a colon, a space and a line end.
            bytes += name.len() + value.len() + 4;
            match name {
                "host" => told.host.note(value),
                "content-length" => told.length.note(value),
                "transfer-encoding" => told.coding.note(value),
                "expect" => told.expects_else |= !is_continue(value),
                _ => {}
            }
        }
        let too_many = count > limits.head_fields || bytes > limits.head_bytes;
        if too_many { Err(Refusal::Fields) } else { Ok(told) }
    }
}

/// The value of a field that must not be repeated, even with the same value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Once<'a> {
    /// No line has it.
    #[default]
    Never,
    /// One line has it.
    Said(&'a [u8]),
    /// Several lines have it.
    Repeated,
}

impl<'a> Once<'a> {
    /// Takes notice of a line.
    pub fn note(&mut self, value: &'a [u8]) {
        *self = match self {
            Self::Never => Self::Said(value),
            Self::Said(_) | Self::Repeated => Self::Repeated,
        };
    }
}

/// The request line is at most `head_line` bytes: method, target, version and what stands between them.
fn check_length(line: Line<'_>, limits: &Limits) -> Result<(), Refusal> {
    // The target's parts with their separators; absolute-form adds its scheme and authority.
    let target = line.path.len()
        + line.query.map_or(0, |query| query.len() + 1)
        + line.authority.map_or(0, |authority| authority.len() + "http://".len());
    let length = line.method.len() + 1 + target + " HTTP/1.1\r\n".len();
    if length > limits.head_line { Err(Refusal::Line) } else { Ok(()) }
}

/// `*` belongs to OPTIONS; an authority without a scheme belongs to CONNECT, and to it nothing else (RFC 9112 section 3.2);
/// no user belongs to either (RFC 9110 section 4.2.4).
fn check_target(line: Line<'_>) -> Result<(), Refusal> {
    let asterisk = line.path == "*";
    if line.authority.is_some_and(has_user) {
        return Err(Refusal::Target);
    }
    if !is_method(line.method) {
        return Err(Refusal::Target);
    }
    let authority_form = line.authority.is_some() && !line.has_scheme;
    if (asterisk && line.method != "OPTIONS") || authority_form != (line.method == "CONNECT") {
        return Err(Refusal::Target);
    }
    Ok(())
}

/// Whether actix-http would read a token as a method: its `Method` knows none with one of `#$%&'` in it, and nobody needs it.
pub fn is_method(token: &str) -> bool {
    !token.bytes().any(|byte| matches!(byte, b'#'..=b'\''))
}

/// Whether an authority names a user: `http://host@other/` looks like another host than it is.
pub fn has_user(authority: &str) -> bool {
    authority.contains('@')
}

/// Exactly one valid `Host` on HTTP/1.1; on HTTP/1.0 there may be none.
pub fn check_host(is_http11: bool, host: Once<'_>) -> Result<(), Refusal> {
    match host {
        Once::Said(host) if is_host(host) => Ok(()),
        Once::Never if !is_http11 => Ok(()),
        _ => Err(Refusal::Host),
    }
}

/// Chunked and nothing else, or one length, or neither (RFC 9112 section 6.3).
fn check_framing(line: Line<'_>, told: Told<'_>) -> Result<(), Refusal> {
    match (told.length, told.coding) {
        (Once::Never, Once::Never) if needs_length(line.is_http11, line.method) => {
            Err(Refusal::Length)
        }
        (Once::Repeated, _) => Err(Refusal::Length),
        (Once::Said(length), Once::Never) if is_beyond_counting(length) => Err(Refusal::Fields),
        (_, Once::Never) => Ok(()),
        (Once::Said(_), _) => Err(Refusal::Length),
        _ if !line.is_http11 => Err(Refusal::Length),
        (_, Once::Said(coding)) if coding.eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(Refusal::Coding),
    }
}

/// Of several expectations hyper heeds the last line, and actix-http any item of any. HTTP/1.0 knows none.
pub fn check_expectation(is_http11: bool, expects_else: bool) -> Result<(), Refusal> {
    if is_http11 && expects_else { Err(Refusal::Expectation) } else { Ok(()) }
}

/// Whether a line of `Expect` asks for an interim reply, and for nothing else.
pub fn is_continue(value: &[u8]) -> bool {
    value.eq_ignore_ascii_case(b"100-continue")
}

/// Before HTTP/1.1 a POST had to say its length (RFC 1945 section 8.3); without one its content would be taken for the
/// next request. actix-http refuses it before anybody is asked.
pub fn needs_length(is_http11: bool, method: &str) -> bool {
    !is_http11 && method == "POST"
}

/// Whether a length is one of the last two numbers of 64 bits, by which hyper means that there is none.
pub fn is_beyond_counting(length: &[u8]) -> bool {
    let number = || std::str::from_utf8(length).ok()?.parse::<u64>().ok();
    length.len() >= 20 && number().is_some_and(|number| number > u64::MAX - 2)
}

/// `uri-host [ ":" port ]` (RFC 3986 section 3.2.2), and not empty: an http URI needs a host (RFC 9110 section 4.2.1).
pub fn is_host(value: &[u8]) -> bool {
    let (host, port) = match value {
        [b'[', rest @ ..] => {
            let Some(end) = rest.iter().position(|&byte| byte == b']') else { return false };
            let (address, after) = (&rest[..end], &rest[end + 1..]);
            let literal = address
                .iter()
                .all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.' | b'v' | b'%'));
            if address.is_empty() || !literal {
                return false;
            }
            match after {
                [] => return true,
                [b':', port @ ..] => return is_port(port),
                _ => return false,
            }
        }
        _ => match value.iter().position(|&byte| byte == b':') {
            Some(colon) => (&value[..colon], &value[colon + 1..]),
            None => (value, &b""[..]),
        },
    };
    !host.is_empty() && host.iter().all(|&byte| HOST[usize::from(byte)]) && is_port(port)
}

fn is_port(port: &[u8]) -> bool {
    port.len() <= 5 && port.iter().all(u8::is_ascii_digit)
}

/// unreserved / pct-encoded / sub-delims, as a table, since every request has a host.
static HOST: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let (marks, mut place) = (b"-._~%!$&'()*+,;=", 0);
    while place < marks.len() {
        table[marks[place] as usize] = true;
        place += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    fn hosts(is_http11: bool, values: &[&str]) -> Result<(), Refusal> {
        let mut host = Once::default();
        values.iter().for_each(|value| host.note(value.as_bytes()));
        check_host(is_http11, host)
    }

    #[test]
    fn one_valid_host_is_needed() {
        for host in ["127.0.0.1:8080", "localhost", "[::1]:80", "[::1]", "a.example:", "x_y%20z"] {
            assert_eq!(hosts(true, &[host]), Ok(()), "{host}");
        }
        for host in
            ["", "exa mple", "a/b", "user@host", "a:b", "[::1", "[]", "[::1]x", "a:123456", "a:1:2"]
        {
            assert_eq!(hosts(true, &[host]), Err(Refusal::Host), "{host}");
        }
        assert_eq!(hosts(true, &["a", "a"]), Err(Refusal::Host));
        assert_eq!(hosts(true, &[]), Err(Refusal::Host));
        assert_eq!(hosts(false, &[]), Ok(()));
        assert_eq!(hosts(false, &["a", "b"]), Err(Refusal::Host));
    }

    #[test]
    fn a_head_is_judged_by_the_first_rule_it_breaks() {
        let check = |target: &str, fields: &[(&'static str, &str)]| {
            let fields = fields
                .iter()
                .map(|(name, value)| {
                    (header::HeaderName::from_static(name), value.parse().unwrap())
                })
                .chain([(header::HOST, "a".parse().unwrap())])
                .collect::<HeaderMap>();
            let uri: http::Uri = target.parse().unwrap();
            let line = Line {
                method: "GET",
                path: uri.path(),
                query: uri.query(),
                authority: uri.authority().map(|authority| authority.as_str()),
                has_scheme: uri.scheme().is_some(),
                is_http11: true,
            };
            check(line, &fields, &Limits::default()).map_err(|refusal| refusal.status().as_u16())
        };
        assert_eq!(check("/", &[]), Ok(()));
        assert_eq!(check("http://a/", &[]), Ok(()));
        assert_eq!(check("http://a@b/", &[]), Err(400));
        assert_eq!(check("*", &[]), Err(400));
        assert_eq!(check(&format!("/{}", "q".repeat(20_000)), &[]), Err(414));
        assert_eq!(
            check("/", &[("content-length", "1"), ("transfer-encoding", "chunked")]),
            Err(400)
        );
        assert_eq!(check("/", &[("transfer-encoding", "gzip, chunked")]), Err(400));
        assert_eq!(check("/", &[("transfer-encoding", "Chunked")]), Ok(()));
        assert_eq!(check("/", &[("expect", "100-Continue")]), Ok(()));
        assert_eq!(check("/", &[("expect", "100-continue, x")]), Err(417));
        assert_eq!(check("/", &[("expect", "x"), ("expect", "100-continue")]), Err(417));
    }

    #[test]
    fn a_length_that_hyper_cannot_count_is_refused_by_all() {
        for (length, refused) in [
            ("18446744073709551615", true),
            ("0018446744073709551614", true),
            ("18446744073709551613", false),
            ("18446744073709551616", false),
            ("5", false),
        ] {
            assert_eq!(is_beyond_counting(length.as_bytes()), refused, "{length}");
        }
    }

    #[test]
    fn connect_goes_with_an_authority_and_nothing_else() {
        let check = |method: &str, target: &str| {
            let uri: http::Uri = target.parse().unwrap();
            check_target(Line {
                method,
                path: uri.path(),
                query: uri.query(),
                authority: uri.authority().map(|authority| authority.as_str()),
                has_scheme: uri.scheme().is_some(),
                is_http11: true,
            })
        };
        assert_eq!(check("CONNECT", "a:80"), Ok(()));
        for target in ["/wait/0", "*", "http://a/"] {
            assert_eq!(check("CONNECT", target), Err(Refusal::Target), "{target}");
        }
        assert_eq!(check("GET", "a:80"), Err(Refusal::Target));
        assert_eq!(check("OPTIONS", "*"), Ok(()));
        assert_eq!(check("M-SEARCH", "/"), Ok(()));
        for method in ["G#T", "G$T", "G%T", "G&T", "G'T"] {
            assert_eq!(check(method, "/"), Err(Refusal::Target), "{method}");
        }
    }

    #[test]
    fn a_post_of_old_has_to_say_its_length() {
        assert!(needs_length(false, "POST"));
        assert!(!needs_length(true, "POST") && !needs_length(false, "GET"));
    }
}
