//! `lab doctor --cross-check` as a process: beside a wrk that only pretends, beside the real one where there is one, and
//! where there is none.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests, which the linter does not see"
)]

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

fn cross_check(path: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.args(["doctor", "--cross-check"]).args(arguments).env("PATH", path);
    let Output { status, stdout, stderr } = command.output().unwrap();
    let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (status.code(), stdout, stderr)
}

/// A program that says what wrk would say, whatever it is asked.
const PRETENDER: &str = "\
#!/bin/sh
cat <<'END'
Running 1s test @ http://127.0.0.1:1/
  Latency Distribution
     50%  500.00us
     75%  540.00us
     90%  600.00us
     99%    1.25ms
  120000 requests in 1.01s, 20.01MB read
Requests/sec: 118811.88
END
";

#[test]
fn who_asks_the_same_stands_beside_ours_with_what_differs_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let wrk = folder.path().join("wrk");
    fs::write(&wrk, PRETENDER).unwrap();
    fs::set_permissions(&wrk, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.path().display(), env::var("PATH").unwrap());
    let (code, said, errors) = cross_check(&path, &["--rounds=1", "--duration=1"]);
    assert_eq!(code, Some(0), "{said}{errors}");
    let rows = |name: &str| said.lines().filter(|line| line.trim_start().starts_with(name)).count();
    assert!(said.contains("118,812") && said.contains("1.25"), "{said}");
    assert!(rows("lab ") >= 2 && rows("wrk ") >= 2, "two tables, a row of each: {said}");
    assert!(
        said.contains("lab says of it: starved: 60 of 64 clients never got an answer"),
        "{said}"
    );
    assert!(said.contains("wrk says of it: nothing."), "{said}");
    assert!(
        said.contains("coordinated omission") && said.contains("A request costs lab"),
        "{said}"
    );
}

#[test]
fn where_there_is_nobody_to_check_against_a_line_says_what_to_install() {
    let nowhere = tempfile::tempdir().unwrap();
    let (code, _, errors) = cross_check(nowhere.path().to_str().unwrap(), &[]);
    assert_eq!((code, errors.lines().count()), (Some(1), 1), "{errors}");
    assert!(
        errors.contains("neither wrk nor oha") && errors.contains("apt-get install wrk"),
        "{errors}"
    );
}

#[test]
fn the_real_wrk_is_understood_where_it_is_installed() {
    let path = env::var("PATH").unwrap();
    let installed = env::split_paths(&path).any(|folder| Path::new(&folder).join("wrk").exists());
    if !installed {
        eprintln!("wrk is not installed here: nothing to ask");
        return;
    }
    let (code, said, errors) = cross_check(&path, &["--rounds=1", "--duration=1"]);
    assert_eq!(code, Some(0), "{said}{errors}");
    assert!(!said.contains("NaN") && said.contains("wrk says of it: "), "{said}");
}
