//! The sizes and counts that are bounded, on a server whose limits are small: each is kept, and says so as the contract tells.

use std::thread;
use std::time::{Duration, Instant};

use super::{Check, Needs, Verdict, each};
use crate::Subject;
use crate::client::{Request, Trouble};

pub(super) const CHECKS: &[Check] = &[
    Check::new("limits: metrics shows what the flags set", Needs::Narrow, shown),
    Check::new("limits: --max-wait bounds waits and deadlines", Needs::Narrow, max_wait),
    Check::new(
        "limits: a head over --head-bytes, --head-fields or --head-line is a 431 or 414, then a close",
        Needs::Narrow,
        head,
    ),
    Check::new("limits: a body over --body-bytes is a 413", Needs::Narrow, body),
    Check::new(
        "limits: --handler-deadline holds over the wait that was asked for",
        Needs::Narrow,
        handler,
    )
    .alone(),
    Check::new(
        "limits: --upstream-max bounds calls; who gets no permit in time is a 503",
        Needs::Narrow,
        permits,
    )
    .alone(),
    Check::new(
        "limits: an answer of the upstream over --upstream-bytes is a 502",
        Needs::Narrow,
        upstream_bytes,
    ),
    Check::new(
        "limits: a connection over --connections is a 503 or a close, and room is found again",
        Needs::Narrow,
        connections,
    )
    .alone(),
];

fn shown(subject: &Subject) -> Verdict {
    each(subject.limits.gauges(), |(name, limit)| {
        let shown = subject.metric(name)?;
        ensure!((shown - limit).abs() < 1e-9, "{name} is {shown}, not {limit}");
        Ok(())
    })?;
    each(["limit_offload_threads", "limit_offload_queue"], |name| {
        let shown = subject.metric(name)?;
        ensure!(shown == 2.0, "{name} is {shown}, not 2");
        Ok(())
    })
}

fn max_wait(subject: &Subject) -> Verdict {
    each(
        ["/wait/3", "/wait/2.1", "/offload/wait/3", "/work?wait=3", "/wait/0?deadline=3"],
        |target| {
            let problem = subject.problem(target, 422)?;
            let msg = problem.errors.first().map(|error| error.msg.to_string()).unwrap_or_default();
            ensure!(msg == "Input should be less than or equal to 2", "{target}: {msg}");
            Ok(())
        },
    )
}

