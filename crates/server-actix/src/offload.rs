//! The offload pool: threads for what would stop a worker, and a bound on what may wait for them.

use std::num::NonZeroUsize;
use std::sync::Arc;

use actix_web::web::block;
use contract::Problem;
use metrics::{Gauge, gauge};
use settings::{Counted, carried};
use tokio::sync::Semaphore;

use crate::reply::Error;

/// So many calls run at once, so many may wait, the next is refused.
///
/// The runtime's own queue before `web::block` is unbounded, so the bound stands in front of it.
#[derive(Clone)]
pub(crate) struct Offload {
    /// A place for each call that runs or waits.
    places: Arc<Semaphore>,
    /// A thread for each call that runs.
    threads: Arc<Semaphore>,
    size: usize,
    queue: usize,
    running: Gauge,
    waiting: Gauge,
}

impl Offload {
    /// A pool of `threads` with room for `queue` calls before them.
    pub(crate) fn new(threads: usize, queue: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(threads + queue)),
            threads: Arc::new(Semaphore::new(threads)),
            size: threads,
            queue,
            running: gauge!("offload_running"),
            waiting: gauge!("offload_waiting"),
        }
    }

    /// The part of worker `index` of `workers`: their threads add up to the pool's, but each has at least one.
    pub(crate) fn share(&self, index: usize, workers: usize) -> Self {
        let part = |whole: usize| whole / workers + usize::from(index < whole % workers);
        Self::new(part(self.size).max(1), part(self.queue))
    }

    /// The most threads that any of `workers` workers has.
    pub(crate) fn largest_share(&self, workers: NonZeroUsize) -> usize {
        self.size.div_ceil(workers.get())
    }

    /// Runs a blocking call on a thread of the pool and awaits its result.
    ///
    /// Dropping the future gives up the result, not the call: a thread that blocks cannot be interrupted. What the call
    /// panics with goes on here, as if it had been called here.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Err(Problem::offload_full().into());
        };
        let waiting = Counted::new(&self.waiting);
        let thread = Arc::clone(&self.threads).acquire_owned().await.expect("never closed");
        drop(waiting);
        let running = Counted::new(&self.running);
        // The permits go along with the call: they are free when it ends, not when nobody waits for it any more.
        let ended = block(move || {
            let _held = (place, thread, running);
            carried(call)
        });
        match ended.await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(panic)) => panic.again(),
            Err(_) => Err(Problem::internal().into()),
        }
    }
}
