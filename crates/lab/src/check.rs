//! `lab check URL`: the contract, asked of any server.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use conformance::{Needs, Subject, checks};
use github_stub::{Dials, Stub};

use crate::args::Check;

/// Runs every check that makes sense there, a line each.
///
/// # Errors
/// When the URL is none, or the stub cannot listen.
pub fn run(args: &Check) -> anyhow::Result<ExitCode> {
    let mut subject = Subject::at_url(&args.url)?;
    if let Some(addr) = args.stub {
        let dials = Dials { addr, ..Dials::default() };
        let stub = Stub::start(dials).context("cannot start the stand-in for GitHub")?;
        subject.stub = Some(Arc::new(stub));
    }
    let here = |needs: Needs| match needs {
        Needs::Address => true,
        Needs::Stub => args.stub.is_some(),
        Needs::Pitfalls => args.pitfalls,
        // Another server than the one at hand.
        Needs::NoUpstream | Needs::Narrow | Needs::Accused => false,
    };
    let (mut passed, mut failed, mut left_out) = (0, 0, 0);
    for check in checks() {
        if !here(check.needs) {
            left_out += 1;
            continue;
        }
        match (check.run)(&subject) {
            Ok(()) => {
                passed += 1;
                println!("ok    {}", check.name);
            }
            Err(why) => {
                failed += 1;
                println!("FAIL  {}\n      {}", check.name, why.replace('\n', "\n      "));
            }
        }
    }
    println!("{passed} passed, {failed} failed, {left_out} need a server started in another way");
    Ok(if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
