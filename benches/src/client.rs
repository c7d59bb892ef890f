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

/// Connections to one server that ask the same.
#[derive(Debug)]
pub struct Client {
    connections: Vec<TcpStream>,
    request: Vec<u8>,
    body: Vec<u8>,
    reply: Reply,
    buffer: Vec<u8>,
}

impl Client {
    /// Opens `count` connections on which to ask for `path`, where `body` is the right answer.
    ///
    /// # Errors
    ///
    /// When a connection cannot be had.
    pub fn open(addr: SocketAddr, path: &str, body: &[u8], count: usize) -> std::io::Result<Self> {
        let open = |_| {
            let stream = TcpStream::connect(addr)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            Ok(stream)
        };
        Ok(Self {
            connections: (0..count).map(open).collect::<std::io::Result<_>>()?,
            request: format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\n\r\n").into(),
            body: body.into(),
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
            answered(connection, &mut self.reply, &mut self.buffer, &self.body)?;
        }
        Ok(())
    }
}

/// Reads one reply: 200 with this body, and nothing behind it.
fn answered(
    mut connection: &TcpStream,
    reply: &mut Reply,
    buffer: &mut [u8],
    body: &[u8],
) -> Result<(), String> {
    reply.begin(false);
    let mut rest = body;
    let mut right = true;
    loop {
        let count = match connection.read(buffer) {
            Ok(0) => return Err("the server closed the connection".into()),
            Ok(count) => count,
            Err(error) => return Err(format!("no whole reply in {PATIENCE:?}: {error}")),
        };
        let step = reply.read(&buffer[..count], |piece| match rest.strip_prefix(piece) {
            Some(left) => rest = left,
            None => right = false,
        });
        match step.map_err(|malformed| malformed.to_string())? {
            Step::More => {}
            Step::Whole { used } if used < count => return Err("bytes behind the reply".into()),
            Step::Whole { .. } if reply.status() != 200 => {
                return Err(format!("status {}", reply.status()));
            }
            Step::Whole { .. } if !right || !rest.is_empty() => {
                return Err("another body than the right one".into());
            }
            Step::Whole { .. } => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use load::floor::Floor;

    use super::*;

    fn asked(reply: &str, body: &str) -> Result<(), String> {
        let floor = Floor::start(reply).unwrap();
        let mut client = Client::open(floor.addr, "/", body.as_bytes(), 3).unwrap();
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
        assert_eq!(asked(&right.replace("200", "503"), "hi"), Err("status 503".into()));
        assert_eq!(asked(&format!("{right}more"), "hi"), Err("bytes behind the reply".into()));
    }
}
