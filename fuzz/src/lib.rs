//! What must hold of any bytes, one function for each parser that reads a stranger's. Each panics when it does not.

use std::io::{self, Read};

use contract::Username;
use contract::chunk::{Decoder, Malformed, Progress};
use contract::form::{PART_HEAD_BYTES, file_name};
use contract::head::is_host;
use http_blocking::{Limits, Multipart, MultipartError, Version, head};

/// The head of a request: where it ends does not depend on what follows or on how it arrives, and what is accepted has a
/// host.
pub fn head(bytes: &[u8]) {
    let limits = Limits::default();
    match head::parse(bytes, &limits) {
        Ok(Some((head, length))) => {
            assert!(length <= bytes.len());
            let alone = head::parse(&bytes[..length], &limits).expect("it was accepted");
            let (again, same) = alone.expect("it is whole");
            assert_eq!((same, format!("{again:?}")), (length, format!("{head:?}")));
            let early = head::parse(&bytes[..length - 1], &limits);
            assert!(!matches!(early, Ok(Some(_))), "it ends before its end");
            if head.request.version() == Version::HTTP_11 {
                let hosts: Vec<_> = head.request.headers().get_all("host").iter().collect();
                assert!(hosts.len() == 1 && is_host(hosts[0].as_bytes()), "{hosts:?}");
            }
        }
        Ok(None) => {}
        Err(refusal) => assert!(refusal.status().is_client_error(), "{refusal}"),
    }
}

/// A chunked body: it is the same wherever it is cut, and who only passes over it ends where it ends. The first byte says
/// where it is cut.
pub fn chunk(bytes: &[u8]) {
    let Some((&cut, bytes)) = bytes.split_first() else { return };
    let (cut, whole) = (usize::from(cut) + 1, decoded(bytes, bytes.len().max(1)));
    assert_eq!(decoded(bytes, cut), whole);
    let mut decoder = Decoder::new();
    let passed = bytes.chunks(cut).map(|piece| decoder.pass_over(piece)).sum::<Result<usize, _>>();
    match whole {
        Ok(Some((_, length))) => assert!(decoder.is_end() && passed == Ok(length)),
        Ok(None) => assert!(!decoder.is_end() && passed == Ok(bytes.len())),
        Err(_) => assert!(passed.is_err()),
    }
}

/// The content and how much of the input was framing and content, once it has ended; none when there is more to come.
type Decoded = Option<(Vec<u8>, usize)>;

fn decoded(bytes: &[u8], piece: usize) -> Result<Decoded, Malformed> {
    let (mut decoder, mut content, mut at) = (Decoder::new(), Vec::new(), 0);
    for piece in bytes.chunks(piece) {
        let mut rest = piece;
        loop {
            let (taken, progress) = decoder.advance(rest)?;
            (at, rest) = (at + taken, &rest[taken..]);
            match progress {
                Progress::Data(left) => {
                    let count = rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    if count == 0 {
                        break;
                    }
                    content.extend_from_slice(&rest[..count]);
                    decoder.took(count as u64);
                    (at, rest) = (at + count, &rest[count..]);
                }
                Progress::End => return Ok(Some((content, at))),
                _ => break,
            }
        }
    }
    Ok(None)
}

/// A `Host` or the target of a request: what is accepted cannot be mistaken for another host, path or line.
pub fn host(bytes: &[u8]) {
    if is_host(bytes) {
        let harmless = |byte: &u8| byte.is_ascii_graphic() && !b"/\\@?#\"<>".contains(byte);
        assert!(bytes.iter().all(harmless), "{}", bytes.escape_ascii());
    }
    let request = [b"GET ", bytes, b" HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
    // A target may bring a line end of its own, and with it another head; that is no target any more.
    if bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n' | b' ')) {
        return;
    }
    if let Ok(Some((head, _))) = head::parse(&request, &Limits::default()) {
        let uri = head.request.uri().to_string();
        let visible = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
        assert!(uri.bytes().all(visible), "{uri:?}");
    }
}

/// A form of files: its parts are the same however it comes, what is in them is in the form, and what a file may be called
/// is no path. The first byte says how much comes at a time.
pub fn form(bytes: &[u8]) {
    let Some((&cut, form)) = bytes.split_first() else { return };
    let (parts, why) = parts(form, usize::from(cut) + 1);
    let whole = self::parts(form, form.len().max(1));
    assert_eq!((&parts, &why), (&whole.0, &whole.1));
    let content: usize = parts.iter().map(|part| part.content.len()).sum();
    assert!(content <= form.len());
    for part in parts {
        let has_boundary = part.content.windows(5).any(|window| window == b"\r\n--b");
        assert!(!has_boundary, "{}", part.content.escape_ascii());
        if let Ok(Some(name)) = file_name(part.disposition.as_deref()) {
            let name = name.as_str();
            let is_path = name.contains(['/', '\\', '\0']) || matches!(name, "" | "." | "..");
            assert!(!is_path, "{name:?}");
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Part {
    disposition: Option<Vec<u8>>,
    content: Vec<u8>,
}

/// The parts up to the form's end, or up to what is wrong with it.
fn parts(form: &[u8], cut: usize) -> (Vec<Part>, Option<String>) {
    let mut parts = Vec::new();
    let mut reader = Multipart::new(Cut(form, cut), "b", PART_HEAD_BYTES);
    let mut read = || -> Result<(), MultipartError> {
        while let Some(head) = reader.next_part()? {
            let disposition =
                head.get("content-disposition").map(|value| value.as_bytes().to_vec());
            parts.push(Part { disposition, content: Vec::new() });
            while let Some(chunk) = reader.chunk()? {
                parts.last_mut().expect("it was just pushed").content.extend_from_slice(chunk);
            }
        }
        Ok(())
    };
    let why = read().err().map(|error| error.to_string());
    // Of a part that does not end, how much is given out depends on how it came.
    if why.is_some() {
        parts.pop();
    }
    (parts, why)
}

/// Gives so many bytes at a time.
struct Cut<'a>(&'a [u8], usize);

impl Read for Cut<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = self.1.min(into.len());
        self.0.read(&mut into[..most])
    }
}

/// A user's name: what is accepted is it, letter by letter, and cannot be a path, a host or a field.
pub fn username(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let named = Username::parse(&["path", "username"], text);
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    let is_name = (1..=39).contains(&text.len()) && text.bytes().all(letter);
    assert_eq!(named.is_ok(), is_name, "{text:?}");
    if let Ok(name) = named {
        assert_eq!(name.as_str(), text);
    }
}
