//! `/github-user/{username}`: one name, one call to the upstream, and what each of its answers means to our client.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use github_stub::Profile;

use super::{Check, Needs, Verdict, each, each_at_once};
use crate::Subject;
use crate::client::Request;

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "github-user passes the upstream's JSON on, unknown fields and order included",
        Needs::Stub,
        passes_on,
    ),
    Check::new(
        "github-user reads a profile in any framing the upstream may use",
        Needs::Stub,
        framings,
    ),
    Check::new(
        "github-user answers 404 for a user that GitHub does not know",
        Needs::Stub,
        unknown_user,
    ),
    Check::new(
        "github-user answers 502 for an upstream answer that cannot be used",
        Needs::Stub,
        unusable,
    ),
    Check::new(
        "github-user answers 503 with Retry-After for the upstream's rate limits",
        Needs::Stub,
        rate_limits,
    ),
    Check::new("github-user follows no redirect", Needs::Stub, redirects),
    Check::new(
        "github-user answers 504 when the upstream is late, in total and not per byte",
        Needs::Stub,
        late,
    )
    .alone(),
    Check::new(
        "github-user recovers from a fault of the upstream that has passed",
        Needs::Stub,
        passing_faults,
    ),
    Check::new("github-user refuses a hostile name before any I/O", Needs::Stub, hostile_names),
    Check::new(
        "github-user asks as GitHub wants to be asked, and passes none of the client's fields on",
        Needs::Stub,
        asks_properly,
    )
    .alone(),
    Check::new("github-user asks each time: there is no cache of replies", Needs::Stub, no_cache),
    Check::new("github-user keeps its connections to the upstream", Needs::Stub, keeps_connections)
        .alone(),
    Check::new(
        "github-user answers 502 within a second when the upstream refuses",
        Needs::NoUpstream,
        refused,
    )
    .alone(),
];

/// A name that no other check asks for, with the stub's dial in front.
fn fresh(dial: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{dial}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn passes_on(subject: &Subject) -> Verdict {
    for name in ["octocat", "A-b_9", "x", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] {
        let reply = subject.get_with(&format!("/github-user/{name}"), 200)?;
        let media_type = reply.field("content-type");
        ensure!(media_type == Some("application/json"), "{name}: content-type {media_type:?}");
        let profile = String::from_utf8_lossy(&Profile::of(name).json()).into_owned();
        ensure!(reply.text() == profile, "{name}: {} is not what the upstream sent", reply.text());
    }
    // A padded profile holds a field that nobody knows, and may be exactly as large as is read.
    for size in [5_000_usize, 1 << 20] {
        let reply = subject.get_with(&format!("/github-user/size-{size}"), 200)?;
        ensure!(reply.body.len() == size, "size-{size}: {} bytes", reply.body.len());
    }
    Ok(())
}

fn framings(subject: &Subject) -> Verdict {
    each(
        ["chunked", "closes", "stale", "stale", "extra", "extra", "slow-200ms", "octocat"],
        |dial| {
            let name = fresh(dial);
            let reply = subject.get_with(&format!("/github-user/{name}"), 200)?;
            let login = reply.json()?["login"].clone();
            ensure!(login == name, "asked for {name} and got {login}");
            Ok(())
        },
    )
}

fn unknown_user(subject: &Subject) -> Verdict {
    subject.problem(&format!("/github-user/{}", fresh("missing")), 404).map(drop)
}

fn unusable(subject: &Subject) -> Verdict {
    let dials = [
        "down",
        "html",
        "mistyped",
        "notjson",
        "shape",
        "fields",
        "empty",
        "utf8",
        "cut",
        "cut-chunked",
        "cut-head",
        "reset",
        "huge",
        "huge-declared",
        "bomb",
        "endless-head",
        "garbled",
        "size-1048577",
        "error-500",
        "error-502",
        "error-503",
        "error-504",
        "error-400",
        "error-401",
        "error-451",
    ];
    each_at_once(dials, |dial| {
        let problem = subject.problem(&format!("/github-user/{}", fresh(dial)), 502)?;
        ensure!(
            !problem.detail.contains("127.0.0.1"),
            "{dial}: {} tells of the inside",
            problem.detail
        );
        Ok(())
    })
}

fn rate_limits(subject: &Subject) -> Verdict {
    // The reset of `rate-limited` is a minute away; the others say how long to wait.
    let dials = [("rate-limited", 50..=61), ("rate-limited-429", 7..=7), ("secondary", 60..=60)];
    each(dials, |(dial, range)| {
        let target = format!("/github-user/{}", fresh(dial));
        let reply = subject.get_with(&target, 503)?;
        let after = reply.field("retry-after").and_then(|value| value.parse::<u64>().ok());
        ensure!(after.is_some_and(|after| range.contains(&after)), "{dial}: Retry-After {after:?}");
        reply.problem(&target).map(drop)
    })
}

fn redirects(subject: &Subject) -> Verdict {
    each(["redirect", "redirect-away", "redirect-loop"], |dial| {
        let name = fresh(dial);
        subject.problem(&format!("/github-user/{name}"), 502)?;
        let count = subject.stub()?.seen(&name).count;
        ensure!(count == 1, "{dial}: the upstream was asked {count} times");
        Ok(())
    })?;
    let decoy = subject.stub()?.stats().decoy;
    ensure!(decoy.connections == 0, "{} connections went to another host", decoy.connections);
    Ok(())
}

fn late(subject: &Subject) -> Verdict {
    each_at_once(["hang", "drip", "drip-body", "slow-30s"], |dial| {
        let target = format!("/github-user/{}", fresh(dial));
        let start = Instant::now();
        subject.problem(&target, 504)?;
        let took = start.elapsed();
        let range = Duration::from_millis(2_500)..=Duration::from_millis(3_200);
        ensure!(range.contains(&took), "{dial}: answered after {took:?}, not about 3 s");
        Ok(())
    })
}

fn passing_faults(subject: &Subject) -> Verdict {
    // Whether the first call is tried again is the server's choice; that the second works is not.
    each([("flaky", 502), ("flaky-reset", 502), ("flaky-429", 503)], |(dial, status)| {
        let target = format!("/github-user/{}", fresh(dial));
        let first = subject.get(&target)?.status;
        ensure!(first == 200 || first == status, "{dial}: answered {first}");
        subject.get_with(&target, 200).map(drop)
    })
}

/// Fault F22: what a name must never become. Each with the status it gets.
const HOSTILE: &[(&str, u16)] = &[
    ("..%2f..%2fstub", 404),
    ("a%2Fb", 404),
    ("a%3Fx=1", 422),
    ("a%23b", 422),
    ("%0d%0aHost:x", 422),
    ("%2e%2e", 422),
    ("..", 422),
    (".", 422),
    ("@127.0.0.1:9", 422),
    ("a@b", 422),
    ("%00", 422),
    ("%F0%9F%98%80", 422),
    ("%C3%BC", 422),
    ("127.0.0.1:9", 422),
    ("CONNECT%20x:1", 422),
    ("a%20b", 422),
    ("a+b", 422),
    ("a%5Cb", 422),
    ("a%252Fb", 422),
    ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 422),
    ("%FF", 422),
    ("a;b", 422),
    ("a:b", 422),
    ("", 404),
    ("a/b", 404),
];

