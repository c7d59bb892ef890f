//! Claims jobs and ends them, one at a time on each of its threads.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle, sleep};
use std::time::{Duration, Instant};

use contract::{JobResult, Problem};
use http_blocking::Shutdown;
use io_blocking::Store;
use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};
use settings::{Counted, Panicked, caught};
use store::Failed as DatabaseFailed;
use store::jobs::{Claimed, Lease};

use crate::flags::Terms;
use crate::leases::{Held, Leases};
use crate::work::{Failed, work};

/// After a failure of the database, and between two tries to write what became of a job.
const AFTER_FAILURE: Duration = Duration::from_millis(500);
/// The longest pause before another attempt.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How often ended jobs are forgotten and lost ones given up.
const SWEPT_EVERY: Duration = Duration::from_secs(1);
/// A drain looks this often whether the jobs have ended.
const DRAIN_STEP: Duration = Duration::from_millis(20);

/// One worker process.
pub(crate) struct Runner {
    store: Store,
    terms: Terms,
    shutdown: Shutdown,
    leases: Leases,
    /// No other worker has or had this name.
    name: String,
    meters: Meters,
}

#[derive(Debug)]
struct Meters {
    running: Gauge,
    done: Counter,
    failed: Counter,
    tried_again: Counter,
    lost: Counter,
    panics: Counter,
}

impl Runner {
    pub(crate) fn new(store: Store, terms: Terms, shutdown: Shutdown) -> Self {
        let name = format!("{}-{:016x}", std::process::id(), fastrand::u64(..));
        Self { store, terms, shutdown, leases: Leases::default(), name, meters: Meters::new() }
    }

    /// Starts a thread for each job at once, and one that keeps them.
    pub(crate) fn start(self: &Arc<Self>) -> std::io::Result<Vec<JoinHandle<()>>> {
        let keeper = Arc::clone(self);
        // It outlives the drain: jobs that may still finish have to be kept.
        Builder::new().name("heartbeat".to_owned()).spawn(move || keeper.keep())?;
        (0..self.terms.jobs)
            .map(|n| {
                let runner = Arc::clone(self);
                Builder::new().name(format!("job-{n}")).spawn(move || runner.run())
            })
            .collect()
    }

    /// Waits for the jobs that run, then puts back the others. How many could be neither finished nor put back.
    pub(crate) fn end(&self, threads: Vec<JoinHandle<()>>, patience: Duration) -> usize {
        let until = Instant::now() + patience;
        while Instant::now() < until && threads.iter().any(|thread| !thread.is_finished()) {
            sleep(DRAIN_STEP);
        }
        let mut cut = 0;
        for (lease, _) in self.leases.all() {
            self.leases.unwanted(&lease);
            match self.store.release(&lease) {
                Ok(_) => tracing::info!(job = lease.id, "put back"),
                Err(error) => {
                    tracing::warn!(job = lease.id, %error, "cannot be put back; its lease runs out");
                    cut += 1;
                }
            }
        }
        cut
    }

    fn run(&self) {
        while !self.shutdown.is_draining() {
            let pause = match self.store.claim(&self.name, self.terms.lease, self.terms.attempts) {
                Ok(Some(claimed)) => {
                    self.one(claimed);
                    continue;
                }
                Ok(None) => self.terms.poll,
                Err(error) => {
                    tracing::warn!(%error, "cannot claim a job");
                    AFTER_FAILURE
                }
            };
            // Spread, so that many workers do not look at the same moment.
            self.shutdown.pause(pause.mul_f64(0.5 + fastrand::f64()));
        }
    }

    fn one(&self, claimed: Claimed) {
        let _running = Counted::new(&self.meters.running);
        let Claimed { lease, order, input } = claimed;
        let held = self.leases.hold(lease);
        tracing::debug!(job = held.lease.id, attempt = held.lease.attempt, "begun");
        let outcome = match order {
            Some(order) => self.attempt(&held, || work(order, &input, || held.is_wanted())),
            None => Outcome::Failed(Problem::internal()),
        };
        drop(input);
        self.write(&held, outcome);
    }

