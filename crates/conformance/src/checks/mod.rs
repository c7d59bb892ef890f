//! The checks of the contract: each a sentence that holds of a server, asked over HTTP.

mod about;
mod clocks;
mod cpu;
mod document;
mod echo;
mod every_reply;
mod files;
mod forms;
mod github_user;
mod github_users;
mod hostile;
mod jobs;
mod narrow;
mod notes;
mod offload;
mod operations;
mod pipelines;
mod pitfalls;
mod rooms;
mod scrape;
mod stream;
mod wait;
mod work;

pub use cpu::black_square;
pub use notes::hostile_requests;

use crate::Subject;

/// Nothing, or what was wrong.
pub type Verdict = Result<(), String>;

/// One sentence of the contract.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// The sentence.
    pub name: &'static str,
    /// What has to stand behind the server.
    pub needs: Needs,
    /// Whether it measures time or counts what all checks do, so that nothing else may ask its server meanwhile.
    pub alone: bool,
    /// Whether it asks thousands of questions that no load asks: for tests, not before each measurement.
    pub thorough: bool,
    /// Asks the server.
    pub run: fn(&Subject) -> Verdict,
}

/// What has to stand behind a server for a check to make sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Needs {
    /// An address is enough: any server at any URL can be asked.
    Address,
    /// The stub as upstream, whose names are dials and whose counts tell what arrived.
    Stub,
    /// A server started with `--pitfalls`.
    Pitfalls,
    /// The same, a server of its own: what the check does leaves it blocked for seconds.
    Accused,
    /// An upstream that refuses connections.
    NoUpstream,
    /// A server started with the limits of [`NARROW`](crate::setup::NARROW), and the stub.
    Narrow,
}

/// All of them, in the order of the contract.
pub fn checks() -> Vec<Check> {
    [
        wait::CHECKS,
        github_user::CHECKS,
        github_users::CHECKS,
        scrape::CHECKS,
        work::CHECKS,
        notes::CHECKS,
        rooms::CHECKS,
        jobs::CHECKS,
        cpu::CHECKS,
        echo::CHECKS,
        stream::CHECKS,
        files::CHECKS,
        forms::CHECKS,
        offload::CHECKS,
        pitfalls::CHECKS,
        about::CHECKS,
        document::CHECKS,
        every_reply::CHECKS,
        pipelines::CHECKS,
        hostile::CHECKS,
        narrow::CHECKS,
        clocks::CHECKS,
    ]
    .concat()
}

/// Those of what is kept in rows: they hold whichever database it is.
pub fn of_the_database() -> Vec<Check> {
    [notes::CHECKS, rooms::CHECKS, jobs::CHECKS, &[about::HEALTH]].concat()
}

impl Check {
    const fn new(name: &'static str, needs: Needs, run: fn(&Subject) -> Verdict) -> Self {
        Self { name, needs, alone: false, thorough: false, run }
    }

    const fn alone(self) -> Self {
        Self { alone: true, ..self }
    }

    const fn thorough(self) -> Self {
        Self { thorough: true, ..self }
    }
}

/// Runs all of several questions and tells everything that was wrong, not only the first.
fn each<T>(cases: impl IntoIterator<Item = T>, ask: impl Fn(T) -> Verdict) -> Verdict {
    let wrong: Vec<String> = cases.into_iter().filter_map(|case| ask(case).err()).collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// The same, all at once: for questions that mostly wait.
fn each_at_once<T: Send>(
    cases: impl IntoIterator<Item = T>,
    ask: impl Fn(T) -> Verdict + Sync,
) -> Verdict {
    let verdicts: Vec<Verdict> = std::thread::scope(|scope| {
        let asked: Vec<_> = cases.into_iter().map(|case| scope.spawn(|| ask(case))).collect();
        asked.into_iter().map(|one| one.join().expect("asking does not panic")).collect()
    });
    each(verdicts, |verdict| verdict)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_checks_have_the_same_name() {
        let checks = checks();
        let names: HashSet<_> = checks.iter().map(|check| check.name).collect();
        assert_eq!(names.len(), checks.len());
    }
}
