//! The queue: what is accepted ends once, whoever takes it, loses it, or dies with it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use conformance::databases::Fresh;
use contract::jobs::State;
use contract::{JobId, JobResult, Limits, NewJob, Order, Problem};
use io_blocking::Store;

use crate::{key, store};

const LEASE: Duration = Duration::from_secs(5);

/// A queue in which so many may wait.
fn queue(fresh: &Fresh, most: usize) -> Store {
    store(fresh, Limits { queue: most, ..Limits::default() })
}

fn job(text: &str) -> NewJob {
    NewJob { order: Order::Wait { millis: 0 }, input: text.as_bytes().to_vec() }
}

fn result(text: &str) -> JobResult {
    JobResult { media_type: "text/plain".to_owned(), bytes: text.as_bytes().to_vec() }
}

fn state(store: &Store, id: JobId) -> State {
    store.job(id).expect("the database answers").expect("it is there").state
}

pub(crate) fn a_job_is_claimed_once_and_ends_with_its_result(fresh: Fresh) {
    let store = queue(&fresh, 10);
    let id = store.enqueue(job("in"), None).unwrap().id;
    assert_eq!(store.job_result(id).unwrap_err().status, 409);
    let claimed = store.claim("a", LEASE, 5).unwrap().unwrap();
    assert_eq!((claimed.lease.id, claimed.lease.attempt, &*claimed.input), (id.0, 1, &b"in"[..]));
    assert_eq!(claimed.order, Some(Order::Wait { millis: 0 }));
    assert!(store.claim("b", LEASE, 5).unwrap().is_none(), "it is claimed twice");
    assert_eq!(state(&store, id), State::Running);
    assert!(store.renew(&claimed.lease, LEASE).unwrap());
    assert!(store.finish(&claimed.lease, result("out")).unwrap());
    assert!(!store.finish(&claimed.lease, result("again")).unwrap(), "it ends twice");
    assert_eq!(store.job_result(id).unwrap(), Some(result("out")));
    let job = store.job(id).unwrap().unwrap();
    assert_eq!((job.state, job.attempts, job.problem), (State::Done, 1, None));
    assert!(job.finished_at >= job.started_at && job.started_at.is_some());
}

pub(crate) fn a_lease_that_is_over_goes_to_another_and_the_first_can_change_nothing(fresh: Fresh) {
    let store = queue(&fresh, 10);
    let id = store.enqueue(job("in"), None).unwrap().id;
    let first = store.claim("a", Duration::ZERO, 5).unwrap().unwrap().lease;
    thread::sleep(Duration::from_millis(2));
    let second = store.claim("b", LEASE, 5).unwrap().unwrap().lease;
    assert_eq!((second.id, second.attempt), (id.0, 2));
    assert!(!store.renew(&first, LEASE).unwrap());
    assert!(!store.finish(&first, result("late")).unwrap());
    assert!(!store.fail(&first, &Problem::internal()).unwrap());
    assert!(!store.release(&first).unwrap());
    assert!(store.finish(&second, result("in time")).unwrap());
    assert_eq!(store.job_result(id).unwrap(), Some(result("in time")));
}

pub(crate) fn the_same_worker_cannot_end_its_own_earlier_attempt(fresh: Fresh) {
    let store = queue(&fresh, 10);
    store.enqueue(job("in"), None).unwrap();
    let first = store.claim("a", Duration::ZERO, 5).unwrap().unwrap().lease;
    thread::sleep(Duration::from_millis(2));
    let second = store.claim("a", LEASE, 5).unwrap().unwrap().lease;
    assert!(!store.finish(&first, result("late")).unwrap());
    assert!(store.finish(&second, result("in time")).unwrap());
}

