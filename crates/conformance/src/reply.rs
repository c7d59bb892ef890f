//! A reply as it came: the bytes of its head, its fields in order, its body without the framing.

use std::time::Duration;

use contract::Problem;
use serde_json::Value;

use crate::client::{Trouble, excerpt};

/// One final reply.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The head as it came, with the empty line that ends it.
    pub head: Vec<u8>,
    /// Names in lower case with their values, in the order sent.
    pub fields: Vec<(String, String)>,
    /// The body, without its framing.
    pub body: Vec<u8>,
    /// The interim replies that came before, by status.
    pub interim: Vec<u16>,
    /// From the call that waited for it to its last byte.
    pub took: Duration,
}

/// What can be made of the bytes so far.
pub(crate) enum Scan {
    /// A reply, and how many bytes it took.
    Whole(Reply, usize),
    /// Too little to tell.
    Partial,
}

/// More fields than any reply of the contract has.
const MOST_FIELDS: usize = 128;

struct Head {
    status: u16,
    fields: Vec<(String, String)>,
    length: usize,
}

impl Reply {
    /// Reads the first final reply in `bytes`. `closed`: no more will come.
    pub(crate) fn scan(bytes: &[u8], answers_head: bool, closed: bool) -> Result<Scan, Trouble> {
        let (mut start, mut interim) = (0, Vec::new());
        let head = loop {
            match parse_head(&bytes[start..])? {
                None => return Ok(Scan::Partial),
                Some(head) if head.status < 200 && head.status != 101 => {
                    interim.push(head.status);
                    start += head.length;
                }
                Some(head) => break head,
            }
        };
        let Head { status, fields, length } = head;
        let after = &bytes[start + length..];
        let mut reply = Self {
            status,
            head: bytes[start..start + length].to_vec(),
            fields,
            body: Vec::new(),
            interim,
            took: Duration::ZERO,
        };
        let Some((body, framed)) = reply.framed(after, answers_head, closed)? else {
            return Ok(Scan::Partial);
        };
        reply.body = body;
        Ok(Scan::Whole(reply, start + length + framed))
    }

    /// The status of the first reply in `bytes`, interim or not.
    pub(crate) fn first_status(bytes: &[u8]) -> Option<u16> {
        parse_head(bytes).ok().flatten().map(|head| head.status)
    }

    /// The body by the rules of RFC 9112 section 6.3, and how many bytes it took on the wire.
    fn framed(
        &self,
        after: &[u8],
        answers_head: bool,
        closed: bool,
    ) -> Result<Option<(Vec<u8>, usize)>, Trouble> {
        if answers_head || matches!(self.status, 204 | 304) {
            return Ok(Some((Vec::new(), 0)));
        }
        match (&self.all("transfer-encoding")[..], &self.all("content-length")[..]) {
            ([], [length]) => {
                let digits = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
                let length = length
                    .parse::<usize>()
                    .ok()
                    .filter(|_| digits)
                    .ok_or_else(|| Trouble::Malformed(format!("content-length: {length}")))?;
                Ok((after.len() >= length).then(|| (after[..length].to_vec(), length)))
            }
            ([coding], []) if coding.eq_ignore_ascii_case("chunked") => chunks(after),
            ([], []) if closed => Ok(Some((after.to_vec(), after.len()))),
            ([], []) => Ok(None),
            _ => {
                Err(Trouble::Malformed(format!("its length is ambiguous: {}", excerpt(&self.head))))
            }
        }
    }