fn head(subject: &Subject) -> Verdict {
    let many = (0..17).map(|n| format!("X-{n}: v\r\n")).collect::<String>();
    let cases = [
        (format!("GET /wait/0?{} HTTP/1.1\r\nHost: a\r\n\r\n", "q".repeat(1_100)), 414),
        (format!("GET /wait/0 HTTP/1.1\r\nHost: a\r\n{many}\r\n"), 431),
        (format!("GET /wait/0 HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "v".repeat(20_000)), 431),
    ];
    each(cases, |(bytes, status)| {
        let line = &bytes[..20];
        let mut connection = subject.connect()?.connection;
        connection.send_what_is_taken(bytes.as_bytes());
        let reply = connection
            .reply(false, Duration::from_secs(3))
            .map_err(|error| format!("{line}… for {status}: {error}"))?;
        ensure!(reply.status == status, "{line}… answered {}, not {status}", reply.status);
        ensure!(reply.says_close(), "the {status} does not say that the connection ends");
        ensure!(reply.body.is_empty(), "the {status} has content");
        ensure!(
            connection.closed_within(Duration::from_secs(3)),
            "after a {status} the connection stays open"
        );
        Ok(())
    })
}

fn body(subject: &Subject) -> Verdict {
    let reply = subject.ask(&Request::new("POST", "/echo").body(vec![b'x'; 1_024]))?.expect(200)?;
    ensure!(reply.text() == "len=1024", "{}", reply.text());
    subject
        .ask(&Request::new("POST", "/echo").body(vec![b'x'; 1_025]))?
        .expect(413)?
        .problem("/echo")
        .map(drop)
}

fn handler(subject: &Subject) -> Verdict {
    // Two sleeps take the two threads for 2 s; the third waits for one, 0.1 s over the deadline's 1.5.
    let replies: Vec<_> = thread::scope(|scope| {
        let asked: Vec<_> = ["/offload/wait/2", "/offload/wait/2", "/offload/wait/0.1"]
            .into_iter()
            .map(|target| {
                let ask = scope.spawn(move || subject.get(target));
                thread::sleep(Duration::from_millis(50));
                ask
            })
            .collect();
        asked.into_iter().map(|reply| reply.join().expect("asking does not panic")).collect()
    });
    let replies = replies.into_iter().collect::<Result<Vec<_>, _>>()?;
    let statuses: Vec<_> = replies.iter().map(|reply| reply.status).collect();
    ensure!(statuses == [200, 200, 503], "answered {statuses:?}");
    let took = replies[2].took;
    let range = Duration::from_millis(1_450)..=Duration::from_millis(1_900);
    ensure!(
        range.contains(&took),
        "the deadline of 1.5 s over a wait of 0.1 s came after {took:?}"
    );
    Ok(())
}

fn permits(subject: &Subject) -> Verdict {
    let targets: Vec<_> = (0..6).map(|n| format!("/github-user/slow-5s-{n}")).collect();
    let before = subject.stub()?.stats().requests.total;
    let replies = subject.get_all(&targets).into_iter().collect::<Result<Vec<_>, _>>()?;
    let count = |status: u16| replies.iter().filter(|reply| reply.status == status).count();
    let statuses: Vec<_> = replies.iter().map(|reply| reply.status).collect();
    // Two hold the permits until they time out; the others have waited as long by then.
    ensure!(
        count(504) >= 2 && count(503) >= 1 && count(503) + count(504) == 6,
        "six calls got {statuses:?}"
    );
    each(&replies, |reply| {
        ensure!(
            reply.took <= Duration::from_millis(1_700),
            "a {} came after {:?}",
            reply.status,
            reply.took
        );
        ensure!(
            reply.status != 503 || reply.field("retry-after").is_some(),
            "a 503 has no Retry-After"
        );
        Ok(())
    })?;
    let asked = subject.stub()?.stats().requests.total - before;
    ensure!(asked <= 4, "two permits let {asked} calls through");
    subject.get_with("/github-user/octocat", 200).map(drop)
}

fn upstream_bytes(subject: &Subject) -> Verdict {
    subject.get_with("/github-user/size-65536", 200)?;
    subject.problem("/github-user/size-65537", 502).map(drop)
}

fn connections(subject: &Subject) -> Verdict {
    // It can be told only while the first ones are not yet closed for being idle.
    let told = (0..3).find_map(|_| crowd(subject).transpose());
    told.unwrap_or_else(|| {
        Err("60 connections took longer to open than one may be idle".to_owned())
    })?;
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        match subject.get("/wait/0") {
            Ok(reply) if reply.status == 200 => return Ok(()),
            other if Instant::now() >= deadline => {
                return Err(format!("with all of them gone: {other:?}"));
            }
            _ => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// 60 connections where 40 fit, and what the last are told; nothing when it took too long to say.
fn crowd(subject: &Subject) -> Result<Option<()>, String> {
    let start = Instant::now();
    let mut open = Vec::new();
    for _ in 0..60 {
        open.push(subject.connect()?.connection);
    }
    let until = Instant::now() + Duration::from_millis(300);
    let mut refused = 0;
    for connection in open.iter_mut().rev().take(15) {
        let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        match connection.reply(false, left) {
            Ok(reply) => {
                ensure!(reply.status == 503, "a connection too many got {}", reply.status);
                ensure!(reply.field("retry-after").is_some(), "the 503 has no Retry-After");
                refused += 1;
            }
            Err(Trouble::Closed | Trouble::Failed(_)) => refused += 1,
            Err(_) => {}
        }
    }
    if start.elapsed() >= subject.limits.idle {
        return Ok(None);
    }
    ensure!(refused >= 10, "of 60 connections where 40 fit, {refused} of the last 15 were refused");
    Ok(Some(()))
}
