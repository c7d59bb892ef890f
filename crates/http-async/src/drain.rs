//! Who is connected to a server, and how all of that ends.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use http::StatusCode;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::connection::State;
use crate::linger::linger;
use crate::refusal::refusal;
use crate::{Clocked, Clocks};

/// One a server: admits its connections, and ends them when told to. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Drain(Arc<Server>);

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Requests whose head was complete and whose reply was not.
    pub cut: usize,
}

#[derive(Debug)]
struct Server {
    clocks: Clocks,
    /// As many connections as may be open.
    cap: usize,
    open: AtomicUsize,
    refusing: AtomicUsize,
    /// By address, which is unique while the state lives.
    connections: Mutex<HashMap<usize, Arc<State>>>,
    draining: AtomicBool,
    cutting: AtomicBool,
    started: Notify,
    emptied: Notify,
}

/// As many clients over the cap as are told so; the others are only closed.
const REFUSING_AT_ONCE: usize = 256;

impl Drain {
    /// A server that has `cap` connections open at most.
    pub fn new(clocks: Clocks, cap: usize) -> Self {
        Self(Arc::new(Server {
            clocks,
            cap,
            open: AtomicUsize::new(0),
            refusing: AtomicUsize::new(0),
            connections: Mutex::default(),
            draining: AtomicBool::new(false),
            cutting: AtomicBool::new(false),
            started: Notify::new(),
            emptied: Notify::new(),
        }))
    }

    /// Starts the clocks of an accepted socket; over the cap it is answered 503 and closed, and there is none.
    ///
    /// To be called within the runtime that will serve the connection.
    pub fn admit(&self, socket: TcpStream) -> Option<Clocked> {
        let state = Arc::new(State::new(self.clone()));
        {
            let mut connections = self.connections();
            if connections.len() >= self.0.cap {
                drop(connections);
                self.refuse(socket);
                return None;
            }
            connections.insert(key(&state), Arc::clone(&state));
            self.0.open.store(connections.len(), Ordering::Relaxed);
        }
        Some(Clocked::new(socket, Admission(state)))
    }

    fn refuse(&self, socket: TcpStream) {
        if self.0.refusing.fetch_add(1, Ordering::Relaxed) >= REFUSING_AT_ONCE {
            self.0.refusing.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let drain = self.clone();
        tokio::spawn(async move {
            let reply = refusal(StatusCode::SERVICE_UNAVAILABLE);
            // A new socket's buffer is empty: the reply fits, unless the client has gone.
            if socket.writable().await.is_ok() && socket.try_write(reply.as_bytes()).is_ok() {
                linger(socket, &drain).await;
            }
            drain.0.refusing.fetch_sub(1, Ordering::Relaxed);
        });
    }

    /// Ends idle connections and incomplete heads at once, and the others after their reply.
    pub fn start(&self) {
        self.0.draining.store(true, Ordering::SeqCst);
        self.0.started.notify_waiters();
        self.wake_all();
    }

    /// Whether [`start`](Self::start) was called.
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Relaxed)
    }

    /// Waits for [`start`](Self::start): what a stream without an end of its own listens to.
    pub async fn started(&self) {
        let mut started = pin!(self.0.started.notified());
        started.as_mut().enable();
        if !self.0.draining.load(Ordering::SeqCst) {
            started.await;
        }
    }

    /// Waits until every connection has ended, for `deadline` at most, then cuts what is left.
    pub async fn closed(&self, deadline: Duration) -> Drained {
        let emptied = async {
            loop {
                let mut emptied = pin!(self.0.emptied.notified());
                emptied.as_mut().enable();
                if self.open() == 0 {
                    return;
                }
                emptied.await;
            }
        };
        if timeout(deadline, emptied).await.is_ok() {
            return Drained { cut: 0 };
        }
        let cut = self.in_flight();
        self.0.cutting.store(true, Ordering::SeqCst);
        self.wake_all();
        Drained { cut }
    }

    /// Whether the reply under way should be its connection's last: the server drains, or is so nearly full that
    /// clients which only keep their connection would starve the rest.
    pub fn wants_close(&self) -> bool {
        self.is_draining() || self.open() >= self.0.cap - self.0.cap / 20
    }

    /// Connections now.
    pub fn open(&self) -> usize {
        self.0.open.load(Ordering::Relaxed)
    }

    /// Connections with a request between the end of its head and the end of its reply. Counts them one by one.
    pub fn in_flight(&self) -> usize {
        self.connections().values().filter(|state| state.is_busy()).count()
    }

    pub(crate) fn clocks(&self) -> &Clocks {
        &self.0.clocks
    }

    pub(crate) fn is_cutting(&self) -> bool {
        self.0.cutting.load(Ordering::Relaxed)
    }

    /// A connection stores its waker before it looks at the flags, so that it cannot miss both.
    fn wake_all(&self) {
        let states: Vec<_> = self.connections().values().cloned().collect();
        for state in states {
            state.wake();
        }
    }

    fn connections(&self) -> MutexGuard<'_, HashMap<usize, Arc<State>>> {
        self.0.connections.lock().expect("no code panics while it holds the lock")
    }
}

fn key(state: &Arc<State>) -> usize {
    Arc::as_ptr(state).addr()
}

/// A place among the open connections, given back on drop.
#[derive(Debug)]
pub(crate) struct Admission(pub(crate) Arc<State>);

impl Drop for Admission {
    fn drop(&mut self) {
        let drain = self.0.drain();
        let mut connections = drain.connections();
        connections.remove(&key(&self.0));
        drain.0.open.store(connections.len(), Ordering::Relaxed);
        if connections.is_empty() {
            drain.0.emptied.notify_waiters();
        }
    }
}
