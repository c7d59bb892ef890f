//! `/scrape`: up to a thousand users, each asked for once, a line of JSON as each answers; and how to be polite about it.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::json::Members;
use crate::{JsonBody, Problem, User, Username};

/// The most names of one scrape.
const MOST_NAMES: usize = 1_000;

/// Calls of one scrape at once: it is not the only one who asks.
pub const AT_ONCE: usize = 16;

/// As often a name is asked for, when the upstream says to come back.
const TRIES: u32 = 3;

/// Longer than this is not waited for: the names that are left get the upstream's refusal.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The names of one scrape, each once, in the order they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scrape {
    /// At least one.
    pub names: Vec<Username>,
}

/// The body of a scrape, as the document describes it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Names {
    /// 1 to 1,000 names.
    #[schema(example = json!(["octocat", "torvalds"]), min_items = 1, max_items = 1_000)]
    pub usernames: Vec<String>,
}

/// When the upstream may be asked again: one for all calls of a scrape, since they are limited together.
#[derive(Debug, Default)]
pub struct Pace(Mutex<Option<Instant>>);

impl JsonBody for Scrape {
    fn from_members(members: &mut Members) -> Option<Self> {
        let mut names = members.list("usernames", 1, MOST_NAMES, Username::parse)?;
        let mut seen = HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        Some(Self { names })
    }
}

impl Pace {
    /// How long nobody may be asked yet; nothing when somebody may.
    pub fn pause(&self) -> Option<Duration> {
        let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = until?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// Whether a name that was answered so is to be asked for again, after the pause.
    pub fn comes_back(&self, problem: &Problem, tries: u32) -> bool {
        let Some(after) = problem.retry_after.map(Duration::from_secs) else { return false };
        if after > LONGEST_PAUSE || tries >= TRIES {
            return false;
        }
        let until = Some(Instant::now() + after);
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *held = until.max(*held);
        true
    }
}

/// One user as a line.
pub fn line(user: &User) -> Vec<u8> {
    let mut line = serde_json::to_vec(user).expect("a user is plain data");
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Vec<String>, (u16, String)> {
        Scrape::from_body(body.as_bytes())
            .map(|scrape| scrape.names.iter().map(ToString::to_string).collect())
            .map_err(|problem| {
                (
                    problem.status,
                    problem.errors.iter().map(|error| error.kind.to_string()).collect(),
                )
            })
    }

    #[test]
    fn each_name_is_taken_once() {
        assert_eq!(read(r#"{"usernames":["b","a","b"]}"#).unwrap(), ["b", "a"]);
        let many = |count| format!(r#"{{"usernames":{:?}}}"#, vec!["a"; count]);
        assert_eq!(read(&many(1_000)).unwrap(), ["a"]);
        for (body, kind) in [
            (many(1_001).as_str(), "too_long"),
            (r#"{"usernames":[]}"#, "too_short"),
            (r#"{"usernames":"a"}"#, "list_type"),
            (r#"{"usernames":["a/b",1]}"#, "string_pattern_mismatchstring_type"),
            ("{}", "missing"),
            ("[", "json_invalid"),
            (&"[".repeat(100_000), "json_invalid"),
            ("", "missing"),
        ] {
            assert_eq!(read(body), Err((422, kind.to_owned())), "{body}");
        }
    }

    #[test]
    fn the_upstream_says_when_it_may_be_asked_again() {
        let pace = Pace::default();
        assert_eq!(pace.pause(), None);
        let limited = |after| Problem::unavailable("limited", after);
        assert!(!pace.comes_back(&Problem::not_found(), 1));
        assert!(!pace.comes_back(&limited(60), 1));
        assert!(!pace.comes_back(&limited(1), TRIES));
        assert_eq!(pace.pause(), None);
        assert!(pace.comes_back(&limited(7), 1) && pace.comes_back(&limited(1), 2));
        assert!(pace.pause().unwrap() > Duration::from_secs(6));
    }
}
