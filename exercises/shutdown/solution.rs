//! Shutting down: a request is answered or counted as cut, and never both. Chapter: `docs/src/shutdown.md`.

use std::sync::atomic::{AtomicU8, Ordering};

const IDLE: u8 = 0;
const BUSY: u8 = 1;
const ENDED: u8 = 2;

/// What a connection is doing. Its thread and the drain both change it.
#[derive(Default)]
pub struct Link(AtomicU8);

impl Link {
    /// A request has come: whether it may be answered.
    pub fn begin(&self) -> bool {
        self.0.compare_exchange(IDLE, BUSY, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// The drain ends what is idle: whether this was, and is over now.
    pub fn end_if_idle(&self) -> bool {
        // cut: to look and then to change are two steps, and a request may come between them; `begin` shows one step
        self.0.compare_exchange(IDLE, ENDED, Ordering::AcqRel, Ordering::Acquire).is_ok()
        // end cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_request_and_a_drain_that_come_together_one_is_first() {
        for _ in 0..2_000 {
            let link = Link::default();
            let (begun, ended) = std::thread::scope(|scope| {
                let drain = scope.spawn(|| link.end_if_idle());
                (link.begin(), drain.join().unwrap())
            });
            assert!(begun != ended, "begun: {begun}, ended: {ended}");
        }
        let link = Link::default();
        assert!(link.begin());
        assert!(!link.end_if_idle(), "a request is in flight");
    }
}
