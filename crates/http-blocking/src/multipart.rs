//! `multipart/form-data` cut into parts while it is read (RFC 2046 section 5.1, RFC 7578), in a buffer of fixed size.
//!
//! Memory holds one buffer, however large a part is and however long the client makes its head.

use std::io::{self, ErrorKind, Read};

use http::{HeaderMap, HeaderName, HeaderValue};
use memchr::memmem::{Finder, find};

/// What is read at once. A head must fit, and the larger the rest the fewer the reads.
const BUFFER: usize = 64 * 1024;

/// Fields in the head of a part.
const FIELDS: usize = 32;

/// The parts of a form, one after the other, as they come from `R`.
pub struct Multipart<R> {
    from: R,
    /// What was read and not yet given out: `buffer[start..end]`.
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// As many of those bytes as are known to be content.
    content: usize,
    /// CR LF, two hyphens and the boundary.
    delimiter: Finder<'static>,
    most_head: usize,
    place: Place,
}

/// Where in the form the reader stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the first boundary.
    Preamble,
    /// In the content of a part.
    Content,
    /// Behind the boundary that ends a part or the preamble.
    Boundary,
    /// Behind the last one.
    End,
}

/// Why a form could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum MultipartError {
    /// Not as the RFCs have it.
    #[error("the form is malformed")]
    Malformed,
    /// It ends before its last boundary.
    #[error("the form was cut short")]
    CutShort,
    /// The head of a part, or what stands before the first one, is over the limit.
    #[error("the head of a part is too large")]
    HeadTooLarge,
    /// What it is read from failed.
    #[error(transparent)]
    Read(#[from] io::Error),
}

impl<R: Read> Multipart<R> {
    /// The parts of what `from` reads, between these boundaries; a head may be `most_head` bytes long.
    pub fn new(from: R, boundary: &str, most_head: usize) -> Self {
        let delimiter = format!("\r\n--{boundary}");
        let mut buffer = vec![0; BUFFER].into_boxed_slice();
        // The first boundary may stand at the very start: with a line end before it, it is like all others.
        buffer[..2].copy_from_slice(b"\r\n");
        Self {
            from,
            buffer,
            start: 0,
            end: 2,
            content: 0,
            delimiter: Finder::new(delimiter.as_bytes()).into_owned(),
            most_head,
            place: Place::Preamble,
        }
    }

    /// The head of the next part; what nobody read of the one before is skipped. `None` after the last.
    ///
    /// # Errors
    /// When the form is malformed, cut short or over a limit, or cannot be read.
    pub fn next_part(&mut self) -> Result<Option<HeaderMap>, MultipartError> {
        if self.place == Place::Preamble {
            let mut skipped = 0;
            while let Some(piece) = self.piece()? {
                skipped += piece;
                if skipped > self.most_head {
                    return Err(MultipartError::HeadTooLarge);
                }
            }
        }
        while self.chunk()?.is_some() {}
        if self.place == Place::End || self.is_last()? {
            self.place = Place::End;
            return Ok(None);
        }
        self.skip_padding()?;
        let fields = self.head()?;
        self.place = Place::Content;
        Ok(Some(fields))
    }

    /// The next bytes of the part's content; `None` at its end.
    ///
    /// # Errors
    /// As [`next_part`](Self::next_part).
    pub fn chunk(&mut self) -> Result<Option<&[u8]>, MultipartError> {
        if self.place != Place::Content {
            return Ok(None);
        }
        let Some(length) = self.piece()? else { return Ok(None) };
        Ok(Some(&self.buffer[self.start - length..self.start]))
    }

    /// Takes what is there before the next boundary, and says how much; at the boundary, takes that.
    fn piece(&mut self) -> Result<Option<usize>, MultipartError> {
        let delimiter = self.delimiter.needle().len();
        while self.content == 0 {
            let unused = &self.buffer[self.start..self.end];
            match self.delimiter.find(unused) {
                Some(0) => {
                    self.start += delimiter;
                    self.place = Place::Boundary;
                    return Ok(None);
                }
                Some(place) => self.content = place,
                // The last bytes may be the start of a boundary.
                None => self.content = unused.len().saturating_sub(delimiter - 1),
            }
            if self.content == 0 {
                self.fill()?;
            }
        }
        let length = std::mem::take(&mut self.content);
        self.start += length;
        Ok(Some(length))
    }

    /// Whether the boundary that was taken ends the form.
    fn is_last(&mut self) -> Result<bool, MultipartError> {
        while self.end - self.start < 2 {
            self.fill()?;
        }
        Ok(self.buffer[self.start..].starts_with(b"--"))
    }

    /// Behind a boundary there may be white space, and must be the end of the line.
    fn skip_padding(&mut self) -> Result<(), MultipartError> {
        let mut skipped = 0;
        loop {
            while self.end - self.start < 2 {
                self.fill()?;
            }
            match &self.buffer[self.start..self.start + 2] {
                b"\r\n" => break,
                [b' ' | b'\t', _] if skipped < self.most_head => {
                    self.start += 1;
                    skipped += 1;
                }
                _ => return Err(MultipartError::Malformed),
            }
        }
        self.start += 2;
        Ok(())
    }

