//! `/scrape`: up to a thousand users, each asked for once, a line of JSON as each answers; and how to be polite about it.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::head::Fields;
use crate::{FieldError, Problem, User, Username};

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

impl Scrape {
    /// Reads a body of JSON.
    pub fn from_json(fields: &impl Fields, body: &[u8]) -> Result<Self, Problem> {
        let media_type = fields.all("content-type").next().unwrap_or_default();
        let media_type = media_type.split(|&byte| byte == b';').next().unwrap_or_default();
        if !media_type.trim_ascii().eq_ignore_ascii_case(b"application/json") {
            let status = http::StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Problem::new(status, "this path takes application/json"));
        }
        let body: Value = serde_json::from_slice(body)
            .map_err(|_| FieldError::new(&["body"], "json_invalid", "JSON decode error", None))?;
        let loc = ["body", "usernames"];
        let names = body.get("usernames").ok_or_else(|| FieldError::missing(&loc))?;
        let names = names.as_array().ok_or_else(|| {
            FieldError::new(&loc, "list_type", "Input should be a valid list", names.to_string())
        })?;
        if names.is_empty() {
            let msg = "List should have at least 1 item after validation, not 0";
            return Err(FieldError::new(&loc, "too_short", msg, "[]".to_owned()).into());
        }
        if names.len() > MOST_NAMES {
            let count = names.len();
            let msg = format!(
                "List should have at most {MOST_NAMES} items after validation, not {count}"
            );
            return Err(FieldError::new(&loc, "too_long", msg, None).into());
        }
        let (mut seen, mut once, mut errors) = (HashSet::new(), Vec::new(), Vec::new());
        for (place, name) in names.iter().enumerate() {
            let (place, text) = (place.to_string(), name.as_str());
            let loc = ["body", "usernames", &place];
            let name = text.map(|text| Username::parse(&loc, text)).unwrap_or_else(|| {
                let msg = "Input should be a valid string";
                Err(FieldError::new(&loc, "string_type", msg, name.to_string()))
            });
            match name {
                Ok(name) if seen.insert(name.clone()) => once.push(name),
                Ok(_) => {}
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(Self { names: once }) } else { Err(Problem::invalid(errors)) }
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
    use http::HeaderMap;
    use http::header::CONTENT_TYPE;

    use super::*;

    fn read(body: &str) -> Result<Vec<String>, (u16, String)> {
        let mut fields = HeaderMap::new();
        fields.insert(CONTENT_TYPE, "application/json; charset=utf-8".parse().unwrap());
        Scrape::from_json(&fields, body.as_bytes())
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
            ("", "json_invalid"),
        ] {
            assert_eq!(read(body), Err((422, kind.to_owned())), "{body}");
        }
        assert_eq!(Scrape::from_json(&HeaderMap::new(), b"{}").unwrap_err().status, 415);
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
