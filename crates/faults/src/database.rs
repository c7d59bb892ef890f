//! A pool that is exhausted, servers killed while they write, a queue that is full, workers killed while they work.

use std::collections::HashMap;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use conformance::client::Request;
use conformance::process::Signal;
use conformance::{Server, Subject, until};
use contract::jobs::State;
use contract::{Job, Jobs, Note, Notes};

use crate::found::Found;
use crate::ledger::Ledger;
use crate::outage::postgres_of_ours;
use crate::stage::Stage;

/// As long jobs may take to be done in all.
const PATIENCE: Duration = Duration::from_secs(120);

/// F25: more slow queries than connections.
pub(crate) fn pool_exhausted(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    slow_queries(stage, found, &["--pool=4"])?;
    let Some(postgres) = postgres_of_ours(found)? else { return Ok(()) };
    let mut there = Found::default();
    let database = format!("--database={}", postgres.database()?);
    slow_queries(stage, &mut there, &["--pool=4", &database])?;
    found.on("PostgreSQL", there);
    Ok(())
}

fn slow_queries(stage: &Stage, found: &mut Found, flags: &[&str]) -> anyhow::Result<()> {
    let arena = stage.start(flags)?;
    let beside = arena.beside(50.0);
    let began = Instant::now();
    let answers: Vec<_> = thread::scope(|scope| {
        let asked: Vec<_> = (0..50)
            .map(|_| {
                scope.spawn(|| {
                    let reply = arena.subject.get("/slow-query/1");
                    (
                        reply.map(|reply| (reply.status, reply.field("retry-after").is_some())),
                        began.elapsed(),
                    )
                })
            })
            .collect();
        asked.into_iter().filter_map(|one| one.join().ok()).collect()
    });
    let right = |answer: &&(Result<(u16, bool), String>, Duration)| {
        matches!(answer.0, Ok((200, _) | (503, true)))
    };
    found.all("each a 200, or a 503 with Retry-After", answers.iter().filter(right).count(), 50);
    let served = answers.iter().filter(|answer| matches!(answer.0, Ok((200, _)))).count();
    found.holds("some are served", served >= 3, served);
    let refused = answers.iter().filter(|answer| matches!(answer.0, Ok((503, _))));
    let slowest = refused.map(|answer| answer.1).max().unwrap_or_default();
    found.within("slowest refusal", slowest, Duration::from_millis(2_300));
    found.beside(&beside.stop()?, Duration::from_millis(250));
    let after = arena.subject.get("/slow-query/0").map_err(|error| anyhow!(error))?;
    found.holds("a query afterwards is served", after.status == 200, after.status);
    Ok(())
}

/// F26: a server killed while twenty clients write, again and again.
pub(crate) fn killed_while_writing(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let data = format!("--data={}", folder.path().display());
    kept_through_kills(stage, found, &[&data])?;
    let Some(postgres) = postgres_of_ours(found)? else { return Ok(()) };
    let mut there = Found::default();
    let database = format!("--database={}", postgres.database()?);
    kept_through_kills(stage, &mut there, &[&data, &database])?;
    found.on("PostgreSQL", there);
    Ok(())
}

