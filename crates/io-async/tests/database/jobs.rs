//! The queue, as far as a server has to do with it: what is accepted, kept, told and cancelled.

use conformance::databases::Fresh;
use contract::jobs::{JobsPage, State};
use contract::{BatchId, JobId, Limits, NewJob, NoteId, Order, Page};
use futures_util::future::join_all;
use io_async::Store;

use crate::{key, store};

/// A queue in which so many may wait.
fn queue(fresh: &Fresh, most: usize) -> Store {
    store(fresh, Limits { queue: most, ..Limits::default() })
}

fn job(text: &str) -> NewJob {
    NewJob { order: Order::Wait { millis: 0 }, input: text.as_bytes().to_vec() }
}

pub(crate) async fn a_job_is_kept_told_and_cancelled(fresh: Fresh) {
    let store = queue(&fresh, 10);
    let made = store.enqueue(job("in"), None).await.unwrap();
    assert_eq!((made.state, made.attempts), (State::Queued, 0));
    assert_eq!(store.job(made.id).await.unwrap().as_ref(), Some(&made));
    assert_eq!(store.job_result(made.id).await.unwrap_err().status, 409);
    let queued = JobsPage { state: Some(State::Queued), page: page() };
    assert_eq!(store.jobs(queued).await.unwrap().jobs, std::slice::from_ref(&made));
    let cancelled = store.cancel_job(made.id).await.unwrap().unwrap();
    assert_eq!(cancelled.state, State::Cancelled);
    assert_eq!(store.cancel_job(made.id).await.unwrap().unwrap(), cancelled);
    assert!(store.jobs(queued).await.unwrap().jobs.is_empty());
    assert_eq!(store.cancel_job(JobId(99)).await.unwrap(), None);
}

pub(crate) async fn a_full_queue_refuses_and_has_room_again_when_a_job_is_cancelled(fresh: Fresh) {
    let store = queue(&fresh, 2);
    let first = store.enqueue(job("1"), None).await.unwrap();
    let batch = store.enqueue_batch(vec![job("2"), job("3")]).await;
    assert_eq!(batch.unwrap_err().status, 503);
    assert_eq!(store.queued().await.unwrap(), 1, "a part of the batch was kept");
    store.enqueue(job("2"), None).await.unwrap();
    let refused = store.enqueue(job("3"), None).await.unwrap_err();
    assert_eq!((refused.status, refused.retry_after.is_some()), (503, true));
    store.cancel_job(first.id).await.unwrap();
    store.enqueue(job("3"), None).await.unwrap();
}

pub(crate) async fn as_many_are_accepted_as_there_is_room_for_whoever_asks_at_the_same_time(
    fresh: Fresh,
) {
    let store = queue(&fresh, 20);
    let answers = join_all((0..80).map(|_| store.enqueue(job("in"), None))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 20);
    assert_eq!(store.queued().await.unwrap(), 20);
}

pub(crate) async fn a_key_makes_one_job_however_often_it_is_sent(fresh: Fresh) {
    let store = queue(&fresh, 10);
    let first = store.enqueue(job("in"), key("k1")).await.unwrap();
    assert_eq!(store.enqueue(job("in"), key("k1")).await.unwrap().id, first.id);
    assert_eq!(store.enqueue(job("other"), key("k1")).await.unwrap_err().status, 422);
    assert_ne!(store.enqueue(job("in"), key("k2")).await.unwrap().id, first.id);
    assert_eq!(store.queued().await.unwrap(), 2);
}

pub(crate) async fn a_batch_is_its_jobs_in_order(fresh: Fresh) {
    let store = queue(&fresh, 10);
    let batch = store.enqueue_batch(vec![job("a"), job("b"), job("c")]).await.unwrap();
    assert_eq!((batch.open, batch.jobs.len()), (3, 3));
    assert!(batch.jobs.is_sorted_by_key(|job| job.id), "{batch:?}");
    store.cancel_job(batch.jobs[0].id).await.unwrap();
    let later = store.batch(batch.id).await.unwrap().unwrap();
    assert_eq!(later.open, 2);
    assert_eq!(later.jobs[0].state, State::Cancelled);
    assert_eq!(store.batch(BatchId(99)).await.unwrap(), None);
}

fn page() -> Page {
    Page { limit: 100, after: NoteId(0) }
}
