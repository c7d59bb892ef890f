//! What is said of results that nobody measured: the verdicts of the claims.

mod made_up;

use lab::verdict::{self, Inline, Verdict};
use made_up::{results, void};

const LOOPS: [&str; 2] = ["actix", "axum"];

#[test]
fn where_all_do_alike_nothing_is_said_to_differ() {
    let alike = results(&|_, _, _, _, _| {});
    assert_eq!(verdict::others_go_on(&alike).0, Verdict::HoldsForThreadsToo);
    let (users, carried) = verdict::more_users(&alike);
    assert_eq!((users, carried.alike), (Verdict::NoDifference, Some(4_000)));
    assert_eq!(verdict::cpu_cycles(&alike).0, Verdict::NoDifference);
    assert_eq!(verdict::blocked_loop(&alike).0, Verdict::DoesNotHold);
    assert_eq!(verdict::inline(&alike), Inline::Harmless(10.0));
}

#[test]
fn a_thread_server_that_stops_at_a_level_is_where_the_claim_begins_to_hold() {
    let stops = results(&|_, level, who, _, cell| {
        if level == "burst/4000" && who == "blocking" {
            void(cell, "errors", "900 of 4000 requests failed (status 503)");
        }
    });
    let (users, carried) = verdict::more_users(&stops);
    assert_eq!(users, Verdict::HoldsAbove(1_000));
    let apart = carried.apart.unwrap();
    assert!(apart.stopped && apart.threads_behind && apart.how.contains("503"), "{apart:?}");
}

#[test]
fn an_event_loop_that_falls_behind_speaks_against_the_claim() {
    let late = results(&|_, level, who, _, cell| {
        if level == "burst/4000" && who == "axum" {
            cell.span_s *= 1.5;
        }
    });
    assert_eq!(verdict::more_users(&late).0, Verdict::DoesNotHold);
}

#[test]
fn a_void_measurement_cannot_tell_and_says_which_gate() {
    let bound = results(&|scenario, _, who, _, cell| {
        if scenario != "blocked-loop" && who == "actix" {
            void(cell, "generator-bound", "a generator thread was busy 97 % of the time");
        }
    });
    for verdict in [
        verdict::others_go_on(&bound).0,
        verdict::more_users(&bound).0,
        verdict::parallel(&bound).0,
        verdict::cpu_cycles(&bound).0,
    ] {
        let Verdict::CannotTell(why) = &verdict else { panic!("{verdict}") };
        assert!(
            why.contains("actix") && why.contains("generator-bound: a generator thread"),
            "{why}"
        );
    }
    assert!(matches!(verdict::inline(&bound), Inline::CannotTell(_)));
    let void =
        |cell: &&lab::results::Cell| cell.competitor == "actix" && cell.scenario != "blocked-loop";
    assert_eq!(bound.void_cells(), bound.cells.iter().filter(void).count());
}

#[test]
fn one_round_that_was_measured_badly_leaves_the_others() {
    let mostly = results(&|_, _, who, round, cell| {
        if round == 2 && who == "axum" {
            void(cell, "generator-bound", "a generator thread was busy 97 % of the time");
            cell.span_s = 99.0;
        }
    });
    assert_eq!(verdict::more_users(&mostly).0, Verdict::NoDifference);
}

/// Of three rounds at the most clients, axum fails in these.
fn fails_in(rounds: &'static [u32]) -> lab::results::Results {
    results(&move |_, level, who, round, cell| {
        if level == "burst/4000" && who == "axum" && rounds.contains(&round) {
            void(cell, "errors", "900 of 4000 requests failed (status 503)");
        }
    })
}

#[test]
fn a_server_that_fails_in_two_rounds_of_three_has_stopped_whatever_the_third_says() {
    let fails = fails_in(&[1, 2]);
    let (users, carried) = verdict::more_users(&fails);
    assert_eq!((users, carried.alike), (Verdict::DoesNotHold, Some(1_000)));
    let apart = carried.apart.unwrap();
    assert!(apart.stopped && apart.how.contains("2 of 3 rounds"), "{apart:?}");
    assert!(fails.figure(("waiting", "burst/4000"), "axum", lab::view::RATE).is_err());
    let table = lab::tables::all(&fails);
    let why =
        "void (errors): axum at burst/4000: 900 of 4000 requests failed (status 503), in 2 of 3";
    assert!(table.contains(why), "{table}");
}