fn hostile_names(subject: &Subject) -> Verdict {
    let before = subject.stub()?.stats().unexpected;
    each(HOSTILE, |(name, status)| {
        let target = format!("/github-user/{name}");
        let problem = subject.problem(&target, *status)?;
        let kind = problem.errors.first().map(|error| error.kind.to_string());
        let expected = (*status == 422).then_some("string_pattern_mismatch");
        ensure!(kind.as_deref() == expected, "{target}: the error is {kind:?}");
        Ok(())
    })?;
    let long = format!("/github-user/{}", "a".repeat(300));
    subject.problem(&long, 422)?;
    for (name, _) in HOSTILE {
        let count = subject.stub()?.seen(name).count;
        ensure!(count == 0, "{name} reached the upstream");
    }
    let after = subject.stub()?.stats().unexpected;
    ensure!(after == before, "the upstream was asked for {after:?}");
    Ok(())
}

fn asks_properly(subject: &Subject) -> Verdict {
    let name = fresh("octocat");
    let request = Request::get(&format!("/github-user/{name}?secret=s3cr3t"))
        .field("Authorization", "Bearer s3cr3t")
        .field("Cookie", "s3cr3t=1")
        .field("X-Forwarded-For", "s3cr3t");
    subject.ask(&request)?.expect(200)?;
    let head = subject.stub()?.last_head().to_ascii_lowercase();
    ensure!(head.starts_with(&format!("get /users/{name} http/1.1")), "asked {head:?}");
    for field in
        ["accept: application/vnd.github+json", "x-github-api-version: 2022-11-28", "user-agent: "]
    {
        ensure!(head.contains(&format!("\r\n{field}")), "{field:?} is not in {head:?}");
    }
    ensure!(!head.contains("s3cr3t"), "the client's fields reached the upstream: {head:?}");
    ensure!(!head.contains("gzip"), "an encoding is asked for that is not decoded: {head:?}");
    let nameless = subject.stub()?.stats().requests.no_user_agent;
    ensure!(nameless == 0, "{nameless} requests had no User-Agent");
    Ok(())
}

fn no_cache(subject: &Subject) -> Verdict {
    let name = fresh("octocat");
    for _ in 0..3 {
        subject.get_with(&format!("/github-user/{name}"), 200)?;
    }
    let count = subject.stub()?.seen(&name).count;
    ensure!(count == 3, "three requests asked the upstream {count} times");
    Ok(())
}

/// Clients at once, and how many requests each makes in turn.
const CLIENTS: u64 = 32;
const TURNS: u64 = 8;

fn keeps_connections(subject: &Subject) -> Verdict {
    let before = subject.stub()?.stats().connections.total;
    each_at_once(0..CLIENTS, |_| {
        let mut connection = subject.connect()?;
        for _ in 0..TURNS {
            connection.get("/github-user/octocat")?.expect(200)?;
        }
        Ok(())
    })?;
    let made = subject.stub()?.stats().connections.total - before;
    let calls = CLIENTS * TURNS;
    // A client that keeps what it has needs one connection a call in flight, and a few more when two are late.
    ensure!(
        made <= CLIENTS + 8,
        "{calls} calls, {CLIENTS} at once, made {made} connections to the upstream"
    );
    Ok(())
}

fn refused(subject: &Subject) -> Verdict {
    let start = Instant::now();
    subject.problem("/github-user/octocat", 502)?;
    let took = start.elapsed();
    ensure!(took <= Duration::from_secs(1), "answered after {took:?}");
    Ok(())
}
