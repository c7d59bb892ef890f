//! Handlers that fail, or hold the thread that others need.

use std::thread;
use std::time::{Duration, Instant};

use conformance::checks;
use conformance::checks::hostile_requests;
use conformance::client::Request;
use conformance::until;

use crate::found::Found;
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
    let (mut refused, mut took) = (0, Vec::new());
    for request in (0..20).flat_map(|_| hostile_requests()) {
        let began = Instant::now();
        let reply = arena.subject.ask(&request);
        took.push(began.elapsed());
        refused += usize::from(reply.is_ok_and(|reply| (400..500).contains(&reply.status)));
    }
    found.all("each a 4xx", refused, took.len());
    took.sort_unstable();
    found.within("p99 of those", took[took.len() * 99 / 100], Duration::from_millis(100));
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

/// F16: ten requests that compute for a second each, amid normal traffic: offloaded, then in the handler.
pub(crate) fn computes(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    const CALLS: usize = 10;
    let cpu_ms = stage.scaled(1_000, 500);
    let has_event_loop = stage.server != "blocking";
    let workers: &[&str] = if has_event_loop { &["--workers=2"] } else { &[] };
    for placement in ["offload", "inline"] {
        let arena = stage.start(workers)?;
        let targets = vec![format!("/work?cpu_ms={cpu_ms}&placement={placement}"); CALLS];
        let beside = arena.beside(50.0);
        let replies = arena.subject.get_all(&targets);
        let right = replies.iter().flatten().filter(|reply| reply.status == 200).count();
        found.all(&format!("{placement}: answered"), right, CALLS);
        let beside = beside.stop()?;
        if placement == "offload" {
            found.beside(&beside, Duration::from_millis(100));
            continue;
        }
        let asked = beside.requests() as usize;
        found.all("inline: legitimate requests answered, however late", beside.ok as usize, asked);
        // Where there is no loop, none can stall.
        if has_event_loop {
            let lag = arena.metric("event_loop_lag_seconds")?;
            let is_seen = lag >= f64::from(cpu_ms) / 2_000.0;
            found.holds("inline: the loop is seen to stall in /metrics", is_seen, lag);
        }
    }
    Ok(())
}
