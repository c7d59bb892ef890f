//! `lab knee` as a process: its evidence, its exit codes, and what Ctrl-C leaves.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests, which the linter does not see"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

fn knee(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.arg("knee").args(arguments).arg("--out").arg(folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn evidence(folder: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.join("knee.json")).unwrap()).unwrap()
}

#[test]
fn an_objective_that_nobody_keeps_is_told_so_with_its_probes() {
    let folder = tempfile::tempdir().unwrap();
    let asked =
        ["--p99=0.001ms", "--route=/plaintext", "--servers=blocking", "--from=4", "--duration=0.1"];
    let output = knee(folder.path(), &asked).output().unwrap();
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{stdout}{stderr}");
    let found = &evidence(folder.path())["servers"][0];
    assert!(found["knee_per_second"].is_null(), "{found}");
    let probe = &found["probes"][0];
    assert_eq!(probe["per_second"], 4.0, "{probe}");
    assert!(folder.path().join(probe["cell"]["histogram"].as_str().unwrap()).exists());
}

#[test]
fn ctrl_c_keeps_what_was_found() {
    let folder = tempfile::tempdir().unwrap();
    let asked =
        ["--p99=10s", "--route=/plaintext", "--servers=blocking", "--from=20", "--duration=1"];
    let mut lab = knee(folder.path(), &asked).spawn().unwrap();
    let mut stderr = BufReader::new(lab.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("blocking at 40 a second") {
        line.clear();
        assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "it ended early");
    }
    kill_process(Pid::from_child(&lab), Signal::INT).unwrap();
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(lab.wait().unwrap().code(), Some(130), "{rest}");
    let evidence = evidence(folder.path());
    assert_eq!(evidence["interrupted"], true);
    assert_eq!(evidence["servers"][0]["knee_per_second"], 20.0, "{rest}");
}

#[test]
fn a_dry_run_says_what_and_how_long_and_what_is_wrong_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("none");
    let output = knee(&out, &["--p99=50ms", "--dry-run"]).output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && stdout.contains("p99 under 50 ms"), "{stdout}");
    assert!(!out.exists());
    let output = knee(&out, &["--p99=50ms", "--scenario=speed"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("blocked-loop"));
}
