//! What every head must satisfy, whatever the framework let through.
//!
//! hyper does not check `Host` at all, actix-http half; both take more fields and longer lines than our limits.
//! One set of rules, so that the three servers refuse the same requests with the same status.

use http::{HeaderMap, Method, StatusCode, Uri, Version, header};

use crate::Limits;

/// Why a head is refused. The reply is the status, `Connection: close` and no content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 400: none or several `Host`, or one that no host can be (RFC 9112 section 3.2).
    #[error("the Host field is missing, repeated or not a host")]
    Host,
    /// 400: a target in the form of a proxy's or an asterisk that the method does not go with (RFC 9112 section 3.2).
    #[error("the target does not go with the method")]
    Target,
    /// 400: two ways of saying where the body ends (RFC 9112 section 6.3).
    #[error("the length of the body is ambiguous")]
    Length,
    /// 501: a transfer coding other than `chunked` (RFC 9112 section 6.1).
    #[error("the transfer coding is not known")]
    Coding,
    /// 414: the request line is too long.
    #[error("the request line is too long")]
    Line,
    /// 431: too many fields.
    #[error("the head holds too many fields")]
    Fields,
}

impl Refusal {
    /// The status that says it.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Host | Self::Target | Self::Length => StatusCode::BAD_REQUEST,
            Self::Coding => StatusCode::NOT_IMPLEMENTED,
            Self::Line => StatusCode::URI_TOO_LONG,
            Self::Fields => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        }
    }
}

/// Checks a parsed head.
pub fn check(
    method: &Method,
    uri: &Uri,
    version: Version,
    fields: &HeaderMap,
    limits: &Limits,
) -> Result<(), Refusal> {
    if fields.len() > limits.head_fields {
        return Err(Refusal::Fields);
    }
    check_line(method, uri, limits)?;
    check_target(method, uri)?;
    check_host(version, fields.get_all(header::HOST).iter().map(|value| value.as_bytes()))?;
    check_framing(version, fields)
}

/// The request line is at most `head_line` bytes: method, target, version and what stands between them.
fn check_line(method: &Method, uri: &Uri, limits: &Limits) -> Result<(), Refusal> {
    // The parts without their separators; absolute-form adds its scheme and authority.
    let target = uri.path().len()
        + uri.query().map_or(0, |query| query.len() + 1)
        + uri.authority().map_or(0, |authority| authority.as_str().len() + "http://".len());
    let line = method.as_str().len() + 1 + target + " HTTP/1.1\r\n".len();
    if line > limits.head_line { Err(Refusal::Line) } else { Ok(()) }
}

/// `*` belongs to OPTIONS; an authority without a scheme belongs to CONNECT (RFC 9112 section 3.2).
fn check_target(method: &Method, uri: &Uri) -> Result<(), Refusal> {
    let asterisk = uri.path() == "*";
    let authority_form = uri.authority().is_some() && uri.scheme().is_none();
    if (asterisk && method != Method::OPTIONS) || (authority_form && method != Method::CONNECT) {
        return Err(Refusal::Target);
    }
    Ok(())
}

/// Exactly one valid `Host` on HTTP/1.1; on HTTP/1.0 there may be none.
pub fn check_host<'a>(
    version: Version,
    mut values: impl Iterator<Item = &'a [u8]>,
) -> Result<(), Refusal> {
    match (values.next(), values.next()) {
        (Some(host), None) if is_host(host) => Ok(()),
        (None, None) if version < Version::HTTP_11 => Ok(()),
        _ => Err(Refusal::Host),
    }
}

/// Chunked and nothing else, or one length, or neither (RFC 9112 section 6.3).
fn check_framing(version: Version, fields: &HeaderMap) -> Result<(), Refusal> {
    let mut codings = fields.get_all(header::TRANSFER_ENCODING).iter();
    let mut lengths = fields.get_all(header::CONTENT_LENGTH).iter();
    let length = lengths.next();
    if lengths.next().is_some() {
        return Err(Refusal::Length);
    }
    let Some(coding) = codings.next() else { return Ok(()) };
    if length.is_some() || version < Version::HTTP_11 {
        return Err(Refusal::Length);
    }
    if codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
        return Err(Refusal::Coding);
    }
    Ok(())
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
    !host.is_empty() && host.iter().all(|&byte| is_host_byte(byte)) && is_port(port)
}

fn is_port(port: &[u8]) -> bool {
    port.len() <= 5 && port.iter().all(u8::is_ascii_digit)
}

/// unreserved / pct-encoded / sub-delims
fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(version: Version, values: &[&str]) -> Result<(), Refusal> {
        check_host(version, values.iter().map(|value| value.as_bytes()))
    }

    #[test]
    fn one_valid_host_is_needed() {
        for host in ["127.0.0.1:8080", "localhost", "[::1]:80", "[::1]", "a.example:", "x_y%20z"] {
            assert_eq!(hosts(Version::HTTP_11, &[host]), Ok(()), "{host}");
        }
        for host in
            ["", "exa mple", "a/b", "user@host", "a:b", "[::1", "[]", "[::1]x", "a:123456", "a:1:2"]
        {
            assert_eq!(hosts(Version::HTTP_11, &[host]), Err(Refusal::Host), "{host}");
        }
        assert_eq!(hosts(Version::HTTP_11, &["a", "a"]), Err(Refusal::Host));
        assert_eq!(hosts(Version::HTTP_11, &[]), Err(Refusal::Host));
        assert_eq!(hosts(Version::HTTP_10, &[]), Ok(()));
        assert_eq!(hosts(Version::HTTP_10, &["a", "b"]), Err(Refusal::Host));
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
            let uri = target.parse().unwrap();
            check(&Method::GET, &uri, Version::HTTP_11, &fields, &Limits::default())
                .map_err(Refusal::status)
                .map_err(|status| status.as_u16())
        };
        assert_eq!(check("/", &[]), Ok(()));
        assert_eq!(check("http://a/", &[]), Ok(()));
        assert_eq!(check("*", &[]), Err(400));
        assert_eq!(check(&format!("/{}", "q".repeat(20_000)), &[]), Err(414));
        assert_eq!(
            check("/", &[("content-length", "1"), ("transfer-encoding", "chunked")]),
            Err(400)
        );
        assert_eq!(check("/", &[("transfer-encoding", "gzip, chunked")]), Err(501));
        assert_eq!(check("/", &[("transfer-encoding", "Chunked")]), Ok(()));
    }
}
