//! Every lesson's shape, in its short form: what the book says of it must come out of the code, by a wide margin.
//!
//! Those that mostly wait run side by side; those that compute, weigh memory or time a bystander, one after the other, or
//! they would measure each other.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use conformance::turns::{Lane, Turns};
use lab::arena::Arena;
use lab::lesson::found::Found;
use lab::lesson::show::shape;
use lab::lesson::{Scale, all, experiment, find};
use lab::machine;
use lab::progress::Progress;
use lab::results::Cpus;
use libtest_mimic::{Arguments, Trial};
use load::Cancel;

/// How many lessons run side by side.
const AT_ONCE: usize = 6;

/// How often a busy machine may spoil a lesson; the first of them may have been busy with the others.
const TRIES: usize = 3;

/// A lesson and what must be seen of it.
#[derive(Clone, Copy)]
struct Shape {
    lesson: &'static str,
    is_so: fn(&Found) -> Result<bool, String>,
}

/// What every lesson is told of the machine. Whoever measures is pinned to a part of it.
#[derive(Clone)]
struct Stand {
    cpus: Cpus,
    rounds_per_ms: u64,
    scale: Scale,
}

/// Tests by their names, which are their sentences.
macro_rules! sentences {
    ($($test:path),* $(,)?) => { [$((stringify!($test), $test())),*] };
}

fn main() -> ExitCode {
    let waits = sentences![
        waiting_takes_about_as_long_for_many_as_for_few,
        a_blocked_loop_is_a_staircase_and_a_blocked_thread_is_not,
        a_pool_is_as_fast_as_it_is_large,
        calls_together_are_faster_than_in_turn_with_threads_too,
        a_pool_that_owns_connections_starves_those_past_its_size,
        one_blocked_worker_holds_up_its_share_on_actix_and_no_thread,
        a_panic_is_told_and_the_error_of_a_task_that_nobody_holds_is_not,
        a_thousand_waiting_threads_are_refused_by_nobody,
        work_that_nobody_waits_for_takes_the_place_of_wanted_work,
        a_task_is_dropped_when_its_client_leaves_and_a_thread_is_not,
        a_deadline_ends_a_wait_and_not_a_call_that_blocks,
        a_drain_answers_those_in_flight_and_cuts_at_its_deadline,
        clients_that_drip_are_closed_at_the_deadline,
        a_pool_of_connections_is_the_limit_whoever_waits_for_one,
        streams_that_are_long_open_cost_a_thread_each_or_none,
        a_full_pool_holds_up_who_reads_a_file_on_an_event_loop,
        a_library_that_blocks_takes_a_loop_a_call_at_a_time,
        a_lock_that_is_held_while_waiting_makes_all_wait_in_turn_in_all_three,
        a_client_for_each_request_opens_a_connection_for_each,
        a_stream_whose_maker_sleeps_lets_no_other_go_on,
        a_task_is_lost_with_its_process_and_a_job_is_not,
    ];
    let measured = sentences![
        others_go_on_beside_threads_and_tasks_and_not_beside_a_full_pool,
        much_cpu_inline_holds_up_a_loops_neighbour_and_not_a_threads,
        a_thread_that_waits_holds_more_memory_than_a_task,
        a_wait_costs_a_thread_server_cpu_of_the_same_order,
        the_floor_is_of_the_same_order_in_all_three,
        offloading_a_trivial_handler_costs_something,
        the_compiler_refuses_two_of_four_mistakes_on_axum_and_none_on_actix,
        a_short_queue_answers_more_in_time_than_a_long_one,
        a_closed_loop_reports_those_who_were_served,
        an_async_server_hands_files_to_threads,
        a_replica_brings_connections_to_the_database_and_a_worker_does_not,
        a_body_is_in_memory_where_it_is_asked_for_whole_and_nowhere_else,
        computing_in_the_handler_holds_up_a_loops_bystander_and_elsewhere_does_not,
    ];
    let stand = Stand {
        cpus: machine::divided(false),
        rounds_per_ms: compute::RoundsPerMs::measure().0,
        scale: Scale { short: true, ..Scale::default() },
    };
    let (turns, alone) = (Turns::default(), Lane::default());
    let mut trials = vec![every_lesson_has_its_shape(waits.iter().chain(&measured))];
    for (name, shape) in waits {
        let (crowd, stand) = (turns.in_the_crowd(), stand.clone());
        let after = turns.after_the_crowd(Arc::clone(&alone));
        trials.push(Trial::test(name, move || {
            match crowd.take(|| shape.is_lost(&stand)) {
                None => Ok(()),
                Some(why) => after.take(|| shape.seen(&stand, vec![why])),
            }
            .map_err(Into::into)
        }));
    }
    for (name, shape) in measured {
        let (turn, stand) = (turns.after_the_crowd(Arc::clone(&alone)), stand.clone());
        trials.push(Trial::test(name, move || {
            turn.take(|| shape.seen(&stand, Vec::new())).map_err(Into::into)
        }));
    }
    drop(turns);
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn every_lesson_has_its_shape<'a>(
    shapes: impl Iterator<Item = &'a (&'static str, Shape)>,
) -> Trial {
    let tried: BTreeSet<_> = shapes.map(|(_, shape)| shape.lesson).collect();
    Trial::test("every_lesson_has_its_shape", move || {
        let without: Vec<_> = all()
            .into_iter()
            .map(|lesson| lesson.name)
            .filter(|name| !tried.contains(name))
            .collect();
        if without.is_empty() { Ok(()) } else { Err(without.join(", ").into()) }
    })
}