#[test]
fn a_server_that_fails_in_one_round_of_three_is_neither_alike_nor_stopped() {
    let fails = fails_in(&[2]);
    let (users, carried) = verdict::more_users(&fails);
    let Verdict::CannotTell(why) = &users else { panic!("{users}") };
    assert!(why.contains("1 of 3 rounds") && carried.alike == Some(1_000), "{why}");
    let table = lab::tables::all(&fails);
    assert!(table.contains("2 of 3 rounds (errors): axum at burst/4000"), "{table}");
}

#[test]
fn without_both_kinds_of_server_there_is_nothing_to_tell() {
    let alone = made_up::of(&LOOPS, &|_, _, _, _, _| {});
    for verdict in [
        verdict::others_go_on(&alone).0,
        verdict::more_users(&alone).0,
        verdict::cpu_cycles(&alone).0,
    ] {
        assert_eq!(verdict, Verdict::CannotTell("no thread server was timed".into()));
    }
}

#[test]
fn a_bystander_who_waits_beside_threads_alone_makes_the_claim_hold() {
    let delayed = |names: &'static [&'static str]| {
        results(&move |scenario, _, who, _, cell| {
            if scenario == "waiting" && names.contains(&who) {
                cell.probe.as_mut().unwrap().latency.p99_ms = Some(400.0);
            }
        })
    };
    assert_eq!(verdict::others_go_on(&delayed(&["blocking"])).0, Verdict::Holds);
    assert_eq!(verdict::others_go_on(&delayed(&["actix"])).0, Verdict::DoesNotHold);
    assert_eq!(
        verdict::others_go_on(&delayed(&["blocking", "actix", "axum"])).0,
        Verdict::DoesNotHold
    );
}

#[test]
fn calls_made_together_are_faster_for_whom_they_are() {
    // As made up, five calls in turn take 100.5 ms and together 20.5.
    let alike = results(&|_, _, _, _, _| {});
    assert_eq!(verdict::parallel(&alike).0, Verdict::HoldsForThreadsToo);
    let in_vain = results(&|_, level, who, _, cell| {
        if level.ends_with("together") && LOOPS.contains(&who) {
            cell.latency.p50_ms = 95.0;
        }
    });
    assert_eq!(verdict::parallel(&in_vain).0, Verdict::DoesNotHold);
}

#[test]
fn cpu_time_is_freed_where_every_loop_takes_less_than_every_thread() {
    let cheaper = |names: &'static [&'static str], cpu: f64| {
        results(&move |scenario, _, who, _, cell| {
            if scenario == "wait" && names.contains(&who) {
                cell.usage.as_mut().unwrap().cpu_us = Some(cpu);
            }
        })
    };
    assert_eq!(verdict::cpu_cycles(&cheaper(&["actix", "axum"], 15.0)).0, Verdict::Holds);
    assert_eq!(verdict::cpu_cycles(&cheaper(&["axum"], 15.0)).0, Verdict::NoDifference);
    assert_eq!(verdict::cpu_cycles(&cheaper(&["axum"], 60.0)).0, Verdict::DoesNotHold);
}

#[test]
fn a_loop_that_queues_what_threads_do_side_by_side_is_blocked() {
    let blocked = results(&|scenario, _, who, _, cell| {
        if scenario == "blocked-loop" && LOOPS.contains(&who) {
            cell.span_s = 2.0;
            cell.probe.as_mut().unwrap().stall_ms = 1_990.0;
        }
    });
    assert_eq!(verdict::blocked_loop(&blocked).0, Verdict::Holds);
}

#[test]
fn computing_inline_is_felt_where_the_neighbour_waits_twice_as_long_as_beside_threads() {
    let felt = |from: &'static str| {
        results(&move |_, level, who, _, cell| {
            if level.ends_with(from) && LOOPS.contains(&who) {
                cell.probe.as_mut().unwrap().latency.p99_ms = Some(12.0);
            }
        })
    };
    assert_eq!(verdict::inline(&felt("of 10 ms")), Inline::Above(1.0));
    assert_eq!(verdict::inline(&felt("of 1 ms")), Inline::Even(1.0));
}
