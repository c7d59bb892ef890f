//! The head of an answer: the same bytes in the same order as hyper under axum would send.

use http::header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};

/// What the head must say besides what the handler set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) version: Version,
    pub(crate) status: StatusCode,
    /// How the end of the content is known.
    pub(crate) extent: Extent,
    pub(crate) keep_alive: bool,
}

/// How the client knows where the content ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// By `content-length`.
    Length(u64),
    /// By the last chunk.
    Chunked,
    /// By the end of the connection, or there is none and nothing to say.
    Unsaid,
}

/// Fields that every answer carries, unless its handler knows better.
#[derive(Debug, Default)]
pub(crate) struct Always {
    fields: Vec<(HeaderName, HeaderValue)>,
    /// All of them as they are sent: mostly one copy does.
    block: Vec<u8>,
}

impl Always {
    pub(crate) fn new(fields: &[(HeaderName, HeaderValue)]) -> Self {
        let mut block = Vec::new();
        for (name, value) in fields {
            push(&mut block, name.as_str(), value);
        }
        Self { fields: fields.to_vec(), block }
    }

    fn has(&self, name: &HeaderName) -> bool {
        self.fields.iter().any(|(always, _)| always == name)
    }

    /// Those that are not in `own`, which has some of them.
    fn push_missing(&self, out: &mut Vec<u8>, own: &HeaderMap) {
        for (name, value) in self.fields.iter().filter(|(name, _)| !own.contains_key(name)) {
            push(out, name.as_str(), value);
        }
    }
}

/// Appends a head. Fields stand in the handler's order, then those of every answer, `content-length`, `connection`,
/// `transfer-encoding` and `date`, unless the handler set them. Says whether the connection is kept: the handler may
/// have said `close`.
pub(crate) fn encode(
    out: &mut Vec<u8>,
    mut shape: Shape,
    fields: &HeaderMap,
    always: &Always,
    date: &str,
) -> bool {
    if shape.version == Version::HTTP_11 && shape.status == StatusCode::OK {
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    } else {
        let old = shape.version == Version::HTTP_10;
        out.extend_from_slice(if old { b"HTTP/1.0 " } else { b"HTTP/1.1 " });
        out.extend_from_slice(shape.status.as_str().as_bytes());
        out.push(b' ');
        let reason = shape.status.canonical_reason().unwrap_or("<none>");
        out.extend_from_slice(reason.as_bytes());
        out.extend_from_slice(b"\r\n");
    }

    let (mut dated, mut measured, mut knows_better) = (false, false, false);
    for (name, value) in fields {
        // How the message ends and whether the connection stays is the server's to say.
        match *name {
            CONNECTION => {
                shape.keep_alive &= !value.as_bytes().eq_ignore_ascii_case(b"close");
                continue;
            }
            TRANSFER_ENCODING => continue,
            CONTENT_LENGTH => {
                if let Extent::Length(length) = shape.extent
                    && !measured
                {
                    measured = true;
                    push_length(out, length);
                }
                continue;
            }
            DATE => dated = true,
            _ => knows_better |= always.has(name),
        }
        push(out, name.as_str(), value);
    }
    if knows_better {
        always.push_missing(out, fields);
    } else {
        out.extend_from_slice(&always.block);
    }
    if let Extent::Length(length) = shape.extent
        && !measured
    {
        push_length(out, length);
    }
    match shape.version {
        Version::HTTP_11 if !shape.keep_alive => out.extend_from_slice(b"connection: close\r\n"),
        Version::HTTP_10 if shape.keep_alive => {
            out.extend_from_slice(b"connection: keep-alive\r\n");
        }
        _ => {}
    }
    if shape.extent == Extent::Chunked {
        out.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    if !dated {
        out.extend_from_slice(b"date: ");
        out.extend_from_slice(date.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    shape.keep_alive
}

fn push(out: &mut Vec<u8>, name: &str, value: &HeaderValue) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn push_length(out: &mut Vec<u8>, length: u64) {
    out.extend_from_slice(b"content-length: ");
    out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(shape: Shape, fields: &[(&'static str, &'static str)]) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(*name, HeaderValue::from_static(value));
        }
        let mut out = Vec::new();
        encode(&mut out, shape, &map, &Always::default(), "DATE");
        String::from_utf8(out).unwrap()
    }

    const OK: Shape = Shape {
        version: Version::HTTP_11,
        status: StatusCode::OK,
        extent: Extent::Length(5),
        keep_alive: true,
    };

    #[test]
    fn the_head_has_the_order_of_hyper() {
        assert_eq!(
            head(OK, &[("content-type", "a"), ("x-b", "1"), ("x-b", "2")]),
            "HTTP/1.1 200 OK\r\ncontent-type: a\r\nx-b: 1\r\nx-b: 2\r\ncontent-length: 5\r\ndate: DATE\r\n\r\n"
        );
        let chunked = Shape { extent: Extent::Chunked, keep_alive: false, ..OK };
        assert_eq!(
            head(chunked, &[]),
            "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\ndate: DATE\r\n\r\n"
        );
        let old = Shape { version: Version::HTTP_10, status: StatusCode::NOT_FOUND, ..OK };
        assert_eq!(
            head(old, &[]),
            "HTTP/1.0 404 Not Found\r\ncontent-length: 5\r\nconnection: keep-alive\r\ndate: DATE\r\n\r\n"
        );
    }

    #[test]
    fn what_every_answer_carries_gives_way_to_the_handler() {
        let fields = [("x-a", "1"), ("x-b", "2")]
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let always = Always::new(&fields);
        for (own, wanted) in
            [("x-c", "x-c: own\r\nx-a: 1\r\nx-b: 2\r\n"), ("x-b", "x-b: own\r\nx-a: 1\r\n")]
        {
            let own = HeaderMap::from_iter([(
                HeaderName::from_static(own),
                HeaderValue::from_static("own"),
            )]);
            let mut out = Vec::new();
            encode(&mut out, OK, &own, &always, "DATE");
            let wanted =
                format!("HTTP/1.1 200 OK\r\n{wanted}content-length: 5\r\ndate: DATE\r\n\r\n");
            assert_eq!(String::from_utf8(out).unwrap(), wanted);
        }
    }

    #[test]
    fn a_handler_cannot_contradict_the_framing() {
        let fields = [
            ("content-length", "9"),
            ("transfer-encoding", "gzip"),
            ("connection", "upgrade"),
            ("date", "mine"),
        ];
        assert_eq!(head(OK, &fields), "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ndate: mine\r\n\r\n");
        let closed =
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\ndate: DATE\r\n\r\n";
        assert_eq!(head(OK, &[("connection", "Close")]), closed);
        let unsaid = Shape { extent: Extent::Unsaid, ..OK };
        assert_eq!(head(unsaid, &fields), "HTTP/1.1 200 OK\r\ndate: mine\r\n\r\n");
    }
}
