//! `/scrape`: many users in one reply, a line as each answers, each asked for once and politely.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use contract::User;
use contract::scrape::AT_ONCE;
use serde_json::json;

use super::{Check, Needs, Verdict, each};
use crate::Subject;
use crate::client::{Connection, PATIENCE, Request};

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "scrape answers a line a name, its profile or its problem, each name once",
        Needs::Stub,
        each_once,
    )
    .alone(),
    Check::new("scrape sends a line as it arrives, not when all have", Needs::Stub, as_they_come),
    Check::new("scrape asks a few at once and no more", Needs::Stub, bounded).alone(),
    Check::new(
        "scrape asks nobody while the upstream says to wait, and waits for no minute",
        Needs::Stub,
        polite,
    )
    .alone(),
    Check::new("scrape ends when its client leaves", Needs::Stub, client_leaves).alone(),
    Check::new("scrape refuses what is no list of names before any I/O", Needs::Stub, bad_input)
        .alone(),
];

fn scrape(names: &[String]) -> Request {
    Request::new("POST", "/scrape")
        .field("Content-Type", "application/json")
        .body(json!({ "usernames": names }).to_string())
}

fn lines(text: &str) -> Result<Vec<User>, String> {
    let user = |line: &str| {
        serde_json::from_str(line).map_err(|error| format!("no line of ours ({error}): {line}"))
    };
    text.lines().map(user).collect()
}

fn ask(subject: &Subject, names: &[String]) -> Result<Vec<User>, String> {
    let reply = subject.ask(&scrape(names))?.expect(200)?;
    let media_type = reply.field("content-type");
    ensure!(media_type == Some("application/x-ndjson"), "content-type {media_type:?}");
    lines(&reply.text())
}

fn each_once(subject: &Subject) -> Verdict {
    let before = subject.stub()?.stats().requests.total;
    let mut names: Vec<_> = (0..60).map(|n| format!("scrape-{n}")).collect();
    names.extend((0..60).map(|n| format!("scrape-{}", n % 7)));
    names.push("missing-scrape".to_owned());
    let users = ask(subject, &names)?;
    let found: BTreeSet<_> = users.iter().map(|user| user.username.clone()).collect();
    let wanted: BTreeSet<_> = names.into_iter().collect();
    ensure!(found == wanted && users.len() == wanted.len(), "{} lines for {found:?}", users.len());
    each(users, |user| {
        let status = user.problem.as_ref().map(|problem| problem.status);
        let right = if user.username.starts_with("missing") { Some(404) } else { None };
        ensure!(
            status == right && user.profile.is_none() == right.is_some(),
            "{} is {status:?}",
            user.username
        );
        Ok(())
    })?;
    let asked = subject.stub()?.stats().requests.total - before;
    ensure!(asked == 61, "61 names were asked for {asked} times");
    Ok(())
}

fn begin(subject: &Subject, names: &[String]) -> Result<Connection, String> {
    let mut connection = subject.connect()?.connection;
    connection.send(&scrape(names).bytes(&subject.host)).map_err(|error| error.to_string())?;
    Ok(connection)
}

fn as_they_come(subject: &Subject) -> Verdict {
    let names = ["slow-2s-scrape", "octocat"].map(str::to_owned);
    let start = Instant::now();
    let mut connection = begin(subject, &names)?;
    while !String::from_utf8_lossy(connection.unread()).contains("octocat") {
        ensure!(start.elapsed() < Duration::from_millis(1_500), "the quick one waits for the slow");
        connection.closed_within(Duration::from_millis(20));
    }
    let reply = connection.reply(false, PATIENCE).map_err(|error| error.to_string())?;
    let users = lines(&reply.expect(200)?.text())?;
    let order: Vec<_> = users.iter().map(|user| user.username.as_str()).collect();
    ensure!(order == ["octocat", "slow-2s-scrape"], "they came as {order:?}");
    Ok(())
}

