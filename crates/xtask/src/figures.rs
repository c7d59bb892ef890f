//! What the newest kept run found, as text and pictures for pages; without a run, a line saying how to make one.
//!
//! The answer is that of the newest run of all default scenarios. A scenario's table is of the newest run that has it.
//!
//! The judgements are `lab`'s own: the same functions that print them in a terminal.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use lab::lesson::found::Found;
use lab::lesson::{self, picture};
use lab::measured::{self, Measured};
use lab::results::{self, Machine, Results, Scenario, Versions};
use lab::{answer, report, scenarios, tables};
use serde_json::Value;

use crate::pages::BOOK;
use crate::root::{files, read, root};

const NO_RUN: &str = "*No run of this is kept here yet. Make one: `cargo lab`, then `cargo xtask keep lab-report/results.json`.*\n";

/// A run that is kept, and its folder from the root of the workspace.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    folder: PathBuf,
    results: Results,
}

/// The kept runs, the newest first.
fn kept() -> anyhow::Result<Vec<Run>> {
    let paths = files(&root().join(BOOK).join("results"), "/results.json");
    let mut runs = paths.iter().map(|path| Run::open(path)).collect::<Result<Vec<_>, _>>()?;
    runs.sort_by(|one, other| other.results.started.cmp(&one.results.started));
    Ok(runs)
}

/// The newest kept run of all that is asked by default.
fn newest() -> anyhow::Result<Option<Run>> {
    Ok(kept()?.into_iter().find(Run::is_whole))
}

impl Run {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let results = serde_json::from_str(&read(path))
            .with_context(|| format!("{} holds no results", path.display()))?;
        let folder = path.parent().expect("a file lies in a folder");
        let folder = folder.strip_prefix(root()).unwrap_or(folder).to_owned();
        Ok(Self { folder, results })
    }

    /// One figure by its file name.
    fn make(&self, name: &str) -> anyhow::Result<String> {
        let results = &self.results;
        Ok(match name {
            "answer.md" => {
                let lines = answer::lines(results, &self.folder);
                format!("{}\n{}", as_markdown(&lines), self.source())
            }
            "run.md" => self.evidence(),
            "story.svg" => report::figure(results),
            _ => match name.strip_suffix(".md").and_then(|name| self.scenario(name)) {
                Some(scenario) => {
                    let table = tables::one(results, scenario);
                    format!("```text\n{}\n```\n\n{}", table.trim_end(), self.source())
                }
                None => return without_run(name),
            },
        })
    }

    /// Whether it has what the answer is made of.
    fn is_whole(&self) -> bool {
        scenarios::all().iter().all(|scenario| self.scenario(scenario.name).is_some())
    }

    /// A scenario that was measured.
    fn scenario(&self, name: &str) -> Option<&Scenario> {
        let Results { scenarios, cells, .. } = &self.results;
        let found = scenarios.iter().find(|scenario| scenario.name == name)?;
        cells.iter().any(|cell| cell.scenario == name).then_some(found)
    }

    /// Where the numbers come from, in a line.
    fn source(&self) -> String {
        let Results { machine, versions, started, .. } = &self.results;
        source(started, machine, versions, &self.command())
    }

    /// The command as anyone would type it: the program's own path is of no use elsewhere.
    fn command(&self) -> String {
        typed(&self.results.command)
    }

    /// Where it ran and what ran, as a table.
    fn evidence(&self) -> String {
        let Results { machine, versions, cpus, seed, rounds, took_s, .. } = &self.results;
        let limits: Vec<_> =
            machine.limits.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let crates: Vec<_> =
            versions.crates.iter().map(|(name, version)| format!("{name} {version}")).collect();
        let rows = [
            ("the run", self.source().trim().trim_matches('*').to_owned()),
            ("took", format!("{took_s:.0} s, {rounds} rounds, seed {seed}")),
            ("CPUs", format!("{}: servers {:?}, load {:?}", cpus.word(), cpus.servers, cpus.load)),
            ("memory", format!("{} MiB", machine.memory_bytes >> 20)),
            ("governor", machine.governor.clone().unwrap_or_else(|| "cannot be told".to_owned())),
            ("limits", limits.join(", ")),
            ("compiler", versions.rustc.clone().unwrap_or_else(|| "cannot be told".to_owned())),
            ("crates", crates.join(", ")),
        ];
        let rows: Vec<_> =
            rows.iter().map(|(what, value)| format!("| {what} | {value} |")).collect();
        format!("| | |\n|---|---|\n{}\n", rows.join("\n"))
    }

    /// The picture, for the README.
    fn picture(&self) -> String {
        format!(
            "![What the run found, in one picture; the table above says it in words]({BOOK}/figures/story.svg)\n\n\
             The whole report: [report.html]({folder}/report.html) · every cell: [results.json]({folder}/results.json)\n",
            folder = self.folder.display(),
        )
    }
}