fn kept_through_kills(stage: &Stage, found: &mut Found, flags: &[&str]) -> anyhow::Result<()> {
    let mut random = fastrand::Rng::with_seed(stage.seed);
    // What was acknowledged with which key, and what was sent without an answer.
    let ledger = Mutex::new(HashMap::<String, Option<Note>>::new());
    let mut slowest = Duration::ZERO;
    for round in 0..stage.scaled(5, 2) {
        let mut server = start(stage, flags)?;
        let subject = Subject::at(server.addr());
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            for writer in 0..20 {
                let (subject, ledger, stop) = (&subject, &ledger, &stop);
                scope.spawn(move || write(subject, ledger, stop, round, writer));
            }
            thread::sleep(Duration::from_millis(random.u64(200..900)));
            server.signal(Signal::KILL);
            stop.store(true, Ordering::Relaxed);
        });
        server.wait(Duration::from_secs(5))?;
        let began = Instant::now();
        let again = start(stage, flags)?;
        ready(&Subject::at(again.addr()))?;
        slowest = slowest.max(began.elapsed());
        again.stop(Duration::from_secs(15))?;
    }
    let server = start(stage, flags)?;
    let subject = Subject::at(server.addr());
    let ledger = ledger.into_inner().map_err(|_| anyhow!("a writer panicked"))?;
    let (mut lost, mut changed) = (0, 0);
    for (key, acknowledged) in &ledger {
        let again = added(&subject, key)?;
        match acknowledged {
            Some(note) if note.id != again.id => lost += 1,
            Some(note) if *note != again => changed += 1,
            _ => {}
        }
    }
    let mut titles = HashMap::<String, u64>::new();
    let mut after = 0;
    loop {
        let page = subject.get_with(&format!("/notes?limit=100&after={after}"), 200);
        let page: Notes = serde_json::from_slice(&page.map_err(|error| anyhow!(error))?.body)?;
        for note in page.notes {
            *titles.entry(note.title).or_default() += 1;
        }
        let Some(next) = page.next else { break };
        after = next.0;
    }
    let acknowledged = ledger.values().filter(|note| note.is_some()).count();
    found.holds("writes were acknowledged", acknowledged > 0, acknowledged);
    found.none("acknowledged writes lost", lost);
    found.none("acknowledged writes changed", changed);
    let doubled = titles.values().filter(|&&times| times > 1).count();
    found.none("keys with more than one note", doubled as u64);
    found.within("ready again", slowest, Duration::from_secs(3));
    Ok(())
}

/// F08: five times as many jobs as may wait, and no worker.
pub(crate) fn queue_full(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    let bound: usize = stage.scaled(1_000, 100);
    let folder = tempfile::tempdir()?;
    let data = format!("--data={}", folder.path().display());
    let server = start(stage, &[&data, &format!("--queue={bound}")])?;
    let subject = Subject::at(server.addr());
    let mut ledger = Ledger::begin(folder.path())?;
    let answers: Vec<_> = thread::scope(|scope| {
        let clients: Vec<_> = (0..10)
            .map(|_| {
                scope.spawn(|| {
                    let ask = Request::new("POST", "/jobs/wait?seconds=0");
                    let one = || {
                        subject.ask(&ask).map(|it| (it.status, it.field("retry-after").is_some()))
                    };
                    (0..bound / 2).map(|_| one()).collect::<Vec<_>>()
                })
            })
            .collect();
        clients.into_iter().filter_map(|client| client.join().ok()).flatten().collect()
    });
    let accepted = answers.iter().filter(|answer| matches!(answer, Ok((202, _)))).count();
    let refused = answers.iter().filter(|answer| matches!(answer, Ok((503, true)))).count();
    found.all("accepted", accepted, bound);
    found.all("the others refused with Retry-After", refused, answers.len() - accepted);
    let worker = worker(&data, SHORT)?;
    let done = until_done(&subject, bound)?;
    found.all("done once there is a worker", done.len(), bound);
    drained(worker)?;
    found.all("results written once", ledger.once()?, bound);
    found.none("results written twice", ledger.doubled()? as u64);
    Ok(())
}

