//! How much a handler may compute before it has to be offloaded.

use super::{lacking, read};
use crate::results::{Competitor, Results};
use crate::view::FELT;

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
