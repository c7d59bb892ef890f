//! Tables that come out of the code: what can be asked, what can be told, how a refusal reads.

use std::fmt::Write as _;

use anyhow::{Context, bail};
use clap::{Args, Command, CommandFactory};
use conformance::failures::FAILURES;
use conformance::mistakes::MISTAKES;
use contract::{Limits, PathParam, Wait};
use serde_json::Value;
use settings::Flags;

use crate::generate::source;
use crate::items::cut;

/// The operations of the contract's own document, by what they are there to show.
pub(crate) fn routes() -> String {
    let document: Value =
        serde_json::from_str(contract::openapi::json()).expect("the contract tests its document");
    let operations: Vec<_> = operations(&document).collect();
    let mut table = String::new();
    for tag in document["tags"].as_array().expect("a document has tags") {
        let description = tag["description"].as_str().unwrap_or_default();
        let _ = write!(
            table,
            "\n**{description}**\n\n| operation | what it does | answers |\n|---|---|---|\n"
        );
        for (name, operation) in &operations {
            if operation["tags"][0] == tag["name"] {
                let summary = operation["summary"].as_str().unwrap_or_default();
                let answers = operation["responses"].as_object();
                let statuses: Vec<_> =
                    answers.into_iter().flat_map(|all| all.keys()).cloned().collect();
                let _ = writeln!(table, "| `{name}` | {summary} | {} |", statuses.join(", "));
            }
        }
    }
    table.trim_start().to_owned()
}

/// `GET /wait/{seconds}` and what the document says of it, for every operation.
fn operations(document: &Value) -> impl Iterator<Item = (String, &Value)> {
    let paths = document["paths"].as_object().expect("a document has paths");
    paths.iter().flat_map(|(path, operations)| {
        let operations = operations.as_object().expect("a path has operations");
        operations.iter().map(move |(method, operation)| {
            (format!("{} {path}", method.to_uppercase()), operation)
        })
    })
}

/// The flags that all three servers take, each with its variable, its default and what it is for.
pub(crate) fn flags() -> String {
    flags_of(&Flags::augment_args(Command::new("server")), "Every server")
}

/// The same of a worker.
pub(crate) fn worker_flags() -> String {
    flags_of(&worker::Flags::command(), "Every worker")
}

/// A table for each heading; `title` is above those that have none.
fn flags_of(command: &Command, title: &str) -> String {
    let mut table = String::new();
    let mut heading = None;
    for flag in command.get_arguments() {
        if heading != Some(flag.get_help_heading()) {
            heading = Some(flag.get_help_heading());
            let title = flag.get_help_heading().unwrap_or(title);
            let _ = write!(
                table,
                "\n**{title}**\n\n| flag | variable | default | what |\n|---|---|---|---|\n"
            );
        }
        let name = flag.get_long().unwrap_or_default();
        let variable = flag.get_env().unwrap_or_default().to_string_lossy().into_owned();
        let default: Vec<_> =
            flag.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        let default = match default.as_slice() {
            [] => String::new(),
            values if flag.get_action().takes_values() => format!("`{}`", values.join(" ")),
            _ => String::new(),
        };
        let what = flag.get_help().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(table, "| `--{name}` | `{variable}` | {default} | {what} |");
    }
    table.trim_start().to_owned()
}

/// What a failure looks like, wherever it happens; the rows are trials of each server.
pub(crate) fn errors() -> String {
    let mut table = "| what | where | the client sees | the log says | counted | then, blocking | then, async |\n\
                     |---|---|---|---|---|---|---|\n"
        .to_owned();
    for row in FAILURES {
        let (seen, told) = (row.seen.words(), row.told.words());
        let counted = if row.counted { "yes" } else { "" };
        let _ = writeln!(
            table,
            "| {} | {} | {seen} | {told} | {counted} | {} | {} |",
            row.how, row.place, row.blocking, row.waits
        );
    }
    table
}

/// The mistakes, each beside its remedy; the rows are trials of each server.
pub(crate) fn pitfalls() -> String {
    let mut table =
        "| the mistake | its remedy | what must be seen | blocking |\n|---|---|---|---|\n"
            .to_owned();
    for row in MISTAKES {
        let blocking = if row.only_async { "no mistake" } else { "the same" };
        let _ =
            writeln!(table, "| `{}` | `{}` | {} | {blocking} |", row.pitfall, row.remedy, row.name);
    }
    table
}

/// What is said of a wait that cannot be read.
pub(crate) fn problem() -> String {
    let refused = Wait::from_path("/wait/abc", &Limits::default());
    let problem = refused.expect_err("abc is no number").at("/wait/abc");
    serde_json::to_string_pretty(&problem).expect("a problem is plain data") + "\n"
}

