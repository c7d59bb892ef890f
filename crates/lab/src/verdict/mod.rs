//! What the measurement says of each claim. Pure functions from results to verdicts; the run judges, not we.

mod carried;
mod inline;

use std::fmt;

use crate::difference::Difference;
use crate::results::{Competitor, Kind, Level, Results, Tail};
use crate::view::{CPU, FELT, Missing, P50, Read, SPAN, STALL};

pub use carried::{Apart, Carried, more_users};
pub use inline::{Inline, inline};

/// A verdict on one claim about async.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// As claimed, and of async alone.
    Holds,
    /// As claimed, of threads as well.
    HoldsForThreadsToo,
    /// As claimed once more than this many are in flight.
    HoldsAbove(usize),
    /// Within the noise, or under 10 %.
    NoDifference,
    /// Not as claimed.
    DoesNotHold,
    /// What is missing, or void.
    CannotTell(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds => f.write_str("holds"),
            Self::HoldsForThreadsToo => f.write_str("holds for threads too"),
            Self::HoldsAbove(level) => write!(f, "holds above {}", thousands(*level as f64)),
            Self::NoDifference => f.write_str("no difference that matters"),
            Self::DoesNotHold => f.write_str("does not hold"),
            Self::CannotTell(why) => write!(f, "cannot tell ({why})"),
        }
    }
}

/// A bystander is held up by those who wait when it waits for more than this share of what they wait for. Below it, it
/// stood in line behind their arrival: one core takes in 4,000 clients in a tenth of a second or more, however it waits.
const DELAYED: f64 = 0.25;
/// Calls made together count as faster below this share of the time they take in turn.
const TOGETHER: f64 = 0.5;
/// Blocking handlers that queue take at least this many times what they take side by side.
const QUEUED: f64 = 2.0;

/// A level of a scenario, where figures are read.
pub type At<'a> = (&'a str, &'a Level);

/// "Other requests continue … without delay": a bystander beside the most waits.
pub fn others_go_on(results: &Results) -> (Verdict, Option<At<'_>>) {
    let waits = levels(results, "waiting", |level| level.probe.is_some());
    from_the_top("waiting", waits, |at| {
        let limit = at.1.least_ms * DELAYED;
        group_verdict(results, |who| Ok(read(results, at, who, FELT)? <= limit))
    })
}

/// "Reduced latency … in parallel": one client's fan-out, in turn and together.
pub fn parallel(results: &Results) -> (Verdict, Option<(At<'_>, At<'_>)>) {
    let variant = |word: &'static str| {
        first_level(results, "fan-out", move |level| level.variant.as_deref() == Some(word))
    };
    let (Some(turn), Some(together)) = (variant("in turn"), variant("together")) else {
        return (not_measured("fan-out"), None);
    };
    let faster = |who: &Competitor| -> Result<bool, String> {
        let turn = read(results, turn, who, P50)?;
        Ok(read(results, together, who, P50)? <= turn * TOGETHER)
    };
    (group_verdict(results, faster), Some((turn, together)))
}

/// "Free up CPU cycles": what a wait costs, at the most clients.
pub fn cpu_cycles(results: &Results) -> (Verdict, Option<At<'_>>) {
    // A handful of answers shares out what the process spends on being there; it says little of a wait.
    let many =
        levels(results, "wait", |level| level.kind == Kind::Closed && level.tail == Tail::P99);
    let waits = match many.as_slice() {
        [] => levels(results, "wait", |level| level.kind == Kind::Closed),
        _ => many,
    };
    from_the_top("wait", waits, |at| match differences(results, at, CPU) {
        Err(why) => Verdict::CannotTell(why),
        Ok(found) if found.iter().all(|one| *one == Difference::Less) => Verdict::Holds,
        Ok(found) if found.contains(&Difference::More) => Verdict::DoesNotHold,
        Ok(_) => Verdict::NoDifference,
    })
}

/// Every loop's figure against every thread server's.
fn differences(results: &Results, at: At<'_>, figure: Read) -> Result<Vec<Difference>, String> {
    lacking(results).map_or(Ok(()), Err)?;
    let mut found = Vec::new();
    for ours in results.loops() {
        for theirs in results.threads() {
            for who in [ours, theirs] {
                read(results, at, who, figure)?;
            }
            let ratio = results.ratio((at.0, &at.1.name), &ours.name, &theirs.name, figure);
            found.push(ratio.ok_or("no round has both")?.that_matters());
        }
    }
    Ok(found)
}

