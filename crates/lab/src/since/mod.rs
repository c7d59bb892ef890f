//! `lab since A B`: what changed between two runs, and whether by more than they differ from themselves.
//!
//! The rounds of two runs have no partners, so a ratio is of medians, each drawn again from its own rounds; otherwise a
//! difference is what it is within a run ([`crate::difference`]).

mod rule;
mod told;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::ensure;
use clap::Args;

use crate::difference::{Difference, Ratio};
use crate::results::{self, Level, Results, Scenario};
use crate::view::Missing;

pub use rule::{FIGURES, Named, Rule};

/// What changed between two runs, and whether by more than noise
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Since {
    /// The run before: a results.json, or the folder it lies in
    #[arg(value_name = "BEFORE")]
    pub before: PathBuf,

    /// The run after
    #[arg(value_name = "AFTER")]
    pub after: PathBuf,

    /// Fail where a figure has grown or fallen by more than this and by more than noise; may be repeated
    ///
    /// FIGURE>+N% or FIGURE<-N%, where FIGURE is rate, p50, p99, max, span, cpu, rss, threads or probe
    #[arg(long, value_name = "RULE")]
    pub fail_if: Vec<Rule>,

    /// Only these scenarios, separated by commas [default: all that both runs have]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub scenarios: Vec<String>,

    /// Fail as well where a rule cannot tell: noise hides what it asks for, or a cell is void or missing
    #[arg(long)]
    pub strict: bool,

    /// Compare runs of different machines or settings all the same; the output says how they differ
    #[arg(long)]
    pub unlike: bool,

    /// Every comparison, not only those that differ
    #[arg(long)]
    pub all: bool,

    /// As Markdown, for a pull request
    #[arg(long)]
    pub markdown: bool,
}

const EXAMPLES: &str = "\
A difference is one when the 99 % interval of the ratio leaves 1 out and the ratio lies beyond what each run differs
from itself. That takes five rounds or more in both; with fewer, only what every round says, and over 10 %, counts.
So in CI give both runs their rounds, on one machine, one after the other:

  cargo lab compare --rounds 10 --scenarios plaintext,wait --out before      on the branch you come from
  cargo lab compare --rounds 10 --scenarios plaintext,wait --out after       on yours
  cargo lab since before after --fail-if 'p99>+10%' --fail-if 'rate<-5%'
  cargo lab since before after --markdown >> \"$GITHUB_STEP_SUMMARY\"

Figures: rate (right answers a second, closed loops), p50 and p99 (latency), max (the slowest answer), span (a whole
burst), cpu (CPU time a request), rss (memory), threads, probe (a bystander's p99).

Exit codes: 0 no rule is broken · 1 a rule is broken, or a cell that could be used is void now · 2 bad arguments ·
3 cannot tell: nothing in common, another machine or other settings (see --unlike), or, with --strict, noise,
void or missing cells where a rule asks.";

/// Nothing was broken; something was; it cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No rule is broken.
    Kept,
    /// A rule is broken.
    Broken,
    /// Nobody can say.
    CannotTell,
}

/// Two runs, compared.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// How the runs differ in what they ran on.
    pub unlike: Vec<String>,
    /// Every figure that both have.
    pub lines: Vec<Line>,
    /// What was usable before and is void now.
    pub newly_void: Vec<String>,
    /// What one of them lacks, in words.
    pub lacking: Vec<String>,
    /// What the rules say.
    pub verdict: Verdict,
}

/// One figure of one competitor at one level, before and after.
#[derive(Clone, Debug)]
pub struct Line {
    /// `plaintext closed/64 axum`.
    pub place: String,
    /// Which figure.
    pub figure: Named,
    /// Its median before.
    pub before: f64,
    /// Its median after.
    pub after: f64,
    /// After by before.
    pub ratio: Ratio,
    /// The rules it breaks, as typed.
    pub broken: Vec<String>,
    /// The rules that noise keeps from telling.
    pub hidden: Vec<String>,
}

impl Line {
    /// Whether it became worse, better, or stayed.
    pub fn change(&self) -> Change {
        match (self.ratio.difference(), self.figure.more_is_better) {
            (Difference::None, _) => Change::None,
            (Difference::More, true) | (Difference::Less, false) => Change::Better,
            (Difference::More, false) | (Difference::Less, true) => Change::Worse,
        }
    }
}

/// What became of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is better.
    Better,
    /// Within the noise.
    None,
    /// It is worse.
    Worse,
}

/// Runs it.
///
/// # Errors
/// When a file cannot be read.
pub fn run(args: &Since) -> anyhow::Result<ExitCode> {
    const BAD_ARGUMENTS: u8 = 2;
    const CANNOT_TELL: u8 = 3;
    let runs = open(&args.before).and_then(|before| Ok((before, open(&args.after)?)));
    let runs = runs.and_then(|(before, after)| {
        known(&args.scenarios, &before, &after)?;
        Ok((before, after))
    });
    let (before, after) = match runs {
        Ok(runs) => runs,
        Err(error) => {
            eprintln!("lab: {error:#}");
            return Ok(BAD_ARGUMENTS.into());
        }
    };
    let comparison = compare(&before, &after, args);
    let text = if args.markdown {
        told::markdown(&before, &after, &comparison)
    } else {
        told::terminal(&before, &after, &comparison, args.all)
    };
    print!("{text}");
    Ok(match comparison.verdict {
        Verdict::Kept => ExitCode::SUCCESS,
        Verdict::Broken => ExitCode::FAILURE,
        Verdict::CannotTell => CANNOT_TELL.into(),
    })
}

