//! The server: what it is made of, and its life from the first accept to the end of the drain.

use std::io;
use std::net::{TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderName, HeaderValue};

use crate::accept::Acceptor;
use crate::meters::Meters;
use crate::registry::Registry;
use crate::reply::Always;
use crate::{Limits, Service, Shutdown, ThreadCap, Threads};

/// Connections the kernel may hold before they are accepted. std asks for 128, and a burst of 1,000 clients then
/// waits for its SYNs to be sent again.
pub(crate) const BACKLOG: u16 = 4096;

/// Listens on `addr` with a backlog of 4,096; port 0 asks for any.
///
/// # Errors
/// When none of the addresses can be had.
pub fn listen(addr: impl ToSocketAddrs) -> io::Result<TcpListener> {
    let mut failed = io::Error::new(io::ErrorKind::InvalidInput, "no address to listen on");
    for addr in addr.to_socket_addrs()? {
        let listen = || {
            let domain = socket2::Domain::for_address(addr);
            let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
            // A restart must not wait for the old connections' TIME_WAIT.
            socket.set_reuse_address(true)?;
            socket.bind(&addr.into())?;
            socket.listen(BACKLOG.into())?;
            Ok(socket.into())
        };
        match listen() {
            Ok(listener) => return Ok(listener),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// A server that was not started yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    limits: Limits,
    threads: Threads,
    always: Always,
    beside: usize,
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Requests whose head was complete and whose answer was not when the deadline came.
    pub cut: usize,
}

impl Server {
    /// Will accept from `listener` (see [`listen`]), with a thread for each connection and the default limits.
    pub fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            limits: Limits::default(),
            threads: Threads::default(),
            always: Always::default(),
            beside: 0,
        }
    }

    /// Sets the limits.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Sets how connections get threads.
    #[must_use]
    pub fn threads(self, threads: Threads) -> Self {
        Self { threads, ..self }
    }

    /// Keeps back so many threads for the rest of the process: [`Helpers`](crate::Helpers), pools.
    #[must_use]
    pub fn beside(self, beside: usize) -> Self {
        Self { beside, ..self }
    }

    /// Sets fields that every answer carries unless its handler set them. It costs less here than in each answer's map.
    #[must_use]
    pub fn fields(self, fields: &[(HeaderName, HeaderValue)]) -> Self {
        Self { always: Always::new(fields), ..self }
    }

    /// Serves until `shutdown` drains, then until the requests in flight are answered or the drain deadline cuts
    /// them. Accepts on this thread.
    ///
    /// # Errors
    /// When the listener cannot be used. A failure to accept one connection is counted, not returned.
    pub fn serve(self, service: impl Service, shutdown: &Shutdown) -> io::Result<Drained> {
        let Self { listener, limits, threads, always, beside } = self;
        let cap = ThreadCap::of_system(limits.connections, limits.stack_bytes, beside);
        let connections = match threads {
            Threads::Connection | Threads::Request => limits.connections.min(cap.threads),
            Threads::Pool(_) => limits.connections,
        };
        tracing::info!(
            %threads, connections, thread_cap = cap.threads, bound_by = %cap.bound_by, "serving"
        );
        let shared = Arc::new(Shared {
            service,
            always,
            limits,
            connections,
            shutdown: shutdown.clone(),
            registry: shutdown.registry(),
            meters: Meters::new(),
        });
        let acceptor = Acceptor::new(Arc::clone(&shared), threads, cap)?;
        acceptor.run(listener)?;

        // The listener is closed by now: who comes late is refused by the kernel.
        shared.registry.end_idle();
        shared.registry.wait_empty(Instant::now() + limits.drain);
        Ok(Drained { cut: shared.registry.cut() })
    }
}

/// What all connections of a server share.
pub(crate) struct Shared<V> {
    pub(crate) service: V,
    pub(crate) always: Always,
    pub(crate) limits: Limits,
    /// How many connections may be open: the limit, or fewer where each needs a thread.
    pub(crate) connections: usize,
    pub(crate) shutdown: Shutdown,
    pub(crate) registry: Arc<Registry>,
    pub(crate) meters: Meters,
}

impl<V> Shared<V> {
    /// Whether so few places are left that connections should not be kept: idle ones would starve newcomers.
    pub(crate) fn is_crowded(&self) -> bool {
        self.registry.open() * 20 >= self.connections * 19
    }
}
