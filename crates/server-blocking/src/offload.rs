//! The offload pool: a bounded number of threads, and a bound on what may wait for them.
//!
//! Here every request has a thread already; a pool still bounds how many of them compute or hold a resource at once.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use contract::{Deadline, Problem};
use io_blocking::Permits;
use metrics::{Gauge, gauge};
use settings::{Counted, carried};

use crate::reply::Error;

/// So many calls run at once, so many may wait, the next is refused.
///
/// A call is handed over only once a thread is free for it: what waits can still be given up, and leaves nothing behind.
pub(crate) struct Offload {
    /// A place for each call that runs or waits.
    places: Permits,
    /// A thread for each call that runs.
    threads: Permits,
    calls: Sender<Call>,
    running: Gauge,
    waiting: Gauge,
}

/// As much as a connection's thread has.
const STACK: usize = 1024 * 1024;

type Call = Box<dyn FnOnce() + Send>;

impl Offload {
    /// A pool of `threads` with room for `queue` calls before them.
    pub(crate) fn new(threads: usize, queue: usize) -> io::Result<Self> {
        let (calls, taken) = channel();
        let taken = Arc::new(Mutex::new(taken));
        for _ in 0..threads {
            let taken = Arc::clone(&taken);
            let builder = thread::Builder::new().name("offload".to_owned());
            builder.stack_size(STACK).spawn(move || run_all(&taken))?;
        }
        Ok(Self {
            places: Permits::new(threads + queue),
            threads: Permits::new(threads),
            calls,
            running: gauge!("offload_running"),
            waiting: gauge!("offload_waiting"),
        })
    }

    /// Runs a call on a thread of the pool, and blocks this one until its result is there.
    ///
    /// Past the deadline a call that runs is given up, but not ended: a thread that blocks cannot be interrupted. What the
    /// call panics with goes on here, as if it had been called here.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        deadline: Deadline,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let until = Instant::now() + deadline.duration();
        let Some(place) = self.places.take() else {
            return Err(Problem::offload_full().into());
        };
        let waiting = Counted::new(&self.waiting);
        let thread = self.threads.acquire(until).ok_or_else(Problem::deadline_passed)?;
        drop(waiting);
        let running = Counted::new(&self.running);
        let (result, ready) = sync_channel(1);
        // The permits go along with the call: they are free when it ends, not when nobody waits for it any more.
        let call = Box::new(move || {
            let held = (place, thread, running);
            let done = carried(call);
            drop(held);
            // Nobody waits for it any more when the deadline has passed.
            let _ = result.send(done);
        });
        self.calls.send(call).expect("the threads take calls as long as the pool lives");
        let left = until.saturating_duration_since(Instant::now());
        match ready.recv_timeout(left) {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(panic)) => panic.again(),
            Err(RecvTimeoutError::Timeout) => Err(Problem::deadline_passed().into()),
            Err(RecvTimeoutError::Disconnected) => Err(Problem::internal().into()),
        }
    }
}

/// One thread of the pool: a call at a time, for as long as the server lives.
fn run_all(taken: &Mutex<Receiver<Call>>) {
    loop {
        // The lock is held while waiting for a call, and given up before it runs.
        let next = taken.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(call) = next else { return };
        call();
    }
}
