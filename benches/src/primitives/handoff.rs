//! Handing a call to a pool of threads and waiting for its result: the price of `offload` over calling it here.
//!
//! `thread` is the pool of `server-blocking`: a bounded channel before four threads, and a channel back. `shared-loop` is
//! `spawn_blocking` as `server-axum` calls it, `own-loop` the same as `web::block` in `server-actix` calls it. All
//! three have four threads.

use std::hint::black_box;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::spawn_blocking;

use super::{MANY, OWN_LOOP, POOL, SHARED_LOOP, THREAD, own_loop, shared_loop, within};
use crate::Harness;

type Call = Box<dyn FnOnce() + Send>;

pub(super) fn measure(harness: &mut Harness) {
    let (pool, shared, own) = (pool(), shared_loop(), own_loop());
    for (name, count) in [("handoff/1", 1), ("handoff/64", MANY)] {
        let mut group = harness.group(name, count);
        group.measure(THREAD, |bencher| bencher.iter(|| calls(&pool, count)));
        for (name, runtime) in [(SHARED_LOOP, &shared), (OWN_LOOP, &own)] {
            group.measure(name, |bencher| {
                bencher.iter_custom(|iters| within(runtime, iters, move || blocking_calls(count)));
            });
        }
    }
}

/// The threads end when the sender is dropped.
fn pool() -> SyncSender<Call> {
    let (calls, taken) = sync_channel::<Call>(1_024);
    let taken = Arc::new(Mutex::new(taken));
    for _ in 0..POOL {
        let taken = Arc::clone(&taken);
        std::thread::spawn(move || run_all(&taken));
    }
    calls
}

fn run_all(taken: &Mutex<Receiver<Call>>) {
    loop {
        let next = taken.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(call) = next else { return };
        call();
    }
}

fn calls(pool: &SyncSender<Call>, count: u64) {
    let results: Vec<_> = (0..count)
        .map(|number| {
            let (result, ready) = sync_channel(1);
            let call = move || result.send(black_box(number)).expect("its result is waited for");
            pool.send(Box::new(call)).expect("the pool lives as long as its sender");
            ready
        })
        .collect();
    for ready in results {
        ready.recv().expect("a call sends its result");
    }
}

async fn blocking_calls(count: u64) {
    let results: Vec<_> =
        (0..count).map(|number| spawn_blocking(move || black_box(number))).collect();
    for ready in results {
        ready.await.expect("it does nothing");
    }
}
