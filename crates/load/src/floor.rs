//! The floor: one epoll loop that answers every request with the same bytes. What it costs, every server pays.
//!
//! It is a control, not a server: it finds the empty line that ends a head and looks at nothing else, so a
//! request with a body is beyond it. Where waiting is the subject it can be told to wait as well.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use crate::plan::Cancel;
use crate::poll::{EventFlags, GONE, Poll};

/// As in the three servers.
const BACKLOG: i32 = 4096;
const LISTENER: u64 = u32::MAX as u64;
/// The longest wait, so that a cancel is seen.
const LOOK: Duration = Duration::from_millis(50);
const HEAD_END: &[u8; 4] = b"\r\n\r\n";

/// The floor on a thread of this process.
#[derive(Debug)]
pub struct Floor {
    /// Where it listens.
    pub addr: SocketAddr,
    cancel: Cancel,
    thread: JoinHandle<io::Result<()>>,
}

impl Floor {
    /// Starts it on a port of its own. `reply` is a whole reply, head and body.
    ///
    /// # Errors
    /// When it cannot listen.
    pub fn start(reply: impl Into<Vec<u8>>) -> io::Result<Self> {
        let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let addr = listener.local_addr()?;
        let (cancel, reply) = (Cancel::new(), reply.into());
        let stop = cancel.clone();
        let thread = thread::Builder::new()
            .name("floor".into())
            .spawn(move || serve(&listener, &reply, &stop))?;
        Ok(Self { addr, cancel, thread })
    }

    /// Stops it.
    ///
    /// # Errors
    /// When its loop had failed.
    pub fn stop(self) -> io::Result<()> {
        self.cancel.cancel();
        self.thread.join().expect("the floor does not panic")
    }
}

/// The `/plaintext` reply with the least a reply needs.
pub fn plaintext() -> Vec<u8> {
    let body = "Hello, World!";
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into()
}

/// Listens as the three servers do: a backlog of 4,096.
///
/// # Errors
/// When the address cannot be had.
pub fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let kind = Type::STREAM.nonblocking().cloexec();
    let socket = Socket::new(Domain::for_address(addr), kind, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Answers on the calling thread until cancelled.
///
/// # Errors
/// When the listener or epoll fails.
pub fn serve(listener: &TcpListener, reply: &[u8], cancel: &Cancel) -> io::Result<()> {
    serve_late(listener, reply, |_| None, cancel)
}

/// An answer that has to be waited for.
#[derive(Clone, Debug)]
pub struct Late {
    /// How long.
    pub after: Duration,
    /// The whole reply.
    pub bytes: Arc<[u8]>,
}

/// As [`serve`]; a request for which `late` has an answer gets that one, when its time has come.
///
/// # Errors
/// When the listener or epoll fails.
pub fn serve_late(
    listener: &TcpListener,
    reply: &[u8],
    mut late: impl FnMut(&[u8]) -> Option<Late>,
    cancel: &Cancel,
) -> io::Result<()> {
    crate::run::raise_descriptor_limit()?;
    let poll = Poll::new()?;
    poll.watch(listener, LISTENER)?;
    let mut clients: Vec<Option<Client>> = Vec::new();
    let mut free = Vec::new();
    let mut due: BinaryHeap<Reverse<(Instant, usize)>> = BinaryHeap::new();
    let mut events = Vec::with_capacity(1024);
    let mut scratch = vec![0; 64 * 1024];
    while !cancel.finishing() {
        let next = due.peek().map(|Reverse((at, _))| at.saturating_duration_since(Instant::now()));
        poll.wait(&mut events, next.unwrap_or(LOOK).min(LOOK), next.is_some())?;
        for event in &events {
            let token = event.data.u64();
            if token == LISTENER {
                accept(listener, &poll, &mut clients, &mut free)?;
                continue;
            }
            let slot = token as usize;
            let Some(client) = clients.get_mut(slot).and_then(Option::as_mut) else { continue };
            let flags = event.flags;
            let ended = flags.intersects(GONE);
            let woken = flags.intersects(EventFlags::IN | GONE) || !client.unsent.is_empty();
            if !woken {
                continue;
            }
            if !client.answer(reply, &mut late, &mut scratch, ended) {
                clients[slot] = None;
                free.push(slot);
            } else if let Some((at, _)) = &client.late {
                due.push(Reverse((*at, slot)));
            }
        }
        let now = Instant::now();
        while let Some(&Reverse((at, slot))) = due.peek().filter(|Reverse((at, _))| *at <= now) {
            due.pop();
            // A client may be gone, and its place another's.
            let Some(client) = clients[slot].as_mut() else { continue };
            let Some((_, bytes)) = client.late.take_if(|(its, _)| *its == at) else { continue };
            if !client.send(&bytes) {
                clients[slot] = None;
                free.push(slot);
            }
        }
    }
    Ok(())
}

/// Accepts all that wait: the listener tells of them once.
fn accept(
    listener: &TcpListener,
    poll: &Poll,
    clients: &mut Vec<Option<Client>>,
    free: &mut Vec<usize>,
) -> io::Result<()> {
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
            Err(error) => return Err(error),
        };
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let slot = free.pop().unwrap_or_else(|| {
            clients.push(None);
            clients.len() - 1
        });
        poll.watch(&stream, slot as u64)?;
        clients[slot] = Some(Client { stream, matched: 0, unsent: Vec::new(), late: None });
    }
}