    /// The value of a field; of several, the first.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// Every value of a field.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.fields
            .iter()
            .filter(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// Whether the server said that it will close.
    pub fn says_close(&self) -> bool {
        self.all("connection").iter().any(|value| value.to_ascii_lowercase().contains("close"))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<Value, String> {
        serde_json::from_slice(&self.body)
            .map_err(|error| format!("the body is not JSON ({error}): {}", excerpt(&self.body)))
    }

    /// The reply if it has this status.
    pub fn expect(self, status: u16) -> Result<Self, String> {
        if self.status == status {
            return Ok(self);
        }
        Err(format!("answered {}, not {status}: {}", self.status, excerpt(&self.body)))
    }

    /// The reply's problem: RFC 9457, with the members the contract names and no others, for `path`.
    pub fn problem(&self, path: &str) -> Result<Problem, String> {
        let media_type = self.field("content-type").unwrap_or("none");
        if media_type != contract::headers::PROBLEM {
            return Err(format!("a {} of type {media_type}, not a problem", self.status));
        }
        let problem: Problem = serde_json::from_slice(&self.body)
            .map_err(|error| format!("not a problem ({error}): {}", excerpt(&self.body)))?;
        // Written again it must be the same bytes: compact, in order, nothing else in it.
        if problem.to_json() != self.body {
            return Err(format!("not in the contract's form: {}", excerpt(&self.body)));
        }
        let Problem { status, title, detail, instance, .. } = &problem;
        if *status != self.status || title.is_empty() || detail.is_empty() || instance != path {
            return Err(format!(
                "does not say what it answers ({} for {path}): {}",
                self.status,
                excerpt(&self.body)
            ));
        }
        Ok(problem)
    }
}

fn parse_head(bytes: &[u8]) -> Result<Option<Head>, Trouble> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let malformed = |error: &dyn std::fmt::Display| {
        Trouble::Malformed(format!("{error}: {:?}", excerpt(bytes)))
    };
    let length = match response.parse(bytes) {
        Ok(httparse::Status::Partial) => return Ok(None),
        Ok(httparse::Status::Complete(length)) => length,
        Err(error) => return Err(malformed(&error)),
    };
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    Ok(Some(Head {
        status: response.code.ok_or_else(|| malformed(&"no status"))?,
        fields: response
            .headers
            .iter()
            .map(|field| (field.name.to_ascii_lowercase(), text(field.value)))
            .collect(),
        length,
    }))
}

/// Decodes a chunked body; nothing while it is incomplete.
fn chunks(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, Trouble> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let Some(line) = line_end(bytes, at) else { return Ok(None) };
        let size = String::from_utf8_lossy(&bytes[at..line]).into_owned();
        let size = usize::from_str_radix(&size, 16)
            .map_err(|_| Trouble::Malformed(format!("chunk size {size:?}")))?;
        at = line + 2;
        if size == 0 {
            break;
        }
        if bytes.len() < at + size + 2 {
            return Ok(None);
        }
        body.extend_from_slice(&bytes[at..at + size]);
        if &bytes[at + size..at + size + 2] != b"\r\n" {
            return Err(Trouble::Malformed("a chunk does not end with CR LF".to_owned()));
        }
        at += size + 2;
    }
    // Trailers, if any, up to the empty line.
    loop {
        let Some(line) = line_end(bytes, at) else { return Ok(None) };
        let empty = line == at;
        at = line + 2;
        if empty {
            return Ok(Some((body, at)));
        }
    }
}

fn line_end(bytes: &[u8], start: usize) -> Option<usize> {
    bytes[start..].windows(2).position(|pair| pair == b"\r\n").map(|place| start + place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(bytes: &str, head: bool, closed: bool) -> Option<(u16, String, usize)> {
        match Reply::scan(bytes.as_bytes(), head, closed).unwrap() {
            Scan::Whole(reply, length) => Some((reply.status, reply.text(), length)),
            Scan::Partial => None,
        }
    }

    #[test]
    fn a_reply_ends_where_its_framing_says() {
        let sized = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhiHTTP";
        assert_eq!(scan(sized, false, false), Some((200, "hi".into(), 40)));
        assert_eq!(scan(sized, true, false), Some((200, String::new(), 38)));
        assert_eq!(scan(&sized[..39], false, true), None);
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        assert_eq!(scan(chunked, false, false), Some((200, "abc".into(), chunked.len())));
        assert_eq!(scan(&chunked[..chunked.len() - 2], false, false), None);
        let endless = "HTTP/1.0 200 OK\r\n\r\nabc";
        assert_eq!(scan(endless, false, false), None);
        assert_eq!(scan(endless, false, true), Some((200, "abc".into(), 22)));
    }

    #[test]
    fn interim_replies_are_noted_and_ambiguous_ones_refused() {
        let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
        let Ok(Scan::Whole(reply, _)) = Reply::scan(bytes, false, false) else { panic!("partial") };
        assert_eq!((reply.status, &reply.interim[..]), (204, &[100][..]));
        let both =
            b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
        assert!(Reply::scan(both, false, false).is_err());
        assert!(Reply::scan(b"SSH-2.0-x\r\n", false, false).is_err());
    }
}
