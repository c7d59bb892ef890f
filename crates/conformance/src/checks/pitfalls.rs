//! `/pitfalls/…`: mistakes on purpose. They exist only with `--pitfalls`, and the judge must see what is wrong with them.

use super::{Check, Needs, Verdict, each};
use crate::{Subject, shape};

pub(super) const CHECKS: &[Check] = &[
    Check::new("pitfalls are not there unless asked for", Needs::Stub, absent),
    Check::new("pitfalls/blocking-wait answers as wait does", Needs::Pitfalls, as_wait),
    Check::new(
        "a handler that panics is a 500 problem, counted, and no reason to stop",
        Needs::Pitfalls,
        panics,
    )
    .alone(),
    Check::new(
        "the shape check convicts pitfalls/blocking-wait wherever there is an event loop",
        Needs::Accused,
        convicted,
    )
    .alone(),
];

fn absent(subject: &Subject) -> Verdict {
    each(
        [
            "/pitfalls/blocking-wait/0",
            "/pitfalls/blocking-wait/abc",
            "/pitfalls/panic",
            "/pitfalls/blocking-client/octocat",
            "/pitfalls/lock-across-await/0",
            "/remedies/lock-across-await/0",
            "/pitfalls",
        ],
        |target| subject.problem(target, 404).map(drop),
    )
}

fn as_wait(subject: &Subject) -> Verdict {
    let reply = subject.get_with("/pitfalls/blocking-wait/0.1", 200)?;
    ensure!(reply.text() == r#"{"message":"Waited for 0.1 seconds!"}"#, "{}", reply.text());
    subject.problem("/pitfalls/blocking-wait/-1", 422).map(drop)
}

fn panics(subject: &Subject) -> Verdict {
    let before = subject.metric("http_panics_total")?;
    for _ in 0..20 {
        let problem = subject.problem("/pitfalls/panic", 500)?;
        ensure!(
            !problem.detail.contains("purpose"),
            "the client is told the panic: {}",
            problem.detail
        );
        subject.get_with("/wait/0", 200)?;
    }
    let counted = subject.metric("http_panics_total")? - before;
    ensure!((counted - 20.0).abs() < 0.5, "20 panics were counted as {counted}");
    Ok(())
}

fn convicted(subject: &Subject) -> Verdict {
    match (shape::check(subject, "/pitfalls/blocking-wait"), subject.has_event_loop) {
        (Err(_), true) | (Ok(_), false) => Ok(()),
        (Ok(seen), true) => {
            Err(format!("a handler that blocks its event loop was acquitted: {seen:.2?}"))
        }
        (Err(error), false) => Err(format!("a thread may block, yet: {error}")),
    }
}