struct Client {
    stream: TcpStream,
    /// How much of the empty line the last bytes were.
    matched: usize,
    /// Replies the socket did not take yet.
    unsent: Vec<u8>,
    /// The reply whose time has not come, and that time.
    late: Option<(Instant, Arc<[u8]>)>,
}

impl Client {
    /// Answers what has arrived. False: the connection has ended.
    fn answer(
        &mut self,
        reply: &[u8],
        late: &mut impl FnMut(&[u8]) -> Option<Late>,
        scratch: &mut [u8],
        ended: bool,
    ) -> bool {
        loop {
            if !self.unsent.is_empty() {
                match self.stream.write(&self.unsent) {
                    Ok(count) => drop(self.unsent.drain(..count)),
                    Err(error) => return error.kind() == ErrorKind::WouldBlock,
                }
            }
            let count = match self.stream.read(scratch) {
                Ok(0) => return false,
                Ok(count) => count,
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            };
            let mut heads = self.heads(&scratch[..count]);
            if heads == 1 && self.unsent.is_empty() {
                heads = 0;
                match late(&scratch[..count]) {
                    Some(late) => self.late = Some((Instant::now() + late.after, late.bytes)),
                    None if self.send(reply) => {}
                    None => return false,
                }
            }
            for _ in 0..heads {
                self.unsent.extend_from_slice(reply);
            }
            if self.unsent.is_empty() && count < scratch.len() && !ended {
                return true;
            }
        }
    }

    /// Writes what the socket takes and keeps the rest. False: the connection has ended.
    fn send(&mut self, reply: &[u8]) -> bool {
        let written = match self.stream.write(reply) {
            Ok(written) => written,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(_) => return false,
        };
        self.unsent.extend_from_slice(&reply[written..]);
        true
    }

    /// How many heads end in these bytes.
    fn heads(&mut self, bytes: &[u8]) -> usize {
        if self.matched == 0 && bytes.ends_with(HEAD_END) {
            // Nearly always: one whole head, or several.
            return memchr::memmem::find_iter(bytes, HEAD_END).count();
        }
        let mut heads = 0;
        for &byte in bytes {
            self.matched = match byte {
                _ if byte == HEAD_END[self.matched] => self.matched + 1,
                b'\r' => 1,
                _ => 0,
            };
            if self.matched == HEAD_END.len() {
                heads += 1;
                self.matched = 0;
            }
        }
        heads
    }
}
