//! Server-sent events as they come: a reply without an end, read block by block.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use contract::Message;
use socket2::{Domain, Protocol, Socket, Type};

use crate::Subject;
use crate::client::{PATIENCE, Request};

/// One who listens.
#[derive(Debug)]
pub struct Events {
    stream: TcpStream,
    /// As it came, with what frames it.
    raw: Vec<u8>,
    /// Without.
    text: String,
    blocks: VecDeque<Block>,
    end: Option<End>,
}

/// What stands between two empty lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// `id:`
    pub id: Option<String>,
    /// `data:`
    pub data: Option<String>,
    /// `retry:`
    pub retry: Option<String>,
    /// Whether there was a comment.
    pub comment: bool,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By its last chunk.
    Whole,
    /// In the middle: the connection was closed.
    Cut,
}

/// What came next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// A block.
    Block(Block),
    /// Nothing in time.
    Silence,
    /// The end.
    End(End),
}

impl Events {
    /// Listens at `target`; with the head that came, events are on their way.
    ///
    /// # Errors
    ///
    /// When the reply is no stream of events.
    pub fn open(subject: &Subject, target: &str, last: Option<&str>) -> Result<Self, String> {
        Self::begin(subject, target, last, None)?.begun()
    }

    /// The same with so small a receive buffer and such small segments that little is under way.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_narrow(subject: &Subject, target: &str) -> Result<Self, String> {
        Self::begin(subject, target, None, Some(4 << 10))?.begun()
    }

    /// Whether the server has reset the connection; it is told once.
    pub fn is_reset(&self) -> bool {
        matches!(self.stream.take_error(), Ok(Some(_)))
    }

    /// Asks, and does not wait for the head: for many at once.
    ///
    /// # Errors
    ///
    /// When there is no connection.
    pub fn begin(
        subject: &Subject,
        target: &str,
        last: Option<&str>,
        receive_buffer: Option<usize>,
    ) -> Result<Self, String> {
        let mut request = Request::get(target).field("Accept", contract::headers::EVENTS);
        if let Some(last) = last {
            request = request.field("Last-Event-ID", last);
        }
        let addr = subject.addr;
        let connect = || {
            let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
            if let Some(bytes) = receive_buffer {
                socket.set_recv_buffer_size(bytes)?;
                socket.set_tcp_mss(536)?;
            }
            socket.connect_timeout(&addr.into(), PATIENCE)?;
            let mut stream = TcpStream::from(socket);
            stream.set_nodelay(true)?;
            stream.write_all(&request.bytes(&subject.host))?;
            std::io::Result::Ok(stream)
        };
        let stream = connect().map_err(|error| format!("cannot listen at {addr}: {error}"))?;
        let (raw, text, blocks) = (Vec::new(), String::new(), VecDeque::new());
        Ok(Self { stream, raw, text, blocks, end: None })
    }

    /// Waits for the head.
    ///
    /// # Errors
    ///
    /// When it is not that of a stream of events, sent in chunks.
    pub fn begun(mut self) -> Result<Self, String> {
        let deadline = Instant::now() + PATIENCE;
        let length = loop {
            if let Some(place) = self.raw.windows(4).position(|four| four == b"\r\n\r\n") {
                break place + 4;
            }
            match self.hear(deadline) {
                Some(true) => {}
                Some(false) => return Err("no head came in time".to_owned()),
                None => return Err("the connection was closed without a head".to_owned()),
            }
        };
        let head = String::from_utf8_lossy(&self.raw[..length]).to_ascii_lowercase();
        ensure!(head.starts_with("http/1.1 200 "), "it answered {head:?}");
        ensure!(
            head.contains("\r\ncontent-type: text/event-stream\r\n")
                && head.contains("\r\ntransfer-encoding: chunked\r\n")
                && head.contains("\r\ncache-control: no-store\r\n"),
            "it is no stream of events: {head:?}"
        );
        self.raw.drain(..length);
        Ok(self)
    }

    /// What comes next, within `patience`.
    ///
    /// # Errors
    ///
    /// When it is not what it should be: chunks, and lines of events in them.
    pub fn next(&mut self, patience: Duration) -> Result<Next, String> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(block) = self.blocks.pop_front() {
                return Ok(Next::Block(block));
            }
            if let Some(end) = self.end {
                return Ok(Next::End(end));
            }
            self.unpack()?;
            if self.blocks.is_empty() && self.end.is_none() {
                match self.hear(deadline) {
                    Some(true) => {}
                    Some(false) => return Ok(Next::Silence),
                    None => self.end = Some(End::Cut),
                }
            }
        }
    }

    /// Where it begins: the first thing that is told.
    ///
    /// # Errors
    ///
    /// When something else comes first, or nothing.
    pub fn beginning(&mut self) -> Result<i64, String> {
        match self.next(PATIENCE)? {
            Next::Block(Block { id: Some(id), data: None, retry: Some(_), .. }) => {
                id.parse().map_err(|_| format!("it begins at {id:?}"))
            }
            other => Err(format!("it does not begin by saying where: {other:?}")),
        }
    }

    /// The next message; comments before it are passed over.
    ///
    /// # Errors
    ///
    /// When none comes within `patience`, or an event that is none.
    pub fn message(&mut self, patience: Duration) -> Result<Message, String> {
        let deadline = Instant::now() + patience;
        loop {
            match self.next(deadline.saturating_duration_since(Instant::now()))? {
                Next::Block(Block { data: None, id: None, .. }) => {}
                Next::Block(Block { data: Some(data), id, .. }) => {
                    let message: Message = serde_json::from_str(&data)
                        .map_err(|error| format!("no message ({error}): {data}"))?;
                    ensure!(id == Some(message.id.to_string()), "under the id {id:?}: {data}");
                    return Ok(message);
                }
                other => return Err(format!("instead of a message: {other:?}")),
            }
        }
    }

    /// So many messages.
    ///
    /// # Errors
    ///
    /// As [`message`](Self::message).
    pub fn messages(&mut self, count: usize) -> Result<Vec<Message>, String> {
        let next = |nth| {
            self.message(PATIENCE).map_err(|error| format!("message {nth} of {count}: {error}"))
        };
        (1..=count).map(next).collect()
    }

    /// Takes the framing off what came, and cuts it into blocks.
    fn unpack(&mut self) -> Result<(), String> {
        while let Some(place) = self.raw.windows(2).position(|two| two == b"\r\n") {
            let size = std::str::from_utf8(&self.raw[..place]).unwrap_or("?");
            let size = usize::from_str_radix(size, 16)
                .map_err(|_| format!("a chunk of {size:?} bytes"))?;
            let whole = place + 2 + size + 2;
            if self.raw.len() < whole {
                break;
            }
            let chunk = std::str::from_utf8(&self.raw[place + 2..whole - 2]);
            // A chunk could end within a character; the servers here send whole events.
            self.text += chunk.map_err(|_| "a chunk that is no text".to_owned())?;
            self.raw.drain(..whole);
            if size == 0 {
                self.end = Some(End::Whole);
            }
        }
        while let Some(end) = self.text.find("\n\n") {
            let block: String = self.text.drain(..end + 2).collect();
            self.blocks.push_back(Block::parse(&block)?);
        }
        Ok(())
    }

    /// Reads what there is: whether something came in time; nothing at the end.
    fn hear(&mut self, deadline: Instant) -> Option<bool> {
        let mut bytes = [0; 16 << 10];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            self.stream.set_read_timeout(Some(left.max(Duration::from_millis(1)))).ok()?;
            match self.stream.read(&mut bytes) {
                Ok(0) => return None,
                Ok(count) => {
                    self.raw.extend_from_slice(&bytes[..count]);
                    return Some(true);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    return Some(false);
                }
                Err(_) => return None,
            }
        }
    }
}

