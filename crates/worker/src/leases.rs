//! The jobs this worker has, and a heartbeat that keeps them its own.
//!
//! A thread that computes cannot be interrupted. So each job asks, between two steps, whether it is still wanted; the
//! heartbeat finds out: cancelled, taken by another, or over its time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use io_blocking::Store;
use store::jobs::Lease;

/// All leases of this process.
#[derive(Debug, Default)]
pub(crate) struct Leases(Mutex<HashMap<i64, Entry>>);

#[derive(Debug)]
struct Entry {
    lease: Lease,
    began: Instant,
    wanted: Arc<AtomicBool>,
}

/// One job's lease, held until this is dropped.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    leases: &'a Leases,
    pub(crate) lease: Lease,
    wanted: Arc<AtomicBool>,
}

impl Leases {
    /// Keeps this job from now on.
    pub(crate) fn hold(&self, lease: Lease) -> Held<'_> {
        let wanted = Arc::new(AtomicBool::new(true));
        let entry =
            Entry { lease: lease.clone(), began: Instant::now(), wanted: Arc::clone(&wanted) };
        self.entries().insert(lease.id, entry);
        Held { leases: self, lease, wanted }
    }

    /// Renews every lease once. A database that fails is no reason to give up: the end of the job is fenced.
    pub(crate) fn beat(&self, store: &Store, length: Duration) {
        for (lease, _) in self.all() {
            match store.renew(&lease, length) {
                Ok(true) => {}
                Ok(false) => {
                    tracing::info!(job = lease.id, attempt = lease.attempt, "no longer wanted");
                    self.unwanted(&lease);
                }
                Err(error) => tracing::warn!(job = lease.id, %error, "cannot renew a lease"),
            }
        }
    }

    /// The jobs that have taken longer than `limit`.
    pub(crate) fn late(&self, limit: Duration) -> Vec<Lease> {
        let late = |(lease, began): (Lease, Instant)| (began.elapsed() > limit).then_some(lease);
        self.all().into_iter().filter_map(late).collect()
    }

    /// Tells a job that its result will not be taken, and stops renewing its lease.
    pub(crate) fn unwanted(&self, lease: &Lease) {
        let mut entries = self.entries();
        if entries.get(&lease.id).is_some_and(|entry| entry.lease == *lease) {
            let entry = entries.remove(&lease.id).expect("it was there a line before");
            entry.wanted.store(false, Ordering::Relaxed);
        }
    }

    /// All leases, and since when.
    pub(crate) fn all(&self) -> Vec<(Lease, Instant)> {
        self.entries().values().map(|entry| (entry.lease.clone(), entry.began)).collect()
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<i64, Entry>> {
        self.0.lock().expect("no code panics while it holds the lock")
    }
}

impl Held<'_> {
    /// Whether the job's result would still be taken.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.leases.unwanted(&self.lease);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(attempt: i32) -> Lease {
        Lease { id: 7, attempt, worker: "a".to_owned() }
    }

    #[test]
    fn a_job_learns_that_it_is_not_wanted_and_an_earlier_attempt_at_it_tells_it_nothing() {
        let leases = Leases::default();
        let held = leases.hold(lease(2));
        leases.unwanted(&lease(1));
        assert!(held.is_wanted());
        leases.unwanted(&lease(2));
        assert!(!held.is_wanted());
        assert!(leases.all().is_empty());
    }

    #[test]
    fn what_takes_longer_than_it_may_is_late() {
        let leases = Leases::default();
        let held = leases.hold(lease(1));
        assert!(leases.late(Duration::from_secs(60)).is_empty());
        std::thread::sleep(Duration::from_millis(2));
        assert_eq!(leases.late(Duration::ZERO), std::slice::from_ref(&held.lease));
        drop(held);
        assert!(leases.late(Duration::ZERO).is_empty());
    }
}
