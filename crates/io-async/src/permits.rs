//! How many calls are made at once: a caller without a permit awaits one, and its thread is free meanwhile.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// So many permits, given out first come, first served.
#[derive(Clone, Debug)]
pub(crate) struct Permits(Arc<Semaphore>);

/// One call's leave to be made, given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit(#[expect(dead_code, reason = "held to be dropped")] OwnedSemaphorePermit);

impl Permits {
    pub(crate) fn new(count: usize) -> Self {
        Self(Arc::new(Semaphore::new(count)))
    }

    /// A permit, if one is free.
    pub(crate) fn take(&self) -> Option<Permit> {
        Arc::clone(&self.0).try_acquire_owned().ok().map(Permit)
    }

    /// A permit, or nothing if none came in time.
    pub(crate) async fn acquire(&self, deadline: Instant) -> Option<Permit> {
        let granted = timeout_at(deadline, Arc::clone(&self.0).acquire_owned()).await.ok()?;
        let permit = Permit(granted.expect("this semaphore is never closed"));
        // Granted as the time ran out, it would only be carried to the next and the next.
        (Instant::now() < deadline).then_some(permit)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{task, time};

    use super::*;

    #[tokio::test]
    async fn a_permit_given_back_goes_to_who_waits() {
        let permits = Permits::new(1);
        let soon = Instant::now() + Duration::from_secs(5);
        let first = permits.acquire(soon).await.unwrap();
        let second = task::spawn({
            let permits = permits.clone();
            async move { permits.acquire(soon).await.is_some() }
        });
        time::sleep(Duration::from_millis(20)).await;
        drop(first);
        assert!(second.await.unwrap());
    }

    #[tokio::test]
    async fn without_a_permit_the_wait_ends_at_the_deadline() {
        let permits = Permits::new(1);
        let start = Instant::now();
        let soon = || Instant::now() + Duration::from_secs(5);
        let held = permits.acquire(soon()).await.unwrap();
        assert!(permits.acquire(start + Duration::from_millis(50)).await.is_none());
        let waited = start.elapsed().as_millis();
        assert!((50..250).contains(&waited), "{waited} ms");
        // Whoever gave up is no longer in the way.
        drop(held);
        assert!(permits.acquire(soon()).await.is_some());
    }

    #[tokio::test]
    async fn no_permit_is_lost_or_made_while_many_come_and_give_up() {
        let permits = Permits::new(3);
        let mut callers = task::JoinSet::new();
        for _ in 0..16 {
            let permits = permits.clone();
            callers.spawn(async move {
                for _ in 0..200 {
                    let wait = Duration::from_micros(fastrand::u64(0..300));
                    let permit = permits.acquire(Instant::now() + wait).await;
                    time::sleep(Duration::from_micros(fastrand::u64(0..100))).await;
                    drop(permit);
                }
            });
        }
        callers.join_all().await;
        let mut all = Vec::new();
        for _ in 0..4 {
            all.extend(permits.acquire(Instant::now() + Duration::from_millis(20)).await);
        }
        assert_eq!(all.len(), 3);
    }
}