/// "Sync functions … can block the event loop": handlers that block, all at once.
pub fn blocked_loop(results: &Results) -> (Verdict, Option<At<'_>>) {
    let Some(at) = first_level(results, "blocked-loop", |level| level.probe.is_some()) else {
        return (not_measured("blocked-loop"), None);
    };
    let least = at.1.least_ms;
    let blocked = |who: &Competitor| -> Result<bool, String> {
        let span = read(results, at, who, SPAN)?;
        let stall = read(results, at, who, STALL)?;
        Ok(span >= least * QUEUED && stall >= least)
    };
    (group_verdict(results, blocked), Some(at))
}

/// One figure of one competitor, or why there is none: a round in which the server failed is such a reason.
pub fn read(results: &Results, at: At<'_>, who: &Competitor, read: Read) -> Result<f64, String> {
    let place = (at.0, at.1.name.as_str());
    if let Some(failures) = results.failures(place, &who.name) {
        return Err(format!("{} at {}: {failures}", who.name, at.1.name));
    }
    let figure = results.figure(place, &who.name, read);
    figure.map(|figure| figure.median()).map_err(|missing| match missing {
        Missing::Void(why) | Missing::Failed(why) => {
            format!("{} at {}: {why}", who.name, at.1.name)
        }
        Missing::NotMeasured => {
            let cells = results.cells_at(at.0, &at.1.name, &who.name);
            let gate = cells.iter().flat_map(|cell| &cell.gates).find(|gate| gate.name == "probe");
            match gate {
                Some(gate) => format!("{} at {}: {}", who.name, at.1.name, gate.sentence),
                None => format!("{} was not measured at {}", who.name, at.1.name),
            }
        }
    })
}

/// Of all loops and of all threads, of the loops alone, or not.
fn group_verdict(results: &Results, good: impl Fn(&Competitor) -> Result<bool, String>) -> Verdict {
    if let Some(why) = lacking(results) {
        return Verdict::CannotTell(why);
    }
    let all = |group: Vec<&Competitor>| {
        group.into_iter().try_fold(true, |all, who| Ok::<_, String>(good(who)? && all))
    };
    match (all(results.loops()), all(results.threads())) {
        (Ok(true), Ok(true)) => Verdict::HoldsForThreadsToo,
        (Ok(true), Ok(false)) => Verdict::Holds,
        (Ok(false), Ok(_)) => Verdict::DoesNotHold,
        (Err(why), _) | (_, Err(why)) => Verdict::CannotTell(why),
    }
}

/// A claim about async needs both kinds.
fn lacking(results: &Results) -> Option<String> {
    match (results.threads().is_empty(), results.loops().is_empty()) {
        (true, _) => Some("no thread server was timed".into()),
        (_, true) => Some("no event loop was timed".into()),
        (false, false) => None,
    }
}

fn not_measured(scenario: &str) -> Verdict {
    Verdict::CannotTell(format!("{scenario} was not run"))
}

/// The levels of those, the most clients first.
fn levels<'a>(results: &'a Results, scenario: &str, of: impl Fn(&Level) -> bool) -> Vec<At<'a>> {
    let Some(scenario) = results.scenario(scenario) else { return Vec::new() };
    let chosen = scenario.levels.iter().filter(|level| of(level));
    let mut levels: Vec<At<'_>> = chosen.map(|level| (scenario.name.as_str(), level)).collect();
    levels.sort_by_key(|(_, level)| std::cmp::Reverse(level.clients));
    levels
}

/// The verdict of the highest level that says anything, and that level; what the highest lacks when none does.
fn from_the_top<'a>(
    scenario: &str,
    levels: Vec<At<'a>>,
    judge: impl Fn(At<'a>) -> Verdict,
) -> (Verdict, Option<At<'a>>) {
    let judged = levels.into_iter().map(|at| (judge(at), Some(at)));
    let mut silent = None;
    for (verdict, at) in judged {
        if !matches!(verdict, Verdict::CannotTell(_)) {
            return (verdict, at);
        }
        silent.get_or_insert((verdict, at));
    }
    silent.unwrap_or_else(|| (not_measured(scenario), None))
}

/// The first level of those.
fn first_level<'a>(
    results: &'a Results,
    scenario: &str,
    of: impl Fn(&Level) -> bool,
) -> Option<At<'a>> {
    let scenario = results.scenario(scenario)?;
    Some((&scenario.name, scenario.levels.iter().find(|level| of(level))?))
}

/// `4,000`
pub fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
