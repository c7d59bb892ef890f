//! Threads that a handler starts beside its own: so many in all, and kept back from connections.
//!
//! Without a bound one request asks for many, and a process at the system's limit is not refused a thread, it is aborted.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use metrics::{Gauge, describe_gauge, gauge};

use crate::{Limits, ThreadCap};

/// Threads for the parts of requests.
#[derive(Debug)]
pub struct Helpers {
    most: usize,
    stack_bytes: usize,
    running: AtomicUsize,
    gauge: Gauge,
}

impl Helpers {
    /// At most `most`, and no more than an eighth of what the system gives: the rest is for connections.
    pub fn new(most: usize) -> Self {
        describe_gauge!(
            "http_helper_threads",
            "Threads that handlers started beside their own, now"
        );
        let stack_bytes = Limits::default().stack_bytes;
        let given = ThreadCap::of_system(usize::MAX, stack_bytes, 0).threads;
        let gauge = gauge!("http_helper_threads");
        gauge.set(0.0);
        Self { most: most.min(given / 8), stack_bytes, running: AtomicUsize::new(0), gauge }
    }

    /// How many there may be at once.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Runs `work` on a thread of its own. Without one to have there is nothing to join, and the work is left undone.
    pub fn start<'scope, 'env, T: Send + 'scope>(
        &'env self,
        scope: &'scope Scope<'scope, 'env>,
        work: impl FnOnce() -> T + Send + 'scope,
    ) -> Option<ScopedJoinHandle<'scope, T>> {
        let helper = self.take()?;
        let builder = Builder::new().name("helper".to_owned()).stack_size(self.stack_bytes);
        let work = move || {
            let _helper = helper;
            work()
        };
        builder.spawn_scoped(scope, work).ok()
    }

    fn take(&self) -> Option<Helper<'_>> {
        // Counted before it is looked at, so that two never take the last one.
        let helper = Helper(self);
        self.gauge.increment(1.0);
        let before = self.running.fetch_add(1, Ordering::Relaxed);
        (before < self.most).then_some(helper)
    }
}

/// One of them, given back when dropped.
struct Helper<'a>(&'a Helpers);

impl Drop for Helper<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
        self.0.gauge.decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread::scope;

    use super::*;

    #[test]
    fn no_more_helpers_run_than_there_are_and_each_comes_back() {
        let (helpers, both) = (Helpers::new(2), Barrier::new(3));
        for _ in 0..3 {
            scope(|threads| {
                let [first, second, third] =
                    [(); 3].map(|()| helpers.start(threads, || both.wait()));
                assert!(first.is_some() && second.is_some() && third.is_none());
                both.wait();
            });
            assert_eq!(helpers.running.load(Ordering::Relaxed), 0);
        }
    }

    #[test]
    fn a_helper_that_panics_comes_back_too() {
        let helpers = Helpers::new(1);
        for _ in 0..2 {
            let ended = scope(|threads| {
                helpers
                    .start(threads, || std::panic::resume_unwind(Box::new(())))
                    .map(ScopedJoinHandle::<()>::join)
            });
            assert!(ended.is_some_and(|ended| ended.is_err()));
        }
    }
}
