//! What a worker promises: a job that was accepted ends once, whoever is killed.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::process::{Command, ExitCode};
use std::thread::sleep;
use std::time::{Duration, Instant};

use conformance::databases::{self, Fresh};
use conformance::process::Signal;
use conformance::{Server, sentences};
use contract::jobs::State;
use contract::{Job, JobId, Limits, NewJob, Order};
use io_blocking::Store;
use libtest_mimic::Trial;
use store::Database;

const PATIENCE: Duration = Duration::from_secs(30);
/// Of every worker here.
const LEASE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let tests: &[databases::Test] = sentences![
        jobs_are_done_and_leave_what_the_direct_route_would_have_sent,
        what_would_fail_again_fails_at_once_with_its_reason,
        a_killed_workers_job_runs_again_within_its_lease_and_a_second,
        a_long_job_is_kept_by_its_heartbeat,
        a_cancelled_job_ends_in_its_worker_too,
        an_attempt_over_its_time_limit_is_repeated_and_then_fails,
        a_job_that_kills_every_worker_fails_after_its_last_attempt,
        a_drain_finishes_what_it_can_and_puts_back_the_rest_uncounted,
        of_many_jobs_and_killed_workers_each_job_is_done_once,
        it_tells_how_it_is_and_what_it_did,
    ];
    let told = Trial::test("what_it_cannot_run_with_is_told_in_a_line", || {
        what_it_cannot_run_with_is_told_in_a_line();
        Ok(())
    });
    databases::run(tests, vec![told])
}

/// A queue of its own.
struct Queue {
    store: Store,
    fresh: Fresh,
}

impl Queue {
    fn new(fresh: Fresh) -> Self {
        let database = Database::new(fresh.url.as_deref(), fresh.data.path()).expect("a database");
        Self { store: Store::open(&database, &Limits::default()).expect("a new one"), fresh }
    }

    fn worker(&self, flags: &[&str]) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_worker"));
        command.args(["--jobs=2", "--heartbeat=0.2", "--poll=0.02", "--backoff=0.05"]);
        command.arg(format!("--lease={}", LEASE.as_secs()));
        command.args(flags).arg("--data").arg(self.fresh.data.path());
        command.args(self.fresh.url.iter().map(|url| format!("--database={url}")));
        Server::spawn(command).expect("the worker starts")
    }

    fn wait(&self, millis: u64) -> JobId {
        self.enqueue(Order::Wait { millis }, b"")
    }

    fn enqueue(&self, order: Order, input: &[u8]) -> JobId {
        self.store
            .enqueue(NewJob { order, input: input.to_vec() }, None)
            .expect("the queue has room")
            .id
    }

    fn job(&self, id: JobId) -> Job {
        self.store.job(id).expect("the database answers").expect("the job is there")
    }

    /// Waits until the job stands there.
    fn until(&self, id: JobId, state: State) -> Job {
        let began = Instant::now();
        loop {
            let job = self.job(id);
            if job.state == state {
                return job;
            }
            assert!(began.elapsed() < PATIENCE, "{id} is not {state:?} but {job:?}");
            sleep(Duration::from_millis(10));
        }
    }
}

/// What it logged that somebody should read; whole only once it has ended.
fn told(mut worker: Server) -> Vec<String> {
    worker.signal(Signal::TERM);
    worker.wait(PATIENCE).expect("it drains");
    let is_told = |line: &&str| line.contains("WARN") || line.contains("ERROR");
    worker.output().lines().filter(is_told).map(str::to_owned).collect()
}

fn killed(mut worker: Server) {
    worker.signal(Signal::KILL);
    worker.wait(PATIENCE).expect("a killed process ends");
}