impl Shape {
    /// Runs the lesson until its shape is seen; says what was seen instead when it is not.
    fn seen(&self, stand: &Stand, mut lost: Vec<String>) -> Result<(), String> {
        while lost.len() < TRIES {
            match self.is_lost(stand) {
                None => return Ok(()),
                Some(why) => lost.push(why),
            }
        }
        Err(format!("{} has lost its shape:\n{}", self.lesson, lost.join("\n")))
    }

    /// Runs the lesson in its short form; what was seen, if that is not its shape.
    fn is_lost(&self, stand: &Stand) -> Option<String> {
        let lesson = find(self.lesson).expect("the lesson is there");
        // An upstream of its own: some count what arrives there.
        let arena = Arena::new(stand.cpus.clone(), None, stand.rounds_per_ms).expect("it listens");
        let mut progress = Progress::new(Duration::ZERO);
        let found =
            experiment::run(&lesson, &stand.scale, &arena, &[], &Cancel::new(), &mut progress);
        let found = found.expect("nobody interrupts");
        match (self.is_so)(&found) {
            Ok(true) => None,
            Ok(false) => Some(format!(
                "{}: {}\n{}",
                found.verdict,
                found.because,
                lab::lesson::show::chart(&lesson.chart, &found)
            )),
            Err(error) => Some(error),
        }
    }
}

fn shape_of(lesson: &'static str, is_so: fn(&Found) -> Result<bool, String>) -> Shape {
    Shape { lesson, is_so }
}

/// The shape of one server's requests: `a block`, `a staircase`.
fn drawn<'a>(found: &'a Found, who: &str) -> &'a str {
    let drawn =
        found.strips.iter().find(|drawn| drawn.who == who).expect("its requests were drawn");
    shape(&drawn.requests)
}

fn others_go_on_beside_threads_and_tasks_and_not_beside_a_full_pool() -> Shape {
    shape_of("others-go-on", |found| {
        let stall = |who| found.median("all wait at once", who, "stall_ms");
        let pool = stall("blocking:threads=pool:40")?;
        let free = pool > 3.0 * stall("blocking")?
            && pool > 3.0 * stall("actix")?
            && pool > 3.0 * stall("axum")?;
        Ok(free
            && drawn(found, "axum") == "a block"
            && drawn(found, "blocking") == "a block"
            && drawn(found, "blocking:threads=pool:40") == "a staircase")
    })
}

fn waiting_takes_about_as_long_for_many_as_for_few() -> Shape {
    shape_of("waiting", |found| {
        let span = |level, who| found.median(level, who, "span_ms");
        let mut alike = true;
        for who in found.who() {
            alike &= span("200", who)? < 3.0 * span("20", who)?;
        }
        Ok(alike)
    })
}

fn a_blocked_loop_is_a_staircase_and_a_blocked_thread_is_not() -> Shape {
    shape_of("blocked-loop", |found| {
        Ok(drawn(found, "blocking") == "a block"
            && drawn(found, "actix:workers=1") == "a staircase"
            && drawn(found, "axum:workers=1") == "a staircase"
            && found.verdict == "does not hold")
    })
}

fn a_pool_is_as_fast_as_it_is_large() -> Shape {
    shape_of("pool-limit", |found| {
        let mut limits = true;
        for who in found.who() {
            let span = |level| found.median(level, who, "span_ms");
            limits &= span("pool of 6")? > 3.0 * span("pool of 200")?;
        }
        Ok(limits)
    })
}

fn much_cpu_inline_holds_up_a_loops_neighbour_and_not_a_threads() -> Shape {
    shape_of("little-cpu", |found| {
        let stall = |level, who| found.median(level, who, "stall_ms");
        let loops = stall("50 ms", "axum")?.min(stall("50 ms", "actix")?);
        Ok(loops > 25.0 && loops > 2.0 * stall("50 ms", "blocking")?)
    })
}

fn a_thread_that_waits_holds_more_memory_than_a_task() -> Shape {
    shape_of("memory", |found| {
        let grown = |who| found.median("600", who, "grown_bytes");
        Ok(grown("blocking")? > 1.2 * grown("axum")?)
    })
}