pub(crate) fn a_job_whose_every_worker_died_fails_after_its_last_attempt(fresh: Fresh) {
    let store = queue(&fresh, 10);
    let id = store.enqueue(job("poison"), None).unwrap().id;
    let why = Problem::unavailable("its worker ended during every attempt", 1);
    for attempt in 1..=3 {
        let claimed = store.claim("a", Duration::ZERO, 3).unwrap().unwrap();
        assert_eq!(claimed.lease.attempt, attempt);
        thread::sleep(Duration::from_millis(2));
    }
    assert!(store.claim("a", Duration::ZERO, 3).unwrap().is_none());
    assert_eq!(store.sweep_jobs(3, &why, Duration::from_secs(60)).unwrap(), (1, 0));
    let job = store.job(id).unwrap().unwrap();
    assert_eq!((job.state, job.attempts), (State::Failed, 3));
    assert_eq!(job.problem.unwrap().detail, why.detail);
}

pub(crate) fn what_is_tried_again_waits_for_its_pause_and_what_is_released_counts_no_attempt(
    fresh: Fresh,
) {
    let store = queue(&fresh, 10);
    let id = store.enqueue(job("in"), None).unwrap().id;
    let lease = store.claim("a", LEASE, 5).unwrap().unwrap().lease;
    assert!(store.try_again(&lease, Duration::from_millis(100), &Problem::internal()).unwrap());
    assert_eq!(state(&store, id), State::Queued);
    assert!(store.claim("a", LEASE, 5).unwrap().is_none(), "its pause is not over");
    thread::sleep(Duration::from_millis(110));
    let lease = store.claim("a", LEASE, 5).unwrap().unwrap().lease;
    assert_eq!(lease.attempt, 2);
    assert!(store.release(&lease).unwrap());
    let lease = store.claim("b", LEASE, 5).unwrap().unwrap().lease;
    assert_eq!(lease.attempt, 2);
}

pub(crate) fn a_cancelled_job_stays_cancelled_whatever_its_worker_does(fresh: Fresh) {
    let store = queue(&fresh, 10);
    let waiting = store.enqueue(job("waiting"), None).unwrap().id;
    assert_eq!(store.cancel_job(waiting).unwrap().unwrap().state, State::Cancelled);
    assert!(store.claim("a", LEASE, 5).unwrap().is_none());
    let running = store.enqueue(job("running"), None).unwrap().id;
    let lease = store.claim("a", LEASE, 5).unwrap().unwrap().lease;
    assert_eq!(store.cancel_job(running).unwrap().unwrap().state, State::Cancelled);
    assert!(!store.renew(&lease, LEASE).unwrap(), "the worker is not told");
    assert!(!store.finish(&lease, result("out")).unwrap());
    assert_eq!(store.job_result(running).unwrap_err().status, 409);
    assert_eq!(store.cancel_job(JobId(99)).unwrap(), None);
}

pub(crate) fn a_full_queue_refuses_and_has_room_again_when_a_job_is_taken(fresh: Fresh) {
    let store = queue(&fresh, 2);
    store.enqueue(job("1"), None).unwrap();
    assert_eq!(store.enqueue_batch(vec![job("2"), job("3")]).unwrap_err().status, 503);
    assert_eq!(store.queued().unwrap(), 1, "a part of the batch was kept");
    store.enqueue(job("2"), None).unwrap();
    let refused = store.enqueue(job("3"), None).unwrap_err();
    assert_eq!((refused.status, refused.retry_after.is_some()), (503, true));
    store.claim("a", LEASE, 5).unwrap().unwrap();
    store.enqueue(job("3"), None).unwrap();
}