    fn attempt(
        &self,
        held: &Held<'_>,
        work: impl FnOnce() -> Result<JobResult, Failed>,
    ) -> Outcome {
        match caught(work) {
            Ok(Ok(result)) => Outcome::Done(result),
            Ok(Err(Failed::ForGood(problem))) => Outcome::Failed(problem),
            // Whoever told it to stop has written why.
            Ok(Err(Failed::Stopped)) => Outcome::Lost,
            Err(Panicked { place, message }) => {
                self.meters.panics.increment(1);
                let Lease { id: job, attempt, .. } = held.lease;
                tracing::error!(job, attempt, place, message, "panicked");
                Outcome::TryAgain(Problem::internal())
            }
        }
    }

    /// Writes what became of a job, for as long as its lease may last: work that is done is not thrown away because
    /// the database is away for a second.
    fn write(&self, held: &Held<'_>, outcome: Outcome) {
        let until = Instant::now() + self.terms.lease;
        while held.is_wanted() {
            match self.written(&held.lease, &outcome) {
                Ok(true) => return self.meters.count(&outcome),
                Ok(false) => break,
                Err(error) => tracing::warn!(job = held.lease.id, %error, "cannot write a result"),
            }
            if Instant::now() > until {
                break;
            }
            sleep(AFTER_FAILURE);
        }
        self.meters.lost.increment(1);
    }

    fn written(&self, lease: &Lease, outcome: &Outcome) -> Result<bool, DatabaseFailed> {
        match outcome {
            Outcome::Done(result) => self.store.finish(lease, result.clone()),
            Outcome::Failed(problem) => self.store.fail(lease, problem),
            Outcome::TryAgain(problem) if lease.attempt >= self.terms.attempts => {
                self.store.fail(lease, problem)
            }
            Outcome::TryAgain(problem) => {
                self.store.try_again(lease, self.pause(lease.attempt), problem)
            }
            Outcome::Lost => Ok(false),
        }
    }

    /// Twice as long before each attempt, spread by chance so that what failed together does not come back together.
    fn pause(&self, attempt: i32) -> Duration {
        let doubled = 2_u32.saturating_pow(attempt.clamp(1, 30).cast_unsigned() - 1);
        let longest = self.terms.backoff.saturating_mul(doubled).min(LONGEST_PAUSE);
        longest.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    /// The heartbeat, the time limit, and now and then the broom.
    fn keep(&self) {
        let mut swept = Instant::now();
        let died = Problem::unavailable("its worker ended during every attempt", 1);
        let late = Problem::unavailable("an attempt took longer than it may", 1);
        loop {
            sleep(self.terms.heartbeat);
            for lease in self.leases.late(self.terms.time_limit) {
                tracing::warn!(job = lease.id, attempt = lease.attempt, "over its time limit");
                let outcome = Outcome::TryAgain(late.clone());
                match self.written(&lease, &outcome) {
                    Ok(true) => self.meters.count(&outcome),
                    Ok(false) => {}
                    Err(error) => {
                        tracing::warn!(job = lease.id, %error, "cannot end an attempt that is late");
                        continue;
                    }
                }
                self.leases.unwanted(&lease);
            }
            self.leases.beat(&self.store, self.terms.lease);
            if swept.elapsed() >= SWEPT_EVERY {
                swept = Instant::now();
                match self.store.sweep_jobs(self.terms.attempts, &died, self.terms.keep) {
                    Ok((0, _)) => {}
                    Ok((jobs, _)) => tracing::warn!(jobs, "given up: every attempt's worker died"),
                    Err(error) => tracing::warn!(%error, "cannot sweep"),
                }
            }
        }
    }
}

/// What became of an attempt.
#[derive(Debug)]
enum Outcome {
    Done(JobResult),
    Failed(Problem),
    TryAgain(Problem),
    /// Somebody else decides.
    Lost,
}

impl Meters {
    fn new() -> Self {
        describe_gauge!("jobs_running", "Jobs running in this worker now");
        describe_counter!("jobs_done_total", "Jobs that ended with a result");
        describe_counter!("jobs_failed_total", "Jobs that ended with a problem");
        describe_counter!("jobs_tried_again_total", "Attempts that failed and are to be repeated");
        describe_counter!("jobs_lost_total", "Attempts whose result was no longer wanted");
        describe_counter!("jobs_panics_total", "Attempts that panicked");
        let zero = |counter: Counter| {
            counter.absolute(0);
            counter
        };
        let running = gauge!("jobs_running");
        running.set(0.0);
        Self {
            running,
            done: zero(counter!("jobs_done_total")),
            failed: zero(counter!("jobs_failed_total")),
            tried_again: zero(counter!("jobs_tried_again_total")),
            lost: zero(counter!("jobs_lost_total")),
            panics: zero(counter!("jobs_panics_total")),
        }
    }

