//! What a thread and a task cost, in pairs that do the same work and differ only in who waits.

mod handoff;
mod parse;
mod sleep;
mod spawn;
mod switch;

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use crate::Harness;

/// An OS thread.
const THREAD: &str = "thread";
/// A task on tokio's work-stealing runtime: `server-axum`.
const SHARED_LOOP: &str = "shared-loop";
/// A task on a runtime of one thread: each worker of `server-actix`.
const OWN_LOOP: &str = "own-loop";

/// How many at once, where it is more than one: as many as the servers are asked.
const MANY: u64 = 64;
/// Threads of the pool that calls are handed to: the servers' least.
const POOL: usize = 4;

/// Measures all of them.
pub fn measure(harness: &mut Harness) {
    spawn::measure(harness);
    switch::measure(harness);
    sleep::measure(harness);
    handoff::measure(harness);
    parse::measure(harness);
}

/// As many workers as CPUs.
fn shared_loop() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.enable_time().max_blocking_threads(POOL);
    builder.build().expect("a few threads can be had")
}

fn own_loop() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_time().max_blocking_threads(POOL);
    builder.build().expect("a runtime of this thread needs nothing")
}

/// Times `iters` rounds within a task, where a handler would be; `block_on` itself is not on the loop's threads.
fn within<F>(runtime: &Runtime, iters: u64, round: impl Fn() -> F + Send + 'static) -> Duration
where
    F: Future<Output = ()> + Send,
{
    let task = runtime.spawn(async move {
        let start = Instant::now();
        for _ in 0..iters {
            round().await;
        }
        start.elapsed()
    });
    runtime.block_on(task).expect("a round does not panic")
}