/// Where numbers come from, in a line.
fn source(started: &str, machine: &Machine, versions: &Versions, command: &str) -> String {
    let commit = versions.commit.as_deref().map_or("no commit", |commit| short(commit));
    let dirty = if versions.dirty { ", changed" } else { "" };
    format!(
        "*{} · {} cores · {} · {} · commit {commit}{dirty} · `{command}`*\n",
        &started[..10.min(started.len())],
        machine.cores,
        machine.cpu,
        machine.kernel,
    )
}

fn typed(command: &[String]) -> String {
    let arguments = command.iter().skip(1).map(String::as_str);
    ["cargo lab"].into_iter().chain(arguments).collect::<Vec<_>>().join(" ")
}

/// The ten lines of a terminal for a page: the claims as a table, the rest as they are, but for where the report is.
fn as_markdown(lines: &[String]) -> String {
    let mut text = String::new();
    let mut in_table = false;
    for line in lines.iter().filter(|line| !line.starts_with("Report ")) {
        let is_claim = line.starts_with('"');
        if is_claim && !in_table {
            text.push_str("\n| the article says | verdict | what was measured |\n|---|---|---|\n");
        } else if in_table && !is_claim {
            text.push('\n');
        }
        in_table = is_claim;
        if is_claim {
            let cells = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
            let mut cells: Vec<_> = cells.map(|cell| cell.replace('|', "\\|")).collect();
            cells.resize(3, String::new());
            text.push_str(&format!(
                "| {} | **{}** | {} |\n",
                cells[0],
                cells[1],
                cells[2..].join(" ")
            ));
        } else {
            text.push_str(&format!("{line}\n\n"));
        }
    }
    text
}

fn short(commit: &str) -> &str {
    &commit[..12.min(commit.len())]
}

/// One figure of the newest run by its file name.
pub(crate) fn make(name: &str) -> anyhow::Result<String> {
    if let Some(name) = name.strip_prefix("lesson-") {
        return of_lesson(name);
    }
    if let Some(name) = name.strip_prefix("measured-") {
        return of_measured(name.trim_end_matches(".md"));
    }
    let scenario = name.strip_suffix(".md").unwrap_or_default();
    let run = if scenarios::names().contains(&scenario) {
        kept()?.into_iter().find(|run| run.scenario(scenario).is_some())
    } else {
        newest()?
    };
    run.map_or_else(|| without_run(name), |run| run.make(name))
}

/// The table of the newest kept run of a command that measures something by itself.
fn of_measured(name: &str) -> anyhow::Result<String> {
    ensure!(measured::NAMES.contains(&name), "no command measures {name}");
    let kept = files(&root().join(BOOK).join("results"), &format!("/measured/{name}.json"));
    let open = |path: &std::path::PathBuf| {
        serde_json::from_str::<Measured>(&read(path))
            .with_context(|| format!("{} holds nothing that was measured", path.display()))
    };
    let all = kept.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let newest = all.into_iter().max_by(|one, other| one.started.cmp(&other.started));
    Ok(newest.map_or_else(
        || {
            format!(
                "*No run of this is kept here yet. Make one: `cargo lab {name}`, then `cargo xtask keep lab-report/{name}.json`.*\n"
            )
        },
        |found| {
            let Measured { started, machine, versions, command, .. } = &found;
            let source = source(started, machine, versions, &typed(command));
            format!("{}\n{source}", found.table())
        },
    ))
}

/// What the newest kept run of a lesson found: its picture, or its verdict in words.
fn of_lesson(name: &str) -> anyhow::Result<String> {
    let (name, kind) = name.split_once('.').context("a figure has an ending")?;
    let lesson = lesson::find(name).with_context(|| format!("there is no lesson {name}"))?;
    let kept = files(&root().join(BOOK).join("results"), &format!("/lessons/{name}.json"));
    let Some(path) = kept.last() else {
        ensure!(kind == "md", "no run of the lesson {name} is kept, so there is no picture");
        return Ok(format!(
            "*No run of this is kept here yet. Make one: `cargo lab lesson {name}`.*\n"
        ));
    };
    let found: Found = serde_json::from_str(&read(path))
        .with_context(|| format!("{} holds no lesson", path.display()))?;
    match kind {
        "svg" => Ok(picture::svg(&lesson, &found)),
        "md" => Ok(in_words(&found)),
        _ => bail!("a lesson gives no {kind}"),
    }
}

