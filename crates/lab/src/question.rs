//! What can be asked of a server, as data: each question knows its request, the right reply, and the least it takes.

use std::sync::Arc;
use std::time::Duration;

use conformance::Subject;
use load::{Ask, Asks, Body, Expect};

use crate::competitor::NOTES;
use crate::uses::Use;
use crate::workload::Workload;

/// How many replies are looked into for each one that is; status and length are checked in all.
const SAMPLED: u64 = 16;

/// One kind of request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Question {
    /// `/plaintext`: the floor under every other number.
    Plaintext,
    /// `/wait/{seconds}`.
    Wait(Duration),
    /// `/github-user/{username}` of an upstream that takes this long; a different name each time.
    GithubUser(Duration),
    /// `/github-users` for several different names of such an upstream, all at once or in turn.
    GithubUsers {
        /// What the upstream takes for each.
        upstream: Duration,
        /// How many.
        names: u32,
        /// All at once, or one after the other.
        parallel: bool,
    },
    /// `/offload/wait/{seconds}`.
    OffloadWait(Duration),
    /// `/pitfalls/blocking-wait/{seconds}`.
    BlockingWait(Duration),
    /// `/work`: this much computing in the handler.
    Work(Duration),
    /// A database, a file, a stream, computing.
    Use(Use),
    /// Somebody's own: several requests, each with its weight.
    Mix(&'static Workload),
}

impl Question {
    /// The request's target; `{n}` stands for a fresh number.
    pub fn target(self) -> String {
        self.target_of("")
    }

    /// Method and target, as the results name it.
    pub fn request(self) -> String {
        match self {
            Self::Mix(workload) => workload.shown(),
            Self::Use(one) => one.request(),
            _ => format!("GET {}", self.target()),
        }
    }

    /// The one request and what counts as a right reply. `tag` keeps its names different from those of other cells.
    pub fn ask(self, tag: &str) -> Ask {
        Ask::get(self.target_of(tag)).expect(self.expect(tag))
    }

    /// The same, or the several requests of a mix.
    pub fn asks(self, tag: &str) -> Asks {
        match self {
            Self::Mix(workload) => workload.asks(tag),
            Self::Use(one) => one.asks(tag),
            _ => self.ask(tag).into(),
        }
    }

    /// Whether this bare program knows the answer as well as a server of ours.
    pub fn is_known_to(self, control: &str) -> bool {
        match self {
            Self::Plaintext | Self::Wait(_) => control != NOTES,
            Self::Use(Use::ReadRow | Use::WriteRow) => control == NOTES,
            _ => false,
        }
    }

    /// What a request has to wait for by its own meaning.
    pub fn least(self) -> Duration {
        match self {
            Self::Plaintext => Duration::ZERO,
            Self::Wait(time)
            | Self::GithubUser(time)
            | Self::OffloadWait(time)
            | Self::BlockingWait(time)
            | Self::Work(time) => time,
            Self::GithubUsers { upstream, parallel: true, .. } => upstream,
            Self::GithubUsers { upstream, names, parallel: false } => upstream * names,
            Self::Mix(workload) => workload.least(),
            Self::Use(one) => one.least(),
        }
    }

    /// Puts there what has to be there before it is asked.
    ///
    /// # Errors
    /// When the server does not take it.
    pub fn prepare(self, subject: &Subject) -> anyhow::Result<()> {
        match self {
            Self::Use(one) => one.prepare(subject),
            _ => Ok(()),
        }
    }

    /// What a request waits for and what it computes, where that is all it does: then a model knows it.
    pub fn shape(self) -> Option<(Duration, Duration)> {
        match self {
            Self::Plaintext => Some((Duration::ZERO, Duration::ZERO)),
            Self::Wait(time) => Some((time, Duration::ZERO)),
            Self::Work(time) => Some((Duration::ZERO, time)),
            Self::Mix(workload) => workload.shape(),
            Self::GithubUser(_)
            | Self::GithubUsers { .. }
            | Self::OffloadWait(_)
            | Self::BlockingWait(_)
            | Self::Use(_) => None,
        }
    }

