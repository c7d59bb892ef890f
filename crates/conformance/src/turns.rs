//! Who asks beside whom: most questions all at once; after them those that measure time or count, one at a time on each
//! server.
//!
//! A question mostly waits, so far more of them are asked at once than there are cores. One that takes its turn after that
//! crowd finds a machine that is not busy, and what others ask of other servers does not change what it counts.

use std::convert::Infallible;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};

/// Held by whoever alone may ask a server.
pub type Lane = Arc<Mutex<()>>;

/// Hands out the turns of one run. Whoever takes turns must let go of this first, and must begin with those of the crowd.
#[derive(Debug)]
pub struct Turns {
    crowd: Sender<Infallible>,
    through: Arc<Mutex<Receiver<Infallible>>>,
}

/// When a question is asked. One that is never asked is dropped, and nobody waits for it.
#[derive(Debug)]
pub struct Turn(When);

#[derive(Debug)]
enum When {
    Crowd(Sender<Infallible>),
    After(Arc<Mutex<Receiver<Infallible>>>, Lane),
}

impl Default for Turns {
    fn default() -> Self {
        let (crowd, through) = mpsc::channel();
        Self { crowd, through: Arc::new(Mutex::new(through)) }
    }
}

impl Turns {
    /// Beside all others of the crowd.
    pub fn in_the_crowd(&self) -> Turn {
        Turn(When::Crowd(self.crowd.clone()))
    }

    /// When the crowd is through, and nobody else is in the lane.
    pub fn after_the_crowd(&self, lane: Lane) -> Turn {
        Turn(When::After(Arc::clone(&self.through), lane))
    }
}

impl Turn {
    /// Asks when it is time to.
    pub fn take<T>(self, ask: impl FnOnce() -> T) -> T {
        match self.0 {
            When::Crowd(_asking) => ask(),
            When::After(through, lane) => {
                // Nothing is ever sent: it ends when the last of the crowd has let go of its end.
                let _ = through.lock().unwrap_or_else(PoisonError::into_inner).recv();
                // One that panicked has been told of; what it held is nothing.
                let _held = lane.lock().unwrap_or_else(PoisonError::into_inner);
                ask()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Barrier, Once};
    use std::thread;

    use super::*;

    #[test]
    fn the_crowd_asks_at_once_and_who_comes_after_it_alone_in_its_lane() {
        let (turns, lane) = (Turns::default(), Lane::default());
        let (met, asked, inside) = (Barrier::new(8), AtomicUsize::new(0), AtomicUsize::new(0));
        let crowd: Vec<_> = (0..8).map(|_| turns.in_the_crowd()).collect();
        let after: Vec<_> = (0..8).map(|_| turns.after_the_crowd(Arc::clone(&lane))).collect();
        drop(turns);
        thread::scope(|scope| {
            for turn in after {
                scope.spawn(|| {
                    turn.take(|| {
                        assert_eq!(asked.load(Ordering::SeqCst), 8);
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                    });
                });
            }
            for turn in crowd {
                scope.spawn(|| {
                    turn.take(|| {
                        // Nobody passes until all are here.
                        met.wait();
                        asked.fetch_add(1, Ordering::SeqCst);
                    });
                });
            }
        });
    }

    #[test]
    fn those_of_other_lanes_ask_beside_each_other_and_whoever_is_not_asked_holds_up_nobody() {
        let turns = Turns::default();
        let after = [Lane::default(), Lane::default()].map(|lane| turns.after_the_crowd(lane));
        let never = turns.in_the_crowd();
        drop(turns);
        let (met, left) = (Barrier::new(2), Once::new());
        thread::scope(|scope| {
            for turn in after {
                scope.spawn(|| {
                    turn.take(|| {
                        assert!(left.is_completed());
                        met.wait();
                    });
                });
            }
            left.call_once(|| {});
            drop(never);
        });
    }
}
