//! `lab check URL`: the contract, asked of any server, a line for each sentence of it.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use conformance::report::{Line, Outcome, Total, report};
use conformance::{Needs, Subject, checks};
use github_stub::{Dials, Stub};

use crate::args::Check;
use crate::compare::BAD_ARGUMENTS;

/// Runs every check that makes sense there.
///
/// # Errors
/// When the stub cannot listen.
pub fn run(args: &Check) -> anyhow::Result<ExitCode> {
    let mut subject = match there(&args.url) {
        Ok(subject) => subject,
        Err(error) => {
            eprintln!("lab: {error:#}");
            return Ok(BAD_ARGUMENTS.into());
        }
    };
    if let Some(addr) = args.stub {
        let dials = Dials { addr, ..Dials::default() };
        let stub = Stub::start(dials).context("cannot start the stand-in for GitHub")?;
        subject.stub = Some(Arc::new(stub));
    }
    let mut total = report(&subject, args.wire, |line| {
        // What an address alone is not enough for is asked below, where more is known.
        if !matches!(line.outcome, Outcome::Skipped(_)) {
            show(line);
        }
    });
    ask_more(args, &subject, &mut total);
    let Total { passed, tolerated, failed, skipped } = total;
    println!(
        "{passed} passed, {tolerated} tolerated, {failed} failed, {skipped} need a server started in another way"
    );
    Ok(if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Each of a hundred checks would say that nobody answers.
fn there(url: &str) -> anyhow::Result<Subject> {
    let subject = Subject::at_url(url)?;
    subject.ensure_there()?;
    Ok(subject)
}

/// What an address alone is not enough for, as far as the arguments say that it is there.
fn ask_more(args: &Check, subject: &Subject, total: &mut Total) {
    for check in checks() {
        let there = match check.needs {
            Needs::Stub => args.stub.is_some(),
            Needs::Pitfalls => args.pitfalls,
            // Asked of an address already, or of another server than this.
            Needs::Address | Needs::NoUpstream | Needs::Narrow | Needs::Accused => false,
        };
        if !there {
            continue;
        }
        total.skipped -= 1;
        let outcome = match (check.run)(subject) {
            Ok(()) => {
                total.passed += 1;
                Outcome::Passed
            }
            Err(why) => {
                total.failed += 1;
                Outcome::Failed(why)
            }
        };
        show(&Line { name: check.name.to_owned(), outcome });
    }
}

fn show(line: &Line) {
    let (word, why) = match &line.outcome {
        Outcome::Passed => ("ok", ""),
        Outcome::Tolerated(why) => ("tolerated", why.as_str()),
        Outcome::Failed(why) => ("FAILED", why.as_str()),
        Outcome::Skipped(why) => ("skipped", *why),
    };
    println!("{word:<10}{}", line.name);
    for line in why.lines() {
        println!("{:10}{line}", "");
    }
}
