//! A client of bare sockets, so that what a test sees is what the stub sent.
#![expect(dead_code, reason = "each test file uses a part of it")]
#![expect(clippy::unwrap_used, reason = "a test ends where its client does")]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use github_stub::{Dials, Stub};

/// Longer than anything here takes; what takes longer fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// A stub without latency, limit or faults.
pub(crate) fn plain() -> Stub {
    Stub::start(Dials::default()).unwrap()
}

/// A stub with the flags `line`.
pub(crate) fn stub(line: &str) -> Stub {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        dials: Dials,
    }
    let words = std::iter::once("github-stub").chain(line.split_whitespace());
    Stub::start(<Line as clap::Parser>::parse_from(words).dials).unwrap()
}

/// One reply, taken apart.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (field, value) = line.split_once(": ")?;
            field.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }
}

/// One connection.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    heard: Vec<u8>,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Closed,
    Reset,
    /// It has not, within the time given.
    Open,
}

impl Client {
    pub(crate) fn connect(addr: SocketAddr) -> Client {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream, heard: Vec::new() }
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    /// Asks for `/users/{name}` as a right client does.
    pub(crate) fn ask(&mut self, name: &str) {
        self.ask_with(name, "");
    }

    /// Asks with more fields, each ended by CRLF.
    pub(crate) fn ask_with(&mut self, name: &str, fields: &str) {
        let host = self.stream.peer_addr().unwrap();
        self.send(&format!(
            "GET /users/{name} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: test\r\n{fields}\r\n"
        ));
    }

    /// The next reply, framed by its `Content-Length`.
    pub(crate) fn reply(&mut self) -> Reply {
        let head_end = loop {
            if let Some(at) = self.heard.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(
                self.hear(),
                "closed before a whole head: {}",
                String::from_utf8_lossy(&self.heard)
            );
        };
        let head = String::from_utf8(self.heard.drain(..head_end).collect()).unwrap();
        let status = head[9..12].parse().unwrap();
        let mut reply = Reply { status, head, body: Vec::new() };
        let length = reply.field("content-length").map_or(0, |length| length.parse().unwrap());
        while self.heard.len() < length {
            assert!(self.hear(), "closed after {} of {length} bytes", self.heard.len());
        }
        reply.body = self.heard.drain(..length).collect();
        reply
    }

    /// Everything until the connection ends or `time` has passed, and how it ended.
    pub(crate) fn rest(&mut self, time: Duration) -> (Vec<u8>, End) {
        self.stream.set_read_timeout(Some(time)).unwrap();
        let mut bytes = std::mem::take(&mut self.heard);
        let mut part = [0; 4096];
        loop {
            match self.stream.read(&mut part) {
                Ok(0) => return (bytes, End::Closed),
                Ok(count) => bytes.extend_from_slice(&part[..count]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                    return (bytes, End::Reset);
                }
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    return (bytes, End::Open);
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn hear(&mut self) -> bool {
        let mut part = [0; 4096];
        let count = self.stream.read(&mut part).unwrap();
        self.heard.extend_from_slice(&part[..count]);
        count > 0
    }
}

/// Asks once, on a connection of its own.
pub(crate) fn get(stub: &Stub, name: &str) -> Reply {
    let mut client = Client::connect(stub.addr());
    client.ask(name);
    client.reply()
}

/// Asks once, and hears everything until the connection ends.
pub(crate) fn hear_out(stub: &Stub, name: &str) -> (String, End) {
    let mut client = Client::connect(stub.addr());
    client.ask(name);
    let (bytes, end) = client.rest(DEADLINE);
    (String::from_utf8(bytes).unwrap(), end)
}

/// Waits until `holds`, or fails saying what was waited for.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
