//! `results.json` has a schema, and what `lab` writes keeps to it.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests, which the linter does not see"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lab::results;
use serde_json::Value;

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("results.schema.json")
}

fn schema() -> Value {
    serde_json::from_str(&fs::read_to_string(committed()).unwrap()).unwrap()
}

/// What is wrong with a run, if anything is.
fn wrong(run: &Value) -> Option<String> {
    let (mut compiler, mut schemas) = (boon::Compiler::new(), boon::Schemas::new());
    compiler.add_resource("results.schema.json", schema()).unwrap();
    let compiled = compiler.compile("results.schema.json", &mut schemas).unwrap();
    schemas.validate(run, compiled).err().map(|error| error.to_string())
}

/// Write it anew with `LAB_WRITE_SCHEMA=1 cargo test -p lab --test schema`.
#[test]
fn the_committed_schema_is_that_of_the_types() {
    let text = serde_json::to_string_pretty(&results::schema()).unwrap() + "\n";
    if std::env::var_os("LAB_WRITE_SCHEMA").is_some() {
        fs::write(committed(), &text).unwrap();
    }
    assert!(fs::read_to_string(committed()).unwrap() == text, "LAB_WRITE_SCHEMA=1 writes it anew");
}

#[test]
fn a_run_that_was_measured_keeps_to_the_schema_and_a_damaged_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_lab"))
        .args(["compare", "--servers=bare-threads", "--scenarios=plaintext,wait,waiting"])
        .args(["--levels=2", "--duration=0.1", "--rounds=1", "--rate=100", "--out"])
        .arg(folder.path())
        .output()
        .unwrap();
    let text = fs::read_to_string(folder.path().join("results.json"))
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let run: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(wrong(&run), None);
    let cells = run["cells"].as_array().unwrap();
    assert!(
        cells.iter().any(|cell| cell["service"]["p50_ms"].is_number()),
        "an open loop has both"
    );
    for (pointer, value) in [
        ("/cells/0/rate", Value::Null),
        ("/cells/0/latency/p50_ms", "1".into()),
        ("/scenarios/0/levels/0/kind", "sideways".into()),
        ("/seed", (-1).into()),
    ] {
        let mut damaged = run.clone();
        *damaged.pointer_mut(pointer).unwrap() = value;
        assert!(wrong(&damaged).is_some(), "{pointer}");
    }
    let csv = fs::read_to_string(folder.path().join("cells.csv")).unwrap();
    assert_eq!(csv.lines().count(), cells.len() + 1);
}
