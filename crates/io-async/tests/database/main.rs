//! Rows: what a request may count on, whatever happens beside it, on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod gone;
mod jobs;
mod notes;
mod rooms;

use std::process::ExitCode;

use conformance::databases::{self, Fresh};
use contract::{FieldParams, IdempotencyKey, Limits};
use http::HeaderMap;
use io_async::Store;
use store::Database;

/// Tests by their names, each on a runtime of its own.
macro_rules! awaited {
    ($($test:path),* $(,)?) => {
        &[$((stringify!($test), |fresh| block_on($test(fresh)))),*]
    };
}

fn main() -> ExitCode {
    let tests: &[databases::Test] = awaited![
        notes::a_note_is_kept_read_rewritten_and_removed,
        notes::of_twenty_requests_with_one_key_at_once_one_makes_a_note_and_all_get_it,
        notes::when_every_connection_waits_the_next_request_is_told_so_in_time,
        notes::of_two_notes_at_once_the_lower_number_may_be_seen_later_on_postgresql_and_never_on_sqlite,
        notes::a_write_waits_for_the_lock_of_another_as_long_as_a_statement_may,
        notes::readiness_is_the_databases_and_not_the_pools,
        notes::a_call_that_is_dropped_leaves_the_pool_as_it_was,
        jobs::a_job_is_kept_told_and_cancelled,
        jobs::a_full_queue_refuses_and_has_room_again_when_a_job_is_cancelled,
        jobs::as_many_are_accepted_as_there_is_room_for_whoever_asks_at_the_same_time,
        jobs::a_key_makes_one_job_however_often_it_is_sent,
        jobs::a_batch_is_its_jobs_in_order,
        rooms::messages_are_numbered_and_the_latest_are_kept,
        rooms::what_another_process_keeps_is_passed_on,
        rooms::whoever_asks_for_what_is_behind_a_message_misses_none_that_commits_later,
        rooms::one_that_is_too_far_behind_is_dropped_after_what_its_queue_holds,
    ];
    databases::run(tests, gone::trials())
}

/// On one thread, where a call that blocks it would stop everything.
fn block_on<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(test)
}

fn store(fresh: &Fresh, limits: Limits) -> Store {
    let database = Database::new(fresh.url.as_deref(), fresh.data.path()).unwrap();
    Store::open(&database, &limits).unwrap()
}

/// As many connections as it takes for so many to read at once: one of SQLite's writes.
fn readers(fresh: &Fresh, count: usize) -> Limits {
    let pool = if fresh.url.is_some() { count } else { count + 1 };
    Limits { pool, ..Limits::default() }
}

fn key(text: &str) -> Option<IdempotencyKey> {
    let mut head = HeaderMap::new();
    head.insert("idempotency-key", text.parse().unwrap());
    Option::<IdempotencyKey>::from_fields(&head, &Limits::default()).unwrap()
}
