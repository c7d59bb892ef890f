//! GitHub users: which names are asked for, and what the upstream's answer means to our client.

use std::fmt;
use std::time::SystemTime;

use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::query::Query;
use crate::{FieldError, Limits, PathParam, Problem, QueryParams};

/// The most users in one `/github-users`.
pub const MOST_USERS: usize = 20;

/// A name that GitHub could know, checked before any I/O: letters, digits, hyphens and underscores, 1 to 39.
///
/// Nothing in it needs escaping in a URL, so it can never become another path, query or host.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Username(String);

/// The users of one `/github-users`, in the order asked, and how to ask for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usernames {
    /// At least one and at most twenty.
    pub names: Vec<Username>,
    /// One after the other, or all at once.
    pub mode: Mode,
}

/// How several calls are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// All at once: the reply takes as long as the slowest call.
    #[default]
    Parallel,
    /// One after the other: the reply takes as long as all calls together.
    Sequential,
}

/// The upstream's JSON for one user, passed on as it came: known fields, unknown fields, their order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object, example = json!({"login": "octocat", "id": 583_231}))]
pub struct Profile(Map<String, Value>);

/// What `/github-users` answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Users {
    /// One entry a name, in the order asked.
    pub users: Vec<User>,
}

/// One name with its profile or its problem.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// The name that was asked for.
    pub username: String,
    /// What the upstream knows of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// Why there is no profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// Why a call to the upstream gave no answer to judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// The connection was refused, after retries: 502.
    #[error("the upstream refused the connection")]
    Refused,
    /// The answer was cut short or is not HTTP: 502.
    #[error("the upstream's answer was cut short or malformed")]
    Broken,
    /// The answer is larger than is read: 502.
    #[error("the upstream's answer is too large")]
    TooLarge,
    /// There was no whole answer in time: 504.
    #[error("the upstream did not answer in time")]
    TimedOut,
    /// Too many calls were in flight for as long as this one could wait: 503.
    #[error("too many calls to the upstream are in flight")]
    NoPermit,
}

impl Username {
    /// FastAPI's pattern for the same rule.
    pub const PATTERN: &str = "^[A-Za-z0-9_-]{1,39}$";

    /// A name from wherever it was given.
    pub fn parse(loc: &[&str], text: &str) -> Result<Self, FieldError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if (1..=39).contains(&text.len()) && text.bytes().all(allowed) {
            return Ok(Self(text.to_owned()));
        }
        let msg = format!("String should match pattern '{}'", Self::PATTERN);
        Err(FieldError::new(loc, "string_pattern_mismatch", msg, text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PathParam for Username {
    fn parse(text: &str, _limits: &Limits) -> Result<Self, Problem> {
        Ok(Self::parse(&["path", "username"], text)?)
    }
}

impl QueryParams for Usernames {
    fn parse(query: &Query, _limits: &Limits) -> Result<Self, Problem> {
        let (mut names, mut errors) = (Vec::new(), Vec::new());
        for (place, text) in query.all("username").enumerate() {
            match Username::parse(&["query", "username", &place.to_string()], text) {
                Ok(name) => names.push(name),
                Err(error) => errors.push(error),
            }
            if place >= MOST_USERS {
                return Err(too_many(query.all("username").count()).into());
            }
        }
        if !errors.is_empty() {
            return Err(Problem::invalid(errors));
        }
        if names.is_empty() {
            return Err(FieldError::missing(&["query", "username"]).into());
        }
        Ok(Self { names, mode: Mode::of(query)? })
    }
}

fn too_many(count: usize) -> FieldError {
    let msg = format!("List should have at most {MOST_USERS} items after validation, not {count}");
    FieldError::new(&["query", "username"], "too_long", msg, None)
}

impl Mode {
    fn of(query: &Query) -> Result<Self, FieldError> {
        match query.last("mode") {
            None | Some("parallel") => Ok(Self::Parallel),
            Some("sequential") => Ok(Self::Sequential),
            Some(other) => {
                Err(FieldError::not_one_of(&["query", "mode"], "'parallel' or 'sequential'", other))
            }
        }
    }
}

impl User {
    /// The entry for `name`.
    pub fn new(name: &Username, answer: Result<Profile, Problem>) -> Self {
        let (profile, problem) = match answer {
            Ok(profile) => (Some(profile), None),
            Err(problem) => (None, Some(problem.at(&format!("/github-user/{name}")))),
        };
        Self { username: name.to_string(), profile, problem }
    }
}

impl From<Failed> for Problem {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Refused => Problem::bad_upstream("the upstream refused the connection"),
            Failed::Broken => {
                Problem::bad_upstream("the upstream's answer was cut short or malformed")
            }
            Failed::TooLarge => Problem::bad_upstream("the upstream's answer is too large"),
            Failed::TimedOut => Problem::upstream_timeout(),
            Failed::NoPermit => {
                Problem::unavailable("too many calls to the upstream are in flight", 1)
            }
        }
    }
}

/// What the upstream's answer means: its profile, or the problem that our client gets.
pub fn judge(status: StatusCode, fields: &HeaderMap, body: &[u8]) -> Result<Profile, Problem> {
    match status {
        StatusCode::OK => profile(fields, body),
        StatusCode::NOT_FOUND => {
            Err(Problem::new(StatusCode::NOT_FOUND, "GitHub knows no user of this name"))
        }
        StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => Err(Problem::unavailable(
            "GitHub limits how often it may be asked",
            retry_after(fields, SystemTime::now()),
        )),
        status if status.is_server_error() => Err(Problem::bad_upstream("the upstream failed")),
        status if status.is_redirection() => {
            Err(Problem::bad_upstream("the upstream redirected, which is not followed"))
        }
        _ => Err(Problem::bad_upstream("the upstream's answer makes no sense here")),
    }
}

/// A user is a JSON object with a `login` and an `id`; everything else passes through unread.
fn profile(fields: &HeaderMap, body: &[u8]) -> Result<Profile, Problem> {
    let media_type = fields.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Problem::bad_upstream("the upstream's answer is not JSON"));
    }
    if fields.contains_key(header::CONTENT_ENCODING) {
        return Err(Problem::bad_upstream(
            "the upstream's answer is encoded, which was not asked for",
        ));
    }
    let profile: Profile = serde_json::from_slice(body)
        .map_err(|_| Problem::bad_upstream("the upstream's answer is not a user"))?;
    let user = profile.0.get("login").is_some_and(Value::is_string)
        && profile.0.get("id").is_some_and(Value::is_u64);
    if user {
        Ok(profile)
    } else {
        Err(Problem::bad_upstream("the upstream's answer is not a user"))
    }
}

