//! What was found: a table for people, a file for everything else.

use std::path::Path;

use anyhow::Context;
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use lab::results::{Machine, Versions};
use serde::Serialize;

use crate::args::Args;
use crate::case::Case;
use crate::found::Figure;

/// All of a run of the suite.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    command: String,
    started: String,
    seed: u64,
    short: bool,
    commit: Option<String>,
    machine: Machine,
    versions: Versions,
    pub(crate) runs: Vec<Run>,
}

/// One fault against one server.
#[derive(Debug, Serialize)]
pub(crate) struct Run {
    pub(crate) id: String,
    pub(crate) server: String,
    pub(crate) figures: Vec<Figure>,
    /// Why there are none.
    pub(crate) error: Option<String>,
    pub(crate) seconds: f64,
    /// Times that were missed at first; then the figures are of a second run.
    pub(crate) late_at_first: Vec<Figure>,
}

impl Report {
    pub(crate) fn new(args: &Args) -> Self {
        let Args { ids, servers, seed, short, .. } = args;
        let flags = if *short { " --short" } else { "" };
        let ids: String = ids.iter().map(|id| format!(" {id}")).collect();
        let servers = servers.join(",");
        let versions = Versions { profile: "release".to_owned(), ..lab::machine::versions() };
        Self {
            command: format!("cargo xtask faults{ids} --servers {servers} --seed {seed}{flags}"),
            started: jiff::Timestamp::now().to_string(),
            seed: *seed,
            short: *short,
            commit: versions.commit.clone(),
            machine: lab::machine::machine(),
            versions,
            runs: Vec::new(),
        }
    }

    pub(crate) fn is_good(&self) -> bool {
        self.runs.iter().all(Run::is_good)
    }

    pub(crate) fn verdict(&self) -> String {
        let missed = self.runs.iter().filter(|run| !run.is_good()).count();
        let verdict = match missed {
            0 => format!("{} runs, every figure reached", self.runs.len()),
            _ => format!("{missed} of {} runs missed a figure", self.runs.len()),
        };
        match self.runs.iter().filter(|run| !run.late_at_first.is_empty()).count() {
            0 => verdict,
            repeated => format!("{verdict}; {repeated} run twice, for a time that was missed"),
        }
    }

    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let cannot = || format!("cannot write {}", path.display());
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(cannot)?;
        }
        std::fs::write(path, serde_json::to_string_pretty(self)? + "\n").with_context(cannot)
    }
}

impl Run {
    fn figure(&self, nth: usize, what: &str) -> Option<&Figure> {
        self.figures.iter().filter(|figure| figure.what == what).nth(nth)
    }

    fn is_good(&self) -> bool {
        self.error.is_none() && self.figures.iter().all(|figure| figure.met)
    }

    /// For the progress: what was missed, or that nothing was.
    pub(crate) fn in_a_line(&self) -> String {
        let late: Vec<_> = self.late_at_first.iter().map(Figure::missed).collect();
        let again = match late.as_slice() {
            [] => String::new(),
            _ => format!(", at the second attempt; at first {}", late.join("; ")),
        };
        let took = format!("{:.1} s{again}", self.seconds);
        if let Some(error) = &self.error {
            return format!("failed ({took}): {error}");
        }
        let missed = self.figures.iter().filter(|figure| !figure.met);
        let missed: Vec<_> = missed.map(Figure::missed).collect();
        match missed.as_slice() {
            [] => format!("{} figures reached ({took})", self.figures.len()),
            _ => format!("missed ({took}): {}", missed.join("; ")),
        }
    }
}

/// What a table shows for a figure that makes no sense of that server.
const NOT_ASKED: &str = "–";

/// Every figure that any of them has, in the order of whoever has most; and of how many with the same words it is which.
fn rows<'a>(runs: &[&'a Run]) -> Vec<(usize, &'a Figure)> {
    let mut runs = runs.to_vec();
    runs.sort_by_key(|run| std::cmp::Reverse(run.figures.len()));
    let mut rows: Vec<(usize, &Figure)> = Vec::new();
    for run in runs {
        for (place, figure) in run.figures.iter().enumerate() {
            let same = |other: &&Figure| other.what == figure.what;
            let nth = run.figures[..place].iter().filter(same).count();
            if !rows.iter().any(|(other, row)| *other == nth && same(row)) {
                rows.push((nth, figure));
            }
        }
    }
    rows
}

/// A block a fault, a row a figure, a column a server.
pub(crate) fn table(report: &Report, cases: &[Case]) -> String {
    let mut text = String::new();
    for case in cases {
        let runs: Vec<_> = report.runs.iter().filter(|run| run.id == case.id).collect();
        if runs.is_empty() {
            continue;
        }
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_content_arrangement(ContentArrangement::Disabled);
        let head = ["", "must be"].map(str::to_owned).into_iter();
        table.set_header(head.chain(runs.iter().map(|run| run.server.clone())));
        for (nth, named) in rows(&runs) {
            let reached = runs.iter().map(|run| match run.figure(nth, &named.what) {
                Some(figure) if figure.met => figure.reached.clone(),
                Some(figure) => format!("✗ {}", figure.reached),
                None if run.error.is_some() => "✗".to_owned(),
                None => NOT_ASKED.to_owned(),
            });
            let cells = [named.what.clone(), named.target.clone()].into_iter().chain(reached);
            table.add_row(cells);
        }
        text += &format!("\n{} {}\n", case.id, case.fault);
        for run in &runs {
            if let Some(error) = &run.error {
                text += &format!("✗ {}: {error}\n", run.server);
            }
        }
        text += &format!("{table}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::found::Found;

    fn run(server: &str, figures: &[&str], error: Option<&str>) -> Run {
        let mut found = Found::default();
        for what in figures {
            found.holds(what, true, "");
        }
        found.at_most("log", found.0.len() as f64, 9.0, "lines");
        found.at_most("log", 0.0, 9.0, "lines");
        Run {
            id: "F16".to_owned(),
            server: server.to_owned(),
            figures: if error.is_none() { found.0 } else { Vec::new() },
            error: error.map(str::to_owned),
            seconds: 1.0,
            late_at_first: Vec::new(),
        }
    }

    #[test]
    fn a_figure_that_was_not_asked_is_a_dash_and_one_that_was_not_found_a_miss() {
        let args = Args {
            ids: Vec::new(),
            servers: Vec::new(),
            seed: 1,
            short: true,
            out: "faults.json".into(),
            list: false,
        };
        let mut report = Report::new(&args);
        report.runs = vec![
            run("blocking", &["answered"], None),
            run("actix", &["answered", "stalls"], None),
            run("axum", &[], Some("it does not start")),
        ];
        let text = table(&report, &crate::case::cases());
        let rows = |what: &str| {
            let lines = text.lines().filter(|line| line.trim_start().starts_with(what));
            let words = lines.map(|line| line.split_whitespace().skip(2).collect::<Vec<_>>());
            words.map(|words| words.join(" ")).collect::<Vec<_>>()
        };
        assert_eq!(rows("answered"), ["yes yes ✗"], "{text}");
        assert_eq!(rows("stalls"), ["– yes ✗"], "{text}");
        assert_eq!(
            rows("log"),
            ["9 lines 1 lines 2 lines ✗", "9 lines 0 lines 0 lines ✗"],
            "{text}"
        );
    }
}
