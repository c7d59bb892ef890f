//! Asleep for a millisecond: who waits for whom, and how exactly. What is over 1 ms is the price.
//!
//! A thread's sleep is the kernel's, late by the timer slack (50 µs). A task's is a place in tokio's wheel, which turns once
//! a millisecond, so a single one is up to a millisecond late; 64 of them cost little more, where 64 threads must be
//! started first.

use std::thread::sleep;
use std::time::Duration;

use super::spawn::thread;
use super::{MANY, OWN_LOOP, SHARED_LOOP, THREAD, own_loop, shared_loop, within};
use crate::Harness;

const WAIT: Duration = Duration::from_millis(1);

pub(super) fn measure(harness: &mut Harness) {
    let (shared, own) = (shared_loop(), own_loop());
    for (name, count) in [("sleep/1", 1), ("sleep/64", MANY)] {
        let mut group = harness.group(name, count);
        group.measure(THREAD, |bencher| bencher.iter(|| threads(count)));
        for (name, runtime) in [(SHARED_LOOP, &shared), (OWN_LOOP, &own)] {
            group.measure(name, |bencher| {
                bencher.iter_custom(|iters| within(runtime, iters, move || tasks(count)));
            });
        }
    }
}

/// One sleeps where it is; of 64 each needs a thread of its own.
fn threads(count: u64) {
    if count == 1 {
        return sleep(WAIT);
    }
    let threads: Vec<_> = (0..count).map(|_| thread(|| sleep(WAIT))).collect();
    for thread in threads {
        thread.join().expect("it only sleeps");
    }
}

/// One sleeps where it is; of 64 each is a task of its own.
async fn tasks(count: u64) {
    if count == 1 {
        return tokio::time::sleep(WAIT).await;
    }
    let tasks: Vec<_> = (0..count).map(|_| tokio::spawn(tokio::time::sleep(WAIT))).collect();
    for task in tasks {
        task.await.expect("it only sleeps");
    }
}
