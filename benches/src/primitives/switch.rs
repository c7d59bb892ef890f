//! A message to somebody who waits for it, and one back: two switches.
//!
//! On one CPU a thread is switched by the kernel, a task by the loop it is on. Across two CPUs the one that waits has gone to
//! sleep, a loop as well as a thread, and must be woken: there a task gains nothing. Left free, the kernel puts two
//! threads where it likes, and tokio keeps two tasks that talk on one worker.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::{OWN_LOOP, SHARED_LOOP, THREAD, own_loop, shared_loop};
use crate::Harness;
use crate::cpus::{allowed, on};

pub(super) fn measure(harness: &mut Harness) {
    let cpus = allowed();
    let (first, last) = (cpus[0], cpus[cpus.len() - 1]);

    let mut group = harness.group("switch/one-cpu", 2);
    group.measure(THREAD, |bencher| {
        bencher.iter_custom(|iters| on(&[first], || threads(iters, &[first])));
    });
    group.measure(OWN_LOOP, |bencher| {
        bencher.iter_custom(|iters| on(&[first], || own_loop().block_on(tasks(iters))));
    });
    drop(group);

    if first == last {
        println!("switch/two-cpus is left out: this process may use one CPU only\n");
    } else {
        let mut group = harness.group("switch/two-cpus", 2);
        group.measure(THREAD, |bencher| {
            bencher.iter_custom(|iters| on(&[first], || threads(iters, &[last])));
        });
        group.measure(OWN_LOOP, |bencher| {
            bencher.iter_custom(|iters| on(&[first], || loops(iters, &[last])));
        });
    }

    let shared = shared_loop();
    let mut group = harness.group("switch/free", 2);
    group.measure(THREAD, |bencher| bencher.iter_custom(|iters| threads(iters, &cpus)));
    group.measure(SHARED_LOOP, |bencher| {
        bencher.iter_custom(|iters| {
            // Within a task: `block_on` itself is not on the loop's threads.
            shared.block_on(shared.spawn(tasks(iters))).expect("it does not panic")
        });
    });
}

/// This thread and one on these CPUs.
fn threads(iters: u64, theirs: &[usize]) -> Duration {
    let (there, arrived) = sync_channel(1);
    let (back, returned) = sync_channel(1);
    let other = on(theirs, || thread::spawn(move || reply_to_all(&arrived, &back)));
    let start = Instant::now();
    for number in 0..iters {
        there.send(number).expect("the other one listens");
        assert_eq!(returned.recv(), Ok(number));
    }
    let elapsed = start.elapsed();
    drop(there);
    other.join().expect("it does not panic");
    elapsed
}

fn reply_to_all(arrived: &Receiver<u64>, back: &SyncSender<u64>) {
    while let Ok(number) = arrived.recv() {
        back.send(number).expect("an answer is waited for");
    }
}

/// This task and one on the same runtime.
async fn tasks(iters: u64) -> Duration {
    let (there, arrived) = mpsc::channel(1);
    let (back, returned) = mpsc::channel(1);
    tokio::spawn(echo(arrived, back));
    talk(iters, there, returned).await
}

/// A task on a loop of this thread, and one on a loop of a thread on these CPUs.
fn loops(iters: u64, theirs: &[usize]) -> Duration {
    let (there, arrived) = mpsc::channel(1);
    let (back, returned) = mpsc::channel(1);
    let other = on(theirs, || thread::spawn(|| own_loop().block_on(echo(arrived, back))));
    let elapsed = own_loop().block_on(talk(iters, there, returned));
    other.join().expect("it does not panic");
    elapsed
}

async fn talk(iters: u64, there: mpsc::Sender<u64>, mut returned: mpsc::Receiver<u64>) -> Duration {
    let start = Instant::now();
    for number in 0..iters {
        there.send(number).await.expect("the other one listens");
        assert_eq!(returned.recv().await, Some(number));
    }
    start.elapsed()
}

async fn echo(mut arrived: mpsc::Receiver<u64>, back: mpsc::Sender<u64>) {
    while let Some(number) = arrived.recv().await {
        back.send(number).await.expect("an answer is waited for");
    }
}
