//! `lab since`: what it makes of runs that were made up, as a process and as functions.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests, which the linter does not see"
)]

mod made_up;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use lab::results::{Cell, Results};
use made_up::{results, void};

/// A run of so many rounds, each as the first but for what `change` makes of a cell.
fn run(rounds: u32, change: &dyn Fn(u32, &mut Cell)) -> Results {
    let mut run = results(&|_, _, _, _, _| {});
    // Fewer comparisons, the sooner done.
    run.scenarios.retain(|scenario| ["plaintext", "blocked-loop"].contains(&&*scenario.name));
    run.cells.retain(|cell| ["plaintext", "blocked-loop"].contains(&&*cell.scenario));
    let first: Vec<_> = run.cells.iter().filter(|cell| cell.round == 1).cloned().collect();
    run.rounds = rounds;
    run.cells.clear();
    for round in 1..=rounds {
        for cell in &first {
            let mut cell = Cell { round, ..cell.clone() };
            // Within one per cent from round to round.
            let noise = 1.0 + f64::from((round * 7) % 5) / 400.0;
            cell.latency.p99_ms = cell.latency.p99_ms.map(|p99| p99 * noise);
            cell.rate *= noise;
            change(round, &mut cell);
            run.cells.push(cell);
        }
    }
    run
}

fn is_axum(cell: &Cell) -> bool {
    (cell.scenario.as_str(), cell.level.as_str(), cell.competitor.as_str())
        == ("plaintext", "closed/64", "axum")
}

fn slower(by: f64) -> impl Fn(u32, &mut Cell) {
    move |_, cell| {
        if is_axum(cell) {
            cell.latency.p99_ms = cell.latency.p99_ms.map(|p99| p99 * by);
        }
    }
}

/// What the command says of two runs.
fn since(before: &Results, after: &Results, arguments: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    for (name, run) in [("before", before), ("after", after)] {
        let folder = folder.path().join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("results.json"), serde_json::to_string(run).unwrap()).unwrap();
    }
    let Output { status, stdout, stderr } = command(folder.path(), "after", arguments);
    let said = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (status.code(), said.concat())
}

fn command(folder: &Path, after: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.current_dir(folder).args(["since", "before", after]).args(arguments);
    command.output().unwrap()
}

const P99: [&str; 2] = ["--fail-if", "p99>+10%"];

#[test]
fn a_rule_is_broken_by_what_is_over_it_and_over_the_noise() {
    let before = run(10, &|_, _| {});
    let (code, said) = since(&before, &run(10, &slower(1.3)), &P99);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("plaintext closed/64 axum") && said.contains("breaks p99>+10%"),
        "{said}"
    );
    assert!(said.contains("1 figure breaks a rule"), "{said}");
    let (code, said) = since(&before, &run(10, &slower(1.05)), &P99);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("1 became worse"), "a difference, though under the rule: {said}");
}

#[test]
fn the_same_run_twice_is_no_difference_and_neither_is_noise() {
    let before = run(10, &|_, _| {});
    let (code, said) = since(&before, &before, &P99);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("no rule is broken") && said.contains(" 0 became worse"), "{said}");
    // Twice as slow in every third round.
    let noisy = run(10, &|round, cell| {
        if is_axum(cell) && round % 3 == 0 {
            cell.latency.p99_ms = cell.latency.p99_ms.map(|p99| p99 * 2.0);
        }
    });
    let (code, said) = since(&before, &noisy, &P99);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("noise may hide p99>+10%"), "{said}");
    let (code, said) = since(&before, &noisy, &[&P99[..], &["--strict"]].concat());
    assert_eq!(code, Some(3), "{said}");
}

#[test]
fn few_rounds_have_no_interval_and_the_output_says_so() {
    let (code, said) = since(&run(3, &|_, _| {}), &run(3, &slower(1.3)), &P99);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("with 3 rounds there is no interval"), "{said}");
}

#[test]
fn what_was_usable_and_is_void_now_fails_whatever_its_numbers_say() {
    let broken = run(10, &|_, cell| {
        if is_axum(cell) {
            void(cell, "errors", "9 of 10 requests failed");
            cell.latency.p99_ms = Some(0.01);
        }
    });
    let (code, said) = since(&run(10, &|_, _| {}), &broken, &P99);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("void now, and usable before: plaintext closed/64 axum: errors: 9 of 10"),
        "{said}"
    );
    assert!(!said.contains("0.01"), "the number of a void cell is none: {said}");
}

#[test]
fn runs_of_different_machines_are_not_compared_unless_asked_to() {
    let (before, mut after) = (run(10, &|_, _| {}), run(10, &slower(1.3)));
    after.machine.cpu = "another CPU".into();
    let (code, said) = since(&before, &after, &P99);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("not alike in CPU: a CPU before, another CPU after"), "{said}");
    assert_eq!(since(&before, &after, &[&P99[..], &["--unlike"]].concat()).0, Some(1));
}

#[test]
fn markdown_is_a_verdict_a_table_of_what_changed_and_the_rest_folded() {
    let (code, said) =
        since(&run(10, &|_, _| {}), &run(10, &slower(1.3)), &[&P99[..], &["--markdown"]].concat());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.starts_with("### ❌ 1 figure breaks a rule"), "{said}");
    let (news, rest) = said.split_once("<details>").unwrap();
    assert!(news.contains("| plaintext closed/64 axum | p99 |"), "{news}");
    assert_eq!(news.matches("\n| ").count(), 2, "the head and one line: {news}");
    assert!(rest.contains("</details>") && rest.contains("commit unknown"), "{rest}");
}

#[test]
fn what_is_no_run_and_what_is_no_rule_are_bad_arguments() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("before")).unwrap();
    let output = command(folder.path(), "nowhere", &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("before/results.json"));
    assert_eq!(command(folder.path(), "before", &["--fail-if", "p99>10"]).status.code(), Some(2));
}

#[test]
fn a_scenario_that_a_run_lacks_is_named_with_those_it_has() {
    let run = run(5, &|_, _| {});
    let (code, said) = since(&run, &run, &["--scenarios", "plaintxt"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("no scenario \"plaintxt\"; it has plaintext, blocked-loop"), "{said}");
}

/// `lab report` of what stands in `run/`.
fn report(folder: &Path) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    let output = command.current_dir(folder).args(["report", "run"]).output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (output.status.code(), said.concat())
}

#[test]
fn a_report_is_written_again_from_a_folder_and_what_is_no_run_is_told_in_a_line() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("run")).unwrap();
    let file = folder.path().join("run/results.json");
    let (code, said) = report(folder.path());
    assert_eq!((code, said.lines().count()), (Some(2), 1), "{said}");
    assert!(said.contains("cannot read run/results.json"), "{said}");

    let mut run = run(1, &|_, _| {});
    fs::write(&file, serde_json::to_string(&run).unwrap()).unwrap();
    let (code, said) = report(folder.path());
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("plaintext") && said.contains("closed/64"), "{said}");
    assert!(folder.path().join("run/report.html").exists());
    assert!(folder.path().join("run/cells.csv").exists());

    run.schema += 1;
    fs::write(&file, serde_json::to_string(&run).unwrap()).unwrap();
    let (code, said) = report(folder.path());
    assert_eq!((code, said.lines().count()), (Some(2), 1), "{said}");
    assert!(said.contains("use the one that wrote it"), "{said}");
    fs::write(&file, "{}").unwrap();
    assert_eq!(report(folder.path()).0, Some(2));
}
