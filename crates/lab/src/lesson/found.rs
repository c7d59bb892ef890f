//! What an experiment found, with where it ran; a verdict reads it from here, and so can whoever has the file.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::competitor::{Competitor, Who};
use crate::difference::{self, Difference};
use crate::lesson::case::{Figures, Strip};
use crate::results::{Cpus, Gate, Machine, Versions};
use crate::verdict::Verdict;
use crate::view;

/// A lesson's experiment, all rounds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// The shape of this file; it grows when a field changes its meaning or goes.
    pub schema: u32,
    /// The lesson's name.
    pub lesson: String,
    /// The claim.
    pub claim: String,
    /// Who makes it.
    pub said_by: String,
    /// What was done.
    pub experiment: String,
    /// The lesson's second, in seconds.
    pub unit_s: f64,
    /// Whether it was the short form.
    pub short: bool,
    /// Rounds that were to be made.
    pub rounds: u32,
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
    /// Which CPUs servers and load had.
    pub cpus: Cpus,
    /// Every trial.
    pub trials: Vec<Trial>,
    /// Some requests of the first round, one by one.
    pub strips: Vec<Drawn>,
    /// The verdict, in its words.
    pub verdict: String,
    /// What it rests on.
    pub because: String,
    /// Which of the answers to the guess the figures bear out.
    pub answer: Option<usize>,
}

/// One server at one level in one round.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// What was asked of it.
    pub level: String,
    /// The server.
    pub who: String,
    /// From 1.
    pub round: u32,
    /// What it gave.
    pub figures: Figures,
    /// What is wrong with that.
    pub gates: Vec<Gate>,
}

/// The requests of one server at one level, one by one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Drawn {
    /// What was asked of it.
    pub level: String,
    /// The server.
    pub who: String,
    /// When each was sent and answered, in milliseconds.
    pub requests: Strip,
}

/// What the figures say.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// Of the claim.
    pub verdict: Verdict,
    /// In a sentence, with its figures.
    pub because: String,
    /// Which of the answers to the guess they bear out, if one.
    pub answer: Option<usize>,
}

/// The shape of the file.
pub const SCHEMA: u32 = 1;

impl Found {
    /// One figure over all rounds.
    ///
    /// # Errors
    /// Why there is none: the gate that failed, or that it was not measured.
    pub fn figure(&self, level: &str, who: &str, name: &str) -> Result<view::Figure, String> {
        let here = || self.trials.iter().filter(|trial| trial.level == level && trial.who == who);
        let usable = here().filter(|trial| !trial.is_void());
        let rounds: Vec<_> =
            usable.filter_map(|trial| Some((trial.round, *trial.figures.get(name)?))).collect();
        if !rounds.is_empty() {
            return Ok(view::Figure { rounds });
        }
        let gates = || here().flat_map(|trial| &trial.gates);
        let why = gates().find(|gate| gate.void).or_else(|| gates().next());
        Err(match why {
            Some(gate) => format!("{}: {who}, {level}: {}", gate.name, gate.sentence),
            None => format!("{who}, {level}: no {name} was measured"),
        })
    }

    /// The median of a figure.
    ///
    /// # Errors
    /// As [`figure`](Self::figure).
    pub fn median(&self, level: &str, who: &str, name: &str) -> Result<f64, String> {
        Ok(self.figure(level, who, name)?.median())
    }

    /// Whether something is so of a figure: in every round, or in none.
    ///
    /// # Errors
    /// When the rounds disagree, or there is no figure.
    pub fn agreed(
        &self,
        (level, who): (&str, &str),
        name: &str,
        is_so: impl Fn(f64) -> bool,
    ) -> Result<bool, String> {
        let figure = self.figure(level, who, name)?;
        let yes = figure.rounds.iter().filter(|(_, value)| is_so(*value)).count();
        match yes {
            0 => Ok(false),
            all if all == figure.rounds.len() => Ok(true),
            _ => Err(format!("rounds disagree: {who}, {level}: {}", shown(&figure, name))),
        }
    }

