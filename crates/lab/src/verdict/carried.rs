//! "Handle more simultaneous users": the bursts of waiting clients, level by level, until somebody falls behind.

use super::{Verdict, lacking, not_measured};
use crate::difference::Difference;
use crate::results::{Competitor, Results};
use crate::view::{Missing, SPAN};

/// How many of them all servers carry alike, and what that says of the claim.
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
                Ok(_) => {
                    // It failed in the lesser part of the rounds: neither alike nor stopped.
                    if let Some(failures) = results.failures(at, &who.name) {
                        let why = format!("{} at {}: {failures}", who.name, level.name);
                        return Carried { unknown: Some(why), ..carried };
                    }
                }
                Err(Missing::Failed(why)) => behind.push((who, why, true)),
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
                if ratio.that_matters() == Difference::More {
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
