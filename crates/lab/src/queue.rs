//! `lab queue`: how many jobs a second the queue takes in and gets done, by database and by number of workers; and how soon
//! the job of a worker that was killed is begun again.
//!
//! The jobs are waits of nothing, so that what is measured is the queue. A server takes them in, with its 202 on the disk
//! first; then workers, each a process of its own, do all of them. The clock starts when every worker is ready, or four of
//! them would be measured by how soon the last has started; when a job was begun and done is the database's to say.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, anyhow, ensure};
use conformance::client::Request;
use conformance::postgres::{self, Postgres};
use conformance::process::Signal;
use conformance::{Server, Subject};
use contract::jobs::State;
use contract::{Job, Jobs, Timestamp};
use load::{Ask, Cancel, Expect, Plan, Stop, Target};

use crate::args;
use crate::compare::{INTERRUPTED, binaries};
use crate::judge::{judge, refuse};
use crate::lesson::case::{Figures, figures};
use crate::lesson::found::{Trial, shown};
use crate::measured::Measured;
use crate::mistakes::THREE;
use crate::progress::Progress;
use crate::results::Gate;
use crate::stop;

/// As the command and its file are called.
pub const NAME: &str = "queue";

/// Clients that ask for a job at the same time.
const CLIENTS: usize = 16;
/// Worker processes.
const WORKERS: [usize; 2] = [1, 4];
/// What one trial takes, by a machine with a slow disk.
const EACH: Duration = Duration::from_secs(8);
/// Until all jobs of a trial have to be done.
const PATIENCE: Duration = Duration::from_secs(120);

const SQLITE: &str = "SQLite";
const POSTGRES: &str = "PostgreSQL";
const IN: &str = "in_per_s";
const DONE: &str = "done_per_s";
/// Whoever takes up what another was killed over.
const ANOTHER: &str = "another worker";
const AGAIN: &str = "again_s";

/// Runs it.
///
/// # Errors
/// When a program cannot be built or breaks the contract, or a folder cannot be written.
pub fn run(args: &args::Queue) -> anyhow::Result<ExitCode> {
    let cancel = stop::on_signal()?;
    let names = THREE.iter().map(|who| format!("server-{who}")).collect();
    let servers = binaries(names, args.rounds.no_build)?;
    let worker = binaries(vec!["worker".to_owned()], args.rounds.no_build)?.remove("worker");
    let worker = worker.context("there is no worker")?;
    match judge(&servers, &cancel, |_, _| {}) {
        Err(_) if cancel.cancelled() => return Ok(INTERRUPTED.into()),
        judged => refuse(judged?)?,
    }
    let postgres = postgres::programs().map(|_| Postgres::start()).transpose()?;
    if postgres.is_none() {
        eprintln!("without PostgreSQL: {}", postgres::MISSING);
    }
    let databases: Vec<_> =
        [SQLITE].into_iter().chain(postgres.is_some().then_some(POSTGRES)).collect();
    let rounds = args.rounds.rounds;
    let trials = (databases.len() * (THREE.len() * WORKERS.len() + 1)) as u32 * rounds;
    let mut progress = Progress::new(EACH * trials);
    let began = Instant::now();
    let mut measured = Measured::begins(NAME);
    let mut turns = Vec::new();
    for round in 1..=rounds {
        for &database in &databases {
            let rates = THREE.iter().flat_map(|&who| WORKERS.map(|workers| (who, Some(workers))));
            // Whoever serves it: a lease is the database's.
            turns.extend(rates.chain([("axum", None)]).map(|turn| (round, database, turn)));
        }
    }
    for (round, database, (who, workers)) in turns {
        if cancel.cancelled() {
            progress.ends();
            return Ok(INTERRUPTED.into());
        }
        let doers = workers.map_or(ANOTHER.to_owned(), doers);
        progress.begins(&format!("round {round} · {database} · {who} · {doers}"), EACH);
        let url = postgres.as_ref().filter(|_| database == POSTGRES);
        let url = url.map(Postgres::database).transpose()?;
        let run = Run {
            server: &servers[&format!("server-{who}")],
            worker: &worker,
            jobs: args.jobs,
            database: url.map(|url| format!("--database={url}")),
            cancel: &cancel,
        };
        let Some(workers) = workers else {
            let tried = run.again();
            measured.trials.push(trial(database, doers, round, AGAIN, &tried));
            continue;
        };
        let tried = run.rates(workers);
        for (who, name) in [(who.to_owned(), IN), (doers, DONE)] {
            measured.trials.push(trial(database, who, round, name, &tried));
        }
    }
    progress.ends();
    measured.took_s = began.elapsed().as_secs_f64();
    args.rounds.keeps(&measured)
}

