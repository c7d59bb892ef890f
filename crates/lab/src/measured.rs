//! What a command measured that is no comparison of servers alone: every trial, with where it ran, and a table of them.

use std::fs;
use std::process::ExitCode;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::args::Rounds;
use crate::lesson::found::{Trial, shown};
use crate::results::{Machine, Versions};
use crate::view::Figure;
use crate::{compare, machine, mistakes, queue};

/// Its trials, all rounds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The shape of this file; it grows when a field changes its meaning or goes.
    pub schema: u32,
    /// The command's name: `mistakes`, `queue`.
    pub measured: String,
    /// When it began, in UTC.
    pub started: String,
    /// How long it took.
    pub took_s: f64,
    /// The command, as typed.
    pub command: Vec<String>,
    /// Where it ran.
    pub machine: Machine,
    /// What ran.
    pub versions: Versions,
    /// Every trial.
    pub trials: Vec<Trial>,
}

/// The commands that leave one behind.
pub const NAMES: [&str; 2] = [mistakes::NAME, queue::NAME];

/// The shape of the file.
const SCHEMA: u32 = 1;

impl Measured {
    /// One that begins now.
    pub fn begins(name: &str) -> Self {
        Self {
            schema: SCHEMA,
            measured: name.to_owned(),
            started: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            command: compare::as_typed(),
            machine: machine::machine(),
            versions: machine::versions(),
            ..Self::default()
        }
    }

    /// The table of it, in Markdown.
    pub fn table(&self) -> String {
        if self.measured == mistakes::NAME { mistakes::table(self) } else { queue::table(self) }
    }

    /// One figure over all rounds that have it.
    pub fn figure(&self, level: &str, who: &str, name: &str) -> Option<Figure> {
        let here = self.trials.iter().filter(|trial| trial.level == level && trial.who == who);
        let usable = here.filter(|trial| !trial.is_void());
        let rounds: Vec<_> =
            usable.filter_map(|trial| Some((trial.round, *trial.figures.get(name)?))).collect();
        (!rounds.is_empty()).then_some(Figure { rounds })
    }

    /// Its median, in its unit; a dash where there is none.
    pub fn median(&self, level: &str, who: &str, name: &str) -> String {
        let median = self.figure(level, who, name).map(|figure| figure.median());
        median.map_or("–".to_owned(), |median| shown(&Figure { rounds: vec![(1, median)] }, name))
    }

    /// What went wrong, each with where.
    pub fn failed(&self) -> Vec<String> {
        let gates = self.trials.iter().flat_map(|trial| {
            let void = trial.gates.iter().filter(|gate| gate.void);
            void.map(move |gate| format!("{}, {}: {}", trial.who, trial.level, gate.sentence))
        });
        gates.collect()
    }
}

impl Rounds {
    /// Writes the file, prints the table, and tells whether all went well.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keeps(&self, measured: &Measured) -> anyhow::Result<ExitCode> {
        let folder = &self.out;
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let path = folder.join(format!("{}.json", measured.measured));
        let json = serde_json::to_string_pretty(measured).context("cannot write the result")?;
        fs::write(&path, json + "\n")
            .with_context(|| format!("cannot write {}", path.display()))?;
        print!("{}", measured.table());
        let failed = measured.failed();
        for why in &failed {
            eprintln!("lab: {why}");
        }
        eprintln!("every trial: {}", path.display());
        Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