fn a_wait_costs_a_thread_server_cpu_of_the_same_order() -> Shape {
    shape_of("cpu-cycles", |found| {
        let cpu = |who| found.median("waits, again and again", who, "cpu_us");
        Ok(cpu("blocking")? > 0.2 * cpu("axum")? && cpu("blocking")? < 20.0 * cpu("axum")?)
    })
}

fn the_floor_is_of_the_same_order_in_all_three() -> Shape {
    shape_of("floor", |found| {
        let rate = |who| found.median("64", who, "rate_per_s");
        Ok(rate("blocking")? < 10.0 * rate("axum")? && rate("axum")? < 10.0 * rate("blocking")?)
    })
}

fn calls_together_are_faster_than_in_turn_with_threads_too() -> Shape {
    shape_of("fan-out", |found| Ok(found.verdict == "holds for threads too"))
}

fn a_pool_that_owns_connections_starves_those_past_its_size() -> Shape {
    shape_of("which-threads", |found| {
        let starved = |who| found.median("100 clients that stay", who, "unserved_share");
        Ok(starved("blocking:threads=pool:40")? >= 0.3 && starved("blocking")? < 0.3)
    })
}

fn one_blocked_worker_holds_up_its_share_on_actix_and_no_thread() -> Shape {
    shape_of("one-busy-worker", |found| {
        let stalled = |who| found.median("beside one that blocks", who, "stalled_share");
        Ok(stalled("actix:workers=2")? >= 0.25 && stalled("blocking")? < 0.25)
    })
}

fn offloading_a_trivial_handler_costs_something() -> Shape {
    shape_of("offload-cost", |found| {
        let cpu = |level| found.median(level, "axum", "cpu_us");
        Ok(cpu("on the pool")? > cpu("in the handler")? * 0.9)
    })
}

fn a_panic_is_told_and_the_error_of_a_task_that_nobody_holds_is_not() -> Shape {
    shape_of("lost-errors", |found| Ok(found.verdict == "does not hold" && found.answer == Some(1)))
}

fn the_compiler_refuses_two_of_four_mistakes_on_axum_and_none_on_actix() -> Shape {
    shape_of("compiler", |found| {
        let says = |who: &str| {
            let levels = found.levels().into_iter();
            levels.map(|level| found.median(level, who, "says")).collect::<Result<Vec<_>, _>>()
        };
        Ok(says("axum")? == [1.0, 2.0, 2.0, 0.0] && says("actix")? == [1.0, 0.0, 0.0, 0.0])
    })
}

fn a_thousand_waiting_threads_are_refused_by_nobody() -> Shape {
    shape_of("thread-limit", |found| {
        let mut refused = 0.0;
        for who in found.who() {
            refused += found.median("1000", who, "failed")?;
        }
        Ok(refused == 0.0)
    })
}

fn work_that_nobody_waits_for_takes_the_place_of_wanted_work() -> Shape {
    shape_of("abandoned-work", |found| Ok(found.verdict == "does not hold"))
}

fn a_task_is_dropped_when_its_client_leaves_and_a_thread_is_not() -> Shape {
    shape_of("disconnect", |found| {
        let went_on = |level, who| found.median(level, who, "went_on_ms");
        let offloaded = went_on("a call on the offload pool", "axum")?;
        Ok(went_on("a wait", "axum")? < 300.0
            && went_on("a wait", "actix")? < 300.0
            && went_on("a wait", "blocking")? > 400.0
            && offloaded > 400.0)
    })
}

fn a_deadline_ends_a_wait_and_not_a_call_that_blocks() -> Shape {
    shape_of("timeout", |found| Ok(found.verdict == "does not hold" && found.answer == Some(2)))
}

fn a_drain_answers_those_in_flight_and_cuts_at_its_deadline() -> Shape {
    shape_of("shutdown", |found| Ok(found.verdict == "holds for threads too"))
}

fn clients_that_drip_are_closed_at_the_deadline() -> Shape {
    shape_of("slow-clients", |found| {
        let mut closed = true;
        for who in found.who() {
            closed &= found.median("a crowd drips", who, "closed_share")? > 0.9;
        }
        Ok(closed)
    })
}

fn a_short_queue_answers_more_in_time_than_a_long_one() -> Shape {
    shape_of("overload", |found| {
        let in_time = |level, who| found.median(level, who, "in_time_share");
        let (long, short) = ("room for 1,024 before the pool", "room for 4 before the pool");
        Ok(in_time(short, "axum")? > in_time(long, "axum")?
            && in_time(short, "blocking")? > in_time(long, "blocking")?)
    })
}

