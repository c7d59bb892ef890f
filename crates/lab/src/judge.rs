//! The contract before the clock: no server is timed before it has passed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::bail;
use conformance::report::{Outcome, report};
use conformance::setup::Setup;
use conformance::turns::{Turn, Turns};
use conformance::{Check, Needs, Subject, checks};
use load::Cancel;

use crate::competitor::{Competitor, Who};

/// How the checks went for one server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// How many it passed.
    pub passed: usize,
    /// Those it failed, each with what was wrong.
    pub failed: Vec<String>,
}

/// How many checks of one server run side by side: most of them wait.
const SIDE_BY_SIDE: usize = 8;

/// Checks these servers side by side, by package name and binary.
///
/// A server is judged as it is started by default, and the report says so beside a competitor's flags: some break a check
/// on purpose (a pool of 40 threads does not carry 256 waits at once). Each reply under load is checked again. Limits,
/// faults and thousands of hostile inputs, which no scenario meets, are left to the tests.
///
/// # Errors
/// When it was cancelled. The servers of checks that still run die with this process.
pub fn judge(
    binaries: &BTreeMap<String, PathBuf>,
    cancel: &Cancel,
    mut told: impl FnMut(usize, usize),
) -> anyhow::Result<BTreeMap<String, Judged>> {
    let mut checks = checks();
    let needs =
        |check: &Check| matches!(check.needs, Needs::Address | Needs::Stub | Needs::Pitfalls);
    checks.retain(|check| needs(check) && !check.thorough);
    let (tell, verdicts) = mpsc::channel();
    for (server, binary) in binaries {
        Trial::new(server, binary, &checks).start(&tell)?;
    }
    drop(tell);
    let all = checks.len() * binaries.len();
    let mut judged: BTreeMap<String, Judged> = BTreeMap::new();
    for done in 0..all {
        let (server, name, verdict) = loop {
            match verdicts.recv_timeout(Duration::from_millis(50)) {
                Ok(verdict) => break verdict,
                Err(RecvTimeoutError::Timeout) if !cancel.cancelled() => {}
                Err(RecvTimeoutError::Timeout) => {
                    bail!("interrupted before anything was measured")
                }
                Err(RecvTimeoutError::Disconnected) => bail!("a check panicked"),
            }
        };
        let judged = judged.entry(server).or_default();
        match verdict {
            Ok(()) => judged.passed += 1,
            Err(why) => judged.failed.push(format!("{name}: {why}")),
        }
        told(done + 1, all);
    }
    Ok(judged)
}

/// Asks a server that is where it is all that an address is enough for. A stranger may keep part of the contract, so
/// what it fails is told, and whether a scenario's replies are right is seen under load.
pub fn judge_at(subject: &Subject) -> Judged {
    let mut judged = Judged::default();
    report(subject, false, |line| match &line.outcome {
        Outcome::Passed | Outcome::Tolerated(_) => judged.passed += 1,
        Outcome::Failed(why) => judged.failed.push(format!("{}: {why}", line.name)),
        Outcome::Skipped(_) => {}
    });
    judged
}

/// What a stranger or a peer keeps of the contract; nothing of one that does not answer, whose cells will say so.
pub fn asked_where_it_is(who: &Competitor) -> Option<Judged> {
    match &who.who {
        Who::Stranger { url } => Some(judge_at(&Subject::at_url(url).ok()?)),
        Who::Peer { name } => {
            let server = crate::peers::start(name, &["--workers=2".to_owned()]).ok()?;
            Some(judge_at(&Subject::at(server.addr())))
        }
        Who::Ours { .. } | Who::Control { .. } => None,
    }
}

/// Checks the servers of ours among these, and is an error when one fails: what is measured next is measured of all.
///
/// # Errors
/// When one fails, cannot be found, or it was cancelled.
pub fn admit(competitors: &[Competitor], cancel: &Cancel) -> anyhow::Result<()> {
    refuse(judge(&of_ours(competitors)?, cancel, |_, _| {})?)
}

/// The binaries of the servers of ours among these; controls keep no contract.
///
/// # Errors
/// When one cannot be found.
pub fn of_ours(competitors: &[Competitor]) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let ours = competitors.iter().filter(|who| matches!(who.who, Who::Ours { .. }));
    let binaries = ours.filter_map(Competitor::binary).map(|name| {
        let path = conformance::binaries::find(&name)?;
        Ok((name, path))
    });
    binaries.collect()
}

/// Says who fails, if anyone does.
///
/// # Errors
/// When one does.
pub fn refuse(judged: BTreeMap<String, Judged>) -> anyhow::Result<()> {
    for (server, judged) in judged {
        if !judged.failed.is_empty() {
            let failed = judged.failed.join("\n  ");
            bail!("{server} breaks the contract, so it is not measured:\n  {failed}");
        }
    }
    Ok(())
}

/// A server's name, a check's, and what came of it.
type Said = (String, &'static str, Result<(), String>);

/// What the threads that judge one server share.
#[derive(Clone)]
struct Trial {
    server: String,
    setup: Arc<Setup>,
    left: Arc<Mutex<std::vec::IntoIter<(Check, Turn)>>>,
}

impl Trial {
    fn new(server: &str, binary: &Path, checks: &[Check]) -> Self {
        let (setup, turns) = (Arc::new(Setup::new(binary)), Turns::default());
        let (after, crowd): (Vec<&Check>, Vec<&Check>) =
            checks.iter().partition(|check| check.alone);
        let crowd = crowd.into_iter().map(|check| (*check, turns.in_the_crowd()));
        let after = after.into_iter();
        let after = after.map(|check| (*check, turns.after_the_crowd(setup.lane(check.needs))));
        let all: Vec<_> = crowd.chain(after).collect();
        Self { server: server.to_owned(), setup, left: Arc::new(Mutex::new(all.into_iter())) }
    }

    fn start(&self, tell: &mpsc::Sender<Said>) -> anyhow::Result<()> {
        for _ in 0..SIDE_BY_SIDE {
            let (trial, tell) = (self.clone(), tell.clone());
            let judge = move || {
                while let Some((check, turn)) = trial.next() {
                    let verdict = turn.take(|| trial.run(&check));
                    if tell.send((trial.server.clone(), check.name, verdict)).is_err() {
                        return;
                    }
                }
            };
            thread::Builder::new().name("judge".into()).spawn(judge)?;
        }
        Ok(())
    }

    fn next(&self) -> Option<(Check, Turn)> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).next()
    }

    fn run(&self, check: &Check) -> Result<(), String> {
        let ask = || (check.run)(&self.setup.subject(check.needs)?);
        // What measures time may fail for a busy machine's sake once; what is wrong fails again.
        if check.alone { ask().or_else(|_| ask()) } else { ask() }
    }
}