/// F34: a thousand jobs, and workers that are killed while they work.
pub(crate) fn workers_killed(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    let (jobs, kills) = stage.scaled((1_000, 20), (240, 4));
    let folder = tempfile::tempdir()?;
    let data = format!("--data={}", folder.path().display());
    let server = start(stage, &[&data])?;
    let subject = Subject::at(server.addr());
    let mut ledger = Ledger::begin(folder.path())?;
    for number in 0..jobs {
        // Long enough in all that the last kill finds work, too.
        accepted(&subject, &format!("0.{:02}", number % 20))?;
    }
    let mut random = fastrand::Rng::with_seed(stage.seed);
    let mut workers = vec![worker(&data, SHORT)?, worker(&data, SHORT)?];
    // A kill that meets nobody at work proves nothing: it is told, and another is made.
    let (mut met, mut nobody) = (0, 0);
    while met < kills && nobody < kills {
        thread::sleep(Duration::from_millis(random.u64(50..400)));
        let victim = workers.remove(0);
        let pid = victim.pid();
        killed(victim)?;
        *if ledger.held_by(pid)? > 0 { &mut met } else { &mut nobody } += 1;
        workers.push(worker(&data, SHORT)?);
    }
    found.all("kills that met a worker over a job", met, kills);
    let done = until_done(&subject, jobs)?;
    found.all("done", done.len(), jobs);
    let most = done.iter().map(|job| job.attempts).max().unwrap_or_default();
    found.at_most("attempts at one job", f64::from(most), 5.0, "");
    let again: i32 = done.iter().map(|job| job.attempts - 1).sum();
    let each = usize::try_from(again).is_ok_and(|again| again >= met);
    found.holds("what they were killed over was begun again", each, format!("{again} attempts"));
    let mut results = 0;
    for job in &done {
        let reply = subject.get(&format!("{}/result", job.location()));
        results += usize::from(reply.is_ok_and(|reply| reply.status == 200));
    }
    found.all("with their result", results, jobs);
    // From here on nobody writes.
    for worker in workers {
        drained(worker)?;
    }
    found.all("results written once", ledger.once()?, jobs);
    found.none("results written twice", ledger.doubled()? as u64);
    begun_again(stage, &subject, &data, found)?;
    poisonous(&subject, &data, found)
}

/// How soon another worker takes up what one was killed over: in full, with the lease that a worker has by default.
fn begun_again(
    stage: &Stage,
    subject: &Subject,
    data: &str,
    found: &mut Found,
) -> anyhow::Result<()> {
    let by_default = ["--lease=5", "--heartbeat=1"];
    let (seconds, lease) = stage.scaled((5, by_default), (1, ["--lease=1", "--heartbeat=0.2"]));
    let job = accepted(subject, "60")?;
    let victim = worker(data, &lease)?;
    begun(subject, &job, 1)?;
    let heir = worker(data, &lease)?;
    // Past its first sign of life, which moves the end of its lease on.
    thread::sleep(Duration::from_millis(seconds * 300));
    killed(victim)?;
    let began = Instant::now();
    begun(subject, &job, 2)?;
    let most = Duration::from_secs(seconds + 1);
    let what = format!("a killed worker's job begun again, with a lease of {seconds} s");
    found.within(&what, began.elapsed(), most);
    let cancelled = subject.ask(&Request::new("DELETE", &job.location()));
    cancelled.and_then(|reply| reply.expect(200)).map_err(|error| anyhow!(error))?;
    drained(heir)
}

/// A job that kills every worker.
fn poisonous(subject: &Subject, data: &str, found: &mut Found) -> anyhow::Result<()> {
    let flags = ["--attempts=2", "--lease=1", "--heartbeat=0.2"];
    let job = accepted(subject, "60")?;
    for attempt in 1..=2 {
        let victim = worker(data, &flags)?;
        begun(subject, &job, attempt)?;
        killed(victim)?;
    }
    let survivor = worker(data, &flags)?;
    let failed = until(Duration::from_secs(10), || {
        all(subject, State::Failed).is_ok_and(|failed| failed.iter().any(|one| one.id == job.id))
    });
    found.holds(
        "a job that kills every worker fails",
        failed.is_some(),
        "not within 10 s of its last kill",
    );
    drained(survivor)
}

