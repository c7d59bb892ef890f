//! The order of a run: each fault against each server, when short against all at once; a miss of time alone is looked at
//! once more, with nobody beside; nothing is without an end.

use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use conformance::binaries;

use crate::args::Args;
use crate::case::{Case, cases};
use crate::fault::{FAULTS, Fault};
use crate::found::{Figure, Found, is_only_late};
use crate::report::{self, Report, Run};
use crate::stage::Stage;

/// The servers, by the names they have everywhere, and their binaries.
const SERVERS: [(&str, &str); 3] =
    [("blocking", "server-blocking"), ("actix", "server-actix"), ("axum", "server-axum")];

/// No fault takes longer, but the soak.
const PATIENCE: Duration = Duration::from_secs(120);
const SOAK: Duration = Duration::from_secs(900);

/// Runs what was asked for; success when every figure was reached.
///
/// # Errors
///
/// When it cannot be run at all: an id or a server that there is not, servers that do not build.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if args.list {
        print!("{}", list());
        return Ok(ExitCode::SUCCESS);
    }
    let faults = chosen(&args.ids)?;
    let servers = args
        .servers
        .iter()
        .map(|name| {
            SERVERS.iter().find(|(server, _)| server == name).copied().with_context(|| {
                format!("there is no server {name:?}, but blocking, actix and axum")
            })
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let packages: Vec<_> = servers.iter().map(|(_, package)| *package).collect();
    eprintln!("building {}", packages.join(", "));
    let folder = binaries::build_released(&packages)?;
    load::raise_descriptor_limit()?;

    let mut report = Report::new(args);
    let cases = cases();
    for fault in faults {
        let case = cases.iter().find(|case| case.id == fault.id);
        let case = case.with_context(|| format!("{} is no case", fault.id))?;
        eprintln!("{} {}", case.id, case.fault);
        let (seed, short) = (args.seed, args.short);
        let stages: Vec<_> = servers
            .iter()
            .map(|(server, package)| Stage { server, binary: folder.join(package), seed, short })
            .collect();
        // In full the times are the subject. In short what happens is, and most of it is waiting.
        let at_once = if short && !fault.alone { stages.len() } else { 1 };
        for stages in stages.chunks(at_once.max(1)) {
            for (stage, first) in stages.iter().zip(side_by_side(fault, stages)) {
                let run = looked_at(fault, case, stage, first);
                eprintln!("  {}: {}", stage.server, run.in_a_line());
                report.runs.push(run);
            }
        }
    }
    println!("{}", report::table(&report, &cases));
    report.write(&args.out)?;
    println!("{}\nwrote {}", report.verdict(), args.out.display());
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn chosen(ids: &[String]) -> anyhow::Result<Vec<&'static Fault>> {
    if ids.is_empty() {
        return Ok(FAULTS.iter().filter(|fault| !fault.on_request).collect());
    }
    let known = |id: &String| {
        let fault = FAULTS.iter().find(|fault| fault.id.eq_ignore_ascii_case(id));
        match cases().iter().any(|case| case.id.eq_ignore_ascii_case(id)) {
            _ if fault.is_some() => Ok(fault.expect("it was just looked at")),
            true => bail!("{id} is not run: what it is about is not served yet"),
            false => bail!("there is no fault {id}; see --list"),
        }
    };
    ids.iter().map(known).collect()
}

fn list() -> String {
    let line = |case: &Case| {
        let how = match FAULTS.iter().find(|fault| fault.id == case.id) {
            Some(fault) if fault.on_request => " (on request)",
            Some(_) => "",
            None => " (not run: what it is about is not served yet)",
        };
        format!(
            "{} {}: {}{how}\n     {}\n     must reach: {}\n",
            case.id, case.area, case.fault, case.setup, case.target
        )
    };
    cases().iter().map(line).collect()
}

/// What came of a fault, and how long that took.
type Outcome = (anyhow::Result<Vec<Figure>>, Duration);

/// Each of these servers once, all of them at the same time.
fn side_by_side(fault: &'static Fault, stages: &[Stage]) -> Vec<Outcome> {
    thread::scope(|scope| {
        let runs: Vec<_> =
            stages.iter().map(|stage| scope.spawn(|| bounded(fault, stage))).collect();
        runs.into_iter().map(|run| run.join().expect("a panic is an outcome")).collect()
    })
}

/// The same once more when nothing but a time was missed.
fn looked_at(fault: &'static Fault, case: &Case, stage: &Stage, first: Outcome) -> Run {
    let (mut outcome, mut took) = first;
    let mut late_at_first = Vec::new();
    if let Ok(figures) = &outcome
        && is_only_late(figures)
    {
        late_at_first = figures.iter().filter(|figure| !figure.met).cloned().collect();
        eprintln!("  {}: a time was missed; once more", stage.server);
        let again = bounded(fault, stage);
        outcome = again.0;
        took += again.1;
    }
    let (figures, error) = match outcome {
        Ok(figures) => (figures, None),
        Err(error) => (Vec::new(), Some(format!("{error:#}"))),
    };
    let (id, server, seconds) = (case.id.clone(), stage.server.to_owned(), took.as_secs_f64());
    Run { id, server, figures, error, seconds, late_at_first }
}

/// Runs it on a thread of its own, which is left behind when it does not end.
fn bounded(fault: &'static Fault, stage: &Stage) -> Outcome {
    let start = Instant::now();
    let (send, receive) = mpsc::channel();
    let stage = stage.clone();
    thread::spawn(move || {
        let mut found = Found::default();
        let ran = (fault.run)(&stage, &mut found);
        // Whoever has given up waiting does not hear it.
        let _ = send.send(ran.map(|()| found.0));
    });
    let patience = if fault.on_request { SOAK } else { PATIENCE };
    let outcome = match receive.recv_timeout(patience) {
        Ok(ran) => ran,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(anyhow!("not at its end after {patience:?}")),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(anyhow!("the fault itself panicked")),
    };
    (outcome, start.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_served_yet_cannot_be_asked_for() {
        let all: Vec<_> = cases().into_iter().map(|case| case.id).collect();
        for id in all {
            let is_run = FAULTS.iter().any(|fault| fault.id == id);
            assert_eq!(chosen(std::slice::from_ref(&id)).is_ok(), is_run, "{id}");
        }
        assert!(chosen(&["F99".to_owned()]).is_err());
        assert!(chosen(&[]).unwrap().iter().all(|fault| !fault.on_request));
    }
}