    fn count(&self, outcome: &Outcome) {
        match outcome {
            Outcome::Done(_) => self.done.increment(1),
            Outcome::Failed(_) => self.failed.increment(1),
            Outcome::TryAgain(_) => self.tried_again.increment(1),
            Outcome::Lost => self.lost.increment(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::process::Command;

    use contract::Limits;
    use contract::jobs::State;
    use contract::{NewJob, Order};
    use store::Database;

    use super::*;

    fn runner(store: Store) -> Runner {
        let soon = Duration::from_millis(1);
        let terms = Terms {
            jobs: 1,
            lease: Duration::from_secs(5),
            heartbeat: Duration::from_secs(1),
            attempts: 2,
            time_limit: Duration::from_secs(5),
            backoff: soon,
            poll: soon,
            keep: Duration::from_secs(60),
        };
        Runner::new(store, terms, Shutdown::new().expect("a pipe"))
    }

    /// Told to the process that is to panic.
    const PANICS: &str = "WAITLAB_TEST_PANICS";

    #[test]
    fn a_job_that_panics_is_a_line_of_the_log_for_each_attempt() {
        // A log is a process's, so it is that of another.
        let test = "a_job_that_panics_is_tried_again";
        let mut process = Command::new(env::current_exe().unwrap());
        let output = process.args([test, "--nocapture"]).env(PANICS, "1").output().unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        let lines = log.lines().filter(|line| line.contains("WARN") || line.contains("ERROR"));
        let lines: Vec<_> = lines.collect();
        assert!(output.status.success() && lines.len() == 2, "{log}");
        for (attempt, line) in (1..).zip(lines) {
            let told = [&*format!("job=1 attempt={attempt}"), "on purpose", "panicked"];
            assert!(told.iter().all(|word| line.contains(word)), "{line}");
        }
    }

    #[test]
    fn a_job_that_panics_is_tried_again_and_then_failed_with_a_problem_that_says_nothing_of_the_inside()
     {
        if env::var_os(PANICS).is_some() {
            settings::Log::Text.start(false);
        }
        let folder = tempfile::tempdir().unwrap();
        let database = Database::new(None, folder.path()).unwrap();
        let store = Store::open(&database, &Limits::default()).unwrap();
        let runner = runner(store.clone());
        let job = NewJob { order: Order::Wait { millis: 0 }, input: Vec::new() };
        let id = store.enqueue(job, None).unwrap().id;
        for attempt in 1..=2 {
            let began = Instant::now();
            let claimed = loop {
                if let Some(claimed) = store.claim("a", runner.terms.lease, 2).unwrap() {
                    break claimed;
                }
                assert!(began.elapsed() < Duration::from_secs(5), "it cannot be claimed again");
                sleep(Duration::from_millis(1));
            };
            let held = runner.leases.hold(claimed.lease);
            let outcome = runner.attempt(&held, || panic!("on purpose"));
            runner.write(&held, outcome);
            let job = store.job(id).unwrap().unwrap();
            let state = if attempt == 1 { State::Queued } else { State::Failed };
            assert_eq!((job.state, job.attempts), (state, attempt));
        }
        let problem = store.job(id).unwrap().unwrap().problem.unwrap();
        assert_eq!(problem, Problem::internal());
    }
}