pub(crate) fn as_many_are_accepted_as_there_is_room_for_whoever_asks_at_the_same_time(
    fresh: Fresh,
) {
    let store = queue(&fresh, 20);
    let accepted = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    if store.enqueue(job("in"), None).is_ok() {
                        accepted.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(accepted.into_inner(), 20);
    assert_eq!(store.queued().unwrap(), 20);
}

pub(crate) fn a_key_makes_one_job_however_often_it_is_sent(fresh: Fresh) {
    let store = queue(&fresh, 10);
    let first = store.enqueue(job("in"), key("k1")).unwrap();
    assert_eq!(store.enqueue(job("in"), key("k1")).unwrap().id, first.id);
    assert_eq!(store.enqueue(job("other"), key("k1")).unwrap_err().status, 422);
    assert_ne!(store.enqueue(job("in"), key("k2")).unwrap().id, first.id);
    assert_eq!(store.queued().unwrap(), 2);
}

pub(crate) fn a_batch_is_its_jobs_in_order(fresh: Fresh) {
    let store = queue(&fresh, 10);
    let batch = store.enqueue_batch(vec![job("a"), job("b"), job("c")]).unwrap();
    assert_eq!((batch.open, batch.jobs.len()), (3, 3));
    let lease = store.claim("a", LEASE, 5).unwrap().unwrap().lease;
    assert_eq!(lease.id, batch.jobs[0].id.0);
    store.finish(&lease, result("out")).unwrap();
    let later = store.batch(batch.id).unwrap().unwrap();
    assert_eq!(later.open, 2);
    assert_eq!(later.jobs[0].state, State::Done);
    assert_eq!(store.batch(contract::BatchId(99)).unwrap(), None);
}

pub(crate) fn what_ended_is_forgotten_in_time_and_what_has_not_ended_never(fresh: Fresh) {
    let store = queue(&fresh, 10);
    let done = store.enqueue(job("done"), None).unwrap().id;
    let waits = store.enqueue(job("waits"), None).unwrap().id;
    let lease = store.claim("a", LEASE, 5).unwrap().unwrap().lease;
    store.finish(&lease, result("out")).unwrap();
    thread::sleep(Duration::from_millis(5));
    let why = Problem::internal();
    assert_eq!(store.sweep_jobs(5, &why, Duration::from_secs(60)).unwrap(), (0, 0));
    assert_eq!(store.sweep_jobs(5, &why, Duration::ZERO).unwrap(), (0, 1));
    assert_eq!(store.job(done).unwrap(), None);
    assert_eq!(state(&store, waits), State::Queued);
}

pub(crate) fn a_key_and_a_batch_are_forgotten_with_the_last_of_their_jobs(fresh: Fresh) {
    let store = queue(&fresh, 10);
    let first = store.enqueue(job("in"), key("k1")).unwrap().id;
    let batch = store.enqueue_batch(vec![job("a"), job("b")]).unwrap();
    let sweep = || store.sweep_jobs(5, &Problem::internal(), Duration::ZERO).unwrap();
    for id in [first, batch.jobs[0].id] {
        store.cancel_job(id).unwrap();
    }
    thread::sleep(Duration::from_millis(5));
    assert_eq!(sweep(), (0, 2));
    let again = store.enqueue(job("in"), key("k1")).unwrap().id;
    assert_ne!(again, first, "a key outlived its job");
    assert_eq!(store.batch(batch.id).unwrap().map(|batch| batch.jobs.len()), Some(1));
    store.cancel_job(batch.jobs[1].id).unwrap();
    thread::sleep(Duration::from_millis(5));
    assert_eq!(sweep(), (0, 1));
    assert_eq!(store.batch(batch.id).unwrap(), None);
    assert_eq!(store.enqueue(job("in"), key("k1")).unwrap().id, again);
}

pub(crate) fn of_many_workers_each_job_goes_to_one(fresh: Fresh) {
    let store = queue(&fresh, 200);
    for _ in 0..100 {
        store.enqueue(job("in"), None).unwrap();
    }
    let done = AtomicUsize::new(0);
    thread::scope(|scope| {
        for worker in ["a", "b", "c", "d"] {
            let (store, done) = (&store, &done);
            scope.spawn(move || {
                while let Some(claimed) = store.claim(worker, LEASE, 5).unwrap() {
                    assert_eq!(claimed.lease.attempt, 1);
                    assert!(store.finish(&claimed.lease, result(worker)).unwrap());
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(done.into_inner(), 100);
}
