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

/// Waiting for a request or in the middle of a head: a drain ends it at once.
const IDLE: u8 = 0;
/// A head was complete and its answer is not: a drain waits for it.
const BUSY: u8 = 1;
/// The deadline of a drain cut it.
const CUT: u8 = 2;

impl Link {
    pub(crate) fn new(stream: TcpStream) -> Arc<Self> {
        Arc::new(Self { stream, state: AtomicU8::new(IDLE) })
    }

    /// What tells it from all others that are open.
    fn key(self: &Arc<Self>) -> usize {
        Arc::as_ptr(self).addr()
    }

    /// Claims the connection for a request; no when a drain's deadline was faster.
    pub(crate) fn begin(&self) -> bool {
        self.state.compare_exchange(IDLE, BUSY, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Says that the request is answered.
    pub(crate) fn end(&self) {
        let _ = self.state.compare_exchange(BUSY, IDLE, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Lets it read what has arrived, and then the end of the stream: a request that came before the drain is still
    /// answered. A read that blocks wakes up.
    pub(crate) fn stop_reading(&self) {
        // It fails when the client is gone already, which is as well.
        let _ = self.stream.shutdown(Shutdown::Read);
    }

    /// Ends it in both directions; says whether a request was unanswered.
    fn cut(&self) -> bool {
        let was = self.state.swap(CUT, Ordering::SeqCst);
        let _ = self.stream.shutdown(Shutdown::Both);
        was == BUSY
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

    /// How many are between the end of a head and the end of its answer. Counts them one by one.
    pub(crate) fn in_flight(&self) -> usize {
        self.links().values().filter(|link| link.state.load(Ordering::Relaxed) == BUSY).count()
    }

    /// Ends the connections that answer nothing now.
    pub(crate) fn end_idle(&self) {
        for link in self.links().values() {
            if link.state.load(Ordering::SeqCst) == IDLE {
                link.stop_reading();
            }
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
        self.links().values().filter(|link| link.cut()).count()
    }

    fn links(&self) -> MutexGuard<'_, Links> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
