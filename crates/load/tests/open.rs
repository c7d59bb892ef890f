//! The open loop and the probe against servers whose stalls are known.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod scripted;

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use load::floor::{self, Floor};
use load::gates::{self, Kind};
use load::{Arrivals, Ask, Cancel, Expect, Outcome, Plan, Probe, Target, run};
use scripted::{Answer, ok, serve, serve_by_pool};

fn measured(plan: &Plan) -> Outcome {
    run(plan, &Cancel::new(), |_| {}).unwrap()
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn kinds(outcome: &Outcome) -> Vec<Kind> {
    gates::of(outcome).iter().filter(|gate| gate.void).map(|gate| gate.kind).collect()
}

/// A server whose every answer stops for `stall` once, `at` after its first request.
fn stalls(at: Duration, stall: Duration) -> std::net::SocketAddr {
    let first = Mutex::new(None);
    serve(move |_, _| {
        // Holding the lock holds up everybody.
        let mut first = first.lock().unwrap();
        let start = *first.get_or_insert_with(Instant::now);
        let end = start + at + stall;
        if start.elapsed() >= at && Instant::now() < end {
            thread::sleep(end - Instant::now());
        }
        Answer::now(ok("ok"))
    })
}

#[test]
fn a_fixed_rate_is_kept() {
    let floor = Floor::start(floor::plaintext()).unwrap();
    let ask = Ask::get("/").expect(Expect::exactly("Hello, World!"));
    let arrivals = Arrivals::Fixed { rate: 500.0 };
    let plan = Plan {
        threads: 2,
        warmup: millis(100),
        ..Plan::open(Target::new(floor.addr), ask, 10, arrivals, millis(1000))
    };
    let outcome = measured(&plan);
    floor.stop().unwrap();
    assert_eq!((outcome.ok, outcome.errors.total(), outcome.dropped), (500, 0, 0));
    assert!((outcome.intended_rate.unwrap() - 500.0).abs() < 1.0);
    assert!((400.0..=501.0).contains(&outcome.rate()), "{}", outcome.rate());
}

#[test]
fn a_stall_counts_against_every_request_it_held_up() {
    let addr = stalls(millis(500), millis(500));
    let arrivals = Arrivals::Fixed { rate: 200.0 };
    let plan = Plan::open(Target::new(addr), Ask::get("/"), 1, arrivals, millis(2000));
    let outcome = measured(&plan);
    assert_eq!(outcome.ok, 400, "{:?}", outcome.errors);
    // Those that were to leave in the first 400 ms of the stall waited for at least 100.
    let slow = 100_000_000..u64::MAX;
    let count = |histogram: &load::Histogram| histogram.count_between(slow.start, slow.end);
    assert!((80..200).contains(&count(&outcome.latency)), "{}", count(&outcome.latency));
    assert!(outcome.latency.max() >= 490_000_000, "{:?}", outcome.slowest());
    // By its own clock hardly more than one was slow: what a closed loop would have told.
    assert!((1..20).contains(&count(&outcome.service)), "{}", count(&outcome.service));
}

#[test]
fn a_server_slower_than_the_schedule_is_void_by_its_rate() {
    let addr = serve_by_pool(1, |_, _| Answer::after(millis(10)));
    let arrivals = Arrivals::Fixed { rate: 200.0 };
    let plan = Plan {
        drain: millis(100),
        ..Plan::open(Target::new(addr), Ask::get("/"), 1, arrivals, millis(500))
    };
    let outcome = measured(&plan);
    assert!(kinds(&outcome).contains(&Kind::RateRatio), "{:?}", gates::of(&outcome));
    // What still waited at the end is not forgotten.
    assert!(outcome.errors.unanswered > 10, "{:?}", outcome.errors);
    assert_eq!(outcome.requests(), 100);
}

#[test]
fn requests_that_find_no_room_are_dropped_and_said_so() {
    let addr = serve(|_, _| Answer::after(millis(1000)));
    let arrivals = Arrivals::Poisson { rate: 200.0, seed: 1 };
    let mut plan = Plan::open(Target::new(addr), Ask::get("/"), 2, arrivals, millis(400));
    plan.drain = Duration::ZERO;
    let load::Pace::Open { queue, .. } = &mut plan.pace else { unreachable!() };
    *queue = 5;
    let outcome = measured(&plan);
    assert!(outcome.dropped > 40, "{outcome:?}");
    assert!(kinds(&outcome).contains(&Kind::Drops), "{:?}", gates::of(&outcome));
}

#[test]
fn an_idle_connection_that_the_server_closes_is_not_an_error() {
    let addr = serve(|_, _| Answer { close: true, ..Answer::now(ok("ok")) });
    // Seldom enough that the close arrives before the next request leaves.
    let arrivals = Arrivals::Fixed { rate: 4.0 };
    let plan = Plan::open(Target::new(addr), Ask::get("/"), 1, arrivals, millis(1250));
    let outcome = measured(&plan);
    assert_eq!((outcome.ok, outcome.connects), (5, 5), "{:?}", outcome.errors);
}

#[test]
fn a_probe_feels_a_stall_as_long_as_it_lasts() {
    let addr = stalls(millis(200), millis(600));
    let probe = Probe::start(Target::new(addr), Ask::get("/"), millis(10), None).unwrap();
    thread::sleep(millis(1100));
    let outcome = probe.stop().unwrap();
    assert_eq!(outcome.errors.total(), 0, "{:?}", outcome.errors);
    assert!((millis(550)..millis(1000)).contains(&outcome.slowest()), "{:?}", outcome.slowest());
    let held_up = outcome.series.iter().filter(|sample| sample.latency > millis(100)).count();
    assert!((45..=90).contains(&held_up), "{held_up}");
}

#[test]
fn a_probe_stopped_within_a_stall_still_tells_of_it() {
    let addr =
        serve(|number, _| Answer::after(if number < 10 { millis(0) } else { millis(60_000) }));
    let probe = Probe::start(Target::new(addr), Ask::get("/"), millis(10), None).unwrap();
    thread::sleep(millis(600));
    let outcome = probe.stop().unwrap();
    assert_eq!(outcome.ok, 10);
    assert!(outcome.errors.unanswered >= 40, "{:?}", outcome.errors);
    assert!(outcome.slowest() > millis(400), "{:?}", outcome.slowest());
}
