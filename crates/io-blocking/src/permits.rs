//! How many calls are made at once: a caller without a permit blocks its thread until it gets one or the time is up.

use std::collections::VecDeque;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// So many permits, given out first come, first served.
#[derive(Clone, Debug)]
pub struct Permits(Arc<Mutex<Desk>>);

/// One call's leave to be made, given back when dropped.
#[derive(Debug)]
pub struct Permit(Arc<Mutex<Desk>>);

/// std has no semaphore, and a bare `Condvar` wakes whom it likes: here each who waits has a channel of their own, and
/// a permit given back goes to whoever has waited longest.
#[derive(Debug)]
struct Desk {
    free: usize,
    /// Who waits, by number, so that whoever gives up can leave the queue.
    waiting: VecDeque<(u64, SyncSender<()>)>,
    next: u64,
}

impl Permits {
    /// As many as `count` at once.
    pub fn new(count: usize) -> Self {
        Self(Arc::new(Mutex::new(Desk { free: count, waiting: VecDeque::new(), next: 0 })))
    }

    /// A permit, if one is free.
    pub fn take(&self) -> Option<Permit> {
        let mut desk = lock(&self.0);
        desk.free = desk.free.checked_sub(1)?;
        Some(Permit(Arc::clone(&self.0)))
    }

    /// A permit, or nothing if none came in time.
    pub fn acquire(&self, deadline: Instant) -> Option<Permit> {
        let mut desk = lock(&self.0);
        if desk.free > 0 {
            desk.free -= 1;
            return Some(Permit(Arc::clone(&self.0)));
        }
        let (grant, granted) = sync_channel(1);
        let number = desk.next;
        desk.next += 1;
        desk.waiting.push_back((number, grant));
        drop(desk);

        if granted.recv_timeout(deadline.saturating_duration_since(Instant::now())).is_err() {
            // One may have been handed over in this instant: look again while nobody can, and leave the queue.
            let mut desk = lock(&self.0);
            let granted_late = granted.try_recv();
            if let Ok(place) = desk.waiting.binary_search_by_key(&number, |(number, _)| *number) {
                desk.waiting.remove(place);
            }
            drop(desk);
            granted_late.ok()?;
        }
        let permit = Permit(Arc::clone(&self.0));
        // Granted as the time ran out, it would only be carried to the next and the next.
        (Instant::now() < deadline).then_some(permit)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut desk = lock(&self.0);
        match desk.waiting.pop_front() {
            // Whoever gives up leaves the queue under this lock, so somebody is there.
            Some((_, longest)) => longest.send(()).expect("it waits as long as it is queued"),
            None => desk.free += 1,
        }
    }
}

/// Nothing panics with the desk in hand; if it did, the count would still be right.
fn lock(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_permit_given_back_goes_to_who_waits() {
        let permits = Permits::new(1);
        let soon = Instant::now() + Duration::from_secs(5);
        let first = permits.acquire(soon).unwrap();
        let second = thread::spawn({
            let permits = permits.clone();
            move || permits.acquire(soon).is_some()
        });
        thread::sleep(Duration::from_millis(20));
        drop(first);
        assert!(second.join().unwrap());
    }

    #[test]
    fn without_a_permit_the_wait_ends_at_the_deadline() {
        let permits = Permits::new(1);
        let start = Instant::now();
        let soon = || Instant::now() + Duration::from_secs(5);
        let held = permits.acquire(soon()).unwrap();
        assert!(permits.acquire(start + Duration::from_millis(50)).is_none());
        let waited = start.elapsed().as_millis();
        assert!((50..250).contains(&waited), "{waited} ms");
        // Whoever gave up is no longer in the way.
        drop(held);
        assert!(permits.acquire(soon()).is_some());
    }

    #[test]
    fn who_gives_up_leaves_the_queue() {
        let permits = Permits::new(1);
        let held = permits.take().unwrap();
        for _ in 0..100 {
            assert!(permits.acquire(Instant::now()).is_none());
        }
        assert!(lock(&permits.0).waiting.is_empty());
        assert!(permits.take().is_none());
        drop(held);
        assert!(permits.take().is_some());
    }

    #[test]
    fn no_permit_is_lost_or_made_while_many_come_and_give_up() {
        let permits = Permits::new(3);
        thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let wait = Duration::from_micros(fastrand::u64(0..300));
                        let permit = permits.acquire(Instant::now() + wait);
                        thread::sleep(Duration::from_micros(fastrand::u64(0..100)));
                        drop(permit);
                    }
                });
            }
        });
        let mut all = Vec::new();
        for _ in 0..4 {
            all.extend(permits.acquire(Instant::now() + Duration::from_millis(20)));
        }
        assert_eq!(all.len(), 3);
    }
}
