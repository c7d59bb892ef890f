//! The client: warm connections, asked all at once by one thread, every reply compared with the right one.
//!
//! It writes the requests to all connections, then reads the replies in the same order, blocking. A batch ends with its
//! last reply whatever the order, so nothing is gained by asking epoll who is ready: what came early lies in the
//! socket, already paid for. That leaves one write and one read a request, no thread, no poll and no allocation, which is
//! less than any generator needs, and what one connection and 64 do is the same code.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use load::{Reply, Step};

/// How long one read may take before the server is called stuck.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a reply's body must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Right {
    /// These bytes.
    Exactly(Vec<u8>),
    /// This many: what is encrypted is never the same twice.
    AsLong(usize),
}

/// Connections to one server that ask the same.
#[derive(Debug)]
pub struct Client {
    connections: Vec<TcpStream>,
    request: Vec<u8>,
    right: Right,
    reply: Reply,
    buffer: Vec<u8>,
}

impl Client {
    /// Opens `count` connections on which to send `request`, and what is then the right answer.
    ///
    /// # Errors
    ///
    /// When a connection cannot be had.
    pub fn open(
        addr: SocketAddr,
        request: impl Into<Vec<u8>>,
        right: Right,
        count: usize,
    ) -> std::io::Result<Self> {
        let open = |_| {
            let stream = TcpStream::connect(addr)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            Ok(stream)
        };
        Ok(Self {
            connections: (0..count).map(open).collect::<std::io::Result<_>>()?,
            request: request.into(),
            right,
            reply: Reply::default(),
            buffer: vec![0; 16 << 10],
        })
    }

    /// Asks once on every connection and returns when all have answered.
    ///
    /// # Errors
    ///
    /// When one does not answer, or wrongly.
    pub fn ask(&mut self) -> Result<(), String> {
        for connection in &mut self.connections {
            let sent = connection.write_all(&self.request);
            sent.map_err(|error| format!("cannot send: {error}"))?;
        }
        for connection in &mut self.connections {
            answered(connection, &mut self.reply, &mut self.buffer, &self.right)?;
        }
        Ok(())
    }
}

/// Reads one reply: 200 with the right body, and nothing behind it.
fn answered(
    mut connection: &TcpStream,
    reply: &mut Reply,
    buffer: &mut [u8],
    right: &Right,
) -> Result<(), String> {
    reply.begin(false);
    let mut came = Came::default();
    loop {
        let count = match connection.read(buffer) {
            Ok(0) => return Err("the server closed the connection".into()),
            Ok(count) => count,
            Err(error) => return Err(format!("no whole reply in {PATIENCE:?}: {error}")),
        };
        let step = reply.read(&buffer[..count], |piece| came.more(piece, right));
        match step.map_err(|malformed| malformed.to_string())? {
            Step::More => {}
            Step::Whole { used } if used < count => return Err("bytes behind the reply".into()),
            Step::Whole { .. } if reply.status() != 200 => {
                return Err(format!("status {}", reply.status()));
            }
            Step::Whole { .. } if !came.is_whole(right) => {
                return Err("another body than the right one".into());
            }
            Step::Whole { .. } => return Ok(()),
        }
    }
}

/// How much of a body has come, and whether it was right so far.
#[derive(Default)]
struct Came {
    length: usize,
    wrong: bool,
}

impl Came {
    fn more(&mut self, piece: &[u8], right: &Right) {
        let end = self.length + piece.len();
        if let Right::Exactly(body) = right {
            self.wrong |= body.get(self.length..end) != Some(piece);
        }
        self.length = end;
    }

    fn is_whole(&self, right: &Right) -> bool {
        let length = match right {
            Right::Exactly(body) => body.len(),
            Right::AsLong(length) => *length,
        };
        !self.wrong && self.length == length
    }
}

#[cfg(test)]
mod tests {
    use load::floor::Floor;

    use super::*;

    fn asked(reply: &str, body: &str) -> Result<(), String> {
        compared(reply, Right::Exactly(body.into()))
    }

    fn compared(reply: &str, right: Right) -> Result<(), String> {
        let floor = Floor::start(reply).unwrap();
        let mut client =
            Client::open(floor.addr, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", right, 3).unwrap();
        let result = client.ask().and_then(|()| client.ask());
        floor.stop().unwrap();
        result
    }

    #[test]
    fn a_batch_is_right_only_when_status_and_body_are() {
        let right = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
        assert_eq!(asked(right, "hi"), Ok(()));
        for body in ["h", "ho", "hi!", ""] {
            assert_eq!(asked(right, body), Err("another body than the right one".into()), "{body}");
        }
        assert_eq!(compared(right, Right::AsLong(2)), Ok(()));
        assert!(compared(right, Right::AsLong(3)).is_err());
        assert_eq!(asked(&right.replace("200", "503"), "hi"), Err("status 503".into()));
        assert_eq!(asked(&format!("{right}more"), "hi"), Err("bytes behind the reply".into()));
    }
}
