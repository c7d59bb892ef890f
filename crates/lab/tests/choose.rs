//! `lab choose` as a process, on a calibration that was written by hand: no machine is measured.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests, which the linter does not see"
)]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use lab::choose::model::{Calibration, Costs};
use lab::results::Machine;

fn choose(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("calibration.json");
    let costs = |name: &str, wait_us, client_bytes| Costs {
        name: name.into(),
        wait_us,
        pooled_us: wait_us + 20.0,
        hold_us: 100.0,
        computing: 1.0,
        base_bytes: 8e6,
        client_bytes,
        thread_each: name == "blocking",
    };
    let calibration = Calibration {
        schema: 1,
        started: "2026-01-01T00:00:00Z".into(),
        machine: Machine::default(),
        commit: None,
        profile: "release".into(),
        cores: 1,
        rounds_per_ms: 500_000,
        thread_cap: 16_000,
        thread_cap_by: "max_map_count".into(),
        most_clients: 1_500,
        void: Vec::new(),
        servers: vec![
            costs("blocking", 40.0, 40e3),
            costs("actix", 20.0, 20e3),
            costs("axum", 22.0, 18e3),
        ],
    };
    fs::write(&path, serde_json::to_string(&calibration).unwrap()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.arg("choose").args(arguments).arg("--trust").arg("--calibration").arg(path);
    command.output().unwrap()
}

#[test]
fn the_four_answers_are_given_on_a_calibration_that_is_kept() {
    let answers: [(&[&str], &str); 6] = [
        (&["--rate=100", "--wait-ms=50", "--cpu-ms=1"], "either."),
        (&["--rate=40000", "--wait-ms=5", "--cores=4"], "blocking is enough."),
        (&["--rate=10", "--wait-ms=1", "--long-lived=1000000"], "async."),
        (&["--rate=200", "--wait-ms=50", "--pool=5"], "neither: pool is the limit."),
        (&["--rate=200", "--cpu-ms=50", "--cores=2"], "neither: CPU is the limit."),
        (&["--rate=1", "--wait-ms=50", "--p99-ms=20"], "neither: upstream is the limit."),
    ];
    for (arguments, answer) in answers {
        let output = choose(arguments);
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success(),
            "{arguments:?} {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let line = stdout.lines().nth(2).unwrap();
        assert!(line.starts_with(answer), "{arguments:?}\n{stdout}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused_in_one_line() {
    for arguments in [&["--wait-ms=5"][..], &["--rate=1", "--pool=0"], &["--rate=NaN"]] {
        let output = choose(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?} {stderr}");
        assert!(stderr.lines().count() <= 1, "{stderr}");
    }
}
