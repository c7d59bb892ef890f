//! The chunked transfer coding, read byte by byte from slices; no I/O, nothing stored, nothing allocated.
//!
//! One decoder, so that the three servers take the same bodies, and agree where each ends: hyper takes a control in a chunk
//! extension and actix-http anything for a trailer. `http-blocking` reads with it; `http-async` looks with it before a
//! framework does.

/// Bytes of chunk extensions and trailers that one body may hold, in total: they cost work and carry nothing here. No
/// more than hyper takes of each (its `h1/decode.rs`), or it would refuse what the others take.
const OVERHEAD: usize = 16 * 1024;

/// Trailer fields that one body may hold: as many as a head, which is what hyper allows.
const TRAILERS: usize = 96;

/// The body does not follow RFC 9112 section 7.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed chunk")]
pub struct Malformed;

/// Where the framing stands after [`Decoder::advance`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All input was framing; more is needed.
    More,
    /// This many bytes of content stand before the next framing; the input goes on with them.
    Data(u64),
    /// The body is over, trailers included.
    End,
}

/// Reads the framing of one body.
///
/// No control byte in a chunk extension, and trailers must be field lines.
#[derive(Clone, Debug)]
pub struct Decoder {
    state: State,
    /// Bytes of the chunk still to come, or the size as far as it was read.
    left: u64,
    overhead: usize,
    trailers: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first digit of a size.
    Size,
    /// After a digit.
    Digits,
    /// White space between size and extension.
    Space,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// At the start of a line after the last chunk.
    Trailer,
    TrailerName,
    TrailerValue,
    TrailerLf,
    EndLf,
    End,
}

impl Decoder {
    /// At the start of a body.
    pub fn new() -> Self {
        Self { state: State::Size, left: 0, overhead: 0, trailers: 0 }
    }

    /// Reads framing from `input` until content, the end, or more input is needed. Says how many bytes it took.
    ///
    /// # Errors
    /// When the framing is malformed or carries too much besides the content. The decoder is of no use afterwards.
    pub fn advance(&mut self, input: &[u8]) -> Result<(usize, Progress), Malformed> {
        for (taken, &byte) in input.iter().enumerate() {
            match self.state {
                State::Data if self.left > 0 => return Ok((taken, Progress::Data(self.left))),
                State::End => return Ok((taken, Progress::End)),
                _ => self.step(byte)?,
            }
        }
        let progress = match self.state {
            State::Data if self.left > 0 => Progress::Data(self.left),
            State::End => Progress::End,
            _ => Progress::More,
        };
        Ok((input.len(), progress))
    }

    /// Says that `count` bytes of content were taken from behind the framing.
    pub fn took(&mut self, count: u64) {
        debug_assert!(self.state == State::Data && count <= self.left);
        self.left -= count;
        if self.left == 0 {
            self.state = State::DataCr;
        }
    }

    /// Passes over framing and content alike; says how many bytes of `input` belong to the body.
    ///
    /// # Errors
    /// As [`advance`](Self::advance).
    pub fn pass_over(&mut self, input: &[u8]) -> Result<usize, Malformed> {
        let mut passed = 0;
        loop {
            let (taken, progress) = self.advance(&input[passed..])?;
            passed += taken;
            let Progress::Data(left) = progress else { return Ok(passed) };
            let count = (input.len() - passed).min(usize::try_from(left).unwrap_or(usize::MAX));
            if count == 0 {
                return Ok(passed);
            }
            self.took(count as u64);
            passed += count;
        }
    }

    /// Whether the body is over.
    pub fn is_end(&self) -> bool {
        self.state == State::End
    }

    fn step(&mut self, byte: u8) -> Result<(), Malformed> {
        self.state = match (self.state, byte) {
            (State::Size | State::Digits, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                self.push_digit(byte)?;
                State::Digits
            }
            (State::Digits | State::Space, b' ' | b'\t') => self.count(State::Space)?,
            (State::Digits | State::Space, b';') => self.count(State::Extension)?,
            (State::Digits | State::Space | State::Extension, b'\r') => State::SizeLf,
            (State::Extension, b'\t' | b' '..=b'~' | 0x80..) => self.count(State::Extension)?,
            (State::SizeLf, b'\n') if self.left == 0 => State::Trailer,
            (State::SizeLf, b'\n') => State::Data,
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Size,
            (State::Trailer, b'\r') => self.count(State::EndLf)?,
            (State::Trailer, _) if is_token(byte) => self.count(State::TrailerName)?,
            (State::TrailerName, b':') => self.count(State::TrailerValue)?,
            (State::TrailerName, _) if is_token(byte) => self.count(State::TrailerName)?,
            (State::TrailerValue, b'\r') => self.count(State::TrailerLf)?,
            (State::TrailerValue, b'\t' | b' '..=b'~' | 0x80..) => {
                self.count(State::TrailerValue)?
            }
            (State::TrailerLf, b'\n') if self.trailers < TRAILERS => {
                self.trailers += 1;
                self.count(State::Trailer)?
            }
            (State::EndLf, b'\n') => self.count(State::End)?,
            _ => return Err(Malformed),
        };
        Ok(())
    }

    fn push_digit(&mut self, digit: u8) -> Result<(), Malformed> {
        // Zeros in front are no overflow, but they are not for ever either.
        self.overhead += usize::from(self.left == 0);
        let value = char::from(digit).to_digit(16).ok_or(Malformed)?;
        self.left = self.left.checked_mul(16).ok_or(Malformed)? | u64::from(value);
        if self.overhead >= OVERHEAD { Err(Malformed) } else { Ok(()) }
    }