fn trial(
    database: &str,
    who: String,
    round: u32,
    name: &str,
    tried: &anyhow::Result<Figures>,
) -> Trial {
    let (figures, gates) = match tried {
        Ok(all) => {
            let of_it = all.iter().filter(|(other, _)| *other == name);
            (of_it.map(|(name, value)| (name.clone(), *value)).collect(), Vec::new())
        }
        Err(error) => {
            let sentence = format!("{error:#}");
            let gate = Gate { name: "failed".into(), void: true, sentence };
            (Figures::new(), vec![gate])
        }
    };
    Trial { level: database.to_owned(), who, round, figures, gates }
}

fn doers(workers: usize) -> String {
    if workers == 1 { "1 worker".to_owned() } else { format!("{workers} workers") }
}

/// One queue, filled and emptied.
struct Run<'a> {
    server: &'a Path,
    worker: &'a Path,
    jobs: u64,
    /// As a flag, if it is not SQLite in the server's own folder.
    database: Option<String>,
    cancel: &'a Cancel,
}

impl Run<'_> {
    fn rates(&self, workers: usize) -> anyhow::Result<Figures> {
        let server = self.server()?;
        let taken = self.fill(&server)?;
        let workers: Vec<_> =
            (0..workers).map(|_| self.worker(&server)).collect::<Result<_, _>>()?;
        for worker in &workers {
            // It answers when its threads have started and its database has answered.
            let ready = Subject::at(worker.addr()).get_with("/readyz", 200);
            ready.map_err(|error| anyhow!("a worker is not ready: {error}"))?;
        }
        let ready = Timestamp::from(SystemTime::now());
        let done = self.all_done(&Subject::at(server.addr()), ready)?;
        drop(workers);
        Ok(figures([(IN, taken), (DONE, done)]))
    }

    /// From the end of a worker, by kill -9, until another begins its job.
    fn again(&self) -> anyhow::Result<Figures> {
        let server = self.server()?;
        let subject = Subject::at(server.addr());
        let asked = subject.ask(&Request::new("POST", "/jobs/wait?seconds=60"));
        let reply = asked.and_then(|reply| reply.expect(202)).map_err(|error| anyhow!(error))?;
        let job: Job = serde_json::from_slice(&reply.body).context("no job")?;
        let begun = |attempt: i32| -> anyhow::Result<()> {
            let began = Instant::now();
            loop {
                let reply = subject.get_with(&job.location(), 200);
                let body = reply.map_err(|error| anyhow!(error))?.body;
                let now: Job = serde_json::from_slice(&body).context("no job")?;
                if now.attempts >= attempt {
                    return Ok(());
                }
                ensure!(began.elapsed() < PATIENCE, "attempt {attempt} is not begun: {now:?}");
                thread::sleep(Duration::from_millis(5));
            }
        };
        let mut victim = self.worker(&server)?;
        begun(1)?;
        let heir = self.worker(&server)?;
        // Past its first sign of life, which moves the end of its lease on.
        thread::sleep(Duration::from_millis(1_500));
        victim.signal(Signal::KILL);
        let killed = Instant::now();
        begun(2)?;
        drop(heir);
        Ok(figures([(AGAIN, killed.elapsed().as_secs_f64())]))
    }

    fn server(&self) -> anyhow::Result<Server> {
        let flags = ["--log=off".to_owned(), format!("--queue={}", self.jobs)];
        Server::start(self.server, flags.iter().chain(&self.database), &[])
    }

    /// One beside it, with the lease and the heartbeat that it has by default.
    fn worker(&self, server: &Server) -> anyhow::Result<Server> {
        let data = server.data().and_then(Path::to_str).context("its folder is no text")?;
        let flags = ["--log=off".to_owned()].into_iter().chain(self.database.clone());
        Server::start(self.worker, flags, &[("WAITLAB_DATA", data)])
    }

    /// Jobs taken in a second.
    fn fill(&self, server: &Server) -> anyhow::Result<f64> {
        let right = Expect::containing(r#""state":"queued""#).status([202]);
        let ask = Ask::post("/jobs/wait?seconds=0", &[][..]).expect(right);
        let target = Target::new(server.addr());
        let plan = Plan::closed(target, ask, CLIENTS, Stop::Requests(self.jobs));
        let outcome = load::run(&plan, self.cancel, |_| {})?;
        ensure!(outcome.ok == self.jobs, "{} of {} jobs were taken in", outcome.ok, self.jobs);
        Ok(outcome.ok as f64 / outcome.span.as_secs_f64())
    }

    /// Jobs done a second, of those begun when all workers were ready; each job is looked at.
    fn all_done(&self, subject: &Subject, ready: Timestamp) -> anyhow::Result<f64> {
        let began = Instant::now();
        while !(page(subject, "state=queued&limit=1")?.jobs.is_empty()
            && page(subject, "state=running&limit=1")?.jobs.is_empty())
        {
            ensure!(!self.cancel.cancelled(), "interrupted");
            ensure!(began.elapsed() < PATIENCE, "jobs are open after {PATIENCE:?}");
            thread::sleep(Duration::from_millis(50));
        }
        let mut spans = Vec::new();
        let mut after = 0;
        loop {
            let Jobs { jobs, next } = page(subject, &format!("limit=100&after={after}"))?;
            for job in jobs {
                let Job { state, attempts, started_at, finished_at, .. } = &job;
                ensure!(*state == State::Done && *attempts == 1, "not done at once: {job:?}");
                let begun = started_at.context("done, and never begun")?;
                spans.push((begun, finished_at.context("done, and not ended")?));
            }
            let Some(next) = next else { break };
            after = next.0;
        }
        ensure!(spans.len() as u64 == self.jobs, "{} of {} jobs are there", spans.len(), self.jobs);
        a_second(&spans, ready)
    }
}

