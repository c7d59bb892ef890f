//! What is typed wrong, and what is not there, is told in one line that says what to do, with the exit code that the help
//! names; and who reads only the beginning of what is printed ends it in silence.

use std::io::pipe;
use std::process::{Command, Stdio};

fn lab(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.args(arguments.split(' ')).stdin(Stdio::null());
    command
}

#[test]
fn whatever_cannot_be_done_is_told_in_one_line_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = [
        ("compare --scenarios nope", 2, "\"nope\" is no scenario; there are waiting,"),
        ("compare --servers nope", 2, "nor a control (floor,"),
        ("compare --levels 0", 2, "--levels 0: give 1 to"),
        ("compare --levels 99999999", 2, "--levels 99999999: give 1 to"),
        ("compare --rounds 0", 2, "give 1 or more"),
        ("compare --rate 100", 2, "--rate needs --levels"),
        ("compare --target mine", 2, "is not NAME=http://HOST:PORT"),
        ("compare --workload nope.toml", 2, "cannot read nope.toml"),
        ("compare --target mine=http://127.0.0.1:1", 1, "--target mine: cannot connect to"),
        ("compare --no-build --out /dev/null/here", 1, "--out: cannot make /dev/null/here"),
        ("knee --p99 50ms --target mine=http://127.0.0.1:1", 1, "--target mine: cannot connect to"),
        ("live --target mine=http://127.0.0.1:1", 1, "start the server first"),
        ("live --scene nope", 2, "\"nope\" is no scene; there are wait,"),
        ("report", 2, "(`cargo lab` writes one into --out)"),
        ("report nope", 2, "cannot read nope"),
        ("since nope nope", 2, "cannot read nope"),
        ("check nope", 2, "is not http://HOST[:PORT]"),
        ("check http://127.0.0.1:1", 2, "start the server first"),
        ("lesson nope", 2, "\"nope\" is no lesson; there are others-go-on,"),
        ("code nope", 2, "\"nope\" is no handler; there are"),
        ("choose", 2, "give --rate,"),
    ];
    for (arguments, code, words) in wrong {
        let output = lab(arguments).current_dir(folder.path()).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        // `compare` and `knee` have said what they would do.
        let last = told.lines().last().unwrap_or_default();
        assert_eq!(output.status.code(), Some(code), "lab {arguments}: {told}");
        assert!(last.starts_with("lab: ") && last.contains(words), "lab {arguments}: {told}");
        assert_eq!(told.matches("lab: ").count(), 1, "lab {arguments}: {told}");
        assert!(output.stdout.is_empty() && !told.contains("panicked"), "lab {arguments}: {told}");
    }
}

#[test]
fn who_stops_reading_ends_it_in_silence() {
    for arguments in ["lesson --list", "code wait", "compare --dry-run"] {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let output = lab(arguments).stdout(writer).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*told), (Some(141), ""), "lab {arguments}");
    }
}
