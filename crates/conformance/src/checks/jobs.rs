//! `/jobs` and `/batches` as far as a server alone can show them: what is accepted, kept, told and cancelled. What
//! becomes of a job is a worker's, and a matter of [`lifecycle`](crate::lifecycle).

use contract::jobs::{Kind, State};
use contract::{Batch, Job, Jobs};

use super::{Check, Needs, Verdict, each};
use crate::Subject;
use crate::client::Request;
use crate::reply::Reply;

pub(super) const CHECKS: &[Check] = &[
    Check::new("jobs: a job is accepted, told and cancelled", Needs::Address, life),
    Check::new("jobs: what the direct route refuses is refused", Needs::Address, refused),
    Check::new("jobs: a key makes one job, however often it is sent", Needs::Address, keys),
    Check::new("jobs: the list goes page by page, and by state", Needs::Address, pages),
    Check::new("batches: a form of files is a job for each, or none", Needs::Address, batches),
    Check::new("limits: a job beyond --queue is a 503", Needs::Narrow, full).alone(),
];

fn wait(seconds: &str) -> Request {
    Request::new("POST", &format!("/jobs/wait?seconds={seconds}"))
}

pub(crate) fn job(reply: &Reply) -> Result<Job, String> {
    serde_json::from_slice(&reply.body)
        .map_err(|error| format!("not the contract's job ({error}): {}", reply.text()))
}

pub(crate) fn accepted(subject: &Subject, request: &Request) -> Result<Job, String> {
    let reply = subject.ask(request)?.expect(202)?;
    let job = job(&reply)?;
    let location = reply.field("location");
    ensure!(location == Some(&job.location()), "Location is {location:?}, not {}", job.location());
    ensure!(
        job.attempts == 0 && job.state == State::Queued && job.finished_at.is_none(),
        "it was accepted as {job:?}"
    );
    Ok(job)
}

fn life(subject: &Subject) -> Verdict {
    let made = accepted(subject, &wait("60"))?;
    ensure!(made.kind == Kind::Wait, "a wait is a {:?}", made.kind);
    let path = made.location();
    ensure!(job(&subject.get_with(&path, 200)?)? == made, "it came back as another");
    let early = subject.get_with(&format!("{path}/result"), 409)?;
    early.problem(&format!("{path}/result"))?;
    ensure!(early.field("retry-after").is_some(), "a result that is not there yet: no Retry-After");
    let cancelled = job(&subject.ask(&Request::new("DELETE", &path))?.expect(200)?)?;
    ensure!(cancelled.state == State::Cancelled, "cancelled, it is {:?}", cancelled.state);
    ensure!(cancelled.finished_at.is_some(), "it has not ended: {cancelled:?}");
    let again = job(&subject.ask(&Request::new("DELETE", &path))?.expect(200)?)?;
    ensure!(again == cancelled, "cancelled twice, it is {again:?}");
    subject.problem(&format!("{path}/result"), 409)?;
    let passphrase = Request::new("POST", "/jobs/seal")
        .field("X-Passphrase", "correct horse battery")
        .body("a text");
    let seal = accepted(subject, &passphrase)?;
    let told = subject.get_with(&seal.location(), 200)?.text();
    ensure!(!told.contains("horse"), "a job tells its passphrase: {told}");
    subject.ask(&Request::new("DELETE", &seal.location()))?.expect(200)?;
    each(["/jobs/999999999", "/jobs/-1", "/jobs/999999999/result"], |path| {
        subject.problem(path, 404).map(drop)
    })?;
    subject.ask(&Request::new("DELETE", "/jobs/999999999"))?.expect(404).map(drop)
}

fn refused(subject: &Subject) -> Verdict {
    each(
        [
            "/jobs/open",
            "/jobs/1",
            "/jobs/wait?seconds=61",
            "/jobs/wait?seconds=-1",
            "/jobs/thumbnail?width=0",
            "/jobs/seal",
        ],
        |target| {
            let path = target.split('?').next().unwrap_or_default();
            subject
                .ask(&Request::new("POST", target).body("x"))?
                .expect(422)?
                .problem(path)
                .map(drop)
        },
    )?;
    each(["/jobs?state=lost", "/jobs?limit=0", "/jobs/x", "/batches/x"], |target| {
        subject.problem(target, 422).map(drop)
    })
}

fn keys(subject: &Subject) -> Verdict {
    let key = format!("key-{:016x}", fastrand::u64(..));
    let with = |request: Request| request.field("Idempotency-Key", &key);
    let first = accepted(subject, &with(wait("59")))?;
    let again = accepted(subject, &with(wait("59")))?;
    ensure!(again.id == first.id, "one key made the jobs {} and {}", first.id, again.id);
    subject.ask(&with(wait("58")))?.expect(422)?.problem("/jobs/wait")?;
    subject.ask(&Request::new("DELETE", &first.location()))?.expect(200).map(drop)
}

