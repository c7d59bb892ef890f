//! How many bytes of bodies may be in memory at once, whatever number of requests they belong to.
//!
//! Each body has its own limit, but many times that limit is more than a machine has. What does not fit is refused while
//! it comes: nothing is set aside for what was only announced, or a few slow clients could hold all of it with promises.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use contract::Problem;
use metrics::{Gauge, describe_gauge, gauge};

/// One for the process; a clone is the same.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Account>);

#[derive(Debug)]
struct Account {
    held: AtomicU64,
    most: u64,
    shown: Gauge,
}

/// What one request holds of it, given back when dropped.
#[derive(Debug)]
pub struct Held {
    budget: Budget,
    bytes: u64,
}

/// A body that is here as a whole, and counted for as long as it is.
#[derive(Debug)]
pub struct Whole {
    /// All of it.
    pub bytes: Bytes,
    /// To be kept as long as they are.
    pub held: Held,
}

impl Budget {
    /// So many bytes at once.
    pub fn new(most: u64) -> Self {
        describe_gauge!("body_bytes_held", "Bytes of bodies that are in memory as a whole now");
        let shown = gauge!("body_bytes_held");
        shown.set(0.0);
        Self(Arc::new(Account { held: AtomicU64::new(0), most, shown }))
    }

    /// The part of one request, which holds nothing yet.
    pub fn hold(&self) -> Held {
        Held { budget: self.clone(), bytes: 0 }
    }
}

impl Held {
    /// So many bytes more.
    ///
    /// # Errors
    ///
    /// 503 when that is more than may be held; what was held before still is.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Problem> {
        let (account, bytes) = (&self.budget.0, bytes as u64);
        let fits = |held: u64| held.checked_add(bytes).filter(|sum| *sum <= account.most);
        account
            .held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits)
            .map_err(|_| Problem::memory_full())?;
        account.shown.increment(bytes as f64);
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let account = &self.budget.0;
        account.held.fetch_sub(self.bytes, Ordering::Relaxed);
        account.shown.decrement(self.bytes as f64);
    }
}

impl Deref for Whole {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_and_what_goes_makes_room() {
        let budget = Budget::new(10);
        let (mut one, mut two) = (budget.hold(), budget.hold());
        one.grow(6).unwrap();
        let refused = two.grow(5).unwrap_err();
        assert_eq!((refused.status, refused.retry_after), (503, Some(1)));
        two.grow(4).unwrap();
        assert!(one.grow(1).is_err());
        drop(two);
        one.grow(4).unwrap();
        drop(one);
        budget.hold().grow(10).unwrap();
    }

    #[test]
    fn a_number_without_an_end_is_no_way_around_it() {
        let budget = Budget::new(10);
        let mut one = budget.hold();
        one.grow(1).unwrap();
        assert!(one.grow(usize::MAX).is_err());
        one.grow(9).unwrap();
    }
}