    /// One figure as a multiple of another, round by round.
    ///
    /// # Errors
    /// When either is missing, or no round has both.
    pub fn ratio(
        &self,
        ours: (&str, &str),
        theirs: (&str, &str),
        name: &str,
    ) -> Result<difference::Ratio, String> {
        let (first, second) =
            (self.figure(ours.0, ours.1, name)?, self.figure(theirs.0, theirs.1, name)?);
        difference::Ratio::of(&first, &second).ok_or_else(|| format!("no round has {name} of both"))
    }

    /// What event loops have of a figure against what threads have, if all of them say so; with the ratios in words.
    ///
    /// # Errors
    /// As [`ratio`](Self::ratio).
    pub fn against_threads(&self, level: &str, name: &str) -> Result<(Difference, String), String> {
        let (mut all, mut shown) = (Vec::new(), Vec::new());
        for who in self.loops() {
            let ratio = self.ratio((level, who), (level, "blocking"), name)?;
            shown.push(format!("{who} {} of a thread's", ratio.shown()));
            all.push(ratio.that_matters());
        }
        let one = |difference| all.iter().all(|other| *other == difference);
        let difference = match all.as_slice() {
            [Difference::Less, ..] if one(Difference::Less) => Difference::Less,
            all if all.contains(&Difference::More) => Difference::More,
            _ => Difference::None,
        };
        Ok((difference, shown.join(" · ")))
    }

    /// Whether something is so of a figure of each of these, in every round.
    ///
    /// # Errors
    /// As [`agreed`](Self::agreed).
    pub fn all_agree(
        &self,
        level: &str,
        all: Vec<&str>,
        name: &str,
        is_so: impl Fn(f64) -> bool,
    ) -> Result<bool, String> {
        all.into_iter()
            .try_fold(true, |so_far, who| Ok(self.agreed((level, who), name, &is_so)? && so_far))
    }

    /// Whoever was tried, in the order of the first round.
    pub fn who(&self) -> Vec<&str> {
        distinct(self.trials.iter().map(|trial| trial.who.as_str()))
    }

    /// Those with threads alone, as they come: a pool is a limit that somebody set.
    pub fn threads(&self) -> Vec<&str> {
        self.who().into_iter().filter(|who| *who == "blocking").collect()
    }

    /// Those with an event loop, of ours.
    pub fn loops(&self) -> Vec<&str> {
        let is_loop = |who: &&str| {
            who.parse::<Competitor>().is_ok_and(
                |who| matches!(who.who, Who::Ours { server, .. } if server != "blocking"),
            )
        };
        self.who().into_iter().filter(is_loop).collect()
    }

    /// Levels in the order of the first round.
    pub fn levels(&self) -> Vec<&str> {
        distinct(self.trials.iter().map(|trial| trial.level.as_str()))
    }

    /// One figure of each, as a sentence shows them: `blocking 2.1 (1.9 to 2.4) · actix …`.
    pub fn each(&self, level: &str, name: &str) -> String {
        let ours = self.who().into_iter().filter(|who| who.parse::<Competitor>().is_ok());
        let shown = ours.filter_map(|who| {
            let figure = self.figure(level, who, name).ok()?;
            Some(format!("{who} {}", shown(&figure, name)))
        });
        shown.collect::<Vec<_>>().join(" · ")
    }

    /// CPUs that took part: the servers' and the load's.
    pub fn cores(&self) -> usize {
        self.cpus.servers.iter().chain(&self.cpus.load).collect::<BTreeSet<_>>().len()
    }

