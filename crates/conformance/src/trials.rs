//! A server's `tests/conformance.rs`: every check, wire case and rule of its life as a test with a line of its own.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};

use crate::bounds::BOUNDS;
use crate::checks::of_the_database;
use crate::exceptions::{self, Exception};
use crate::failures::FAILURES;
use crate::lifecycle::LIFECYCLE;
use crate::mistakes::MISTAKES;
use crate::setup::{SWITCHED_OFF, Setup};
use crate::turns::{Lane, Turns};
use crate::wire::{self, Grade};
use crate::{Check, Needs, checks, postgres};

/// How many trials run at once. They wait for a server, or for a clock of its; few compute.
pub const AT_ONCE: usize = 16;

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
    arguments.test_threads.get_or_insert(AT_ONCE);
    libtest_mimic::run(&arguments, of(server, binary)).exit_code()
}

/// The trials, named `server::sentence`. The servers they need start with the first that needs them and die with the last.
pub fn of(server: &str, binary: &Path) -> Vec<Trial> {
    let (turns, mut crowd, mut after) = (Turns::default(), Vec::new(), Vec::new());
    let setup = Arc::new(Setup::new(binary));
    let on_its_own = Arc::new(Setup::on_postgres(binary));
    // In the order of the contract: thousands of hostile inputs come when what is kept in rows has been asked.
    let on_sqlite = checks().into_iter().map(|check| (&setup, "", check));
    let on_postgresql =
        of_the_database().into_iter().map(|check| (&on_its_own, "on PostgreSQL, ", check));
    for (setup, database, check) in on_sqlite.chain(on_postgresql) {
        let turn = match check.alone {
            true => turns.after_the_crowd(setup.lane(check.needs)),
            false => turns.in_the_crowd(),
        };
        let (setup, name) = (Arc::clone(setup), format!("{database}{}", check.name));
        let ask = move || turn.take(|| (check.run)(&setup.subject(check.needs)?));
        let trial = match database {
            "" => trial(server, &name, ask),
            _ => on_postgres(format!("{server}::{name}"), move || ask().map_err(Failed::from)),
        };
        if check.alone { after.push(trial) } else { crowd.push(trial) }
    }
    // Each has a server to itself.
    for (flag, name) in SWITCHED_OFF {
        let Some(check) = checks().into_iter().find(|check| check.name == *name) else { continue };
        let (setup, turn) = (Arc::clone(&setup), turns.in_the_crowd());
        crowd.push(trial(server, &format!("with {flag} the judge convicts"), move || {
            turn.take(|| convicts(&setup, flag, check))
        }));
    }
    for failure in FAILURES {
        let (setup, turn) = (Arc::clone(&setup), turns.in_the_crowd());
        let name = failure.name();
        crowd.push(trial(server, &name, move || turn.take(|| failure.check(&setup))));
    }
    for bound in BOUNDS {
        let setup = if bound.on_postgres { &on_its_own } else { &setup };
        let convicted = format!("with {} the judge convicts", bound.off);
        for (name, flag, holds) in [(bound.name, bound.short, true), (&convicted, bound.off, false)]
        {
            let turn = match holds {
                true => turns.after_the_crowd(Lane::default()),
                false => turns.in_the_crowd(),
            };
            let setup = Arc::clone(setup);
            let run = move || match turn.take(|| (bound.run)(&setup, flag)) {
                Err(missed) if holds => Err(missed.into()),
                Ok(()) if !holds => Err(format!("\"{}\" holds with {flag}", bound.name).into()),
                _ => Ok(()),
            };
            let name = format!("{server}::{name}");
            let trial = match bound.on_postgres {
                true => on_postgres(name, run),
                false => Trial::test(name, run),
            };
            if holds { after.push(trial) } else { crowd.push(trial) }
        }
    }
    for case in wire::cases() {
        for pace in case.paces() {
            let name = case.name_at(pace);
            let (setup, turn, case) = (Arc::clone(&setup), turns.in_the_crowd(), case.clone());
            let judged = server.to_owned();
            crowd.push(trial(server, &name, move || {
                turn.take(|| {
                    let subject = setup.subject(Needs::Address)?;
                    excused(
                        wire::run(&subject, &case, pace),
                        exceptions::warning(&judged, &case.id),
                    )
                })
            }));
        }
    }
    // Both have servers of their own.
    for mistake in MISTAKES {
        let (setup, turn) = (Arc::clone(&setup), turns.after_the_crowd(Lane::default()));
        let name = format!("mistake: {}", mistake.name);
        after.push(trial(server, &name, move || turn.take(|| (mistake.run)(&setup).map(drop))));
    }
    for life in LIFECYCLE {
        let (setup, turn) = (Arc::clone(&setup), turns.after_the_crowd(Lane::default()));
        after.push(trial(server, life.name, move || turn.take(|| (life.run)(&setup))));
    }
    crowd.extend(after);
    crowd
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
fn excused(grade: Grade, exception: Option<&Exception>) -> Result<(), String> {
    match (grade, exception) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_excuses_a_warning_alone_and_is_wrong_once_there_is_none() {
        let entry = Exception {
            server: "server-axum",
            what: "takes what it should refuse",
            source: "a line",
            warns: &["TE-22"],
            differs: &[],
            applies: |_| true,
        };
        let warning = || Grade::Tolerated("answered 200".to_owned());
        let failure = || Grade::Failed("two replies".to_owned());
        assert_eq!(excused(Grade::Passed, None), Ok(()));
        assert_eq!(excused(warning(), Some(&entry)), Ok(()));
        assert!(excused(warning(), None).unwrap_err().contains("not on the list"));
        assert!(excused(Grade::Passed, Some(&entry)).unwrap_err().contains("no longer applies"));
        assert!(excused(failure(), Some(&entry)).is_err() && excused(failure(), None).is_err());
    }
}