/// The handler that waits, as the article writes it and in two voices of ours.
pub(crate) fn wait_side_by_side() -> anyhow::Result<String> {
    let python = python("wait")?;
    let rust = |server: &str| -> anyhow::Result<String> {
        let file = source(&format!("crates/{server}/src/handlers/wait.rs"))?;
        let handler = cut(&file, "wait").with_context(|| format!("{server} has no wait"))?;
        // The comment says what the column's head says, and two of them side by side are too wide.
        let code = handler.lines().filter(|line| !line.starts_with("///"));
        Ok(code.map(|line| format!("{line}\n")).collect())
    };
    Ok(format!(
        "<table>\n<tr><th colspan=\"2\" align=\"left\">The article, in Python</th></tr>\n\
         <tr><td colspan=\"2\">\n\n```python\n{python}```\n\n</td></tr>\n\
         <tr><th align=\"left\">blocking: a thread waits</th><th align=\"left\">axum: a task waits</th></tr>\n\
         <tr><td>\n\n```rust\n{}```\n\n</td><td>\n\n```rust\n{}```\n\n</td></tr>\n</table>\n",
        rust("server-blocking")?,
        rust("server-axum")?,
    ))
}

/// A function of the article, or what an author of FastAPI would write where it has none.
pub(crate) fn python(name: &str) -> anyhow::Result<String> {
    for path in ["benches/peers/fastapi/article.py", "docs/src/equivalents.py"] {
        if let Some(found) = cut_python(&source(path)?, name) {
            return Ok(found);
        }
    }
    bail!("there is no function {name} in Python")
}

/// A function of a Python file, from its decorator to its last line.
fn cut_python(source: &str, name: &str) -> Option<String> {
    let lines: Vec<&str> = source.lines().collect();
    let at = lines.iter().position(|line| line.starts_with(&format!("async def {name}(")))?;
    let start = lines[..at].iter().rposition(|line| !line.starts_with('@')).map_or(0, |i| i + 1);
    let is_body = |line: &&&str| line.is_empty() || line.starts_with(' ');
    let body = lines[at + 1..].iter().take_while(is_body).count();
    Some(lines[start..=at + body].join("\n").trim_end().to_owned() + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_a_row() {
        let table = routes();
        let document: Value = serde_json::from_str(contract::openapi::json()).unwrap();
        for (name, _) in operations(&document) {
            assert!(table.contains(&format!("| `{name}` |")), "{name}: {table}");
        }
        assert!(
            table.contains("| `GET /wait/{seconds}` | Wait, then answer | 200, 422, 503 |"),
            "{table}"
        );
    }

    #[test]
    fn every_flag_has_a_row_with_its_variable_and_default() {
        let table = flags();
        let default = Limits::default().connections;
        let row = format!("| `--connections` | `WAITLAB_CONNECTIONS` | `{default}` |");
        assert!(table.contains(&row), "{table}");
        assert!(table.contains("**Limits**"), "{table}");
        let table = worker_flags();
        assert!(table.contains("| `--lease` | `WAITLAB_LEASE` | `5` |"), "{table}");
        assert_eq!(
            table.matches("| `--").count(),
            worker::Flags::command().get_arguments().count()
        );
    }

    #[test]
    fn every_failure_and_every_mistake_has_a_row() {
        assert_eq!(errors().lines().count(), FAILURES.len() + 2);
        assert_eq!(pitfalls().lines().count(), MISTAKES.len() + 2);
        let row = "| panic | offload | 500 | one line with the id | yes |";
        assert!(errors().contains(row), "{}", errors());
    }

    #[test]
    fn every_pitfall_that_is_served_is_a_mistake_that_is_tried() {
        let document: Value = serde_json::from_str(contract::openapi::json()).unwrap();
        let asked = |operation: &str| operation.split('?').next().unwrap_or_default().to_owned();
        let tried: Vec<_> =
            MISTAKES.iter().flat_map(|row| [asked(row.pitfall), asked(row.remedy)]).collect();
        for (name, operation) in operations(&document) {
            // Its rows are trials of their own.
            let is_pitfall = operation["tags"][0] == "pitfalls" && name != "GET /pitfalls/failure";
            assert!(!is_pitfall || tried.contains(&name), "{name} is tried by nobody");
        }
    }

    #[test]
    fn a_function_of_python_is_cut_whole() {
        let source = "import asyncio\n\n\n@app.get(\"/wait\")\nasync def wait(a: int):\n    await b()\n    return a\n\n\nx = 1\n";
        let expected =
            "@app.get(\"/wait\")\nasync def wait(a: int):\n    await b()\n    return a\n";
        assert_eq!(cut_python(source, "wait").as_deref(), Some(expected));
        assert_eq!(cut_python(source, "nap"), None);
    }
}
