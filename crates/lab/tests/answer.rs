//! The ten lines and the tables: their shape, whatever was found.

mod made_up;

use std::path::Path;

use lab::results::Results;
use lab::{answer, tables};
use made_up::{results, void};

fn lines(results: &Results) -> Vec<String> {
    answer::lines(results, Path::new("lab-report"))
}

#[test]
fn the_answer_is_ten_lines_of_this_shape() {
    let found = results(&|scenario, level, who, _, cell| {
        let is_loop = who != "blocking";
        if scenario == "blocked-loop" && is_loop {
            cell.span_s = 2.04;
            cell.probe.as_mut().unwrap().stall_ms = 1_990.0;
        }
        if level == "burst/4000" && who == "blocking" {
            void(cell, "errors", "900 of 4000 requests failed (status 503)");
        }
    });
    let wanted = [
        "waitlab: one API, three ways of waiting (blocking: a thread each · actix: a loop per core · axum: one shared loop)",
        "2 cores, split between servers and load: trust ratios, not absolutes. All three passed 42 checks.",
        "\"other requests continue … without delay\"      holds for threads too       probe p99 beside 1,000 waits: 1.0 · 1.0 · 1.0 ms",
        "\"handle more simultaneous users\"               holds above 1,000           alike to 1,000 at once; then blocking stopped at 4,000 (errors: 900 of 4000 requests failed (status 503))",
        "\"reduced latency … in parallel\"                holds for threads too       5 calls of 20 ms: 100 ms in turn, 20 ms together, threads 20 ms",
        "\"free up CPU cycles\"                           no difference that matters  CPU a wait 30 · 30 · 30 µs; memory – · 20.0 · 20.0 KB",
        "\"sync functions … can block the event loop\"    holds                       20 blocking waits of 0.1 s: 0.2 · 2.0 · 2.0 s; probe stalled 2.0 s",
        "So: to 1,000 requests in flight choose by code, above it by load: at 4,000 blocking errors: 900 of 4000 requests failed (status 503); to 10 ms of CPU a request no need to offload.",
        "Report lab-report/report.html · why: cargo lab lesson waiting · your service: cargo lab choose --help",
        "(each number: median of 3 rounds; 3 void cells not used: see the report)",
    ];
    assert_eq!(lines(&found), wanted);
}

#[test]
fn whatever_is_missing_the_answer_stays_ten_lines_and_says_so() {
    let mut nothing = results(&|_, _, _, _, _| {});
    nothing.cells.clear();
    nothing.interrupted = true;
    let lines = lines(&nothing);
    assert_eq!(lines.len(), 10, "{lines:#?}");
    for line in &lines[2..7] {
        assert!(line.contains("cannot tell ("), "{line}");
    }
    assert!(lines[7].contains("cannot tell"), "{}", lines[7]);
    assert!(lines[9].contains("interrupted"), "{}", lines[9]);
}

#[test]
fn a_server_that_failed_the_contract_is_named_at_the_top() {
    let mut failing = results(&|_, _, _, _, _| {});
    failing.competitors[1].failed.push("wait rejects NaN: 500".into());
    assert!(
        lines(&failing)[1].ends_with("Checks: actix failed 1 of 43."),
        "{}",
        lines(&failing)[1]
    );
}

#[test]
fn a_table_has_a_row_for_each_level_and_competitor_and_words_under_it() {
    let faster = results(&|scenario, _, who, round, cell| {
        if scenario == "plaintext" && who == "axum" {
            cell.rate = 1_500.0 + f64::from(round);
        }
    });
    let scenario = faster.scenario("plaintext").unwrap();
    let table = tables::one(&faster, scenario);
    let rows =
        table.lines().filter(|line| line.contains("blocking ") && !line.contains(" as ")).count();
    assert_eq!(rows, scenario.levels.len(), "{table}");
    assert!(
        table.contains("answers/s") && table.contains("CPU/req µs") && table.contains("RSS MB"),
        "{table}"
    );
    assert!(
        table.contains(
            "axum answered 1.50 × (1.50 to 1.50) as many a second as blocking at closed/1024: more"
        ),
        "{table}"
    );
    assert!(table.contains("actix answered 1.00 × (1.00 to 1.00) as many a second as blocking at closed/1024: no difference that matters"), "{table}");
}

#[test]
fn a_void_cell_shows_its_sentence_and_no_number() {
    let starved = results(&|scenario, _, who, _, cell| {
        cell.rate = 77_777.0;
        if scenario == "wait" && who == "blocking" {
            void(cell, "starved", "96 of 100 clients never got an answer");
        }
    });
    let table = tables::one(&starved, starved.scenario("wait").unwrap());
    let row = table.lines().find(|line| line.contains("blocking")).unwrap();
    assert!(row.contains("void") && !row.contains("77,777"), "{row}");
    assert!(table.contains("void (starved): blocking at closed/1, blocking at closed/64, blocking at closed/256: 96 of 100 clients never got an answer"), "{table}");
}

#[test]
fn results_survive_being_written_and_read() {
    let before = results(&|_, _, _, _, _| {});
    let text = serde_json::to_string(&before).unwrap();
    assert_eq!(serde_json::from_str::<Results>(&text).unwrap(), before);
}

#[test]
fn the_answer_leads_to_a_lesson_that_is_there() {
    let nobody_differs = results(&|_, _, _, _, _| {});
    let blocked = results(&|scenario, _, who, _, cell| {
        if scenario == "blocked-loop" && who != "blocking" {
            cell.span_s = 2.04;
            cell.probe.as_mut().unwrap().stall_ms = 1_990.0;
        }
    });
    let lessons = [&nobody_differs, &blocked].map(answer::lesson);
    assert_eq!(lessons, ["waiting", "blocked-loop"]);
    for name in ["others-go-on", "waiting", "fan-out", "cpu-cycles", "blocked-loop"] {
        assert!(lab::lesson::find(name).is_some(), "{name}");
    }
}

#[test]
fn a_bystanders_slowest_answer_is_not_called_its_p99() {
    let few = results(&|_, _, _, _, cell| {
        if let Some(probe) = &mut cell.probe {
            probe.latency.p99_ms = None;
        }
    });
    assert!(lines(&few)[2].contains("probe's slowest beside"), "{}", lines(&few)[2]);
}
