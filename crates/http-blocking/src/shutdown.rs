//! The wish to stop, told to everyone who waits: the accept loop, the streams, the handlers.

use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::registry::Registry;

/// Starts a drain, and tells who asks that one began. Clones share one state; one may serve several servers.
#[derive(Clone, Debug)]
pub struct Shutdown(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    draining: AtomicBool,
    /// Closing the writing end wakes everyone who polls the reading end, however many they are.
    bell: Mutex<Option<PipeWriter>>,
    rung: PipeReader,
    /// Wakes those who sleep in [`Shutdown::pause`].
    changed: Condvar,
    /// The connections of each server that it stops.
    registries: Mutex<Vec<Weak<Registry>>>,
}

impl Shutdown {
    /// Makes one that has not begun.
    ///
    /// # Errors
    /// When the process may open no more files.
    pub fn new() -> io::Result<Self> {
        let (rung, bell) = io::pipe()?;
        Ok(Self(Arc::new(Inner {
            draining: AtomicBool::new(false),
            bell: Mutex::new(Some(bell)),
            rung,
            changed: Condvar::new(),
            registries: Mutex::default(),
        })))
    }

    /// Begins the drain: listeners are closed at once, requests in flight may finish. Saying it again changes nothing.
    /// It takes a lock, so call it from a thread that waits for signals, not from a signal handler.
    pub fn drain(&self) {
        let mut bell = self.0.bell.lock().unwrap_or_else(PoisonError::into_inner);
        // Sequentially consistent: a connection that goes idle after this store sees it, and one that went idle
        // before is seen by the walk over the registry.
        self.0.draining.store(true, Ordering::SeqCst);
        bell.take();
        self.0.changed.notify_all();
    }

    /// Whether the drain began.
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::SeqCst)
    }

    /// Requests whose head is complete and whose answer is not, of all servers that it stops.
    pub fn in_flight(&self) -> usize {
        let registries = self.0.registries.lock().unwrap_or_else(PoisonError::into_inner);
        registries.iter().filter_map(Weak::upgrade).map(|registry| registry.in_flight()).sum()
    }

    /// For one more server.
    pub(crate) fn registry(&self) -> Arc<Registry> {
        let registry = Arc::new(Registry::default());
        let mut registries = self.0.registries.lock().unwrap_or_else(PoisonError::into_inner);
        registries.push(Arc::downgrade(&registry));
        registry
    }

    /// Blocks this thread for `duration`, or until the drain begins; says whether it did.
    pub fn pause(&self, duration: Duration) -> bool {
        let deadline = Instant::now().checked_add(duration);
        let mut bell = self.0.bell.lock().unwrap_or_else(PoisonError::into_inner);
        while !self.is_draining() {
            let left = match deadline {
                Some(deadline) => deadline.saturating_duration_since(Instant::now()),
                None => Duration::MAX,
            };
            if left.is_zero() {
                return false;
            }
            let woken = self.0.changed.wait_timeout(bell, left);
            bell = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Readable once the drain began: for `poll`.
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.rung.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_ends_when_the_drain_begins() {
        let shutdown = Shutdown::new().unwrap();
        assert!(!shutdown.pause(Duration::from_millis(1)));
        let sleeper = std::thread::spawn({
            let shutdown = shutdown.clone();
            move || shutdown.pause(Duration::from_secs(60))
        });
        shutdown.drain();
        assert!(sleeper.join().unwrap());
        assert!(shutdown.is_draining());
    }
}
