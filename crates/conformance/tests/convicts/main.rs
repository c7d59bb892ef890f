//! The judge has convicted: servers that are broken on purpose, and the checks that must say so.
//!
//! A check that passes on everything checks nothing. Each line here runs one check on one broken server and passes when
//! the check fails, for the reason it should. The servers are this very program, started under another name.

mod naive_files;
mod naive_threads;
mod stock_axum;

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use conformance::lifecycle::LIFECYCLE;
use conformance::setup::Setup;
use conformance::wire::{self, Grade, Pace};
use conformance::{Needs, checks};
use libtest_mimic::{Arguments, Trial};

/// A broken server, a check by the start of its name, and what it must say.
const CONVICTIONS: &[(&str, &str, &str)] = &[
    ("stock-axum", "limits: a head slower than", "still open"),
    ("stock-axum", "limits: the second head", "still open"),
    ("stock-axum", "limits: a connection without a request", "stays open"),
    ("stock-axum", "limits: a body that stops", "no whole reply"),
    ("stock-axum", "limits: a body slower than", "still open"),
    ("stock-axum", "limits: a client that does not read", "still served"),
    ("stock-axum", "limits: a connection over", "were refused"),
    ("stock-axum", "echo refuses an announced body", "no whole reply"),
    ("stock-axum", "256 waits at once", "blocks its event loop"),
    ("stock-axum", "a handler that panics", "closed without an answer"),
    ("stock-axum", "sigterm lets requests finish", "stays open during the drain"),
    ("stock-axum", "a subscriber who comes back", "it begins at 0"),
    ("stock-axum", "limits: a subscriber hears a comment", "Silence"),
    ("stock-axum", "limits: a subscriber further behind", "is not dropped after"),
    ("stock-axum", "a drain ends the events", "during the drain a subscriber got"),
    ("stock-axum", "what was said survives", "a subscriber goes on at 0"),
    ("stock-axum", "wire HD-01", "answered 200"),
    ("stock-axum", "wire HD-02", "answered 200"),
    ("stock-axum", "wire HD-04", "answered 200"),
    ("stock-axum", "wire CL-17", ""),
    ("naive-files", "files: an upload that breaks off", "half an upload is seen"),
    ("naive-threads", "limits: a head slower than", "still open"),
    ("naive-threads", "limits: a connection without a request", "stays open"),
    ("naive-threads", "limits: a body that stops", "no whole reply"),
    ("naive-threads", "limits: a connection over", "were refused"),
    ("naive-threads", "github-user answers 504", "no whole reply"),
    ("naive-threads", "github-user refuses a hostile name", ""),
    ("naive-threads", "offload/wait: a call that is given up", "that nobody waits for"),
    ("naive-threads", "limits: many names of many", "threads more"),
    ("naive-threads", "a handler that panics", "closed without an answer"),
    ("naive-threads", "sigterm lets requests finish", "a wait in flight"),
    ("naive-threads", "hangup does not kill", "after \"Signal::HUP\""),
    ("naive-threads", "without a descriptor left", "it spins"),
    ("naive-threads", "wire HD-01", "answered 200"),
    ("naive-threads", "wire CL-04", "answered 200"),
    ("naive-threads", "wire TE-01", "follow-up"),
    ("naive-threads", "wire CL-16", "2 replies"),
];

fn main() -> ExitCode {
    let name = std::env::args_os().next().map(PathBuf::from);
    match name.as_deref().and_then(Path::file_name).and_then(|name| name.to_str()) {
        Some("stock-axum") => stock_axum::serve(),
        Some("naive-files") => naive_files::serve(),
        Some("naive-threads") => naive_threads::serve(),
        _ => convict(),
    }
}

fn convict() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(conformance::trials::AT_ONCE);
    let folder = Arc::new(tempfile::tempdir().expect("there is room for three links"));
    let program = std::env::current_exe().expect("this program has a path");
    let setup = |name: &str| {
        let link = folder.path().join(name);
        symlink(&program, &link).expect("a link to this program");
        Arc::new(Setup::new(&link))
    };
    let broken = ["stock-axum", "naive-threads", "naive-files"].map(|name| (name, setup(name)));
    let trials = CONVICTIONS.iter().map(|(server, accusation, because)| {
        let (_, setup) = broken.iter().find(|(name, _)| name == server).expect("it is one of them");
        let setup = Arc::clone(setup);
        let folder = Arc::clone(&folder);
        Trial::test(format!("{server} is convicted by: {accusation}"), move || {
            let verdict = accuse(&setup, accusation);
            drop(folder);
            match verdict {
                Some(Err(reason)) if reason.contains(because) => Ok(()),
                Some(Err(reason)) => Err(format!("for another reason: {reason}").into()),
                Some(Ok(())) => Err("it was acquitted".into()),
                None => Err("there is no such check".into()),
            }
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// Runs the check, rule or wire case whose name begins so.
fn accuse(setup: &Setup, accusation: &str) -> Option<Result<(), String>> {
    if let Some(check) = checks().into_iter().find(|check| check.name.starts_with(accusation)) {
        return Some(setup.subject(check.needs).and_then(|subject| (check.run)(&subject)));
    }
    if let Some(life) = LIFECYCLE.iter().find(|life| life.name.starts_with(accusation)) {
        return Some((life.run)(setup));
    }
    let named = |case: &wire::Case| case.name_at(Pace::AtOnce).starts_with(accusation);
    let case = wire::cases().into_iter().find(named)?;
    Some(setup.subject(Needs::Address).and_then(|subject| {
        match wire::run(&subject, &case, Pace::AtOnce) {
            Grade::Passed => Ok(()),
            Grade::Tolerated(missed) | Grade::Failed(missed) => Err(missed),
        }
    }))
}
