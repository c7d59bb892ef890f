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
            experiment::run(&lesson, &scale, &arena, &[], &Cancel::new(), &mut progress).unwrap();
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

#[test]
fn a_wait_costs_a_thread_server_cpu_of_the_same_order() {
    seen("cpu-cycles", |found| {
        let cpu = |who| found.median("waits, again and again", who, "cpu_us");
        Ok(cpu("blocking")? > 0.2 * cpu("axum")? && cpu("blocking")? < 20.0 * cpu("axum")?)
    });
}

#[test]
fn the_floor_is_of_the_same_order_in_all_three() {
    seen("floor", |found| {
        let rate = |who| found.median("64", who, "rate_per_s");
        Ok(rate("blocking")? < 10.0 * rate("axum")? && rate("axum")? < 10.0 * rate("blocking")?)
    });
}

#[test]
fn calls_together_are_faster_than_in_turn_with_threads_too() {
    seen("fan-out", |found| Ok(found.verdict == "holds for threads too"));
}

#[test]
fn a_pool_that_owns_connections_starves_those_past_its_size() {
    seen("which-threads", |found| {
        let starved = |who| found.median("100 clients that stay", who, "unserved_share");
        Ok(starved("blocking:threads=pool:40")? >= 0.3 && starved("blocking")? < 0.3)
    });
}

#[test]
fn one_blocked_worker_holds_up_its_share_on_actix_and_no_thread() {
    seen("one-busy-worker", |found| {
        let stalled = |who| found.median("beside one that blocks", who, "stalled_share");
        Ok(stalled("actix:workers=2")? >= 0.25 && stalled("blocking")? < 0.25)
    });
}

#[test]
fn offloading_a_trivial_handler_costs_something() {
    seen("offload-cost", |found| {
        let cpu = |level| found.median(level, "axum", "cpu_us");
        Ok(cpu("on the pool")? > cpu("in the handler")? * 0.9)
    });
}

#[test]
fn a_panic_is_told_and_the_error_of_a_task_that_nobody_holds_is_not() {
    seen("lost-errors", |found| Ok(found.verdict == "does not hold" && found.answer == Some(1)));
}

#[test]
fn the_compiler_refuses_two_of_four_mistakes_on_axum_and_none_on_actix() {
    seen("compiler", |found| {
        let says = |who: &str| {
            let levels = found.levels().into_iter();
            levels.map(|level| found.median(level, who, "says")).collect::<Result<Vec<_>, _>>()
        };
        Ok(says("axum")? == [1.0, 2.0, 2.0, 0.0] && says("actix")? == [1.0, 0.0, 0.0, 0.0])
    });
}

#[test]
fn a_thousand_waiting_threads_are_refused_by_nobody() {
    seen("thread-limit", |found| {
        let mut refused = 0.0;
        for who in found.who() {
            refused += found.median("1000", who, "failed")?;
        }
        Ok(refused == 0.0)
    });
}

#[test]
fn work_that_nobody_waits_for_takes_the_place_of_wanted_work() {
    seen("abandoned-work", |found| Ok(found.verdict == "does not hold"));
}

#[test]
fn a_task_is_dropped_when_its_client_leaves_and_a_thread_is_not() {
    seen("disconnect", |found| {
        let went_on = |level, who| found.median(level, who, "went_on_ms");
        let offloaded = went_on("a call on the offload pool", "axum")?;
        Ok(went_on("a wait", "axum")? < 300.0
            && went_on("a wait", "actix")? < 300.0
            && went_on("a wait", "blocking")? > 400.0
            && offloaded > 400.0)
    });
}

#[test]
fn a_deadline_ends_a_wait_and_not_a_call_that_blocks() {
    seen("timeout", |found| Ok(found.verdict == "does not hold" && found.answer == Some(2)));
}

#[test]
fn a_drain_answers_those_in_flight_and_cuts_at_its_deadline() {
    seen("shutdown", |found| Ok(found.verdict == "holds for threads too"));
}

#[test]
fn clients_that_drip_are_closed_at_the_deadline() {
    seen("slow-clients", |found| {
        let mut closed = true;
        for who in found.who() {
            closed &= found.median("a crowd drips", who, "closed_share")? > 0.9;
        }
        Ok(closed)
    });
}

#[test]
fn a_short_queue_answers_more_in_time_than_a_long_one() {
    seen("overload", |found| {
        let in_time = |level, who| found.median(level, who, "in_time_share");
        let (long, short) = ("room for 1,024 before the pool", "room for 4 before the pool");
        Ok(in_time(short, "axum")? > in_time(long, "axum")?
            && in_time(short, "blocking")? > in_time(long, "blocking")?)
    });
}

