//! Starting a thread, or a task, and waiting for its end.

use std::hint::black_box;
use std::thread::{self, JoinHandle};

use super::{MANY, OWN_LOOP, SHARED_LOOP, THREAD, own_loop, shared_loop, within};
use crate::Harness;

/// The stack of a thread in `server-blocking`. It is address space until it is touched.
const STACK: usize = 1 << 20;

pub(super) fn measure(harness: &mut Harness) {
    let (shared, own) = (shared_loop(), own_loop());
    for (name, count) in [("spawn/1", 1), ("spawn/64", MANY)] {
        let mut group = harness.group(name, count);
        group.measure(THREAD, |bencher| {
            bencher.iter(|| {
                let threads: Vec<_> = (0..count).map(start_thread).collect();
                for thread in threads {
                    thread.join().expect("it does nothing");
                }
            });
        });
        for (name, runtime) in [(SHARED_LOOP, &shared), (OWN_LOOP, &own)] {
            group.measure(name, |bencher| {
                bencher.iter_custom(|iters| within(runtime, iters, move || tasks(count)));
            });
        }
    }
}

pub(super) fn thread<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let spawned = thread::Builder::new().stack_size(STACK).spawn(run);
    spawned.expect("64 threads are allowed")
}

fn start_thread(number: u64) -> JoinHandle<u64> {
    thread(move || black_box(number))
}

async fn tasks(count: u64) {
    let tasks: Vec<_> =
        (0..count).map(|number| tokio::spawn(async move { black_box(number) })).collect();
    for task in tasks {
        task.await.expect("it does nothing");
    }
}
