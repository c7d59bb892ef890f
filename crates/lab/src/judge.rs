//! The contract before the clock: no server is timed before it has passed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use anyhow::bail;
use conformance::setup::Setup;
use conformance::{Check, Needs, checks};
use load::Cancel;

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
/// A server is judged as it is started by default: flags of a competitor change how it waits, not what it answers, and
/// each reply under load is checked again. Limits and faults, which no scenario meets, are left to the tests.
///
/// # Errors
/// When it was cancelled. The servers of checks that still run die with this process.
pub fn judge(
    binaries: &BTreeMap<String, PathBuf>,
    cancel: &Cancel,
    mut told: impl FnMut(usize, usize),
) -> anyhow::Result<BTreeMap<String, Judged>> {
    let mut checks = checks();
    checks.retain(|check| matches!(check.needs, Needs::Address | Needs::Stub | Needs::Pitfalls));
    let (tell, verdicts) = mpsc::channel();
    for (server, binary) in binaries {
        Trial::new(server, binary, checks.clone()).start(&tell)?;
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

/// A server's name, a check's, and what came of it.
type Said = (String, &'static str, Result<(), String>);

/// What the threads that judge one server share.
#[derive(Clone)]
struct Trial {
    server: String,
    setup: Arc<Setup>,
    left: Arc<Mutex<std::vec::IntoIter<Check>>>,
    quiet: Arc<RwLock<()>>,
}

impl Trial {
    fn new(server: &str, binary: &Path, checks: Vec<Check>) -> Self {
        Self {
            server: server.to_owned(),
            setup: Arc::new(Setup::new(binary)),
            left: Arc::new(Mutex::new(checks.into_iter())),
            quiet: Arc::default(),
        }
    }

    fn start(&self, tell: &mpsc::Sender<Said>) -> anyhow::Result<()> {
        for _ in 0..SIDE_BY_SIDE {
            let (trial, tell) = (self.clone(), tell.clone());
            let judge = move || {
                while let Some(check) = trial.next() {
                    let verdict = trial.run(&check);
                    if tell.send((trial.server.clone(), check.name, verdict)).is_err() {
                        return;
                    }
                }
            };
            thread::Builder::new().name("judge".into()).spawn(judge)?;
        }
        Ok(())
    }

    fn next(&self) -> Option<Check> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).next()
    }

    fn run(&self, check: &Check) -> Result<(), String> {
        let ask = || (check.run)(&self.setup.subject(check.needs)?);
        if !check.alone {
            let _beside = self.quiet.read().unwrap_or_else(PoisonError::into_inner);
            return ask();
        }
        let _alone = self.quiet.write().unwrap_or_else(PoisonError::into_inner);
        // What measures time may fail for a busy machine's sake once; what is wrong fails again.
        ask().or_else(|_| ask())
    }
}
