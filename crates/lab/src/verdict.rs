//! What the measurement says of each claim. Pure functions from results to verdicts; the run judges, not we.

use std::fmt;

use crate::results::{Competitor, Kind, Level, Results};
use crate::view::{CPU, Difference, FELT, Missing, P50, Read, SPAN, STALL};

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

/// A bystander is delayed when it waits for more than this share of what the others wait for.
const DELAYED: f64 = 0.1;
/// Calls made together count as faster below this share of the time they take in turn.
const TOGETHER: f64 = 0.5;
/// Blocking handlers that queue take at least this many times what they take side by side.
const QUEUED: f64 = 2.0;

/// A level of a scenario, where figures are read.
pub type At<'a> = (&'a str, &'a Level);

/// "Other requests continue … without delay": a bystander beside the most waits.
pub fn others_go_on(results: &Results) -> (Verdict, Option<At<'_>>) {
    let Some(at) =
        level(results, "waiting", |level| level.kind == Kind::Burst && level.probe.is_some())
    else {
        return (not_measured("waiting"), None);
    };
    let limit = at.1.least_ms * DELAYED;
    (both(results, at, FELT, |felt| felt <= limit), Some(at))
}

/// "Handle more simultaneous users": the bursts of waiting clients, level by level.
pub fn more_users(results: &Results) -> (Verdict, Carried) {
    let carried = carried(results);
    let verdict = match &carried {
        Carried { unknown: Some(why), alike: None, .. } => Verdict::CannotTell(why.clone()),
        Carried { apart: None, alike: None, .. } => not_measured("waiting"),
        Carried { apart: None, unknown: Some(why), .. } => Verdict::CannotTell(why.clone()),
        Carried { apart: None, .. } => Verdict::NoDifference,
        Carried { apart: Some(apart), alike, .. } if apart.threads_behind => {
            alike.map_or(Verdict::Holds, Verdict::HoldsAbove)
        }
        Carried { apart: Some(_), .. } => Verdict::DoesNotHold,
    };
    (verdict, carried)
}

/// How far all competitors carry the waiting clients alike, and what happens then.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Carried {
    /// The most clients that all answered alike.
    pub alike: Option<usize>,
    /// The first level at which they differ.
    pub apart: Option<Apart>,
    /// Why the next level says nothing, when it does not.
    pub unknown: Option<String>,
}

/// The first level at which competitors differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Apart {
    /// Its clients.
    pub clients: usize,
    /// Who is behind.
    pub who: String,
    /// Whether it is a thread server, and no event loop is behind.
    pub threads_behind: bool,
    /// What happened: `stopped: status 503`, `took 1.3 × as long`.
    pub how: String,
    /// Whether it failed to answer all, rather than being late.
    pub stopped: bool,
}

fn carried(results: &Results) -> Carried {
    let mut carried = Carried::default();
    let Some(scenario) = results.scenario("waiting") else { return carried };
    if let Some(why) = lacking(results) {
        return Carried { unknown: Some(why), ..carried };
    }
    for level in &scenario.levels {
        let at = (scenario.name.as_str(), level.name.as_str());
        let mut behind: Vec<(&Competitor, String, bool)> = Vec::new();
        let ours = || results.threads().into_iter().chain(results.loops());
        for who in ours() {
            match results.figure(at, &who.name, SPAN) {
                Ok(_) => {}
                Err(Missing::Void(why)) if is_the_servers(&why) => behind.push((who, why, true)),
                Err(Missing::Void(why)) => {
                    let why = format!("{} at {}: {why}", who.name, level.name);
                    return Carried { unknown: Some(why), ..carried };
                }
                Err(Missing::NotMeasured) => {
                    let why = format!("{} was not measured at {}", who.name, level.name);
                    return Carried { unknown: Some(why), ..carried };
                }
            }
        }
        // Each against the one that was through first.
        let first = ours()
            .filter_map(|who| Some((who, results.figure(at, &who.name, SPAN).ok()?.median())))
            .min_by(|(_, one), (_, other)| one.total_cmp(other));
        if let Some((first, _)) = first {
            for who in ours().filter(|who| who.name != first.name) {
                let Some(ratio) = results.ratio(at, &who.name, &first.name, SPAN) else { continue };
                if ratio.difference() == Difference::More {
                    behind.push((who, format!("took {:.2} × as long", ratio.median), false));
                }
            }
        }
        let stopped_first = behind.iter().find(|(_, _, stopped)| *stopped).or(behind.first());
        if let Some((who, how, stopped)) = stopped_first {
            let is_threads = |who: &Competitor| who.server.as_deref() == Some("blocking");
            carried.apart = Some(Apart {
                clients: level.clients,
                who: who.name.clone(),
                threads_behind: behind.iter().all(|(who, ..)| is_threads(who)),
                how: how.clone(),
                stopped: *stopped,
            });
            return carried;
        }
        carried.alike = Some(level.clients);
    }
    carried
}

/// Gates that tell of the server, not of the measurement.
fn is_the_servers(why: &str) -> bool {
    ["nothing:", "starved:", "errors:", "crashed:"].iter().any(|gate| why.starts_with(gate))
}