fn in_words(found: &Found) -> String {
    let Found { claim, verdict, because, started, machine, versions, lesson, .. } = found;
    let commit = versions.commit.as_deref().map_or("no commit", |commit| short(commit));
    format!(
        "“{claim}”: **{verdict}**. {because}\n\n*{} · {} cores · {} · {} · commit {commit} · `cargo lab lesson {lesson}`*\n",
        &started[..10.min(started.len())],
        found.cores(),
        machine.cpu,
        machine.kernel,
    )
}

/// What stands in a figure's place: only where a run would give one.
fn without_run(name: &str) -> anyhow::Result<String> {
    let stem = name.strip_suffix(".md").unwrap_or_default();
    let known = ["answer", "run"].contains(&stem) || scenarios::names().contains(&stem);
    ensure!(known, "no run gives figures/{name}");
    let asked_by_name = lab::uses::all().iter().any(|scenario| scenario.name == stem);
    let how = format!("`cargo lab compare --scenarios {stem}`");
    Ok(if asked_by_name { NO_RUN.replace("`cargo lab`", &how) } else { NO_RUN.to_owned() })
}

/// The picture of the newest run, as a block of the README.
pub(crate) fn picture() -> anyhow::Result<String> {
    Ok(newest()?.map_or_else(|| NO_RUN.to_owned(), |run| run.picture()))
}

/// Where a report is that can be read before one has been made.
pub(crate) fn report_to_read() -> anyhow::Result<String> {
    Ok(newest()?.map_or_else(
        || NO_RUN.to_owned(),
        |run| {
            format!("Meanwhile, read [a report it made]({}/report.html).\n", run.folder.display())
        },
    ))
}

/// Keeps a run under its date, with its report; tells where. A kept run is never changed.
pub(crate) fn keep(path: &Path) -> anyhow::Result<PathBuf> {
    if let Ok(found) = serde_json::from_str::<Found>(&read(path)) {
        return keep_lesson(path, &found);
    }
    if let Ok(found) = serde_json::from_str::<Measured>(&read(path)) {
        return keep_measured(path, &found);
    }
    let run = Run::open(path)?;
    ensure!(!run.results.interrupted, "{} is of a run that was interrupted", path.display());
    ensure!(!run.results.cells.is_empty(), "{} has no cell that was measured", path.display());
    for competitor in &run.results.competitors {
        ensure!(
            competitor.failed.is_empty(),
            "{} failed the contract: {}",
            competitor.name,
            competitor.failed.join("; ")
        );
    }
    keeps_to_the_schema(&serde_json::from_str(&read(path))?)
        .with_context(|| format!("{} is not as others read it", path.display()))?;
    let folder = dated(&run.results.started, |folder| !folder.exists());
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("results.json"), read(path))?;
    fs::write(folder.join("report.html"), report::html(&run.results))?;
    // The answer says that they lie beside it.
    let beside = path.parent().unwrap_or(Path::new(".")).join("histograms");
    fs::create_dir_all(folder.join("histograms"))?;
    for histogram in files(&beside, "") {
        let name = histogram.file_name().expect("a file has a name");
        fs::copy(&histogram, folder.join("histograms").join(name))?;
    }
    Ok(folder)
}

/// What is kept is read by other programs, by its schema.
fn keeps_to_the_schema(run: &Value) -> anyhow::Result<()> {
    const SCHEMA: &str = "results.schema.json";
    let (mut compiler, mut schemas) = (boon::Compiler::new(), boon::Schemas::new());
    compiler.add_resource(SCHEMA, results::schema()).map_err(|error| anyhow!("{error}"))?;
    let schema = compiler.compile(SCHEMA, &mut schemas).map_err(|error| anyhow!("{error}"))?;
    schemas.validate(run, schema).map_err(|error| anyhow!("{error}"))
}

