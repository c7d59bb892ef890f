//! `/pitfalls/…`: what the mistakes are asked and answer, where no right route has the words for it.

use std::time::Duration;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::query::Query;
use crate::{Deadline, Draft, FieldError, Limits, Problem, QueryParams, Seconds, Wait};

/// An answer that comes before the work does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Promised {
    /// What will be, if nothing ends the process before.
    #[schema(example = "It will be done in 1 seconds!")]
    pub message: String,
}

/// `?how=&place=`: what goes wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What goes wrong.
    pub how: How,
    /// Where.
    pub place: Place,
}

/// In which way something fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// It returns an error.
    Error,
    /// It panics.
    Panic,
    /// It takes longer than it may.
    Late,
}

/// Where it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// In the handler itself.
    Handler,
    /// In a task, or a thread, that the handler waits for.
    Task,
    /// In one that nobody waits for.
    Forgotten,
    /// On the offload pool.
    Offload,
    /// On the pool for computing.
    Compute,
    /// In a stream, after its head and its first line.
    Stream,
}

impl Failure {
    /// What is late may take.
    pub fn deadline(self) -> Deadline {
        Deadline::from(Seconds::from(Duration::from_millis(150)))
    }

    /// What is late takes.
    pub const TOO_LONG: Duration = Duration::from_millis(600);
}

impl QueryParams for Failure {
    fn parse(query: &Query, _limits: &Limits) -> Result<Self, Problem> {
        let refused = |name, choices, text: Option<&str>| match text {
            Some(text) => FieldError::not_one_of(&["query", name], choices, text),
            None => FieldError::missing(&["query", name]),
        };
        let how = match query.last("how") {
            Some("error") => How::Error,
            Some("panic") => How::Panic,
            Some("late") => How::Late,
            text => return Err(refused("how", "'error', 'panic' or 'late'", text).into()),
        };
        let place = match query.last("place") {
            Some("handler") => Place::Handler,
            Some("task") => Place::Task,
            Some("forgotten") => Place::Forgotten,
            Some("offload") => Place::Offload,
            Some("compute") => Place::Compute,
            Some("stream") => Place::Stream,
            text => {
                let choices = "'handler', 'task', 'forgotten', 'offload', 'compute' or 'stream'";
                return Err(refused("place", choices, text).into());
            }
        };
        Ok(Self { how, place })
    }
}

impl Promised {
    /// What is said of work that ends when `wait` is over.
    pub fn after(wait: Wait) -> Self {
        let seconds = Seconds::from(wait.duration());
        Self { message: format!("It will be done in {seconds} seconds!") }
    }
}

/// The note that a step of some work leaves behind, so that everybody can see how far it came.
pub fn trace(step: &str) -> Draft {
    Draft { title: step.to_owned(), body: String::new() }
}

/// 502: what is answered to an error that a handler knows.
pub fn on_purpose() -> Problem {
    Problem::new(StatusCode::BAD_GATEWAY, "it failed, on purpose")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_what_goes_wrong_and_where() {
        let failure = |query| Failure::from_query(Some(query), &Limits::default());
        let expected = Failure { how: How::Late, place: Place::Stream };
        assert_eq!(failure("how=late&place=stream").unwrap(), expected);
        for query in ["", "how=late", "place=task", "how=slow&place=task", "how=error&place=here"] {
            assert_eq!(failure(query).unwrap_err().status, 422, "{query}");
        }
    }

    #[test]
    fn late_is_later_than_the_deadline() {
        let late = Failure { how: How::Late, place: Place::Handler };
        assert!(late.deadline().duration() * 2 < Failure::TOO_LONG);
    }
}