impl Block {
    fn parse(text: &str) -> Result<Self, String> {
        let mut block = Self::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let value = Some(value.strip_prefix(' ').unwrap_or(value).to_owned());
            let place = match name {
                "" => {
                    block.comment = true;
                    continue;
                }
                "id" => &mut block.id,
                "data" => &mut block.data,
                "retry" => &mut block.retry,
                _ => return Err(format!("a line that is none of an event: {line:?}")),
            };
            ensure!(place.is_none(), "twice in one event: {line:?}");
            *place = value;
        }
        Ok(block)
    }
}

/// What is posted to say `text` in a room.
pub fn saying(room: &str, text: &str) -> Request {
    let body = serde_json::json!({ "text": text }).to_string();
    Request::new("POST", &format!("/rooms/{room}/messages"))
        .field("Content-Type", "application/json")
        .body(body)
}

/// Says it, and reads what was kept. Whoever is told to come again does: checks beside this one keep the database, too.
///
/// # Errors
///
/// When it was not kept.
pub fn said(subject: &Subject, room: &str, text: &str) -> Result<Message, String> {
    let deadline = Instant::now() + PATIENCE;
    let reply = loop {
        let reply = subject.ask(&saying(room, text))?;
        let again = reply.status == 503 && reply.field("retry-after").is_some();
        if !again || Instant::now() > deadline {
            break reply.expect(201)?;
        }
        thread::sleep(Duration::from_millis(100));
    };
    serde_json::from_slice(&reply.body)
        .map_err(|error| format!("no message ({error}): {}", reply.text()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_lines_with_names() {
        let block = Block::parse("id: 3\ndata: {\"a\": 1}\n\n").unwrap();
        assert_eq!((block.id.as_deref(), block.data.as_deref()), (Some("3"), Some("{\"a\": 1}")));
        assert!(Block::parse(":\n\n").unwrap().comment);
        assert!(Block::parse("data: 1\ndata: 2\n\n").is_err());
        assert!(Block::parse("date: 1\n\n").is_err());
    }
}