fn a_closed_loop_reports_those_who_were_served() -> Shape {
    shape_of("starved", |found| {
        let pool = "blocking:threads=pool:16";
        let felt = found.median("on a schedule", pool, "p50_ms")?;
        Ok(felt > 3.0 * found.median("a closed loop", pool, "served_p50_ms")?)
    })
}

fn a_pool_of_connections_is_the_limit_whoever_waits_for_one() -> Shape {
    shape_of("database", |found| {
        let span = |level, who| found.median(level, who, "span_ms");
        let mut limits = true;
        for who in found.who() {
            limits &= span("15 connections", who)? > 1.8 * span("50 connections", who)?;
        }
        Ok(limits)
    })
}

fn an_async_server_hands_files_to_threads() -> Shape {
    shape_of("files", |found| {
        let mut answered = true;
        for who in found.who() {
            answered &= found.median("stored", who, "answered")? == 16.0
                && found.median("read", who, "answered")? == 16.0;
        }
        // A worker or two, and more than that with files.
        let threads = |level| found.median(level, "axum", "threads");
        Ok(answered && threads("stored")? >= 8.0)
    })
}

fn streams_that_are_long_open_cost_a_thread_each_or_none() -> Shape {
    shape_of("long-lived", |found| {
        let threads = |who| found.median("300", who, "threads");
        Ok(threads("blocking")? > 200.0 && threads("axum")? < 100.0 && threads("actix")? < 100.0)
    })
}

fn a_replica_brings_connections_to_the_database_and_a_worker_does_not() -> Shape {
    shape_of("scale", |found| {
        let rate = |level, who| found.median(level, who, "rate_per_s");
        let mut as_told = true;
        for who in found.who() {
            let one = rate("queries, one worker", who)?;
            as_told &= rate("queries, a worker for each core", who)? < 1.4 * one
                && rate("queries, two replicas", who)? > 1.4 * one;
        }
        Ok(as_told)
    })
}

fn a_body_is_in_memory_where_it_is_asked_for_whole_and_nowhere_else() -> Shape {
    shape_of("upload", |found| Ok(found.verdict == "does not hold" && found.answer == Some(1)))
}

fn computing_in_the_handler_holds_up_a_loops_bystander_and_elsewhere_does_not() -> Shape {
    shape_of("cpu-bound", |found| {
        let figure = |level, name| found.median(level, "axum", name);
        let inline = figure("in the handler", "stall_ms")?;
        Ok(inline > 0.4 * figure("in the handler", "span_ms")?
            && inline > 2.0 * figure("on the pool for computing", "stall_ms")?
            && inline > 2.0 * figure("in the worker", "stall_ms")?)
    })
}

fn a_full_pool_holds_up_who_reads_a_file_on_an_event_loop() -> Shape {
    shape_of("innocent-bystander", |found| {
        let stall = |level, who| found.median(level, who, "stall_ms");
        let mut suffers = true;
        for who in ["actix:workers=1", "axum:workers=1"] {
            suffers &= stall("without a bound", who)? > 150.0
                && stall("without a bound", who)? > 2.0 * stall("a pool of 40", who)?;
        }
        Ok(suffers && stall("without a bound", "blocking")? < 150.0)
    })
}

fn a_library_that_blocks_takes_a_loop_a_call_at_a_time() -> Shape {
    shape_of("blocking-library", |found| {
        let span = |level, who| found.median(level, who, "span_ms");
        let mut in_turn = found.verdict == "does not hold";
        for who in ["actix:workers=1", "axum:workers=1"] {
            in_turn &= span("a library that blocks", who)? > 3.0 * span("awaited", who)?;
        }
        Ok(in_turn)
    })
}

fn a_lock_that_is_held_while_waiting_makes_all_wait_in_turn_in_all_three() -> Shape {
    shape_of("lock-across-await", |found| Ok(found.verdict == "holds for threads too"))
}

fn a_client_for_each_request_opens_a_connection_for_each() -> Shape {
    shape_of("client-reuse", |found| {
        let mut opens = true;
        for who in found.who() {
            opens &= found.median("a client for each", who, "opened_share")? > 0.9
                && found.median("one client for all", who, "opened_share")? < 0.5;
        }
        Ok(opens)
    })
}

fn a_stream_whose_maker_sleeps_lets_no_other_go_on() -> Shape {
    shape_of("stream-blocked", |found| {
        let span = |level, who| found.median(level, who, "span_ms");
        let loops = span("the maker sleeps", "axum:workers=1")?;
        Ok(loops > 2.0 * span("the maker awaits", "axum:workers=1")?
            && loops > 2.0 * span("the maker sleeps", "blocking")?
            && found.verdict == "does not hold")
    })
}

fn a_task_is_lost_with_its_process_and_a_job_is_not() -> Shape {
    shape_of("background", |found| Ok(found.verdict == "does not hold" && found.answer == Some(1)))
}
