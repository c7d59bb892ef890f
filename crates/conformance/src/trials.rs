//! A server's `tests/conformance.rs`: every check, wire case and rule of its life as a test with a line of its own.

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, RwLock};

use libtest_mimic::{Arguments, Failed, Trial};

use crate::checks::of_the_database;
use crate::failures::FAILURES;
use crate::lifecycle::LIFECYCLE;
use crate::mistakes::MISTAKES;
use crate::setup::{SWITCHED_OFF, Setup};
use crate::wire::{self, Grade};
use crate::{Check, Needs, checks, exceptions, postgres};

/// Judges the server whose binary this is, under the arguments of `cargo test`.
///
/// In the server's `Cargo.toml`: `[[test]] name = "conformance"`, `harness = false`; in `tests/conformance.rs`:
///
/// ```text
/// fn main() -> std::process::ExitCode {
///     conformance::trials::run(env!("CARGO_PKG_NAME"), env!("CARGO_BIN_EXE_server-axum").as_ref())
/// }
/// ```
pub fn run(server: &str, binary: &Path) -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Most checks wait for a server rather than compute.
    arguments.test_threads.get_or_insert(8);
    libtest_mimic::run(&arguments, of(server, binary)).exit_code()
}

/// The trials, named `server::sentence`. The servers they need start with the first that needs them and die with the last.
pub fn of(server: &str, binary: &Path) -> Vec<Trial> {
    let setup = Arc::new(Setup::new(binary));
    let quiet = Quiet::default();
    let mut trials = Vec::new();
    for check in checks() {
        let (setup, quiet) = (Arc::clone(&setup), quiet.clone());
        trials.push(trial(server, check.name, move || {
            quiet.hold(check.alone, || (check.run)(&setup.subject(check.needs)?))
        }));
    }
    let on_its_own = Arc::new(Setup::on_postgres(binary));
    for check in of_the_database() {
        let (setup, quiet) = (Arc::clone(&on_its_own), quiet.clone());
        let name = format!("{server}::on PostgreSQL, {}", check.name);
        trials.push(on_postgres(name, move || {
            let held = quiet.hold(check.alone, || (check.run)(&setup.subject(check.needs)?));
            held.map_err(Failed::from)
        }));
    }
    for (flag, name) in SWITCHED_OFF {
        let Some(check) = checks().into_iter().find(|check| check.name == *name) else { continue };
        let (setup, quiet) = (Arc::clone(&setup), quiet.clone());
        trials.push(trial(server, &format!("with {flag} the judge convicts"), move || {
            // It has a server to itself, and what it waits for does not come however quiet it is.
            quiet.hold(false, || convicts(&setup, flag, check))
        }));
    }
    for case in wire::cases() {
        for pace in case.paces() {
            let name = case.name_at(pace);
            let (setup, quiet, case) = (Arc::clone(&setup), quiet.clone(), case.clone());
            let judged = server.to_owned();
            trials.push(trial(server, &name, move || {
                quiet.hold(false, || {
                    let subject = setup.subject(Needs::Address)?;
                    excused(&judged, &case.id, wire::run(&subject, &case, pace))
                })
            }));
        }
    }
    for mistake in MISTAKES {
        let (setup, quiet) = (Arc::clone(&setup), quiet.clone());
        let name = format!("mistake: {}", mistake.name);
        trials.push(trial(server, &name, move || quiet.hold(true, || (mistake.run)(&setup))));
    }
    for failure in FAILURES {
        let (setup, quiet) = (Arc::clone(&setup), quiet.clone());
        let name = failure.name();
        trials.push(trial(server, &name, move || quiet.hold(false, || failure.check(&setup))));
    }
    for life in LIFECYCLE {
        let (setup, quiet) = (Arc::clone(&setup), quiet.clone());
        trials.push(trial(server, life.name, move || quiet.hold(true, || (life.run)(&setup))));
    }
    trials
}

/// A trial that needs what may not be installed: without it, it is listed as ignored, with how to get it.
pub fn needing(
    name: String,
    missing: Option<&'static str>,
    run: impl FnOnce() -> Result<(), Failed> + Send + 'static,
) -> Trial {
    match missing {
        None => Trial::test(name, run),
        Some(missing) => Trial::test(format!("{name} ({missing})"), || Err(missing.into()))
            .with_ignored_flag(true),
    }
}

/// A trial that needs PostgreSQL.
pub fn on_postgres(
    name: String,
    run: impl FnOnce() -> Result<(), Failed> + Send + 'static,
) -> Trial {
    needing(name, postgres::programs().is_none().then_some(postgres::MISSING), run)
}

/// A check that passes without the limit it is about checks nothing.
fn convicts(setup: &Setup, flag: &str, check: Check) -> Result<(), String> {
    let (_server, subject) = setup.narrow_but(flag)?;
    match (check.run)(&subject) {
        Err(_) => Ok(()),
        Ok(()) => Err(format!("\"{}\" passes with {flag}", check.name)),
    }
}

/// A warning passes if it is on the list, and whatever is on the list must be a warning.
fn excused(server: &str, case: &str, grade: Grade) -> Result<(), String> {
    match (grade, exceptions::warning(server, case)) {
        (Grade::Passed, None) | (Grade::Tolerated(_), Some(_)) => Ok(()),
        (Grade::Passed, Some(entry)) => {
            Err(format!("passes, so this exception no longer applies: {entry:?}"))
        }
        (Grade::Tolerated(missed), None) => {
            Err(format!("only tolerated, and not on the list of exceptions: {missed}"))
        }
        (Grade::Failed(missed), _) => Err(missed),
    }
}

fn trial(
    server: &str,
    name: &str,
    run: impl FnOnce() -> Result<(), String> + Send + 'static,
) -> Trial {
    Trial::test(format!("{server}::{name}"), move || run().map_err(Failed::from))
}

/// Lets what measures time run alone, and all else together.
#[derive(Clone, Default)]
struct Quiet(Arc<RwLock<()>>);

impl Quiet {
    fn hold<T>(&self, alone: bool, run: impl FnOnce() -> T) -> T {
        // A trial that panicked has been told of; what it held is nothing.
        if alone {
            let _held = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
            run()
        } else {
            let _held = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
            run()
        }
    }
}
