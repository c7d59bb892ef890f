//! The contract before the clock: no server is timed before it has passed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, mpsc};
use std::thread;
use std::time::Duration;

use anyhow::bail;
use conformance::setup::Setup;
use conformance::{Check, checks};
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

/// Checks these servers side by side, by package name and binary. A server is judged as it is started by default: flags
/// of a competitor change how it waits, not what it answers, and each reply under load is checked again.
///
/// # Errors
/// When it was cancelled. The servers of checks that still run die with this process.
pub fn judge(
    binaries: &BTreeMap<String, PathBuf>,
    cancel: &Cancel,
    mut told: impl FnMut(usize, usize),
) -> anyhow::Result<BTreeMap<String, Judged>> {
    let checks = checks();
    let (tell, verdicts) = mpsc::channel();
    let quiet = Arc::new(RwLock::new(()));
    for (server, binary) in binaries {
        let setup = Arc::new(Setup::new(binary));
        let next = Arc::new(std::sync::Mutex::new(checks.clone().into_iter()));
        for _ in 0..SIDE_BY_SIDE {
            let (setup, next, quiet) = (Arc::clone(&setup), Arc::clone(&next), Arc::clone(&quiet));
            let (tell, server) = (tell.clone(), server.clone());
            thread::Builder::new().name("judge".into()).spawn(move || {
                loop {
                    let check = next.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(check) = check else { return };
                    let verdict = run(&check, &setup, &quiet);
                    if tell.send((server.clone(), check.name, verdict)).is_err() {
                        return;
                    }
                }
            })?;
        }
    }
    drop(tell);
    let all = checks.len() * binaries.len();
    let mut judged: BTreeMap<String, Judged> = BTreeMap::new();
    for done in 0..all {
        let (server, name, verdict) = loop {
            match verdicts.recv_timeout(Duration::from_millis(50)) {
                Ok(verdict) => break verdict,
                Err(mpsc::RecvTimeoutError::Timeout) if !cancel.cancelled() => {}
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    bail!("interrupted before anything was measured")
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => bail!("a check panicked"),
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

/// What measures time runs alone, all servers' checks considered.
fn run(check: &Check, setup: &Setup, quiet: &RwLock<()>) -> Result<(), String> {
    let ask = || (check.run)(&setup.subject(check.needs)?);
    if check.alone {
        let _alone = quiet.write().unwrap_or_else(PoisonError::into_inner);
        ask()
    } else {
        let _beside = quiet.read().unwrap_or_else(PoisonError::into_inner);
        ask()
    }
}
