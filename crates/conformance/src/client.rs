//! The judge's own HTTP client: a plain blocking socket, so that it can send what no client library would.
//!
//! It trusts nothing it reads: every reply has a deadline, and a reply that is cut short is never a reply.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::reply::{Reply, Scan};

/// How long a reply may take when a check says nothing else: longer than any limit of the contract but a wait.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A request still to be sent.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    target: String,
    fields: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

/// A connection, and what has been read from it but belongs to no reply yet.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    heard: Vec<u8>,
}

/// Why there is no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The server closed (or reset) the connection before the first byte of a reply.
    #[error("the connection was closed without an answer")]
    Closed,
    /// The server closed in the middle of one.
    #[error("the reply was cut short after {0:?}")]
    Cut(String),
    /// Nothing, or not all of it, in time.
    #[error("no whole reply within {0:?}; so far {1:?}")]
    TimedOut(Duration, String),
    /// Bytes that are no HTTP/1 reply.
    #[error("the reply is not HTTP: {0}")]
    Malformed(String),
    /// The socket failed otherwise.
    #[error("the connection failed: {0}")]
    Failed(String),
}

impl Request {
    /// A request without a body. The target is sent as it stands.
    pub fn new(method: &str, target: &str) -> Self {
        Self { method: method.into(), target: target.into(), fields: Vec::new(), body: None }
    }

    /// `GET target`
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// One more field.
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// A body with its length.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// The bytes on the wire, with the Host that HTTP/1.1 needs.
    pub fn bytes(&self, host: &str) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {host}\r\n", self.method, self.target);
        for (name, value) in &self.fields {
            head += &format!("{name}: {value}\r\n");
        }
        if let Some(body) = &self.body {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        let mut bytes = (head + "\r\n").into_bytes();
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }

    /// `GET /wait/0`, for messages.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, shortened(&self.target))
    }

    /// What is asked for.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Whether a reply to it has a head alone.
    pub fn is_head(&self) -> bool {
        self.method == "HEAD"
    }
}

impl Connection {
    /// Connects; a server that does not accept in time is a failure.
    pub fn open(addr: SocketAddr) -> Result<Self, Trouble> {
        let stream = TcpStream::connect_timeout(&addr, PATIENCE).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
        Ok(Self { stream, heard: Vec::new() })
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.stream.write_all(bytes).map_err(failed)
    }

    /// Sends as much as the server takes: one that has answered and closed need not take all of it.
    pub fn send_what_is_taken(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Says that nothing more will be sent.
    pub fn half_close(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Ends the connection for every handle on it.
    pub fn close(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Sends one request and reads its reply.
    pub fn ask(&mut self, request: &Request, host: &str) -> Result<Reply, Trouble> {
        self.send(&request.bytes(host))?;
        self.reply(request.is_head(), PATIENCE)
    }

    /// The next final reply; interim ones (1xx) before it are noted in it. `head`: it answers a HEAD.
    pub fn reply(&mut self, head: bool, patience: Duration) -> Result<Reply, Trouble> {
        let start = Instant::now();
        loop {
            match Reply::scan(&self.heard, head, false)? {
                Scan::Whole(mut reply, length) => {
                    self.heard.drain(..length);
                    reply.took = start.elapsed();
                    return Ok(reply);
                }
                Scan::Partial => {}
            }
            match self.hear(start + patience) {
                Ok(0) => return self.last_words(head, start),
                Ok(_) => {}
                Err(error) if is_timeout(&error) => {
                    return Err(Trouble::TimedOut(patience, excerpt(&self.heard)));
                }
                Err(_) if self.heard.is_empty() => return Err(Trouble::Closed),
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// The server has closed: what was heard is a reply that ends there, or none.
    fn last_words(&mut self, head: bool, start: Instant) -> Result<Reply, Trouble> {
        if self.heard.is_empty() {
            return Err(Trouble::Closed);
        }
        match Reply::scan(&self.heard, head, true)? {
            Scan::Whole(mut reply, length) => {
                self.heard.drain(..length);
                reply.took = start.elapsed();
                Ok(reply)
            }
            Scan::Partial => Err(Trouble::Cut(excerpt(&self.heard))),
        }
    }

    /// The status of the next reply of any kind, 1xx included, left unread.
    pub fn peek_status(&mut self, patience: Duration) -> Option<u16> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = Reply::first_status(&self.heard) {
                return Some(status);
            }
            if !matches!(self.hear(deadline), Ok(1..)) {
                return None;
            }
        }
    }

    /// Waits until the server closes. Bytes that come instead stay to be read as a reply.
    pub fn closed_within(&mut self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        loop {
            match self.hear(deadline) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return !is_timeout(&error),
            }
        }
    }

    /// Bytes that were read and belong to no reply yet.
    pub fn unread(&self) -> &[u8] {
        &self.heard
    }

    /// Another handle on the same socket, to write from a second thread.
    pub fn writer(&self) -> Result<TcpStream, Trouble> {
        self.stream.try_clone().map_err(failed)
    }

    fn hear(&mut self, deadline: Instant) -> std::io::Result<usize> {
        let mut bytes = [0; 16 << 10];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            self.stream.set_read_timeout(Some(left))?;
            match self.stream.read(&mut bytes) {
                Ok(count) => {
                    self.heard.extend_from_slice(&bytes[..count]);
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// As much of some bytes as a message holds: a head and a problem.
const EXCERPT: usize = 600;

/// The start of some bytes, fit for a message.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(EXCERPT)]).into_owned();
    if bytes.len() > EXCERPT { format!("{shown}… ({} bytes)", bytes.len()) } else { shown }
}

/// A target fit for a message: some are 16 KiB long.
pub(crate) fn shortened(target: &str) -> String {
    match target.char_indices().nth(120) {
        Some((end, _)) => format!("{}… ({} bytes)", &target[..end], target.len()),
        None => target.to_owned(),
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn failed(error: std::io::Error) -> Trouble {
    Trouble::Failed(error.to_string())
}
