//! Many clients that one thread drives: they say what they are told, note what they hear, and when they are cut off.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// As much of an answer as is kept.
const KEPT: usize = 1 << 10;

/// As much of its end.
const LAST: usize = 16;

/// How often all of them are listened to.
const TURN: Duration = Duration::from_millis(20);

/// Clients, each on a connection of its own.
pub(crate) struct Crowd(pub(crate) Vec<Client>);

/// One of them.
pub(crate) struct Client {
    stream: TcpStream,
    /// The first of what it heard.
    pub(crate) heard: Vec<u8>,
    /// The last of it.
    last: Vec<u8>,
    /// When the server closed its connection.
    pub(crate) closed: Option<Instant>,
}

impl Crowd {
    /// So many connections.
    pub(crate) fn connect(addr: SocketAddr, count: usize) -> anyhow::Result<Self> {
        Self::connect_narrow(addr, count, None)
    }

    /// The same with so small a receive buffer, in bytes.
    pub(crate) fn connect_narrow(
        addr: SocketAddr,
        count: usize,
        receive_buffer: Option<usize>,
    ) -> anyhow::Result<Self> {
        let client = || {
            let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
            if let Some(bytes) = receive_buffer {
                socket.set_recv_buffer_size(bytes)?;
            }
            socket.connect(&addr.into())?;
            socket.set_tcp_nodelay(true)?;
            socket.set_nonblocking(true)?;
            let stream = socket.into();
            std::io::Result::Ok(Client {
                stream,
                heard: Vec::new(),
                last: Vec::new(),
                closed: None,
            })
        };
        let clients = (0..count)
            .map(|nth| client().with_context(|| format!("connection {} of {count}", nth + 1)));
        Ok(Self(clients.collect::<Result<_, _>>()?))
    }

    /// Each that is still connected says this. What does not fit its socket is not sent.
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        for client in self.0.iter_mut().filter(|client| client.closed.is_none()) {
            client.say(bytes);
        }
    }

    /// Each reads what there is.
    pub(crate) fn listen(&mut self) {
        for client in self.0.iter_mut().filter(|client| client.closed.is_none()) {
            client.listen();
        }
    }

    /// Listens until this holds, or until the deadline; then false.
    pub(crate) fn listen_until(
        &mut self,
        deadline: Instant,
        holds: impl Fn(&Self) -> bool,
    ) -> bool {
        loop {
            self.listen();
            if holds(self) {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(TURN);
        }
    }

    /// How many the server has cut off.
    pub(crate) fn closed(&self) -> usize {
        self.0.iter().filter(|client| client.closed.is_some()).count()
    }

    /// How many the server has reset, whatever they have not read.
    pub(crate) fn reset(&self) -> usize {
        let is_reset = |client: &&Client| {
            let error = client.stream.take_error().ok().flatten();
            error.is_some_and(|error| error.kind() == ErrorKind::ConnectionReset)
        };
        self.0.iter().filter(is_reset).count()
    }

    /// How many have an answer with this status.
    pub(crate) fn answered(&self, status: u16) -> usize {
        self.0.iter().filter(|client| client.status() == Some(status)).count()
    }

    /// How many have an answer.
    pub(crate) fn answered_at_all(&self) -> usize {
        self.0.iter().filter(|client| client.status().is_some()).count()
    }

    /// How many have nothing to wait for: an answer, or a connection that was cut off.
    pub(crate) fn done(&self) -> usize {
        let done = |client: &&Client| client.closed.is_some() || client.status().is_some();
        self.0.iter().filter(done).count()
    }

    /// How many were cut off after these words.
    pub(crate) fn ended(&self, words: &[u8]) -> usize {
        let ended = |client: &&Client| client.closed.is_some() && client.last.ends_with(words);
        self.0.iter().filter(ended).count()
    }

    /// What they heard so far is of no more interest.
    pub(crate) fn forget(&mut self) {
        self.0.iter_mut().for_each(|client| client.heard.clear());
    }

    /// How long after that the last of those that were cut off was.
    pub(crate) fn last_closed(&self, after: Instant) -> Duration {
        let closed = self.0.iter().filter_map(|client| client.closed);
        closed.max().map_or(Duration::ZERO, |last| last.saturating_duration_since(after))
    }

    /// All leave at once without a word: each connection is reset.
    pub(crate) fn vanish(self) -> anyhow::Result<()> {
        for client in &self.0 {
            SockRef::from(&client.stream).set_linger(Some(Duration::ZERO))?;
        }
        Ok(())
    }
}

impl Client {
    /// The status of the first answer.
    pub(crate) fn status(&self) -> Option<u16> {
        let line = self.heard.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
        std::str::from_utf8(line).ok()?.parse().ok()
    }

    /// If it is still connected, it says this.
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        match self.stream.write(bytes) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => {
                self.closed = Some(Instant::now())
            }
            _ => {}
        }
    }

    fn listen(&mut self) {
        let mut bytes = [0; 16 << 10];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => break,
                Ok(count) => {
                    let room = KEPT.saturating_sub(self.heard.len()).min(count);
                    self.heard.extend_from_slice(&bytes[..room]);
                    self.last.extend_from_slice(&bytes[count.saturating_sub(LAST)..count]);
                    self.last.drain(..self.last.len().saturating_sub(LAST));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.closed = Some(Instant::now());
    }
}