    /// The gates that failed, each once, with where.
    pub fn failed_gates(&self) -> Vec<String> {
        let gates = self.trials.iter().flat_map(|trial| {
            let void = trial.gates.iter().filter(|gate| gate.void);
            void.map(move |gate| format!("{}, {}: {}", trial.who, trial.level, gate.sentence))
        });
        gates.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

impl Trial {
    /// Whether its figures must not be used.
    pub fn is_void(&self) -> bool {
        self.gates.iter().any(|gate| gate.void)
    }
}

/// A claim about async, by whether something is so of loops and of threads.
///
/// # Errors
/// When the figures do not say.
pub fn of_loops_and_threads(
    found: &Found,
    is_so: impl Fn(&str) -> Result<bool, String>,
) -> Result<Verdict, String> {
    let all = |group: Vec<&str>| {
        group.into_iter().try_fold(true, |all, who| Ok::<_, String>(is_so(who)? && all))
    };
    Ok(match (all(found.loops())?, all(found.threads())?) {
        (true, true) => Verdict::HoldsForThreadsToo,
        (true, false) => Verdict::Holds,
        (false, _) => Verdict::DoesNotHold,
    })
}

/// A figure in its unit, with what its rounds lie between: `2.1 ms (1.9 to 2.4)`.
pub fn shown(figure: &view::Figure, name: &str) -> String {
    let (least, most) = figure.range();
    let median = figure.median();
    let (scale, unit, size) = unit(name, median.abs().max(most.abs()));
    let number = |value: f64| number(value / scale, size / scale);
    if figure.rounds.len() < 2 || number(least) == number(most) {
        return format!("{}{unit}", number(median));
    }
    format!("{}{unit} ({} to {})", number(median), number(least), number(most))
}

/// What a figure's name says of its unit: what to divide by, what to write behind, how large it is.
fn unit(name: &str, size: f64) -> (f64, &'static str, f64) {
    let (scale, unit) = match name.rsplit('_').next().unwrap_or_default() {
        "ms" if size >= 1_000.0 => (1_000.0, " s"),
        "ms" => (1.0, " ms"),
        "us" => (1.0, " µs"),
        "s" if name.ends_with("per_cpu_s") => (1.0, " a CPU second"),
        "s" if name.ends_with("per_s") => (1.0, " a second"),
        "s" => (1.0, " s"),
        "bytes" if size >= 1e6 => (1e6, " MB"),
        "bytes" => (1e3, " KB"),
        "share" => (0.01, " %"),
        "times" => (1.0, " ×"),
        _ => (1.0, ""),
    };
    (scale, unit, size)
}

/// As many digits as tell something.
fn number(value: f64, size: f64) -> String {
    match size {
        size if size >= 1_000.0 => crate::verdict::thousands(value),
        size if size >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn distinct<'a>(all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for one in all {
        if !seen.contains(&one) {
            seen.push(one);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(values: &[f64]) -> Found {
        let trials = (1..).zip(values).map(|(round, value)| Trial {
            level: "l".into(),
            who: "axum".into(),
            round,
            figures: Figures::from([("span_ms".to_owned(), *value)]),
            gates: Vec::new(),
        });
        Found { trials: trials.collect(), ..Found::default() }
    }

    #[test]
    fn rounds_that_disagree_say_nothing() {
        let over =
            |values: &[f64]| found(values).agreed(("l", "axum"), "span_ms", |value| value > 100.0);
        assert_eq!(over(&[150.0, 160.0]), Ok(true));
        assert_eq!(over(&[50.0, 60.0]), Ok(false));
        assert!(over(&[50.0, 160.0]).unwrap_err().contains("rounds disagree"));
    }

    #[test]
    fn a_void_trial_is_not_used_and_its_gate_is_the_reason() {
        let mut found = found(&[150.0]);
        found.trials[0].gates =
            vec![Gate { name: "starved".into(), void: true, sentence: "6 of 10".into() }];
        let why = found.figure("l", "axum", "span_ms").unwrap_err();
        assert_eq!(why, "starved: axum, l: 6 of 10");
    }

    #[test]
    fn a_figure_is_shown_in_its_unit_with_its_range() {
        let figure =
            |values: &[f64]| view::Figure { rounds: (1..).zip(values.iter().copied()).collect() };
        assert_eq!(shown(&figure(&[2.0, 1.5, 2.5]), "felt_ms"), "2 ms (1.50 to 2.50)");
        assert_eq!(shown(&figure(&[2_041.0]), "span_ms"), "2.04 s");
        assert_eq!(shown(&figure(&[48_700.0]), "client_bytes"), "48.7 KB");
        assert_eq!(shown(&figure(&[0.25]), "stalled_share"), "25 %");
        assert_eq!(shown(&figure(&[12_345.0]), "rate_per_s"), "12,345 a second");
    }
}