fn bounded(subject: &Subject) -> Verdict {
    let names: Vec<_> = (0..3 * AT_ONCE).map(|n| format!("slow-200ms-scrape{n}")).collect();
    let start = Instant::now();
    let asked = thread::scope(|scope| {
        let asked = scope.spawn(|| ask(subject, &names));
        let mut most = 0.0_f64;
        while !asked.is_finished() {
            most = most.max(subject.metric("upstream_in_flight").unwrap_or_default());
            thread::sleep(Duration::from_millis(10));
        }
        asked.join().expect("asking does not panic").map(|users| (users, most))
    });
    let (users, most) = asked?;
    let took = start.elapsed();
    ensure!(users.len() == names.len(), "{} lines for {} names", users.len(), names.len());
    ensure!(most <= AT_ONCE as f64, "{most} calls were in flight at once");
    ensure!(most > 1.0, "one call at a time");
    // In turn they take ten seconds.
    ensure!(took < Duration::from_secs(5), "{} calls of 0.2 s took {took:?}", names.len());
    Ok(())
}

fn polite(subject: &Subject) -> Verdict {
    // It says to come back in seven seconds, which is waited for, and says so again.
    let names = ["rate-limited-429-scrape"].map(str::to_owned);
    let before = subject.stub()?.stats().requests.total;
    let mut connection = begin(subject, &names)?;
    ensure!(!connection.closed_within(Duration::from_secs(3)), "it does not wait");
    let asked = subject.stub()?.stats().requests.total - before;
    ensure!(asked == 1, "within three of seven seconds it was asked {asked} times");
    connection.close();
    // A minute is not waited for: the name gets its refusal.
    let users = ask(subject, &["secondary-scrape".to_owned()])?;
    let status = users.first().and_then(|user| user.problem.as_ref()).map(|problem| problem.status);
    ensure!(status == Some(503), "a limit for a minute is {status:?}");
    Ok(())
}

fn client_leaves(subject: &Subject) -> Verdict {
    let names: Vec<_> = (0..1_000).map(|n| format!("slow-500ms-leaves{n}")).collect();
    let connection = begin(subject, &names)?;
    let streams = |when: &str, holds: fn(f64) -> bool| -> Verdict {
        let seen = subject.metric_until("http_streams", Duration::from_secs(5), holds);
        seen.map(drop).map_err(|error| format!("{when} {error}"))
    };
    streams("while it is sent", |open| open >= 1.0)?;
    connection.close();
    streams("when its client has left", |open| open < 1.0)?;
    let before = subject.stub()?.stats().requests.total;
    thread::sleep(Duration::from_millis(700));
    let after = subject.stub()?.stats().requests.total - before;
    ensure!(after == 0, "nobody listens, and {after} more are asked for");
    Ok(())
}

fn bad_input(subject: &Subject) -> Verdict {
    let before = subject.stub()?.stats().requests.total;
    let many = json!({ "usernames": vec!["a"; 1_001] }).to_string();
    let deep = "[".repeat(100_000);
    each(
        [
            "",
            "{}",
            "[]",
            "null",
            r#"{"usernames":[]}"#,
            r#"{"usernames":"octocat"}"#,
            r#"{"usernames":["octocat","a/b"]}"#,
            r#"{"usernames":[1]}"#,
            r#"{"usernames":["octocat"]} tail"#,
            &many,
            &deep,
        ],
        |body| {
            let request = Request::new("POST", "/scrape").field("Content-Type", "application/json");
            let shown: String = body.chars().take(40).collect();
            let reply = subject.ask(&request.body(body))?.expect(422);
            reply.map_err(|error| format!("{shown}: {error}"))?.problem("/scrape").map(drop)
        },
    )?;
    let typed = Request::new("POST", "/scrape").field("Content-Type", "text/plain").body("{}");
    subject.ask(&typed)?.expect(415)?.problem("/scrape")?;
    let large = Request::new("POST", "/scrape")
        .field("Content-Type", "application/json")
        .body(vec![b' '; (1 << 20) + 1]);
    subject.ask(&large)?.expect(413)?.problem("/scrape")?;
    let asked = subject.stub()?.stats().requests.total - before;
    ensure!(asked == 0, "{asked} calls were made");
    Ok(())
}