fn open(path: &Path) -> anyhow::Result<Results> {
    let results = results::read(path)?;
    ensure!(!results.cells.is_empty(), "{} has no cell that was measured", path.display());
    Ok(results)
}

/// Whether these scenarios are in both runs: a name with a slip in it would compare nothing, and break no rule.
fn known(names: &[String], before: &Results, after: &Results) -> anyhow::Result<()> {
    for (run, which) in [(before, "before"), (after, "after")] {
        for name in names {
            let known: Vec<_> = run.scenarios.iter().map(|one| one.name.as_str()).collect();
            ensure!(
                known.contains(&name.as_str()),
                "the run {which} has no scenario {name:?}; it has {}",
                known.join(", ")
            );
        }
    }
    Ok(())
}

/// Compares two runs.
pub fn compare(before: &Results, after: &Results, args: &Since) -> Comparison {
    let mut comparison = Comparison {
        unlike: unlike(before, after),
        lines: Vec::new(),
        newly_void: Vec::new(),
        lacking: Vec::new(),
        verdict: Verdict::Kept,
    };
    let wanted =
        |scenario: &&Scenario| args.scenarios.is_empty() || args.scenarios.contains(&scenario.name);
    for scenario in before.scenarios.iter().filter(wanted) {
        for level in &scenario.levels {
            for who in &before.competitors {
                comparison.look(before, after, (scenario, level, &who.name), &args.fail_if);
            }
        }
    }
    comparison.verdict = comparison.judged(args);
    comparison
}

impl Comparison {
    /// Every figure of one competitor at one level.
    fn look(
        &mut self,
        before: &Results,
        after: &Results,
        (scenario, level, who): (&Scenario, &Level, &str),
        rules: &[Rule],
    ) {
        let at = (scenario.name.as_str(), level.name.as_str());
        let place = format!("{} {} {who}", scenario.name, level.name);
        if before.cells_at(at.0, at.1, who).is_empty() {
            return;
        }
        if after.cells_at(at.0, at.1, who).is_empty() {
            self.lacking.push(format!("{place}: not in the run after"));
            return;
        }
        let mut void = None;
        for figure in FIGURES.iter().filter(|figure| (figure.at)(level)) {
            let then = before.figure(at, who, figure.read);
            let now = after.figure(at, who, figure.read);
            let (then, now) = match (then, now) {
                (Ok(then), Ok(now)) => (then, now),
                (Err(Missing::Void(why) | Missing::Failed(why)), _) => {
                    void = Some((false, why));
                    continue;
                }
                (Ok(_), Err(Missing::Void(why) | Missing::Failed(why))) => {
                    void = Some((true, why));
                    continue;
                }
                _ => continue,
            };
            let Some(ratio) = Ratio::of_runs(&now, &then) else { continue };
            let of_it = || rules.iter().filter(|rule| rule.figure.name == figure.name);
            self.lines.push(Line {
                place: place.clone(),
                figure: *figure,
                before: then.median(),
                after: now.median(),
                broken: of_it().filter(|rule| rule.is_broken(&ratio)).map(Rule::typed).collect(),
                hidden: of_it().filter(|rule| rule.is_hidden(&ratio)).map(Rule::typed).collect(),
                ratio,
            });
        }
        match void {
            Some((true, why)) => self.newly_void.push(format!("{place}: {why}")),
            Some((false, why)) => self.lacking.push(format!("{place}: void before: {why}")),
            None => {}
        }
    }

    fn judged(&self, args: &Since) -> Verdict {
        let hidden = || self.lines.iter().any(|line| !line.hidden.is_empty());
        let unsure = args.strict && (hidden() || !self.lacking.is_empty());
        let unlike = !self.unlike.is_empty() && !args.unlike;
        if self.lines.is_empty() && self.newly_void.is_empty() || unlike {
            return Verdict::CannotTell;
        }
        let broken = self.lines.iter().any(|line| !line.broken.is_empty());
        match broken || (!self.newly_void.is_empty() && !args.fail_if.is_empty()) {
            true => Verdict::Broken,
            false if unsure => Verdict::CannotTell,
            false => Verdict::Kept,
        }
    }
}

/// What makes two runs incomparable: another machine, other CPUs, another build, other flags.
fn unlike(before: &Results, after: &Results) -> Vec<String> {
    let mut unlike = Vec::new();
    let mut same = |what: &str, one: String, other: String| {
        if one != other {
            unlike.push(format!("{what}: {one} before, {other} after"));
        }
    };
    let (one, other) = (&before.machine, &after.machine);
    same("CPU", one.cpu.clone(), other.cpu.clone());
    same("cores", one.cores.to_string(), other.cores.to_string());
    same("kernel", one.kernel.clone(), other.kernel.clone());
    same("CPUs", before.cpus.word().into(), after.cpus.word().into());
    same("profile", before.versions.profile.clone(), after.versions.profile.clone());
    for scenario in &before.scenarios {
        let Some(now) = after.scenario(&scenario.name) else { continue };
        // Which port the upstream had, and how fast the machine computes, are of the run.
        let flags = |flags: &[String]| {
            let kept = flags.iter().filter(|flag| {
                !flag.starts_with("--github-url=") && !flag.starts_with("--rounds-per-ms=")
            });
            kept.cloned().collect::<Vec<_>>().join(" ")
        };
        same(&format!("flags of {}", scenario.name), flags(&scenario.flags), flags(&now.flags));
    }
    unlike
}
