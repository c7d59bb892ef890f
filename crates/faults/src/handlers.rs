//! Handlers that fail.

use std::thread;
use std::time::Duration;

use conformance::checks;
use conformance::client::Request;

use crate::found::{Found, until};
use crate::stage::Stage;

/// F15: JSON that is deep, long, doubled, cut, or no JSON at all.
pub(crate) fn hostile_json(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    let arena = stage.start(&[])?;
    let beside = arena.beside(100.0);
    let about = ["notes: hostile JSON", "notes: what is no note is refused"];
    for check in
        checks().into_iter().filter(|check| about.iter().any(|name| check.name.starts_with(name)))
    {
        found.verdict(check.name, (check.run)(&arena.subject));
    }
    found.beside(&beside.stop()?, Duration::from_millis(100));
    // The pool keeps the connection to the database that what was right has opened: descriptors are not the base's.
    found.none("panics", arena.metric("http_panics_total")? as u64);
    Ok(())
}

/// F13: a handler that panics, amid normal traffic.
pub(crate) fn panics(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    const CALLS: usize = 20;
    let arena = stage.start(&["--pitfalls"])?;
    let beside = arena.beside(200.0);
    let answered = (0..CALLS).filter(|call| {
        let id = format!("panic-{call:02}");
        // Amid the traffic beside, not before it has begun.
        thread::sleep(Duration::from_millis(50));
        let request = Request::get("/pitfalls/panic").field("X-Request-Id", &id);
        arena.subject.ask(&request).is_ok_and(|reply| {
            let is_problem = reply.problem("/pitfalls/panic").is_ok();
            reply.status == 500 && is_problem && reply.field("x-request-id") == Some(&id)
        })
    });
    found.all("answered 500, a problem with the request's id", answered.count(), CALLS);
    found.beside(&beside.stop()?, Duration::from_millis(100));
    found.all("panics counted", arena.metric("http_panics_total")? as usize, CALLS);
    // Its lines may still be on their way to us.
    until(Duration::from_secs(5), || arena.panics_logged() >= CALLS as u64);
    let log = arena.server.output();
    let once = |call: &usize| log.matches(&format!("panic-{call:02}")).count() == 1;
    found.all("logged once, with the request's id", (0..CALLS).filter(once).count(), CALLS);
    found.all("lines of the log about it", arena.panics_logged() as usize, CALLS);
    arena.returns_to_base(found, 16 << 20)
}
