//! The offload pool: a bounded number of threads, and a bound on what may wait for them.
//!
//! Here every request has a thread already; a pool still bounds how many of them compute or hold a resource at once.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use contract::{Deadline, Problem};
use metrics::{Gauge, gauge};

use settings::{Counted, carried};

use crate::reply::Error;

/// So many calls run at once, so many may wait, the next is refused.
pub(crate) struct Offload {
    calls: SyncSender<Call>,
    waiting: Gauge,
}

type Call = Box<dyn FnOnce() + Send>;

impl Offload {
    /// A pool of `threads` with room for `queue` calls before them.
    pub(crate) fn new(threads: usize, queue: usize) -> io::Result<Self> {
        let (calls, taken) = sync_channel(queue);
        let taken = Arc::new(Mutex::new(taken));
        for _ in 0..threads {
            let taken = Arc::clone(&taken);
            thread::Builder::new().name("offload".to_owned()).spawn(move || run_all(&taken))?;
        }
        Ok(Self { calls, waiting: gauge!("offload_waiting") })
    }

    /// Runs a call on a thread of the pool, and blocks this one until its result is there.
    ///
    /// Past the deadline only the result is given up, not the call: a thread that blocks cannot be interrupted. What the
    /// call panics with goes on here, as if it had been called here.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        deadline: Deadline,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let (result, ready) = sync_channel(1);
        let waiting = Counted::new(&self.waiting);
        let call = Box::new(move || {
            drop(waiting);
            // Nobody waits for it any more when the deadline has passed.
            let _ = result.send(carried(call));
        });
        self.calls.try_send(call).map_err(|_| Problem::offload_full())?;
        match ready.recv_timeout(deadline.duration()) {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(panic)) => panic.again(),
            Err(RecvTimeoutError::Timeout) => Err(Problem::deadline_passed().into()),
            Err(RecvTimeoutError::Disconnected) => Err(Problem::internal().into()),
        }
    }
}

/// One thread of the pool: a call at a time, for as long as the server lives.
fn run_all(taken: &Mutex<Receiver<Call>>) {
    let running = gauge!("offload_running");
    loop {
        // The lock is held while waiting for a call, and given up before it runs.
        let next = taken.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(call) = next else { return };
        let _running = Counted::new(&running);
        call();
    }
}
