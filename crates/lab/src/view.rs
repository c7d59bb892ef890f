//! The results as figures: medians over rounds, and ratios between competitors.

use std::fmt;

use crate::difference::{Ratio, median, range};
use crate::results::{Cell, Competitor, Gate, Level, Results, Scenario, Tail};

/// One figure of one competitor at one level: a value for each round whose cell can be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Round and value, in the order of rounds.
    pub rounds: Vec<(u32, f64)>,
}

/// Why there is no figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Every cell is void; the first reason.
    Void(String),
    /// The server failed in as many rounds as it passed, or more; how, and in how many.
    Failed(String),
    /// Nothing was measured, or not this.
    NotMeasured,
}

/// Rounds in which a server failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failures {
    /// How many.
    pub rounds: usize,
    /// In how many it passed.
    pub passed: usize,
    /// Of how many; the rest was measured badly.
    pub of: usize,
    /// What happened in the first of them.
    pub first: Gate,
}

impl Failures {
    /// Of the cells of one competitor at one level, a round each.
    pub fn of(cells: &[&Cell]) -> Option<Self> {
        let why = |cell: &&Cell| cell.why_void().filter(|gate| gate.is_the_servers()).cloned();
        let gates: Vec<Gate> = cells.iter().filter_map(why).collect();
        let passed = cells.iter().filter(|cell| !cell.is_void()).count();
        let rounds = gates.len();
        Some(Self { rounds, passed, of: cells.len(), first: gates.into_iter().next()? })
    }

    /// Whether they are what is to be said of this server here, rather than what it did in the other rounds.
    pub fn decide(&self) -> bool {
        self.rounds >= self.passed
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rounds, of, first: Gate { name, sentence, .. }, .. } = self;
        if rounds == of {
            return write!(f, "{name}: {sentence}");
        }
        write!(f, "{name}: {sentence}, in {rounds} of {of} rounds")
    }
}

impl Figure {
    /// The median over rounds.
    pub fn median(&self) -> f64 {
        median(self.rounds.iter().map(|(_, value)| *value).collect())
    }

    /// The least and the most of all rounds.
    pub fn range(&self) -> (f64, f64) {
        range(self.rounds.iter().map(|(_, value)| *value))
    }

    /// How far rounds of one and the same lie apart, as ± of the median: the A/A noise of this figure.
    pub fn noise(&self) -> f64 {
        let (least, most) = self.range();
        let median = self.median();
        if median == 0.0 { 0.0 } else { (most - least) / 2.0 / median }
    }
}

/// What a figure is read from; `None` when a cell does not have it.
pub type Read = fn(&Cell) -> Option<f64>;

/// Right answers a second.
pub const RATE: Read = |cell| Some(cell.rate);
/// The median latency, in milliseconds.
pub const P50: Read = |cell| Some(cell.latency.p50_ms);
/// The slowest answer, in milliseconds.
pub const SLOWEST: Read = |cell| Some(cell.latency.max_ms);
/// From the first SYN to the last byte, in milliseconds.
pub const SPAN: Read = |cell| Some(cell.span_s * 1e3);
/// CPU time a request, in microseconds.
pub const CPU: Read = |cell| cell.usage.as_ref()?.cpu_us;
/// The most threads.
pub const THREADS: Read = |cell| Some(cell.usage.as_ref()?.threads_peak as f64);
/// The most resident memory.
pub const RSS: Read = |cell| Some(cell.usage.as_ref()?.rss_peak_bytes as f64);
/// The most memory held, page tables and kernel stacks included.
pub const HELD: Read = |cell| Some(cell.usage.as_ref()?.held_peak_bytes() as f64);
/// The bystander's p99, or its slowest where there are too few for that; nothing where the bystander was late itself.
pub const FELT: Read = |cell| {
    let probe = cell.probe.as_ref().filter(|probe| !probe.is_late())?;
    Some(probe.latency.p99_ms.unwrap_or(probe.latency.max_ms))
};
/// The bystander's longest stall.
pub const STALL: Read = |cell| Some(cell.probe.as_ref().filter(|probe| !probe.is_late())?.stall_ms);

/// The tail that this level has samples for.
pub fn tail(level: &Level) -> Read {
    match level.tail {
        Tail::P99 => |cell| cell.latency.p99_ms,
        Tail::Slowest => SLOWEST,
    }
}

