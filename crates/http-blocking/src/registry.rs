//! The open connections, so that a drain can find them: a blocked `read` ends only when its socket is shut down.

use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// One open connection, as others than its thread see it.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) stream: TcpStream,
    state: AtomicU8,
}

/// Waiting for a request or in the middle of a head: a drain closes it at once.
const IDLE: u8 = 0;
/// A head was complete and its answer is not: a drain waits for it.
const BUSY: u8 = 1;
/// A drain shut it down.
const CLOSED: u8 = 2;

impl Link {
    pub(crate) fn new(stream: TcpStream) -> Arc<Self> {
        Arc::new(Self { stream, state: AtomicU8::new(IDLE) })
    }

    /// What tells it from all others that are open.
    fn key(self: &Arc<Self>) -> usize {
        Arc::as_ptr(self).addr()
    }

    /// Claims the connection for a request; no when a drain was faster.
    pub(crate) fn begin(&self) -> bool {
        self.state.compare_exchange(IDLE, BUSY, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Says that the request is answered.
    pub(crate) fn end(&self) {
        let _ = self.state.compare_exchange(BUSY, IDLE, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Shuts it down if it is in `state`; says whether it was.
    fn shut(&self, state: u8) -> bool {
        let was =
            self.state.compare_exchange(state, CLOSED, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        if was {
            // It fails when the client is gone already, which is as well.
            let _ = self.stream.shutdown(Shutdown::Both);
        }
        was
    }
}

/// All open connections of a server.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    links: Mutex<Links>,
    open: AtomicUsize,
    emptied: Condvar,
}

type Links = HashMap<usize, Arc<Link>>;

impl Registry {
    pub(crate) fn add(&self, link: &Arc<Link>) {
        let mut links = self.links();
        links.insert(link.key(), Arc::clone(link));
        self.open.store(links.len(), Ordering::Relaxed);
    }

    pub(crate) fn remove(&self, link: &Arc<Link>) {
        let mut links = self.links();
        links.remove(&link.key());
        self.open.store(links.len(), Ordering::Relaxed);
        if links.is_empty() {
            self.emptied.notify_all();
        }
    }

    /// How many connections are open; it may be a moment old.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Closes the connections that answer nothing now.
    pub(crate) fn close_idle(&self) {
        for link in self.links().values() {
            link.shut(IDLE);
        }
    }

    /// Waits until all are closed, at most to `deadline`.
    pub(crate) fn wait_empty(&self, deadline: Instant) {
        let mut links = self.links();
        while !links.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let woken = self.emptied.wait_timeout(links, left);
            links = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Closes what is left and says how many requests that cut.
    pub(crate) fn cut(&self) -> usize {
        let links = self.links();
        for link in links.values() {
            link.shut(IDLE);
        }
        links.values().filter(|link| link.shut(BUSY)).count()
    }

    fn links(&self) -> MutexGuard<'_, Links> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
