//! One request off the wire: as much of HTTP/1.1 as a client of GitHub's API says.

use crate::is_valid_name;

/// What is kept of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) host: Option<String>,
    pub(crate) user_agent: bool,
    pub(crate) if_none_match: Option<String>,
    pub(crate) keep_alive: bool,
    /// Bytes of body that follow.
    pub(crate) body: usize,
}

/// No request to GitHub comes near these.
pub(crate) const HEAD_LIMIT: usize = 32 << 10;
const FIELDS: usize = 100;

/// Bytes that are no request the stub would answer.
#[derive(Debug)]
pub(crate) struct Malformed;

impl Request {
    /// Reads a head, and says how many bytes it took; `None` when more must come first.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<(Request, usize)>, Malformed> {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS];
        let mut parsed = httparse::Request::new(&mut fields);
        let length = match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if bytes.len() < HEAD_LIMIT => return Ok(None),
            Ok(httparse::Status::Partial) | Err(_) => return Err(Malformed),
        };
        let mut request = Request {
            method: parsed.method.unwrap_or_default().to_owned(),
            target: parsed.path.unwrap_or_default().to_owned(),
            host: None,
            user_agent: false,
            if_none_match: None,
            keep_alive: parsed.version == Some(1),
            body: 0,
        };
        for field in parsed.headers.iter() {
            let value = std::str::from_utf8(field.value).map_err(|_| Malformed)?.trim();
            if field.name.eq_ignore_ascii_case("host") {
                request.host = Some(value.to_owned());
            } else if field.name.eq_ignore_ascii_case("user-agent") {
                request.user_agent = !value.is_empty();
            } else if field.name.eq_ignore_ascii_case("if-none-match") {
                request.if_none_match = Some(value.to_owned());
            } else if field.name.eq_ignore_ascii_case("connection") {
                request.keep_alive &= !value.eq_ignore_ascii_case("close");
            } else if field.name.eq_ignore_ascii_case("content-length") {
                request.body =
                    value.parse().ok().filter(|body| *body <= HEAD_LIMIT).ok_or(Malformed)?;
            } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
                return Err(Malformed);
            }
        }
        Ok(Some((request, length)))
    }

    /// The name asked for, when this is `GET` or `HEAD` of `/users/{name}` and nothing else.
    pub(crate) fn name(&self) -> Option<&str> {
        let reads = matches!(self.method.as_str(), "GET" | "HEAD");
        self.target.strip_prefix("/users/").filter(|name| reads && is_valid_name(name))
    }

    pub(crate) fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    /// Whether `If-None-Match` holds `etag`, compared weakly (RFC 9110, section 13.1.2).
    pub(crate) fn has(&self, etag: &str) -> bool {
        let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        self.if_none_match.as_deref().is_some_and(|tags| {
            tags == "*" || tags.split(',').any(|tag| opaque(tag) == opaque(etag))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Request {
        let (request, length) = Request::parse(text.as_bytes()).unwrap().unwrap();
        assert_eq!(length, text.len());
        request
    }

    #[test]
    fn only_a_valid_name_and_nothing_behind_it_is_a_name() {
        let name = |target: &str| {
            parse(&format!("GET {target} HTTP/1.1\r\n\r\n")).name().map(str::to_owned)
        };
        assert_eq!(name("/users/octo_cat-1").as_deref(), Some("octo_cat-1"));
        let long = format!("/users/{}", "a".repeat(40));
        for target in [
            "/",
            "/users/",
            "/users/a/b",
            "/users/a?x=1",
            "/users/%61",
            "/users/..",
            "//users/a",
            &long,
        ] {
            assert_eq!(name(target), None, "{target}");
        }
        assert_eq!(parse("DELETE /users/a HTTP/1.1\r\n\r\n").name(), None);
    }

    #[test]
    fn a_connection_stays_unless_either_side_says_close() {
        assert!(parse("GET / HTTP/1.1\r\n\r\n").keep_alive);
        assert!(!parse("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n").keep_alive);
        assert!(!parse("GET / HTTP/1.0\r\n\r\n").keep_alive);
    }

    #[test]
    fn etags_are_compared_weakly() {
        let has = |field: &str| {
            parse(&format!("GET / HTTP/1.1\r\nIf-None-Match: {field}\r\n\r\n")).has("W/\"b\"")
        };
        for field in ["W/\"b\"", "\"b\"", "\"a\", W/\"b\"", "*"] {
            assert!(has(field), "{field}");
        }
        for field in ["\"a\"", "b", ""] {
            assert!(!has(field), "{field}");
        }
    }

    #[test]
    fn a_head_without_end_is_refused() {
        let mut bytes = b"GET / HTTP/1.1\r\nx: ".to_vec();
        assert!(matches!(Request::parse(&bytes), Ok(None)));
        bytes.resize(HEAD_LIMIT, b'a');
        assert!(Request::parse(&bytes).is_err());
    }
}