/// "Reduced latency … in parallel": one client's fan-out, in turn and together.
pub fn parallel(results: &Results) -> (Verdict, Option<(At<'_>, At<'_>)>) {
    let variant = |word: &'static str| {
        first_level(results, "fan-out", move |level| level.variant.as_deref() == Some(word))
    };
    let (Some(turn), Some(together)) = (variant("in turn"), variant("together")) else {
        return (not_measured("fan-out"), None);
    };
    if let Some(why) = lacking(results) {
        return (Verdict::CannotTell(why), Some((turn, together)));
    }
    let faster = |who: &Competitor| -> Result<bool, String> {
        let turn = read(results, turn, who, P50)?;
        Ok(read(results, together, who, P50)? <= turn * TOGETHER)
    };
    (group_verdict(results, faster), Some((turn, together)))
}

/// "Free up CPU cycles": what a wait costs, at the most clients.
pub fn cpu_cycles(results: &Results) -> (Verdict, Option<At<'_>>) {
    let Some(at) = level(results, "wait", |level| level.kind == Kind::Closed) else {
        return (not_measured("wait"), None);
    };
    if let Some(why) = lacking(results) {
        return (Verdict::CannotTell(why), Some(at));
    }
    let mut found = Vec::new();
    for ours in results.loops() {
        for theirs in results.threads() {
            let place = (at.0, at.1.name.as_str());
            match results.ratio(place, &ours.name, &theirs.name, CPU) {
                Some(ratio) => found.push(ratio.difference()),
                None => {
                    let why = [ours, theirs]
                        .into_iter()
                        .find_map(|who| read(results, at, who, CPU).err());
                    let why = why.unwrap_or_else(|| "no round has both".to_owned());
                    return (Verdict::CannotTell(why), Some(at));
                }
            }
        }
    }
    let verdict = if found.iter().all(|one| *one == Difference::Less) {
        Verdict::Holds
    } else if found.contains(&Difference::More) {
        Verdict::DoesNotHold
    } else {
        Verdict::NoDifference
    };
    (verdict, Some(at))
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
    let verdict =
        lacking(results).map_or_else(|| group_verdict(results, blocked), Verdict::CannotTell);
    (verdict, Some(at))
}

/// The most CPU time a request may take inline before a neighbour feels it, in milliseconds of the levels measured.
#[derive(Clone, Debug, PartialEq)]
pub enum Inline {
    /// Harmless up to this, felt at the next level.
    Above(f64),
    /// Felt at the least that was measured.
    Even(f64),
    /// Harmless up to the most that was measured.
    Harmless(f64),
    /// Not measured, or void.
    CannotTell(String),
}

/// Computing in an event loop's handler is felt where the bystander's tail is more than twice that beside threads,
/// which the scheduler pre-empts.
pub fn inline(results: &Results) -> Inline {
    let Some(scenario) = results.scenario("little-cpu") else {
        return Inline::CannotTell("little-cpu was not run".into());
    };
    if let Some(why) = lacking(results) {
        return Inline::CannotTell(why);
    }
    let mut harmless = None;
    for level in &scenario.levels {
        let at = (scenario.name.as_str(), level);
        let worst = |group: Vec<&Competitor>| -> Result<f64, String> {
            group
                .into_iter()
                .try_fold(0.0, |worst: f64, who| Ok(worst.max(read(results, at, who, FELT)?)))
        };
        let (loops, threads) = match (worst(results.loops()), worst(results.threads())) {
            (Ok(loops), Ok(threads)) => (loops, threads),
            (Err(why), _) | (_, Err(why)) => return Inline::CannotTell(why),
        };
        if loops > 2.0 * threads {
            return harmless.map_or(Inline::Even(level.least_ms), Inline::Above);
        }
        harmless = Some(level.least_ms);
    }
    harmless.map_or_else(|| Inline::CannotTell("little-cpu has no levels".into()), Inline::Harmless)
}

/// One figure of one competitor, or why there is none.
pub fn read(results: &Results, at: At<'_>, who: &Competitor, read: Read) -> Result<f64, String> {
    let figure = results.figure((at.0, &at.1.name), &who.name, read);
    figure.map(|figure| figure.median()).map_err(|missing| match missing {
        Missing::Void(why) => format!("{} at {}: {why}", who.name, at.1.name),
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

/// A claim that needs `good` of one figure, of loops and of threads.
fn both(results: &Results, at: At<'_>, figure: Read, good: impl Fn(f64) -> bool) -> Verdict {
    if let Some(why) = lacking(results) {
        return Verdict::CannotTell(why);
    }
    group_verdict(results, |who| Ok(good(read(results, at, who, figure)?)))
}

/// Of all loops and of all threads, of the loops alone, or not.
fn group_verdict(results: &Results, good: impl Fn(&Competitor) -> Result<bool, String>) -> Verdict {
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

/// The level with the most clients of those.
fn level<'a>(results: &'a Results, scenario: &str, of: impl Fn(&Level) -> bool) -> Option<At<'a>> {
    let scenario = results.scenario(scenario)?;
    let level =
        scenario.levels.iter().filter(|level| of(level)).max_by_key(|level| level.clients)?;
    Some((&scenario.name, level))
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