    fn target_of(self, tag: &str) -> String {
        match self {
            Self::Plaintext => "/plaintext".into(),
            Self::Wait(time) => format!("/wait/{}", time.as_secs_f64()),
            Self::GithubUser(time) => format!("/github-user/{}", name(time, tag)),
            Self::GithubUsers { upstream, names, parallel } => {
                let name = name(upstream, tag);
                let names: String = (0..names).map(|at| format!("username={name}-{at}&")).collect();
                let mode = if parallel { "parallel" } else { "sequential" };
                format!("/github-users?{names}mode={mode}")
            }
            Self::OffloadWait(time) => format!("/offload/wait/{}", time.as_secs_f64()),
            Self::BlockingWait(time) => format!("/pitfalls/blocking-wait/{}", time.as_secs_f64()),
            Self::Mix(workload) => workload.shown(),
            Self::Use(one) => one.request(),
            Self::Work(time) => format!("/work?cpu_ms={}", time.as_secs_f64() * 1e3),
        }
    }

    fn expect(self, tag: &str) -> Expect {
        match self {
            Self::Plaintext => Expect::exactly("Hello, World!").sampled(SAMPLED),
            Self::Wait(time) | Self::OffloadWait(time) | Self::BlockingWait(time) => {
                let message = format!("Waited for {} seconds!", time.as_secs_f64());
                Expect::exactly(format!(r#"{{"message":"{message}"}}"#)).sampled(SAMPLED)
            }
            Self::GithubUser(time) => {
                let login = format!(r#""login":"{}""#, name(time, tag));
                Expect::containing(login).sampled(SAMPLED)
            }
            Self::GithubUsers { upstream, names, .. } => {
                let name = name(upstream, tag);
                let check = move |number: u64, body: &[u8]| {
                    let name = name.replace("{n}", &number.to_string());
                    profiles_of(&name, names, body)
                };
                Expect::body(Body::Check(Arc::new(check))).sampled(SAMPLED)
            }
            // Each of its requests has its own.
            Self::Mix(_) | Self::Use(_) => Expect::default(),
            Self::Work(_) => Expect::containing(r#""result":""#).sampled(SAMPLED),
        }
    }
}

/// A name that the stub answers after this long, and that nobody has asked for before.
fn name(time: Duration, tag: &str) -> String {
    format!("slow-{}ms-{tag}n{{n}}", time.as_millis())
}

/// Every entry is the profile of the name asked for in its place.
fn profiles_of(name: &str, names: u32, body: &[u8]) -> Result<(), String> {
    let body = String::from_utf8_lossy(body);
    let mut rest = &*body;
    for at in 0..names {
        let login = format!(r#""login":"{name}-{at}""#);
        let Some((_, after)) = rest.split_once(&login) else {
            return Err(format!("no {login} in its place among the answers"));
        };
        rest = after;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_a_request_that_the_contract_takes() {
        let ms = Duration::from_millis;
        assert_eq!(Question::Wait(ms(50)).target(), "/wait/0.05");
        assert_eq!(Question::Wait(ms(1000)).target(), "/wait/1");
        assert_eq!(Question::Work(ms(10)).target(), "/work?cpu_ms=10");
        let target = Question::GithubUser(ms(50)).target_of("12c3");
        let name = target.trim_start_matches("/github-user/").replace("{n}", "1000000");
        assert!(github_stub::is_valid_name(&name), "{name}");
        let users = Question::GithubUsers { upstream: ms(20), names: 5, parallel: false };
        assert_eq!(users.least(), ms(100));
        let target = users.target_of("12c3");
        assert_eq!(target.matches("username=slow-20ms-12c3n{n}-").count(), 5, "{target}");
        assert!(target.ends_with("&mode=sequential"), "{target}");
    }

    #[test]
    fn answers_for_several_names_must_all_be_there_in_their_order() {
        let body = br#"[{"login":"a-0"},{"login":"a-1"}]"#;
        assert_eq!(profiles_of("a", 2, body), Ok(()));
        assert!(profiles_of("a", 3, body).is_err());
        assert!(profiles_of("a", 2, br#"[{"login":"a-1"},{"login":"a-0"}]"#).is_err());
    }
}
