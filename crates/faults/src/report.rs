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
        let rows = runs.iter().map(|run| run.figures.len()).max().unwrap_or(0);
        for row in 0..rows {
            let Some(named) = runs.iter().find_map(|run| run.figures.get(row)) else { continue };
            let reached = runs.iter().map(|run| match run.figures.get(row) {
                Some(figure) if figure.met => figure.reached.clone(),
                Some(figure) => format!("✗ {}", figure.reached),
                None => "✗".to_owned(),
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