#[test]
fn a_closed_loop_reports_those_who_were_served() {
    seen("starved", |found| {
        let pool = "blocking:threads=pool:16";
        let felt = found.median("on a schedule", pool, "p50_ms")?;
        Ok(felt > 3.0 * found.median("a closed loop", pool, "served_p50_ms")?)
    });
}

#[test]
fn a_pool_of_connections_is_the_limit_whoever_waits_for_one() {
    seen("database", |found| {
        let span = |level, who| found.median(level, who, "span_ms");
        let mut limits = true;
        for who in found.who() {
            limits &= span("15 connections", who)? > 1.8 * span("50 connections", who)?;
        }
        Ok(limits)
    });
}

#[test]
fn an_async_server_hands_files_to_threads() {
    seen("files", |found| {
        let mut answered = true;
        for who in found.who() {
            answered &= found.median("stored", who, "answered")? == 16.0
                && found.median("read", who, "answered")? == 16.0;
        }
        // A worker or two, and more than that with files.
        let threads = |level| found.median(level, "axum", "threads");
        Ok(answered && threads("stored")? >= 8.0)
    });
}

#[test]
fn streams_that_are_long_open_cost_a_thread_each_or_none() {
    seen("long-lived", |found| {
        let threads = |who| found.median("300", who, "threads");
        Ok(threads("blocking")? > 200.0 && threads("axum")? < 100.0 && threads("actix")? < 100.0)
    });
}

#[test]
fn a_replica_brings_connections_to_the_database_and_a_worker_does_not() {
    seen("scale", |found| {
        let rate = |level, who| found.median(level, who, "rate_per_s");
        let mut as_told = true;
        for who in found.who() {
            let one = rate("queries, one worker", who)?;
            as_told &= rate("queries, a worker for each core", who)? < 1.4 * one
                && rate("queries, two replicas", who)? > 1.4 * one;
        }
        Ok(as_told)
    });
}

#[test]
fn a_body_is_in_memory_where_it_is_asked_for_whole_and_nowhere_else() {
    seen("upload", |found| Ok(found.verdict == "does not hold" && found.answer == Some(1)));
}

#[test]
fn computing_in_the_handler_holds_up_a_loops_bystander_and_elsewhere_does_not() {
    seen("cpu-bound", |found| {
        let figure = |level, name| found.median(level, "axum", name);
        let inline = figure("in the handler", "stall_ms")?;
        Ok(inline > 0.4 * figure("in the handler", "span_ms")?
            && inline > 2.0 * figure("on the pool for computing", "stall_ms")?
            && inline > 2.0 * figure("in the worker", "stall_ms")?)
    });
}

#[test]
fn a_full_pool_holds_up_who_reads_a_file_on_an_event_loop() {
    seen("innocent-bystander", |found| {
        let stall = |level, who| found.median(level, who, "stall_ms");
        let mut suffers = true;
        for who in ["actix:workers=1", "axum:workers=1"] {
            suffers &= stall("without a bound", who)? > 150.0
                && stall("without a bound", who)? > 2.0 * stall("a pool of 40", who)?;
        }
        Ok(suffers && stall("without a bound", "blocking")? < 150.0)
    });
}

#[test]
fn a_library_that_blocks_takes_a_loop_a_call_at_a_time() {
    seen("blocking-library", |found| {
        let span = |level, who| found.median(level, who, "span_ms");
        let mut in_turn = found.verdict == "does not hold";
        for who in ["actix:workers=1", "axum:workers=1"] {
            in_turn &= span("a library that blocks", who)? > 3.0 * span("awaited", who)?;
        }
        Ok(in_turn)
    });
}

#[test]
fn a_lock_that_is_held_while_waiting_makes_all_wait_in_turn_in_all_three() {
    seen("lock-across-await", |found| Ok(found.verdict == "holds for threads too"));
}

#[test]
fn a_client_for_each_request_opens_a_connection_for_each() {
    seen("client-reuse", |found| {
        let mut opens = true;
        for who in found.who() {
            opens &= found.median("a client for each", who, "opened_share")? > 0.9
                && found.median("one client for all", who, "opened_share")? < 0.5;
        }
        Ok(opens)
    });
}

#[test]
fn a_stream_whose_maker_sleeps_lets_no_other_go_on() {
    seen("stream-blocked", |found| {
        let span = |level, who| found.median(level, who, "span_ms");
        let loops = span("the maker sleeps", "axum:workers=1")?;
        Ok(loops > 2.0 * span("the maker awaits", "axum:workers=1")?
            && loops > 2.0 * span("the maker sleeps", "blocking")?
            && found.verdict == "does not hold")
    });
}

#[test]
fn a_task_is_lost_with_its_process_and_a_job_is_not() {
    seen("background", |found| Ok(found.verdict == "does not hold" && found.answer == Some(1)));
}