fn jobs_are_done_and_leave_what_the_direct_route_would_have_sent(fresh: Fresh) {
    let queue = Queue::new(fresh);
    let _worker = queue.worker(&[]);
    let wait = queue.wait(30);
    let image = include_bytes!("../../conformance/cases/images/48x32.png");
    let thumbnail = queue.enqueue(Order::Thumbnail { width: 16 }, image);
    let phrase = "correct horse battery".to_owned();
    let seal = queue.enqueue(Order::Seal { passphrase: phrase.clone() }, b"a text");
    for id in [wait, thumbnail, seal] {
        let job = queue.until(id, State::Done);
        assert_eq!((job.attempts, job.problem), (1, None));
    }
    let result = |id| queue.store.job_result(id).unwrap().unwrap();
    assert_eq!(result(wait).bytes, br#"{"message":"Waited for 0.03 seconds!"}"#);
    assert_eq!(result(thumbnail).media_type, "image/jpeg");
    assert_eq!(result(thumbnail).bytes, compute::thumbnail(image, 16, || true).unwrap());
    assert_eq!(compute::open(&result(seal).bytes, &phrase, || true).unwrap(), b"a text");
}

fn what_would_fail_again_fails_at_once_with_its_reason(fresh: Fresh) {
    let queue = Queue::new(fresh);
    let worker = queue.worker(&[]);
    let id = queue.enqueue(Order::Thumbnail { width: 16 }, b"no image");
    let job = queue.until(id, State::Failed);
    assert_eq!(job.attempts, 1);
    assert_eq!(job.problem.unwrap().status, 415);
    assert_eq!(told(worker), [""; 0], "the client is told, and that is enough");
}

fn a_killed_workers_job_runs_again_within_its_lease_and_a_second(fresh: Fresh) {
    let queue = Queue::new(fresh);
    // A busy machine only ever makes it longer, so the shortest of three counts.
    let shortest = (0..3).map(|_| begun_again(&queue)).min().unwrap();
    assert!(shortest < LEASE + Duration::from_secs(1), "{shortest:?}");
}

/// How long after the end of its worker a job is begun again by another.
fn begun_again(queue: &Queue) -> Duration {
    let first = queue.worker(&[]);
    let id = queue.wait(1_500);
    queue.until(id, State::Running);
    let second = queue.worker(&[]);
    killed(first);
    let began = Instant::now();
    while queue.job(id).attempts < 2 {
        assert!(began.elapsed() < PATIENCE, "{:?}", queue.job(id));
        sleep(Duration::from_millis(10));
    }
    let took = began.elapsed();
    assert_eq!(queue.until(id, State::Done).attempts, 2);
    drop(second);
    took
}

fn a_long_job_is_kept_by_its_heartbeat(fresh: Fresh) {
    let queue = Queue::new(fresh);
    let (_first, _second) = (queue.worker(&[]), queue.worker(&[]));
    let id = queue.wait(2_500);
    assert_eq!(queue.until(id, State::Done).attempts, 1, "longer than its lease, it was taken");
}

fn a_cancelled_job_ends_in_its_worker_too(fresh: Fresh) {
    let queue = Queue::new(fresh);
    let worker = queue.worker(&["--jobs=1"]);
    let long = queue.wait(60_000);
    queue.until(long, State::Running);
    let next = queue.wait(0);
    queue.store.cancel_job(long).unwrap();
    queue.until(next, State::Done);
    assert_eq!(queue.job(long).state, State::Cancelled);
    drop(worker);
}

fn an_attempt_over_its_time_limit_is_repeated_and_then_fails(fresh: Fresh) {
    let queue = Queue::new(fresh);
    let worker = queue.worker(&["--time-limit=0.3", "--attempts=2"]);
    let id = queue.wait(60_000);
    let job = queue.until(id, State::Failed);
    assert_eq!(job.attempts, 2);
    assert_eq!(job.problem.unwrap().status, 503);
    let lines = told(worker);
    assert_eq!(lines.len(), 2, "{lines:?}");
    for (attempt, line) in (1..).zip(lines) {
        assert!(
            line.contains(&format!("over its time limit job={id} attempt={attempt}")),
            "{line}"
        );
    }
}

fn a_job_that_kills_every_worker_fails_after_its_last_attempt(fresh: Fresh) {
    let queue = Queue::new(fresh);
    let id = queue.wait(60_000);
    for attempt in 1..=2 {
        let victim = queue.worker(&["--attempts=2"]);
        let began = Instant::now();
        while queue.job(id).attempts < attempt {
            assert!(began.elapsed() < PATIENCE, "{:?}", queue.job(id));
            sleep(Duration::from_millis(10));
        }
        killed(victim);
    }
    let survivor = queue.worker(&["--attempts=2"]);
    let job = queue.until(id, State::Failed);
    assert_eq!(job.attempts, 2);
    assert_eq!(job.problem.unwrap().status, 503);
    let lines = told(survivor);
    assert!(lines.len() == 1 && lines[0].contains("given up"), "{lines:?}");
}

fn a_drain_finishes_what_it_can_and_puts_back_the_rest_uncounted(fresh: Fresh) {
    let queue = Queue::new(fresh);
    let mut worker = queue.worker(&["--drain=1"]);
    let (short, long) = (queue.wait(600), queue.wait(60_000));
    queue.until(short, State::Running);
    queue.until(long, State::Running);
    let later = queue.wait(0);
    worker.signal(Signal::TERM);
    let exit = worker.wait(PATIENCE).unwrap();
    assert!(exit.success(), "{exit}");
    assert_eq!(queue.job(short).state, State::Done);
    let (long, later) = (queue.job(long), queue.job(later));
    assert_eq!((long.state, long.attempts), (State::Queued, 0));
    assert_eq!(later.state, State::Queued, "it was begun in the drain");
}

fn of_many_jobs_and_killed_workers_each_job_is_done_once(fresh: Fresh) {
    let queue = Queue::new(fresh);
    let ids: Vec<_> = (0..60).map(|n| queue.wait(n % 7 * 10)).collect();
    let mut random = fastrand::Rng::with_seed(7);
    let mut workers: Vec<_> = (0..2).map(|_| queue.worker(&[])).collect();
    for _ in 0..4 {
        sleep(Duration::from_millis(random.u64(50..200)));
        killed(workers.remove(0));
        workers.push(queue.worker(&[]));
    }
    for id in ids {
        let job = queue.until(id, State::Done);
        assert!(job.attempts <= 5, "{job:?}");
        assert!(queue.store.job_result(id).unwrap().is_some());
    }
}

fn it_tells_how_it_is_and_what_it_did(fresh: Fresh) {
    let queue = Queue::new(fresh);
    let worker = queue.worker(&[]);
    let id = queue.wait(0);
    queue.until(id, State::Done);
    let subject = conformance::Subject::at(worker.addr());
    subject.get_with("/healthz", 200).unwrap();
    subject.get_with("/readyz", 200).unwrap();
    let told = || {
        ["jobs_done_total", "jobs_running", "jobs_queued"].map(|name| subject.metric(name).unwrap())
    };
    // It counts a job when the row says that it is done, so a moment later.
    let began = Instant::now();
    while told() != [1.0, 0.0, 0.0] {
        assert!(began.elapsed() < PATIENCE, "done, running, queued: {:?}", told());
        sleep(Duration::from_millis(10));
    }
}

fn what_it_cannot_run_with_is_told_in_a_line() {
    let told = |flags: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_worker")).args(flags).output().unwrap();
        assert!(!output.status.success(), "{flags:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(told(&["--heartbeat=4"]).contains("--heartbeat"));
    assert!(told(&["--database=mysql://x"]).contains("postgres://"));
    assert!(told(&["--data=/proc/nowhere"]).contains("/proc/nowhere"));
}