    fn head(&mut self) -> Result<HeaderMap, MultipartError> {
        let length = loop {
            let unused = &self.buffer[self.start..self.end];
            match find(unused, b"\r\n\r\n") {
                Some(place) => break place + 4,
                None if unused.len() > self.most_head => return Err(MultipartError::HeadTooLarge),
                None => self.fill()?,
            }
        };
        if length > self.most_head {
            return Err(MultipartError::HeadTooLarge);
        }
        let head = &self.buffer[self.start..self.start + length];
        let mut lines = [httparse::EMPTY_HEADER; FIELDS];
        let parsed = httparse::parse_headers(head, &mut lines);
        let Ok(httparse::Status::Complete((_, lines))) = parsed else {
            return Err(MultipartError::Malformed);
        };
        let mut fields = HeaderMap::with_capacity(lines.len());
        for line in lines {
            let name = HeaderName::from_bytes(line.name.as_bytes());
            let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(line.value)) else {
                return Err(MultipartError::Malformed);
            };
            fields.append(name, value);
        }
        self.start += length;
        Ok(fields)
    }

    /// Reads more, at least a byte.
    fn fill(&mut self) -> Result<(), MultipartError> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        loop {
            match self.from.read(&mut self.buffer[self.end..]) {
                Ok(0) => return Err(MultipartError::CutShort),
                Ok(read) => {
                    self.end += read;
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads as many bytes at a time as it is told.
    struct Cut<'a>(&'a [u8], usize);

    impl Read for Cut<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(self.0.len()).min(into.len());
            into[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    fn parts(form: &[u8], cut: usize) -> Result<Vec<Vec<u8>>, MultipartError> {
        let mut form = Multipart::new(Cut(form, cut), "b", 1_000);
        let mut parts = Vec::new();
        while form.next_part()?.is_some() {
            let mut content = Vec::new();
            while let Some(chunk) = form.chunk()? {
                content.extend_from_slice(chunk);
            }
            parts.push(content);
        }
        Ok(parts)
    }

    fn form(contents: &[Vec<u8>]) -> Vec<u8> {
        let mut form = Vec::new();
        for content in contents {
            form.extend_from_slice(b"--b\r\nContent-Disposition: form-data\r\n\r\n");
            form.extend_from_slice(content);
            form.extend_from_slice(b"\r\n");
        }
        form.extend_from_slice(b"--b--\r\n");
        form
    }

    #[test]
    fn a_form_ends_where_its_last_boundary_says() {
        assert_eq!(parts(b"--b--", 3).unwrap().len(), 0);
        assert_eq!(parts(b"hello\r\n--b \t\r\nA: b\r\n\r\nx\r\n--b--y", 1).unwrap(), [b"x"]);
        for cut_short in
            [&b""[..], b"--b", b"--b\r\n", b"--b\r\nA: b\r\n\r\nx", b"--b\r\nA: b\r\n\r\nx\r\n--b"]
        {
            assert!(matches!(parts(cut_short, 2), Err(MultipartError::CutShort)), "{cut_short:?}");
        }
        for malformed in [&b"--bc\r\nA: b\r\n\r\n"[..], b"--b\r\nA b\r\n\r\nx\r\n--b--"] {
            assert!(matches!(parts(malformed, 2), Err(MultipartError::Malformed)), "{malformed:?}");
        }
    }

    #[test]
    fn neither_a_head_nor_a_preamble_is_gathered_without_end() {
        let head = [&b"--b\r\nA: "[..], &[b'x'; 1_000_000]].concat();
        assert!(matches!(parts(&head, 999), Err(MultipartError::HeadTooLarge)));
        assert!(matches!(parts(&[b'x'; 1_000_000], 999), Err(MultipartError::HeadTooLarge)));
    }

    #[test]
    fn what_is_not_read_of_a_part_is_skipped() {
        let form = form(&[vec![b'x'; 200_000], b"y".to_vec()]);
        let mut form = Multipart::new(Cut(&form, 7_000), "b", 1_000);
        assert!(form.next_part().unwrap().is_some());
        assert!(form.next_part().unwrap().is_some());
        assert_eq!(form.chunk().unwrap().unwrap(), b"y");
    }

    proptest! {
        #[test]
        fn parts_are_what_was_put_in_however_they_are_cut(
            contents in prop::collection::vec(prop::collection::vec(prop::sample::select(&b"\r\n-bx"[..]), 0..60), 0..4),
            cut in 1..50_usize,
        ) {
            let whole = |content: &Vec<u8>| find(&[b"\r\n", &content[..], b"\r\n"].concat(), b"\r\n--b").is_none();
            prop_assume!(contents.iter().all(whole));
            prop_assert_eq!(parts(&form(&contents), cut).unwrap(), contents);
        }

        #[test]
        fn no_bytes_make_it_panic(form in prop::collection::vec(prop::sample::select(&b"\r\n-b: x"[..]), 0..200), cut in 1..50_usize) {
            let _ = parts(&form, cut);
        }
    }
}