/// Keeps what a lesson found under its date.
fn keep_lesson(path: &Path, found: &Found) -> anyhow::Result<PathBuf> {
    let undecided = found.verdict.starts_with("cannot tell");
    ensure!(!undecided && !found.short, "{} is no whole lesson with a verdict", path.display());
    let kept = dated(&found.started, |folder| {
        !folder.join("lessons").join(format!("{}.json", found.lesson)).exists()
    });
    let kept = kept.join("lessons");
    fs::create_dir_all(&kept)?;
    fs::write(kept.join(format!("{}.json", found.lesson)), read(path))?;
    Ok(kept)
}

/// Keeps what a command measured under its date.
fn keep_measured(path: &Path, found: &Measured) -> anyhow::Result<PathBuf> {
    let failed = found.failed();
    ensure!(failed.is_empty(), "{}: {}", path.display(), failed.join("; "));
    let name = format!("{}.json", found.measured);
    let kept = dated(&found.started, |folder| !folder.join("measured").join(&name).exists());
    let kept = kept.join("measured");
    fs::create_dir_all(&kept)?;
    fs::write(kept.join(name), read(path))?;
    Ok(kept)
}

/// The first folder of this day, by its number, that is free.
fn dated(started: &str, is_free: impl Fn(&Path) -> bool) -> PathBuf {
    let date = &started[..10.min(started.len())];
    let all = root().join(BOOK).join("results");
    let names = std::iter::once(date.to_owned()).chain((2..).map(|n| format!("{date}-{n}")));
    let mut folders = names.map(|name| all.join(name));
    folders.find(|folder| is_free(folder)).expect("there is always another number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_kept_run_keeps_to_the_schema_and_without_its_cells_it_does_not() {
        let newest = newest().unwrap().expect("one is kept");
        let text = read(&root().join(newest.folder).join("results.json"));
        let mut run: Value = serde_json::from_str(&text).unwrap();
        keeps_to_the_schema(&run).unwrap();
        run["cells"] = Value::Null;
        assert!(keeps_to_the_schema(&run).is_err());
    }

    #[test]
    fn a_figure_that_no_run_gives_is_refused() {
        assert!(without_run("nap.md").is_err());
        assert!(without_run("waiting.md").unwrap().contains("cargo lab"));
        assert!(make("nap.md").is_err());
        assert!(make("measured-nap.md").is_err());
        assert!(without_run("seal.md").unwrap().contains("`cargo lab compare --scenarios seal`"));
    }

    #[test]
    fn a_run_of_some_scenarios_is_no_answer() {
        assert!(!run().is_whole());
        let whole = newest().unwrap().expect("a run is kept");
        assert!(whole.is_whole() && whole.make("answer.md").unwrap().contains("cargo lab"));
    }

    #[test]
    fn claims_are_rows_and_the_other_lines_stay() {
        let lines = [
            "waitlab: one",
            "\"a\"   holds   1 · 2 ms",
            "\"b\"   cannot tell (x)",
            "So: c",
            "Report d",
        ];
        let text = as_markdown(&lines.map(str::to_owned));
        assert!(text.starts_with("waitlab: one\n\n\n| the article says |"), "{text}");
        assert!(text.contains("\n| \"a\" | **holds** | 1 · 2 ms |\n"), "{text}");
        assert!(text.contains("\n| \"b\" | **cannot tell (x)** |  |\n\nSo: c\n"), "{text}");
        assert!(!text.contains("Report"), "{text}");
    }

    fn run() -> Run {
        let results = Results {
            schema: lab::results::SCHEMA,
            started: "2026-11-22T10:00:00Z".to_owned(),
            took_s: 1.0,
            command: ["/somewhere/lab", "compare"].map(str::to_owned).to_vec(),
            seed: 7,
            rounds: 3,
            interrupted: false,
            machine: Default::default(),
            versions: Default::default(),
            cpus: Default::default(),
            rounds_per_ms: 1,
            notes: Vec::new(),
            competitors: Vec::new(),
            scenarios: Vec::new(),
            cells: Vec::new(),
        };
        Run { folder: PathBuf::from("docs/src/results/2026-11-22"), results }
    }

    #[test]
    fn every_figure_names_its_run() {
        for name in ["answer.md", "run.md"] {
            let text = run().make(name).unwrap();
            assert!(
                text.contains("2026-11-22") && text.contains("`cargo lab compare`"),
                "{name}: {text}"
            );
        }
        assert!(run().make("waiting.md").unwrap().contains("No run of this"));
        assert!(run().make("nap.md").is_err());
        assert!(run().picture().contains("docs/src/results/2026-11-22/results.json"));
    }
}