impl Results {
    /// A scenario by its name, if it was run.
    pub fn scenario(&self, name: &str) -> Option<&Scenario> {
        self.scenarios.iter().find(|scenario| scenario.name == name)
    }

    /// The cells of one competitor at one level, a round each.
    pub fn cells_at(&self, scenario: &str, level: &str, who: &str) -> Vec<&Cell> {
        let here = |cell: &&Cell| {
            cell.scenario == scenario && cell.level == level && cell.competitor == who
        };
        self.cells.iter().filter(here).collect()
    }

    /// A figure from all rounds whose cell can be used, if it is the server's: one that answered in one round and failed
    /// in two has no figure, or its failures would make it look better.
    ///
    /// # Errors
    /// Why there is none.
    pub fn figure(&self, at: (&str, &str), who: &str, read: Read) -> Result<Figure, Missing> {
        let cells = self.cells_at(at.0, at.1, who);
        if let Some(failures) = Failures::of(&cells).filter(Failures::decide) {
            return Err(Missing::Failed(failures.to_string()));
        }
        let usable = cells.iter().filter(|cell| !cell.is_void());
        let rounds: Vec<_> = usable.filter_map(|cell| Some((cell.round, read(cell)?))).collect();
        if !rounds.is_empty() {
            return Ok(Figure { rounds });
        }
        let why = cells.iter().find_map(|cell| cell.why_void());
        Err(why.map_or(Missing::NotMeasured, |gate| {
            Missing::Void(format!("{}: {}", gate.name, gate.sentence))
        }))
    }

    /// The rounds in which the server itself failed at this level.
    pub fn failures(&self, at: (&str, &str), who: &str) -> Option<Failures> {
        Failures::of(&self.cells_at(at.0, at.1, who))
    }

    /// One competitor's figure as a multiple of another's.
    pub fn ratio(&self, at: (&str, &str), ours: &str, theirs: &str, read: Read) -> Option<Ratio> {
        Ratio::of(&self.figure(at, ours, read).ok()?, &self.figure(at, theirs, read).ok()?)
    }

    /// Everybody but the controls: whom the answer is about.
    pub fn subjects(&self) -> impl Iterator<Item = &Competitor> {
        self.competitors.iter().filter(|who| who.control.is_none())
    }

    /// Whom a scenario's table has a row for: everybody, but of the controls only those that were asked.
    pub fn listed(&self, scenario: &str) -> impl Iterator<Item = &Competitor> {
        let asked = move |who: &Competitor| {
            self.cells.iter().any(|cell| cell.scenario == scenario && cell.competitor == who.name)
        };
        self.competitors.iter().filter(move |who| who.control.is_none() || asked(who))
    }

    /// What an answer costs the floor at this level, or where it was not asked this, at the most clients it was asked
    /// anything: in microseconds of CPU time.
    pub fn floor_cpu(&self, at: (&str, &str)) -> Option<f64> {
        let floor = &self.floor()?.name;
        if let Ok(figure) = self.figure(at, floor, CPU) {
            return Some(figure.median());
        }
        let levels = &self.scenario("plaintext")?.levels;
        let last = levels.iter().max_by_key(|level| level.clients)?;
        Some(self.figure(("plaintext", &last.name), floor, CPU).ok()?.median())
    }

    /// The floor, if it took part.
    pub fn floor(&self) -> Option<&Competitor> {
        self.competitors.iter().find(|who| who.is_floor())
    }

    /// Competitors of ours with threads, but for those that were not timed.
    pub fn threads(&self) -> Vec<&Competitor> {
        self.timed(|server| server == "blocking")
    }

    /// Competitors of ours with an event loop, but for those that were not timed.
    pub fn loops(&self) -> Vec<&Competitor> {
        self.timed(|server| server != "blocking")
    }

    fn timed(&self, is_one: impl Fn(&str) -> bool) -> Vec<&Competitor> {
        let timed = self.competitors.iter().filter(|who| who.excluded.is_none());
        timed.filter(|who| who.server.as_deref().is_some_and(&is_one)).collect()
    }

    /// Cells whose numbers are not used.
    pub fn void_cells(&self) -> usize {
        self.cells.iter().filter(|cell| cell.is_void()).count()
    }
}
