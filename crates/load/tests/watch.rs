//! What a run tells of the process it measures: here this very process, whose work is known. A file of its own,
//! because every other test of this process would count too.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

#[expect(dead_code, reason = "this file needs a part of it")]
mod scripted;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use load::{Ask, Cancel, Plan, Stop, Target, run};
use rustix::time::{ClockId, clock_gettime};
use scripted::{Answer, ok, serve};

/// Spins for so much CPU time of the calling thread.
fn compute(cost: Duration) {
    let spent = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
    };
    let start = spent();
    while spent() - start < cost {
        std::hint::spin_loop();
    }
}

#[test]
fn cpu_switches_and_threads_of_the_watched_process_are_those_of_the_window() {
    let cost = Duration::from_millis(2);
    let served = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&served);
    let addr = serve(move |_, _| {
        compute(cost);
        count.fetch_add(1, Ordering::Relaxed);
        Answer { after: Duration::from_millis(5), ..Answer::now(ok("ok")) }
    });
    let plan = Plan {
        warmup: Duration::from_millis(200),
        watch: Some(std::process::id()),
        ..Plan::closed(
            Target::new(addr),
            Ask::get("/"),
            20,
            Stop::After(Duration::from_millis(800)),
        )
    };
    let outcome = run(&plan, &Cancel::new(), |_| {}).unwrap();
    let usage = outcome.usage.unwrap();

    // The generator's own part is in this process too, and small beside two milliseconds.
    let per_request = outcome.cpu_per_request().unwrap();
    assert!((cost.mul_f64(0.9)..cost * 2).contains(&per_request), "{per_request:?}");
    assert!(served.load(Ordering::Relaxed) > outcome.answered_in_window);
    let halves = (usage.user + usage.system).as_secs_f64() / usage.cpu.as_secs_f64();
    assert!((0.8..1.2).contains(&halves), "{usage:?}");

    // Each request sleeps once, and waits for the next at least sometimes.
    let (voluntary, _) = outcome.switches_per_request().unwrap();
    assert!((0.8..10.0).contains(&voluntary), "{voluntary}");

    // A thread for each client, beside the few of the generator and the test.
    assert!(usage.peak.threads >= usage.base.threads + 20, "{usage:?}");
    assert!(usage.peak.kernel_stack_bytes() >= 20 * 16 * 1024);
    assert!(usage.peak.machine.sockets >= usage.base.machine.sockets + 20, "{usage:?}");
    assert!((700..1500).contains(&usage.window.as_millis()), "{usage:?}");
}