/// Seconds to wait by GitHub's rules: `retry-after`; else until the reset if nothing remains; else a minute.
fn retry_after(fields: &HeaderMap, now: SystemTime) -> u64 {
    let number =
        |name: &str| -> Option<u64> { fields.get(name)?.to_str().ok()?.trim().parse().ok() };
    if let Some(seconds) = number("retry-after") {
        return seconds.max(1);
    }
    match (number("x-ratelimit-remaining"), number("x-ratelimit-reset")) {
        (Some(0), Some(reset)) => {
            let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
            reset.saturating_sub(now).max(1)
        }
        _ => 60,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_name_that_could_be_more_than_a_name_is_refused() {
        for name in ["octocat", "a", "A-b_9", "old-", &"x".repeat(39)] {
            let path = format!("/github-user/{name}");
            assert!(Username::from_path(&path, &Limits::default()).is_ok(), "{name}");
        }
        for name in [
            "",
            "%2e%2e",
            "a?b".replace('?', "%3F").as_str(),
            "a%23",
            "a%0d%0a",
            "@h:9",
            "ü",
            &"x".repeat(40),
        ] {
            let path = format!("/github-user/{name}");
            let problem = Username::from_path(&path, &Limits::default()).unwrap_err();
            assert_eq!(problem.errors[0].kind, "string_pattern_mismatch", "{name}");
        }
    }

    #[test]
    fn usernames_are_one_to_twenty_and_keep_their_order() {
        let parse = |query: &str| Usernames::from_query(Some(query), &Limits::default());
        let users = parse("username=b&username=a&mode=sequential").unwrap();
        assert_eq!(users.names.iter().map(Username::as_str).collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(users.mode, Mode::Sequential);
        assert_eq!(parse("").unwrap_err().errors[0].kind, "missing");
        assert_eq!(parse("username=a&mode=x").unwrap_err().errors[0].kind, "enum");
        assert_eq!(parse("username=a&username=%2f").unwrap_err().errors[0].loc[2], "1");
        assert_eq!(parse(&"username=a&".repeat(21)).unwrap_err().errors[0].kind, "too_long");
        assert!(parse(&"username=a&".repeat(20)).is_ok());
    }

    fn fields(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (header::HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn only_a_whole_json_user_is_passed_on() {
        let json = fields(&[("content-type", "application/json; charset=utf-8")]);
        let body = br#"{"login":"a","id":1,"new_field":[1]}"#;
        let profile = judge(StatusCode::OK, &json, body).unwrap();
        assert_eq!(serde_json::to_vec(&profile).unwrap(), body);
        let html = fields(&[("content-type", "text/html")]);
        let zipped = fields(&[("content-type", "application/json"), ("content-encoding", "gzip")]);
        for (fields, body) in [
            (&html, &body[..]),
            (&zipped, &body[..]),
            (&json, &body[..20]),
            (&json, b"[]"),
            (&json, br#"{"id":1}"#),
            (&json, b"{\"login\":\"\xff\",\"id\":1}"),
        ] {
            assert_eq!(judge(StatusCode::OK, fields, body).unwrap_err().status, 502);
        }
    }

    #[test]
    fn a_rate_limit_says_when_to_come_back() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let after = |pairs: &[(&'static str, &str)]| retry_after(&fields(pairs), now);
        assert_eq!(after(&[("retry-after", "7"), ("x-ratelimit-remaining", "0")]), 7);
        assert_eq!(after(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1042")]), 42);
        assert_eq!(after(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "9")]), 1);
        assert_eq!(after(&[("x-ratelimit-remaining", "5"), ("x-ratelimit-reset", "1042")]), 60);
        assert_eq!(judge(StatusCode::FORBIDDEN, &HeaderMap::new(), b"").unwrap_err().status, 503);
    }
}
