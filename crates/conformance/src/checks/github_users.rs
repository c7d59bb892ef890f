//! `/github-users`: several names in one reply, together or in turn.

use std::thread;
use std::time::{Duration, Instant};

use contract::{Users, github::MOST_USERS};

use super::{Check, Needs, Verdict, each};
use crate::Subject;

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "github-users answers in the order asked, each name its profile or its problem",
        Needs::Stub,
        in_order,
    ),
    Check::new("github-users asks in parallel: as long as the slowest call", Needs::Stub, parallel)
        .alone(),
    Check::new(
        "github-users asks in turn when told to: as long as all calls together",
        Needs::Stub,
        in_turn,
    )
    .alone(),
    Check::new("github-users takes one to twenty names", Needs::Stub, how_many),
    Check::new("github-users answers a repeated name each time", Needs::Stub, repeated),
    Check::new("github-users refuses a bad name or mode before any I/O", Needs::Stub, bad_input),
    Check::new(
        "github-users answers within the upstream's deadline when some names hang",
        Needs::Stub,
        some_hang,
    )
    .alone(),
    Check::new("limits: many names of many clients are not a thread each", Needs::Narrow, threads)
        .alone(),
];

/// Where a call is a thread, nothing but a bound keeps clients from starting them until the process ends.
fn threads(subject: &Subject) -> Verdict {
    let before = subject.metric("process_threads")?;
    let names: Vec<_> = (0..20).map(|n| format!("slow-5s-{n}")).collect();
    let targets = vec![target(&names.join(","), ""); 10];
    let during = thread::scope(|scope| {
        let asked = scope.spawn(|| subject.get_all(&targets));
        thread::sleep(Duration::from_millis(500));
        let during = subject.metric("process_threads");
        let replies = asked.join().expect("asking does not panic");
        each(replies, |reply| reply?.expect(200).map(drop))?;
        during
    })?;
    let more = during - before;
    ensure!(more <= 60.0, "10 clients with 20 names each are {more} threads more");
    Ok(())
}

/// `a,b` as a target.
fn target(names: &str, more: &str) -> String {
    let names: Vec<_> = names.split(',').map(|name| format!("username={name}")).collect();
    format!("/github-users?{}{more}", names.join("&"))
}

fn ask(subject: &Subject, target: &str) -> Result<Users, String> {
    let reply = subject.get_with(target, 200)?;
    let media_type = reply.field("content-type");
    ensure!(media_type == Some("application/json"), "{target}: content-type {media_type:?}");
    let users: Users = serde_json::from_slice(&reply.body).map_err(|error| {
        format!("{target}: not the contract's users ({error}): {}", reply.text())
    })?;
    let again = serde_json::to_vec(&users).map_err(|error| error.to_string())?;
    ensure!(again == reply.body, "{target}: not in the contract's form: {}", reply.text());
    Ok(users)
}

fn names(users: &Users) -> Vec<&str> {
    users.users.iter().map(|user| user.username.as_str()).collect()
}

fn in_order(subject: &Subject) -> Verdict {
    for mode in ["", "&mode=parallel", "&mode=sequential"] {
        let asked = "slow-100ms-a,octocat,missing-b,error-500-c,torvalds";
        let target = target(asked, mode);
        let users = ask(subject, &target)?;
        ensure!(names(&users).join(",") == asked, "{target}: {:?}", names(&users));
        let statuses: Vec<_> = users
            .users
            .iter()
            .map(|user| match (&user.profile, &user.problem) {
                (Some(_), None) => 200,
                (None, Some(problem))
                    if problem.instance == format!("/github-user/{}", user.username) =>
                {
                    problem.status
                }
                _ => 0,
            })
            .collect();
        ensure!(statuses == [200, 200, 404, 502, 200], "{target}: {statuses:?}");
        let login =
            serde_json::to_value(&users.users[4].profile).map_err(|error| error.to_string())?;
        ensure!(login["login"] == "torvalds", "{target}: torvalds got {login}");
    }
    Ok(())
}

/// Eight calls of 200 ms.
fn eight(letter: char) -> String {
    (0..8).map(|n| format!("slow-200ms-{letter}{n}")).collect::<Vec<_>>().join(",")
}

