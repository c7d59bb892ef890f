//! What a streamed answer is written to: each flush reaches the client at once.

use std::io::{self, ErrorKind, IoSlice, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustix::net::RecvFlags;

use crate::Shutdown;
use crate::reply::Extent;
use crate::sink::send;

/// What is gathered before it is sent unasked.
const GATHER: usize = 8 * 1024;

/// Room for the size line of a gathered chunk: `2000\r\n`.
const SIZE_LINE: usize = 6;

/// Writes the content of an answer: in chunks, or plainly where its length was given or the client speaks HTTP/1.0.
/// Writing blocks while the client does not read, and fails when it stalls for too long or leaves.
pub struct ChunkWriter<'a> {
    stream: &'a TcpStream,
    shutdown: &'a Shutdown,
    chunked: bool,
    /// Bytes still owed, where a length was given.
    owed: Option<u64>,
    /// A gap for the size line, then what is gathered.
    gathered: Vec<u8>,
}

impl<'a> ChunkWriter<'a> {
    pub(crate) fn new(stream: &'a TcpStream, shutdown: &'a Shutdown, extent: Extent) -> Self {
        let owed = match extent {
            Extent::Length(length) => Some(length),
            Extent::Chunked | Extent::Unsaid => None,
        };
        let gathered = vec![0; SIZE_LINE];
        Self { stream, shutdown, chunked: extent == Extent::Chunked, owed, gathered }
    }

    /// Whether the server drains: a stream without an end of its own should end now.
    pub fn draining(&self) -> bool {
        self.shutdown.is_draining()
    }

    /// Sends what was written so far, then blocks for `duration`, or until the server drains; says whether it does.
    ///
    /// # Errors
    /// When the client is gone or does not read.
    pub fn pause(&mut self, duration: Duration) -> io::Result<bool> {
        self.flush()?;
        Ok(self.shutdown.pause(duration))
    }

    /// Whether the client closed its side. Without asking, a stream that has nothing to say never learns it.
    pub fn client_left(&self) -> bool {
        let peeked = rustix::net::recv(
            self.stream,
            &mut [0u8; 1][..],
            RecvFlags::PEEK | RecvFlags::DONTWAIT,
        );
        match peeked {
            Ok((_, count)) => count == 0,
            Err(error) => error != rustix::io::Errno::AGAIN && error != rustix::io::Errno::INTR,
        }
    }

    /// Ends the content; says whether all that was promised was written.
    pub(crate) fn finish(mut self) -> io::Result<bool> {
        let start = self.seal();
        if self.chunked {
            self.gathered.extend_from_slice(b"0\r\n\r\n");
        }
        self.send(start)?;
        Ok(self.owed.is_none_or(|owed| owed == 0))
    }

    /// Makes a chunk of what is gathered; says where it begins.
    fn seal(&mut self) -> usize {
        let length = self.gathered.len() - SIZE_LINE;
        if length == 0 || !self.chunked {
            return SIZE_LINE;
        }
        let (line, start) = size_line(length);
        self.gathered[..SIZE_LINE].copy_from_slice(&line);
        self.gathered.extend_from_slice(b"\r\n");
        start
    }

    fn send(&mut self, start: usize) -> io::Result<()> {
        let result = send(self.stream, &mut [IoSlice::new(&self.gathered[start..])]);
        self.gathered.truncate(SIZE_LINE);
        result
    }
}

impl Write for ChunkWriter<'_> {
    fn write(&mut self, content: &[u8]) -> io::Result<usize> {
        if let Some(owed) = &mut self.owed {
            let left = owed.checked_sub(content.len() as u64);
            *owed = left.ok_or_else(|| {
                io::Error::new(ErrorKind::InvalidInput, "more content than the length given")
            })?;
        }
        if self.gathered.len() - SIZE_LINE + content.len() > GATHER {
            self.flush()?;
        }
        if content.len() < GATHER {
            self.gathered.extend_from_slice(content);
            return Ok(content.len());
        }
        if self.chunked {
            let size = format!("{:x}\r\n", content.len());
            send(self.stream, &mut [size.as_bytes(), content, b"\r\n"].map(IoSlice::new))?;
        } else {
            send(self.stream, &mut [IoSlice::new(content)])?;
        }
        Ok(content.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.gathered.len() == SIZE_LINE {
            return Ok(());
        }
        let start = self.seal();
        self.send(start)
    }
}

/// The size line, aligned to the right, and where it begins.
fn size_line(size: usize) -> ([u8; SIZE_LINE], usize) {
    let mut line = *b"    \r\n";
    let (mut start, mut left) = (SIZE_LINE - 2, size);
    while left > 0 {
        start -= 1;
        line[start] = b"0123456789abcdef"[left % 16];
        left /= 16;
    }
    (line, start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_line_is_short_hexadecimal() {
        for (size, wanted) in [(1, &b"1\r\n"[..]), (0x1f, b"1f\r\n"), (GATHER, b"2000\r\n")] {
            let (line, start) = size_line(size);
            assert_eq!(&line[start..], wanted);
        }
    }
}