/// How many were done a second, of those that were begun from `ready` on: each with its begin and its end.
fn a_second(jobs: &[(Timestamp, Timestamp)], ready: Timestamp) -> anyhow::Result<f64> {
    let counted: Vec<_> = jobs.iter().filter(|(begun, _)| begun.0 >= ready.0).collect();
    let (count, all) = (counted.len(), jobs.len());
    ensure!(
        count * 2 >= all,
        "{count} of {all} jobs were left when all workers were ready: give it more --jobs"
    );
    let last = counted.iter().map(|(_, done)| done.0).max().unwrap_or(ready.0);
    Ok(count as f64 / ((last - ready.0).max(1) as f64 / 1e3))
}

fn page(subject: &Subject, query: &str) -> anyhow::Result<Jobs> {
    let reply = subject.get_with(&format!("/jobs?{query}"), 200).map_err(|error| anyhow!(error))?;
    serde_json::from_slice(&reply.body).context("no page of jobs")
}

/// A row for who does it, a column for each database.
pub(crate) fn table(measured: &Measured) -> String {
    let mut table = format!("| | {SQLITE} | {POSTGRES} |\n|---|---|---|\n");
    let mut row = |what: &str, who: &str, name: &str| {
        let cells = [SQLITE, POSTGRES].map(|database| {
            let figure = measured.figure(database, who, name);
            figure.map_or("–".to_owned(), |figure| shown(&figure, name))
        });
        let _ = writeln!(table, "| {what} {who} | {} |", cells.join(" | "));
    };
    for who in THREE {
        row("jobs taken in by", who, IN);
    }
    for workers in WORKERS {
        row("jobs done by", &doers(workers), DONE);
    }
    row("a killed worker's job is begun again by", ANOTHER, AGAIN);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_before_all_workers_were_ready_is_no_part_of_their_rate() {
        let at = Timestamp;
        let early = [(at(0), at(10)), (at(10), at(400))];
        let counted = (0..4).map(|n| (at(400 + n * 25), at(425 + n * 25)));
        let jobs: Vec<_> = early.into_iter().chain(counted).collect();
        assert_eq!(a_second(&jobs, at(400)).unwrap(), 40.0);
        // Half a second of one worker, while the others start, is not the rate of all.
        let error = a_second(&jobs, at(475)).unwrap_err().to_string();
        assert!(error.contains("1 of 6 jobs were left"), "{error}");
    }

    #[test]
    fn what_is_taken_in_stands_by_server_and_what_is_done_by_workers() {
        let mut measured = Measured { measured: NAME.to_owned(), ..Measured::default() };
        let rates = Ok(figures([(IN, 1_234.0), (DONE, 456.0)]));
        for (who, name) in [("axum".to_owned(), IN), (doers(4), DONE)] {
            measured.trials.push(trial(SQLITE, who, 1, name, &rates));
        }
        let table = measured.table();
        assert!(table.contains("| jobs taken in by axum | 1,234 a second | – |"), "{table}");
        assert!(table.contains("| jobs done by 1 worker | – | – |"), "{table}");
        assert!(table.contains("| jobs done by 4 workers | 456 a second | – |"), "{table}");
    }
}