fn parallel(subject: &Subject) -> Verdict {
    let alone = subject.get_with("/github-user/slow-200ms-alone", 200)?.took;
    let start = Instant::now();
    ask(subject, &target(&eight('p'), ""))?;
    let took = start.elapsed();
    // In turn they would take eight times as long as one.
    ensure!(took < alone * 3, "eight calls took {took:?} together, one alone {alone:?}");
    Ok(())
}

fn in_turn(subject: &Subject) -> Verdict {
    let start = Instant::now();
    ask(subject, &target(&eight('s'), "&mode=sequential"))?;
    let took = start.elapsed();
    ensure!(took >= Duration::from_millis(1_590), "eight calls of 200 ms in turn took {took:?}");
    let stub = subject.stub()?;
    let asked: Vec<_> = (0..8).map(|n| stub.seen(&format!("slow-200ms-s{n}")).first_ms).collect();
    let apart = asked.windows(2).all(|pair| pair[1] >= pair[0] + 190);
    ensure!(apart, "the upstream was asked at {asked:?} ms, not one after the other");
    Ok(())
}

fn how_many(subject: &Subject) -> Verdict {
    let many = |count: usize| {
        let names: Vec<_> = (0..count).map(|n| format!("user-{n}")).collect();
        target(&names.join(","), "")
    };
    let users = ask(subject, &many(MOST_USERS))?;
    ensure!(users.users.len() == MOST_USERS, "{} of {MOST_USERS}", users.users.len());
    let kind = |target: &str| -> Result<String, String> {
        let problem = subject.problem(target, 422)?;
        Ok(problem.errors.first().map(|error| error.kind.to_string()).unwrap_or_default())
    };
    ensure!(kind(&many(MOST_USERS + 1))? == "too_long", "21 names are not too_long");
    ensure!(kind(&many(400))? == "too_long", "400 names are not too_long");
    ensure!(kind("/github-users")? == "missing", "no name is not missing");
    ensure!(kind("/github-users?mode=parallel")? == "missing", "no name is not missing");
    Ok(())
}

fn repeated(subject: &Subject) -> Verdict {
    let users = ask(subject, &target("octocat,torvalds,octocat", ""))?;
    ensure!(names(&users) == ["octocat", "torvalds", "octocat"], "{:?}", names(&users));
    ensure!(users.users[0] == users.users[2], "the same name has two answers");
    Ok(())
}

fn bad_input(subject: &Subject) -> Verdict {
    let before = subject.stub()?.stats().unexpected;
    each(["a%2Fb", "", "..", "%00", "a,b".replace(',', "%20").as_str()], |name| {
        let target = target(&format!("asked-in-vain,{name}"), "");
        let problem = subject.problem(&target, 422)?;
        let loc = problem.errors.first().map(|error| error.loc.clone()).unwrap_or_default();
        ensure!(loc == ["query", "username", "1"], "{target}: loc is {loc:?}");
        Ok(())
    })?;
    let problem = subject.problem(&target("asked-in-vain", "&mode=fast"), 422)?;
    let msg = problem.errors.first().map(|error| error.msg.to_string()).unwrap_or_default();
    ensure!(msg == "Input should be 'parallel' or 'sequential'", "mode=fast: {msg}");
    let stub = subject.stub()?;
    ensure!(stub.seen("asked-in-vain").count == 0, "the upstream was asked before all was checked");
    ensure!(stub.stats().unexpected == before, "asked for {:?}", stub.stats().unexpected);
    Ok(())
}

fn some_hang(subject: &Subject) -> Verdict {
    let start = Instant::now();
    let users = ask(subject, &target("octocat,hang-1,hang-2,torvalds", ""))?;
    let took = start.elapsed();
    let statuses: Vec<_> = users
        .users
        .iter()
        .map(|user| user.problem.as_ref().map_or(200, |problem| problem.status))
        .collect();
    ensure!(statuses == [200, 504, 504, 200], "{statuses:?}");
    ensure!(took <= Duration::from_millis(3_400), "answered after {took:?}");
    Ok(())
}
