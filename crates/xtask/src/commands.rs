//! Whether every command that a page tells its reader to type is one that the program takes.

use clap::error::ErrorKind;
use clap::{Args, Command, Parser};
use settings::Flags;

use crate::Xtask;
use crate::pages::Page;

/// Commands of a page that would be refused.
pub(crate) fn refused(page: &Page) -> Vec<String> {
    let mut wrong = Vec::new();
    for (line, command) in typed(page) {
        if let Err(why) = parse(&command) {
            wrong.push(format!("{}:{line}: `{command}`: {why}", page.path.display()));
        }
    }
    wrong
}

/// What stands in blocks of kind `sh` and in code within prose, a command a line.
fn typed(page: &Page) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fence = None;
    for (number, line) in (1..).zip(page.text.lines()) {
        if let Some(kind) = line.trim_start().strip_prefix("```") {
            fence = if fence.is_some() { None } else { Some(kind) };
        } else if fence == Some("sh") {
            // Behind two spaces stands a comment; a server is started in the background.
            let command = line.split("  #").next().unwrap_or_default();
            found.push((number, command.trim().trim_end_matches('&').trim().to_owned()));
        } else if fence.is_none() {
            let spans = line.split('`').skip(1).step_by(2);
            found.extend(spans.map(|span| (number, span.to_owned())));
        }
    }
    found.retain(|(_, command)| command.starts_with("cargo ") && !command.contains('…'));
    found
}

fn parse(command: &str) -> Result<(), String> {
    // A shell takes the quotes of a word away.
    let words: Vec<&str> = command.split_whitespace().map(|word| word.trim_matches('\'')).collect();
    match words[1..] {
        ["lab", ..] => {
            let parsed = taken(lab::args::Cli::try_parse_from(&words[1..]))?;
            match parsed.and_then(|cli| cli.command) {
                Some(lab::args::Command::Compare(compare)) => {
                    unknown(&compare.scenarios, &lab::scenarios::names(), "scenario")
                }
                Some(lab::args::Command::Lesson(lesson)) => {
                    let lessons = lab::lesson::all();
                    let known: Vec<_> = lessons.iter().map(|lesson| lesson.name).collect();
                    unknown(&lesson.names, &known, "lesson")
                }
                _ => Ok(()),
            }
        }
        ["xtask", ..] => taken(Xtask::try_parse_from(&words[1..])).map(drop),
        ["run", "--release", "-p", server, "--", ref flags @ ..]
            if server.starts_with("server-") =>
        {
            // What only one of them takes is parsed by its own `main`, which no other crate can call.
            let own = ["--workers", "--threads"];
            let mut shared = vec![server];
            let mut flags = flags.iter();
            while let Some(flag) = flags.next() {
                if own.contains(flag) {
                    flags.next()
                } else {
                    shared.push(flag);
                    None
                };
            }
            let command = Flags::augment_args(Command::new("server"));
            taken(command.try_get_matches_from(shared)).map(drop)
        }
        _ => Ok(()),
    }
}

/// The first name that is not known.
fn unknown(names: &[String], known: &[&str], what: &str) -> Result<(), String> {
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(format!("there is no {what} {name}")),
        None => Ok(()),
    }
}

/// What was parsed; none when the command asks for help.
fn taken<T>(parsed: Result<T, clap::Error>) -> Result<Option<T>, String> {
    match parsed {
        Ok(parsed) => Ok(Some(parsed)),
        Err(error) if error.kind() == ErrorKind::DisplayHelp => Ok(None),
        Err(error) => Err(error.to_string().lines().next().unwrap_or_default().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::tests::page;
    use crate::root::{read, root};

    #[test]
    fn what_the_readme_says_to_run_is_run_before_a_change_lands() {
        let commands = typed(&page(&read(&root().join("README.md"))));
        let ci = read(&root().join(".ci/run"));
        // As a stranger types it, the run of `cargo lab` takes minutes: there it is shorter.
        for (typed, begins) in [
            ("cargo lab", "cargo lab compare "),
            ("cargo test --workspace", "cargo test --workspace "),
        ] {
            assert!(
                commands.iter().any(|(_, command)| command == typed),
                "`{typed}`: {commands:?}"
            );
            let runs = ci.lines().any(|line| line.starts_with(begins));
            assert!(runs, "no line of .ci/run begins with `{begins}`");
        }
    }

    #[test]
    fn a_command_that_would_be_refused_is_seen() {
        for sound in [
            "`cargo lab`",
            "`cargo lab compare --help`",
            "```sh\ncargo lab compare --scenarios wait --levels 1,2     # two\n```",
            "```sh\ncargo run --release -p server-axum -- --workers 1 --pitfalls &\n```",
            "`cargo xtask book --out x` and `cargo test`",
            "`cargo lab compare --scenarios …`",
        ] {
            assert_eq!(refused(&page(sound)), [""; 0], "{sound}");
        }
        for broken in [
            "`cargo lab nap`",
            "`cargo lab compare --scenarios nap`",
            "`cargo lab lesson nap`",
            "```sh\ncargo run --release -p server-axum -- --nap\n```",
            "`cargo xtask nap`",
        ] {
            assert_eq!(refused(&page(broken)).len(), 1, "{broken}");
        }
    }
}
