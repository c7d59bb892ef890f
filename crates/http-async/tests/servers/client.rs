//! A client on a bare socket, which says what came back and when.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// No test waits longer than this for anything.
const PATIENCE: Duration = Duration::from_secs(8);

pub(crate) struct Client {
    socket: TcpStream,
    since: Instant,
}

/// What a connection gave until it closed.
pub(crate) struct Heard {
    pub(crate) text: String,
    pub(crate) after: Duration,
    /// Closed by RST rather than by FIN.
    pub(crate) reset: bool,
}

impl Client {
    pub(crate) fn connect(addr: SocketAddr) -> Self {
        let socket = TcpStream::connect(addr).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { socket, since: Instant::now() }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.since = Instant::now();
        self.socket.write_all(bytes.as_ref()).unwrap();
        self
    }

    /// Sends as much as the server takes.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.socket.write_all(bytes).is_ok()
    }

    pub(crate) fn close_write(&self) {
        self.socket.shutdown(Shutdown::Write).unwrap();
    }

    /// One reply with a length, which stays open.
    pub(crate) fn reply(&mut self) -> String {
        let mut text = Vec::new();
        loop {
            let head = text.windows(4).position(|bytes| bytes == b"\r\n\r\n");
            if let Some(head) = head {
                let length: usize = String::from_utf8_lossy(&text[..head])
                    .lines()
                    .find_map(|line| {
                        line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok()
                    })
                    .unwrap_or(0);
                if text.len() >= head + 4 + length {
                    return String::from_utf8_lossy(&text).into_owned();
                }
            }
            let mut byte = [0];
            let read = self.socket.read(&mut byte).expect("a reply in time");
            assert_ne!(read, 0, "closed after {:?}", String::from_utf8_lossy(&text));
            text.push(byte[0]);
        }
    }

    /// Everything until the server closes, from the last `send` on.
    pub(crate) fn until_closed(&mut self) -> Heard {
        let mut text = Vec::new();
        let mut buffer = [0; 64 << 10];
        let reset = loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => break false,
                Ok(read) => text.extend(&buffer[..read]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break true,
                Err(error) => panic!("still open after {:?}: {error}", self.since.elapsed()),
            }
        };
        Heard {
            text: String::from_utf8_lossy(&text).into_owned(),
            after: self.since.elapsed(),
            reset,
        }
    }

    /// Sends `byte` now and then, as slowly as a client can without falling silent, until the server closes.
    pub(crate) fn drip_until_closed(&mut self, byte: u8, every: Duration) -> Heard {
        let since = Instant::now();
        self.socket.set_read_timeout(Some(every)).unwrap();
        let mut text = Vec::new();
        let mut buffer = [0; 4_096];
        while since.elapsed() < PATIENCE {
            let _ = self.socket.write(&[byte]);
            match self.socket.read(&mut buffer) {
                Ok(0) => return Heard { text: lossy(&text), after: since.elapsed(), reset: false },
                Ok(read) => text.extend(&buffer[..read]),
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => return Heard { text: lossy(&text), after: since.elapsed(), reset: true },
            }
        }
        panic!("still open after {PATIENCE:?}");
    }
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

pub(crate) const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