fn accepted(subject: &Subject, seconds: &str) -> anyhow::Result<Job> {
    let ask = Request::new("POST", &format!("/jobs/wait?seconds={seconds}"));
    let reply = subject.ask(&ask).and_then(|reply| reply.expect(202));
    serde_json::from_slice(&reply.map_err(|error| anyhow!(error))?.body).context("no job")
}

/// Waits until this attempt at the job has begun.
fn begun(subject: &Subject, job: &Job, attempt: i32) -> anyhow::Result<()> {
    let has_begun = || {
        let reply = subject.get_with(&job.location(), 200).ok()?;
        let now: Job = serde_json::from_slice(&reply.body).ok()?;
        Some(now.attempts >= attempt)
    };
    let begun = until(Duration::from_secs(30), || has_begun().unwrap_or_default());
    begun.map(drop).with_context(|| format!("attempt {attempt} has not begun within 30 s"))
}

fn start(stage: &Stage, flags: &[&str]) -> anyhow::Result<Server> {
    Server::start(&stage.binary, flags, &[])
}

/// A lease that does not make a test wait.
const SHORT: &[&str] = &["--lease=2", "--heartbeat=0.5", "--poll=0.02"];

fn worker(data: &str, flags: &[&str]) -> anyhow::Result<Server> {
    let mut command = Command::new(conformance::binaries::find("worker")?);
    command.args(["--jobs=4", data]).args(flags);
    Server::spawn(command)
}

fn killed(mut worker: Server) -> anyhow::Result<()> {
    worker.signal(Signal::KILL);
    worker.wait(Duration::from_secs(5)).map(drop)
}

fn drained(mut worker: Server) -> anyhow::Result<()> {
    worker.signal(Signal::TERM);
    worker.wait(Duration::from_secs(15)).map(drop)
}

fn ready(subject: &Subject) -> anyhow::Result<()> {
    let is_ready = || subject.get("/readyz").is_ok_and(|reply| reply.status == 200);
    until(Duration::from_secs(10), is_ready).map(drop).context("not ready for ten seconds")
}

pub(crate) fn note(key: &str) -> Request {
    Request::new("POST", "/notes")
        .field("Content-Type", "application/json")
        .field("Idempotency-Key", key)
        .body(format!(r#"{{"title":"{key}","body":""}}"#))
}

pub(crate) fn added(subject: &Subject, key: &str) -> anyhow::Result<Note> {
    let reply = subject.ask(&note(key)).and_then(|reply| reply.expect(201));
    let reply = reply.map_err(|error| anyhow!(error))?;
    serde_json::from_slice(&reply.body).context("no note")
}

/// Writes until it is told to stop or the server is gone, and keeps account of what it was answered.
fn write(
    subject: &Subject,
    ledger: &Mutex<HashMap<String, Option<Note>>>,
    stop: &AtomicBool,
    round: usize,
    writer: usize,
) {
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let key = format!("{round}-{writer}-{number}");
        let answered = added(subject, &key).ok();
        let gone = answered.is_none();
        ledger.lock().expect("no writer panics").insert(key, answered);
        if gone {
            // Refused for a moment, or killed: the next round sends the key again.
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// All jobs, once none is open; each of them is done.
fn until_done(subject: &Subject, jobs: usize) -> anyhow::Result<Vec<Job>> {
    let began = Instant::now();
    loop {
        let done = all(subject, State::Done)?;
        if done.len() >= jobs || began.elapsed() > PATIENCE {
            return Ok(done);
        }
        thread::sleep(Duration::from_millis(200));
    }
}

fn all(subject: &Subject, state: State) -> anyhow::Result<Vec<Job>> {
    let (mut found, mut after) = (Vec::new(), 0);
    loop {
        let target = format!("/jobs?state={}&limit=100&after={after}", state.as_str());
        let reply = subject.get_with(&target, 200).map_err(|error| anyhow!(error))?;
        let page: Jobs = serde_json::from_slice(&reply.body)?;
        found.extend(page.jobs);
        let Some(next) = page.next else { return Ok(found) };
        after = next.0;
    }
}
