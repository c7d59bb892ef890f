//! An upstream that is down, hangs, stops in the middle, or lies; and names that must never reach it.

use std::time::{Duration, Instant};

use anyhow::anyhow;
use conformance::client::Request;
use conformance::reply::Reply;

use crate::found::Found;
use crate::stage::Stage;

const MIB: u64 = 1 << 20;

/// F17: nobody listens there; and, to count how often it is tried, one that resets every connection.
pub(crate) fn refused(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    const CALLS: usize = 10;
    let arena = stage.start(&["--github-url=http://127.0.0.1:9"])?;
    let (mut answered, mut slowest) = (0, Duration::ZERO);
    for call in 0..CALLS {
        let start = Instant::now();
        let reply =
            arena.subject.get(&format!("/github-user/u{call}")).map_err(|error| anyhow!(error))?;
        answered += usize::from(reply.status == 502);
        slowest = slowest.max(start.elapsed());
    }
    found.all("answered 502", answered, CALLS);
    found.within("the slowest of them", slowest, Duration::from_secs(1));
    let (arena, stub) = stage.start_with_stub(&[])?;
    let (mut answered, mut tried, mut most) = (0, 0, 0);
    for call in 0..CALLS {
        let before = stub.stats().connections.total;
        let reply = arena.subject.get(&format!("/github-user/down-{call}"));
        answered += usize::from(reply.is_ok_and(|reply| reply.status == 502));
        let connects = stub.stats().connections.total - before;
        tried += usize::from(connects > 0);
        most = most.max(connects);
    }
    found.all("answered 502 for an upstream that resets", answered, CALLS);
    found.all("it was tried", tried, CALLS);
    found.at_most(
        "connects for one request to an upstream that resets",
        most as f64,
        3.0,
        "connects",
    );
    arena.returns_to_base(found, 16 * MIB)
}

/// F18: an upstream that accepts and then takes for ever, in whatever way; more calls than there are permits.
pub(crate) fn hangs(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    let (calls, total) = stage.scaled((300, 3.0), (60, 1.0));
    let permits = stage.scaled(256, 50);
    let (most, total_flag) =
        (format!("--upstream-max={permits}"), format!("--upstream-total={total}"));
    let (arena, stub) = stage.start_with_stub(&[&most, &total_flag])?;
    let beside = arena.beside(50.0);
    for how in ["hang", "drip", "drip-body", "slow-30s"] {
        let targets: Vec<_> = (0..calls).map(|call| format!("/github-user/{how}-{call}")).collect();
        let mut replies = arena.subject.get_all(&targets).into_iter().flatten().collect::<Vec<_>>();
        let given_up = replies.iter().filter(|reply| matches!(reply.status, 503 | 504)).count();
        found.all(&format!("{how}: answered 504, or 503 without a permit"), given_up, calls);
        // Whoever has a permit waits for the upstream, and not for a permit.
        let late = replies.iter().filter(|reply| reply.status == 504).count();
        found.all(&format!("{how}: 504 to whoever has a permit"), late.min(permits), permits);
        replies.sort_by_key(|reply| reply.took);
        let p99 = replies.get(replies.len() * 99 / 100).map_or(Duration::MAX, |reply| reply.took);
        let most = Duration::from_secs_f64(total + 0.2);
        found.within(&format!("{how}: p99"), p99, most);
    }
    found.beside(&beside.stop()?, Duration::from_millis(100));
    arena.returns_to_base(found, 64 * MIB)?;
    found.none_in_the_end("connections still open at the upstream", || {
        stub.stats().connections.open
    });
    Ok(())
}

/// F19: answers that stop in the middle.
pub(crate) fn cut_short(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    all_are_502(stage, found, &["cut", "cut-chunked", "cut-head", "reset"])
}

/// F20: answers that are not what they should be, or never end.
pub(crate) fn bad_payloads(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    const HOW: [&str; 14] = [
        "html",
        "mistyped",
        "notjson",
        "shape",
        "fields",
        "empty",
        "utf8",
        "huge",
        "huge-declared",
        "bomb",
        "endless-head",
        "garbled",
        "error-500",
        "redirect-loop",
    ];
    all_are_502(stage, found, &HOW)
}

fn all_are_502(stage: &Stage, found: &mut Found, how: &[&str]) -> anyhow::Result<()> {
    let calls = stage.scaled(10, 3);
    let (arena, _stub) = stage.start_with_stub(&[])?;
    // What the client makes on first use is no growth.
    arena.subject.get_with("/github-user/octocat", 200).map_err(|error| anyhow!(error))?;
    let watch = arena.watch()?;
    let beside = arena.beside(50.0);
    for how in how {
        let ask = |call| arena.subject.get(&format!("/github-user/{how}-{call}"));
        let replies: Vec<Result<Reply, String>> = (0..calls).map(ask).collect();
        let right = replies.iter().flatten().filter(|reply| reply.status == 502).count();
        found.all(&format!("{how}: answered 502"), right, calls);
    }
    found.beside(&beside.stop()?, Duration::from_millis(100));
    found.growth(&watch.stop(), 8 * MIB);
    arena.returns_to_base(found, 16 * MIB)
}

/// F22: names that are none, written so that they might become a path, a host, a field, or another request.
pub(crate) fn hostile_names(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    let (arena, stub) = stage.start_with_stub(&[])?;
    let long = "a".repeat(300);
    let names = [
        "..%2f..",
        "%2e%2e",
        "a/b",
        "a%2Fb",
        "a%3Fx=1",
        "a#b",
        "a%23b",
        "%0d%0aHost:x",
        "%0aHost:%20x",
        "@127.0.0.1:9",
        "a@127.0.0.1:9",
        "%40127.0.0.1%3A9",
        "http:%2F%2F127.0.0.1:9",
        "%00",
        "a%00",
        "%ff",
        "%c3%bc",
        "a%20b",
        "a+b",
        "a;b",
        "a\\b",
        "%5c",
        "",
        ".",
        "..",
        &long,
    ];
    let targets = names.map(|name| format!("/github-user/{name}"));
    let mut requests: Vec<Request> = targets.iter().map(|target| Request::get(target)).collect();
    requests.push(Request::new("CONNECT", "127.0.0.1:9"));
    requests.push(Request::get(&format!("http://{}/users/octocat", stub.addr())));
    requests.extend(
        ["a%2Fb", "", "..", "a%0d%0ab"]
            .map(|name| Request::get(&format!("/github-users?username={name}"))),
    );
    let refused = requests.iter().filter(|request| {
        matches!(arena.subject.ask(request), Ok(reply) if matches!(reply.status, 400 | 404 | 422))
    });
    found.all("answered 400, 404 or 422", refused.count(), requests.len());
    let stats = stub.stats();
    found.none("connections to the upstream", stats.connections.total);
    found.none("connections to the decoy", stats.decoy.connections);
    let known = arena.subject.get("/github-user/octocat");
    let reaches = known.is_ok_and(|reply| reply.status == 200) && stub.stats().requests.total == 1;
    found.holds("a right name reaches it", reaches, "it does not");
    arena.returns_to_base(found, 16 * MIB)
}