fn pages(subject: &Subject) -> Verdict {
    let mine: Vec<Job> =
        (0..3).map(|_| accepted(subject, &wait("57"))).collect::<Result<_, _>>()?;
    subject.ask(&Request::new("DELETE", &mine[1].location()))?.expect(200)?;
    let page = |query: String| -> Result<Jobs, String> {
        let reply = subject.get_with(&format!("/jobs?{query}"), 200)?;
        serde_json::from_slice(&reply.body)
            .map_err(|error| format!("no page ({error}): {}", reply.text()))
    };
    let after = mine[0].id.0 - 1;
    let first = page(format!("limit=1&after={after}"))?;
    ensure!(first.jobs.len() == 1 && first.next == Some(mine[0].id), "a page of 1 is {first:?}");
    let ids = |jobs: &Jobs| -> Vec<i64> { jobs.jobs.iter().map(|job| job.id.0).collect() };
    let queued = page(format!("state=queued&limit=100&after={after}"))?;
    let has = |id: i64| ids(&queued).contains(&id);
    ensure!(
        has(mine[0].id.0) && !has(mine[1].id.0) && has(mine[2].id.0),
        "queued are {:?}",
        ids(&queued)
    );
    ensure!(queued.jobs.iter().all(|job| job.state == State::Queued), "{queued:?}");
    each([&mine[0], &mine[2]], |job| {
        subject.ask(&Request::new("DELETE", &job.location()))?.expect(200).map(drop)
    })
}

fn form(files: &[&[u8]]) -> Request {
    let mut body = Vec::new();
    for (n, file) in files.iter().enumerate() {
        body.extend_from_slice(
            format!(
                "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{n}.png\"\r\n\r\n"
            )
            .as_bytes(),
        );
        body.extend_from_slice(file);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--edge--\r\n");
    Request::new("POST", "/batches?width=16")
        .field("Content-Type", "multipart/form-data; boundary=edge")
        .body(body)
}

fn batches(subject: &Subject) -> Verdict {
    let reply = subject.ask(&form(&[b"one", b"two", b"three"]))?.expect(202)?;
    let batch: Batch = serde_json::from_slice(&reply.body)
        .map_err(|error| format!("no batch ({error}): {}", reply.text()))?;
    ensure!(reply.field("location") == Some(&batch.location()), "{:?}", reply.field("location"));
    ensure!(batch.open == 3 && batch.jobs.len() == 3, "{batch:?}");
    ensure!(batch.jobs.iter().all(|job| job.kind == Kind::Thumbnail), "{batch:?}");
    ensure!(batch.jobs.is_sorted_by_key(|job| job.id), "not in the order of the files: {batch:?}");
    subject.ask(&Request::new("DELETE", &batch.jobs[1].location()))?.expect(200)?;
    let later: Batch = serde_json::from_slice(&subject.get_with(&batch.location(), 200)?.body)
        .map_err(|error| error.to_string())?;
    ensure!(later.open == 2 && later.jobs[1].state == State::Cancelled, "{later:?}");
    each([&batch.jobs[0], &batch.jobs[2]], |job| {
        subject.ask(&Request::new("DELETE", &job.location()))?.expect(200).map(drop)
    })?;
    subject.problem("/batches/999999999", 404)?;
    let none = subject.ask(&form(&[]))?;
    ensure!((400..500).contains(&none.status), "a batch of nothing is a {}", none.status);
    let many = vec![&b"x"[..]; 101];
    subject.ask(&form(&many))?.expect(413)?.problem("/batches")?;
    let no_form = Request::new("POST", "/batches").body("x");
    subject.ask(&no_form)?.expect(415)?.problem("/batches").map(drop)
}

fn full(subject: &Subject) -> Verdict {
    let most = subject.limits.queue;
    let jobs: Vec<Job> =
        (0..most).map(|_| accepted(subject, &wait("2"))).collect::<Result<_, _>>()?;
    let reply = subject.ask(&wait("2"))?.expect(503)?;
    reply.problem("/jobs/wait")?;
    ensure!(reply.field("retry-after").is_some(), "a full queue: no Retry-After");
    subject.ask(&Request::new("DELETE", &jobs[0].location()))?.expect(200)?;
    let next = accepted(subject, &wait("2"))?;
    each(jobs[1..].iter().chain([&next]), |job| {
        subject.ask(&Request::new("DELETE", &job.location()))?.expect(200).map(drop)
    })
}
