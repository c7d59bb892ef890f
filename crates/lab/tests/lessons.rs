//! Every lesson's shape, in its short form: what the book says of it must come out of the code, by a wide margin.
//!
//! They run one after the other: two at once would measure each other.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests, which the linter does not see"
)]

use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use lab::arena::Arena;
use lab::lesson::found::Found;
use lab::lesson::show::shape;
use lab::lesson::{Scale, experiment, find};
use lab::machine;
use lab::progress::Progress;
use load::Cancel;

/// Everything is measured from here, and by one at a time.
static ARENA: LazyLock<Mutex<Arena>> = LazyLock::new(|| {
    let rounds = compute::RoundsPerMs::measure().0;
    Mutex::new(Arena::new(machine::divided(false), None, rounds).unwrap())
});

/// How often a busy machine may spoil a lesson.
const TRIES: usize = 3;

/// Runs a lesson in its short form until its shape is seen; says what was seen instead when it is not.
fn seen(name: &str, is_so: impl Fn(&Found) -> Result<bool, String>) {
    let arena = ARENA.lock().unwrap_or_else(PoisonError::into_inner);
    let lesson = find(name).unwrap();
    let scale = Scale { short: true, ..Scale::default() };
    let mut why = Vec::new();
    for _ in 0..TRIES {
        let mut progress = Progress::new(Duration::ZERO);
        let found =
            experiment::run(&lesson, &scale, &arena, &Cancel::new(), &mut progress).unwrap();
        match is_so(&found) {
            Ok(true) => return,
            Ok(false) => why.push(format!(
                "{}: {}\n{}",
                found.verdict,
                found.because,
                lab::lesson::show::chart(&lesson.chart, &found)
            )),
            Err(error) => why.push(error),
        }
    }
    panic!("{name} has lost its shape:\n{}", why.join("\n"));
}

/// The shape of one server's requests: `a block`, `a staircase`.
fn drawn<'a>(found: &'a Found, who: &str) -> &'a str {
    let drawn = found.strips.iter().find(|drawn| drawn.who == who).unwrap();
    shape(&drawn.requests)
}

#[test]
fn others_go_on_beside_threads_and_tasks_and_not_beside_a_full_pool() {
    seen("others-go-on", |found| {
        let stall = |who| found.median("all wait at once", who, "stall_ms");
        let pool = stall("blocking:threads=pool:40")?;
        let free = pool > 3.0 * stall("blocking")?
            && pool > 3.0 * stall("actix")?
            && pool > 3.0 * stall("axum")?;
        Ok(free
            && drawn(found, "axum") == "a block"
            && drawn(found, "blocking") == "a block"
            && drawn(found, "blocking:threads=pool:40") == "a staircase")
    });
}

#[test]
fn waiting_takes_about_as_long_for_many_as_for_few() {
    seen("waiting", |found| {
        let span = |level, who| found.median(level, who, "span_ms");
        let mut alike = true;
        for who in found.who() {
            alike &= span("200", who)? < 3.0 * span("20", who)?;
        }
        Ok(alike)
    });
}

#[test]
fn a_blocked_loop_is_a_staircase_and_a_blocked_thread_is_not() {
    seen("blocked-loop", |found| {
        Ok(drawn(found, "blocking") == "a block"
            && drawn(found, "actix:workers=1") == "a staircase"
            && drawn(found, "axum:workers=1") == "a staircase"
            && found.verdict == "does not hold")
    });
}

#[test]
fn a_pool_is_as_fast_as_it_is_large() {
    seen("pool-limit", |found| {
        let mut limits = true;
        for who in found.who() {
            let span = |level| found.median(level, who, "span_ms");
            limits &= span("pool of 6")? > 3.0 * span("pool of 200")?;
        }
        Ok(limits)
    });
}

#[test]
fn much_cpu_inline_holds_up_a_loops_neighbour_and_not_a_threads() {
    seen("little-cpu", |found| {
        let stall = |level, who| found.median(level, who, "stall_ms");
        let loops = stall("50 ms", "axum")?.min(stall("50 ms", "actix")?);
        Ok(loops > 25.0 && loops > 2.0 * stall("50 ms", "blocking")?)
    });
}

#[test]
fn a_thread_that_waits_holds_more_memory_than_a_task() {
    seen("memory", |found| {
        let grown = |who| found.median("600", who, "grown_bytes");
        Ok(grown("blocking")? > 1.2 * grown("axum")?)
    });
}