    fn count(&mut self, next: State) -> Result<State, Malformed> {
        self.overhead += 1;
        if self.overhead >= OVERHEAD { Err(Malformed) } else { Ok(next) }
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Content, and the rest after it.
    type Decoded = (Vec<u8>, Vec<u8>);

    /// Feeds `input` in pieces of the given sizes, over and over; nothing when it is not whole.
    fn decode(input: &[u8], pieces: &[usize]) -> Result<Option<Decoded>, Malformed> {
        let mut decoder = Decoder::new();
        let mut content = Vec::new();
        let (mut at, mut turn) = (0, 0);
        while at < input.len() {
            let piece = pieces[turn % pieces.len()].clamp(1, input.len() - at);
            turn += 1;
            let mut piece = &input[at..at + piece];
            loop {
                let (taken, progress) = decoder.advance(piece)?;
                piece = &piece[taken..];
                at += taken;
                match progress {
                    Progress::More => break,
                    Progress::End => return Ok(Some((content, input[at..].to_vec()))),
                    Progress::Data(left) => {
                        let count = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                        if count == 0 {
                            break;
                        }
                        content.extend_from_slice(&piece[..count]);
                        decoder.took(count as u64);
                        piece = &piece[count..];
                        at += count;
                    }
                }
            }
        }
        Ok(None)
    }

    #[test]
    fn chunks_end_with_the_empty_line_after_the_trailers() {
        let text = b"5;a=b\r\nhello\r\n00A \t;x\r\n0123456789\r\n0\r\nX-Check: 1\r\nY:\r\n\r\nGET";
        let (content, rest) = decode(text, &[text.len()]).unwrap().unwrap();
        assert_eq!(content, b"hello0123456789");
        assert_eq!(rest, b"GET");
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        for text in [
            &b"0x5\r\nhello\r\n0\r\n\r\n"[..],
            b"+5\r\nhello\r\n0\r\n\r\n",
            b"-5\r\nhello\r\n0\r\n\r\n",
            b" 5\r\nhello\r\n0\r\n\r\n",
            b"\r\nhello\r\n0\r\n\r\n",
            b";a\r\nhello\r\n0\r\n\r\n",
            b"10000000000000005\r\nhello\r\n0\r\n\r\n",
            b"3\r\nhello\r\n0\r\n\r\n",
            b"5\rhello\r\n0\r\n\r\n",
            b"5\nhello\r\n0\r\n\r\n",
            b"5\r\nhello\n0\r\n\r\n",
            b"5 5\r\nhello\r\n0\r\n\r\n",
            b"5;a\nb\r\nhello\r\n0\r\n\r\n",
            b"5;a\x00b\r\nhello\r\n0\r\n\r\n",
            b"0\r\n folded\r\n\r\n",
            b"0\r\nno colon\r\n\r\n",
            b"0\r\n: no name\r\n\r\n",
            b"0\r\nX: a\rb\r\n\r\n",
            b"0\r\n\rX",
        ] {
            let shown = text.escape_ascii();
            assert_eq!(decode(text, &[text.len()]), Err(Malformed), "{shown}");
        }
    }

    #[test]
    fn extensions_trailers_and_zeros_are_bounded() {
        for filler in ["5;", "0\r\nX:", ""] {
            let text = filler.to_owned() + &"0".repeat(OVERHEAD + 2);
            assert_eq!(decode(text.as_bytes(), &[text.len()]), Err(Malformed), "{filler}");
        }
        assert!(decode(&b"1;e\r\nx\r\n".repeat(OVERHEAD), &[4096]).is_err());
        let trailers = |count| format!("0\r\n{}\r\n", "X: y\r\n".repeat(count));
        assert!(decode(trailers(TRAILERS).as_bytes(), &[7]).unwrap().is_some());
        assert!(decode(trailers(TRAILERS + 1).as_bytes(), &[7]).is_err());
    }

    #[test]
    fn passing_over_a_body_ends_where_reading_it_does() {
        let body = b"5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n";
        let bytes = [&body[..], b"GET / HTTP/1.1\r\n"].concat();
        for size in 1..=bytes.len() {
            let mut decoder = Decoder::new();
            let passed: usize =
                bytes.chunks(size).map(|piece| decoder.pass_over(piece).unwrap()).sum();
            assert_eq!(passed, body.len(), "in pieces of {size}");
            assert!(decoder.is_end());
        }
        assert_eq!(Decoder::new().pass_over(b"5\r\nhello\r\nx"), Err(Malformed));
    }

    proptest! {
        #[test]
        fn splits_change_nothing(
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..6),
            pieces in proptest::collection::vec(1usize..50, 1..8),
            flaw in proptest::option::of((any::<proptest::sample::Index>(), any::<u8>())),
        ) {
            let mut text = Vec::new();
            for chunk in &chunks {
                text.extend_from_slice(format!("{:x};e\r\n", chunk.len()).as_bytes());
                text.extend_from_slice(chunk);
                text.extend_from_slice(b"\r\n");
            }
            text.extend_from_slice(b"0\r\nX: y\r\n\r\nrest");
            if flaw.is_none() {
                let (content, rest) = decode(&text, &pieces).unwrap().unwrap();
                prop_assert_eq!(content, chunks.concat());
                prop_assert_eq!(rest, b"rest");
            } else if let Some((index, byte)) = flaw {
                *index.get_mut(&mut text) = byte;
                prop_assert_eq!(decode(&text, &pieces), decode(&text, &[text.len()]));
            }
        }
    }
}
