//! One client: what it holds while it waits.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};

use socket2::{Domain, Protocol, Socket, Type};

use crate::reply::Reply;

/// Clients from one source address; the kernel has some 28,000 ports for each.
const PER_SOURCE: usize = 25_000;

/// One client. Ten thousand of them are a vector, so size is what counts here.
pub(crate) struct Connection {
    pub(crate) stream: Option<TcpStream>,
    pub(crate) phase: Phase,
    /// Tells the events of this socket from those of the one before it.
    pub(crate) generation: u32,
    /// Replies since this socket was opened.
    pub(crate) replies: u32,
    /// Requests of this client.
    pub(crate) asked: u64,
    /// Whether it asked, and whether any reply came whole, since the window began.
    pub(crate) offered: bool,
    pub(crate) served: bool,
    /// When the request was to leave and when it left, in nanoseconds of the run's clock.
    pub(crate) intended: u64,
    pub(crate) sent: u64,
    pub(crate) number: u64,
    /// Bytes of the request that are written.
    pub(crate) written: usize,
    /// Bytes of the reply's body so far.
    pub(crate) received: u64,
    pub(crate) reply: Reply,
    /// The body so far, when it is one that is looked into.
    pub(crate) body: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing is asked; there may be a socket.
    Resting,
    /// Opening a socket with nothing asked yet.
    Opening,
    Sending,
    Receiving,
}

impl Connection {
    pub(crate) fn new() -> Self {
        Self {
            stream: None,
            phase: Phase::Resting,
            generation: 0,
            replies: 0,
            asked: 0,
            offered: false,
            served: false,
            intended: 0,
            sent: 0,
            number: 0,
            written: 0,
            received: 0,
            reply: Reply::default(),
            body: Vec::new(),
        }
    }

    pub(crate) fn busy(&self) -> bool {
        matches!(self.phase, Phase::Sending | Phase::Receiving)
    }

    /// Starts a connect, which goes on in the kernel. `client` is its number among all clients of the run.
    pub(crate) fn open(&mut self, addr: SocketAddr, client: usize) -> io::Result<()> {
        let kind = Type::STREAM.nonblocking().cloexec();
        let socket = Socket::new(Domain::for_address(addr), kind, Some(Protocol::TCP))?;
        socket.set_tcp_nodelay(true)?;
        if let (Some(source), true) = (source(client), addr.ip() == Ipv4Addr::LOCALHOST) {
            socket.bind(&SocketAddr::new(IpAddr::V4(source), 0).into())?;
        }
        match socket.connect(&addr.into()) {
            Ok(()) => {}
            Err(error)
                if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
            Err(error) => return Err(error),
        }
        self.generation = self.generation.wrapping_add(1);
        self.replies = 0;
        self.stream = Some(socket.into());
        Ok(())
    }

    pub(crate) fn close(&mut self) {
        self.stream = None;
        self.phase = Phase::Resting;
    }
}

/// Past what one loopback address can hold, the next one of 127.0.0.0/8.
fn source(client: usize) -> Option<Ipv4Addr> {
    let past = u8::try_from(client / PER_SOURCE).expect("no machine holds six million sockets");
    (past > 0).then(|| Ipv4Addr::new(127, 0, 0, 1 + past))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiting_client_takes_less_than_a_quarter_of_a_kilobyte() {
        assert!(size_of::<Connection>() <= 256, "{}", size_of::<Connection>());
    }

    #[test]
    fn clients_past_the_ports_of_one_address_come_from_the_next() {
        assert_eq!(source(24_999), None);
        assert_eq!(source(25_000), Some(Ipv4Addr::new(127, 0, 0, 2)));
    }
}
