//! `/work?wait=&cpu_ms=&placement=`: any service's shape in one route: some waiting, then some computing.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::query::Query;
use crate::{FieldError, Limits, Problem, QueryParams, Seconds};

/// The most CPU time one request may ask for, in milliseconds; inline fewer, because everything on its worker stands still.
const MOST_CPU_MS: u64 = 10_000;
const MOST_INLINE_MS: u64 = 1_000;

/// Where CPU work runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Placement {
    /// In the handler: on the connection's own thread, or on the event loop.
    #[default]
    Inline,
    /// On the offload pool.
    Offload,
}

/// What is asked for: wait, then compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// How long to wait first.
    pub wait: Seconds,
    /// How much to compute then, as time on an otherwise idle core.
    pub cpu: Duration,
    /// Where to compute.
    pub placement: Placement,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Worked {
    /// The wait, in milliseconds.
    pub waited_ms: f64,
    /// The computing asked for, in milliseconds of an idle core.
    pub cpu_ms: f64,
    /// The result of the computing: equal input gives an equal word in all three servers.
    #[schema(example = "9e3779b97f4a7c15")]
    pub result: String,
}

impl QueryParams for Work {
    fn parse(query: &Query, limits: &Limits) -> Result<Self, Problem> {
        let wait = query.last("wait").map_or(Ok(Seconds::default()), |text| {
            Seconds::parse_query("wait", text, limits.max_wait)
        })?;
        let placement = Placement::of(query)?;
        let most = match placement {
            Placement::Inline => MOST_INLINE_MS,
            Placement::Offload => MOST_CPU_MS,
        };
        // Milliseconds have the grammar of seconds; only the unit differs.
        let cpu_ms = query.last("cpu_ms").map_or(Ok(Seconds::default()), |text| {
            Seconds::parse_query("cpu_ms", text, Seconds::whole(most))
        })?;
        Ok(Self { wait, cpu: cpu_ms.duration() / 1_000, placement })
    }
}

impl Work {
    /// The answer, once it is done.
    pub fn worked(self, result: u64) -> Worked {
        Worked {
            waited_ms: self.wait.duration().as_secs_f64() * 1e3,
            cpu_ms: self.cpu.as_secs_f64() * 1e3,
            result: format!("{result:016x}"),
        }
    }
}

impl Placement {
    /// `?placement=`, inline when it is not given.
    pub fn of(query: &Query) -> Result<Self, Problem> {
        match query.last("placement") {
            None | Some("inline") => Ok(Self::Inline),
            Some("offload") => Ok(Self::Offload),
            Some(other) => {
                Err(FieldError::not_one_of(&["query", "placement"], "'inline' or 'offload'", other)
                    .into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_a_wait_and_some_milliseconds() {
        let work = Work::from_query(Some("wait=0.12&cpu_ms=0.5&x=1"), &Limits::default()).unwrap();
        assert_eq!(work.wait.to_string(), "0.12");
        assert_eq!(work.cpu, Duration::from_micros(500));
        assert_eq!(work.placement, Placement::Inline);
        for query in [
            "wait=61",
            "cpu_ms=-1",
            "cpu_ms=1001",
            "cpu_ms=10001&placement=offload",
            "placement=here",
            "cpu_ms=NaN",
        ] {
            let problem = Work::from_query(Some(query), &Limits::default()).unwrap_err();
            assert_eq!(problem.status, 422, "{query}");
        }
    }
}
