//! Notes, keys, a pool that is exhausted, and calls that are dropped.

use std::any::Any;
use std::pin::pin;
use std::time::{Duration, Instant};

use conformance::databases::Fresh;
use contract::{Draft, Limits, NoteId, Page};
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use futures_util::future::{join, join_all};
use store::sqlite;
use tokio::time::{sleep, timeout};

use crate::{key, readers, store};

pub(crate) async fn a_note_is_kept_read_rewritten_and_removed(fresh: Fresh) {
    let store = store(&fresh, Limits::default());
    let note = store.add_note(draft("one"), None).await.unwrap();
    assert_eq!(store.note(note.id).await.unwrap().unwrap(), note);
    let note = store.rewrite_note(note.id, draft("two")).await.unwrap().unwrap();
    assert_eq!(note.title, "two");
    assert!(store.remove_note(note.id).await.unwrap());
    assert!(!store.remove_note(note.id).await.unwrap());
    assert_eq!(store.note(note.id).await.unwrap(), None);
}

pub(crate) async fn of_twenty_requests_with_one_key_at_once_one_makes_a_note_and_all_get_it(
    fresh: Fresh,
) {
    let store = store(&fresh, Limits::default());
    let add = || async { store.add_note(draft("same"), key("k")).await.unwrap().id };
    let ids: Vec<NoteId> = join_all((0..20).map(|_| add())).await;
    assert!(ids.iter().all(|&id| id == ids[0]), "{ids:?}");
    assert_eq!(store.notes(page()).await.unwrap().notes.len(), 1);
    assert_eq!(store.add_note(draft("other"), key("k")).await.unwrap_err().status, 422);
    store.remove_note(ids[0]).await.unwrap();
    assert_eq!(store.add_note(draft("same"), key("k")).await.unwrap_err().status, 409);
}

pub(crate) async fn when_every_connection_waits_the_next_request_is_told_so_in_time(fresh: Fresh) {
    let acquire = Duration::from_millis(200);
    let store = store(&fresh, Limits { database_acquire: acquire, ..readers(&fresh, 2) });
    let waits = join_all((0..2).map(|_| store.wait(Duration::from_secs(1))));
    let beside = async {
        sleep(Duration::from_millis(300)).await;
        let began = Instant::now();
        let problem = store.note(NoteId(1)).await.unwrap_err();
        assert_eq!((problem.status, problem.retry_after), (503, Some(1)));
        assert!(began.elapsed() < 3 * acquire, "{:?}", began.elapsed());
        if fresh.url.is_none() {
            // Who writes to SQLite has a connection that no reader can take.
            store.add_note(draft("meanwhile"), None).await.unwrap();
        }
    };
    let (waited, ()) = join(waits, beside).await;
    assert!(waited.iter().all(Result::is_ok));
    assert_eq!(store.note(NoteId(1)).await.unwrap().is_some(), fresh.url.is_none());
}

pub(crate) async fn a_write_waits_for_the_lock_of_another_as_long_as_a_statement_may(fresh: Fresh) {
    let statement = Duration::from_millis(300);
    let [short, long] = [statement, Duration::from_secs(60)].map(|database_statement| {
        store(&fresh, Limits { database_statement, ..Limits::default() })
    });
    let kept = short.add_note(draft("kept"), None).await.unwrap();
    let lock = locked(&fresh);
    let began = Instant::now();
    let problem = short.add_note(draft("late"), None).await.unwrap_err();
    let took = began.elapsed();
    assert_eq!((problem.status, problem.retry_after), (503, Some(1)));
    // A busy machine is given much; the other's patience is ten times that.
    assert!(took >= statement && took < 20 * statement, "{took:?}");
    // Whoever reads goes on.
    assert_eq!(short.note(kept.id).await.unwrap(), Some(kept));
    let mut patient = pin!(long.add_note(draft("patient"), None));
    timeout(2 * statement, patient.as_mut()).await.unwrap_err();
    drop(lock);
    patient.await.unwrap();
}

pub(crate) async fn readiness_is_the_databases_and_not_the_pools(fresh: Fresh) {
    let store = store(&fresh, readers(&fresh, 1));
    let beside = async {
        sleep(Duration::from_millis(300)).await;
        let began = Instant::now();
        store.ready().await.unwrap();
        assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    };
    join(store.wait(Duration::from_secs(1)), beside).await.0.unwrap();
}

pub(crate) async fn a_call_that_is_dropped_leaves_the_pool_as_it_was(fresh: Fresh) {
    let acquire = Duration::from_millis(600);
    let store = store(&fresh, Limits { database_acquire: acquire, ..readers(&fresh, 1) });
    for _ in 0..3 {
        // Where waiting for the thread that sleeps would stop everything.
        let began = Instant::now();
        let waiting = timeout(Duration::from_millis(50), store.wait(Duration::from_millis(300)));
        waiting.await.unwrap_err();
        assert!(began.elapsed() < Duration::from_millis(200), "{:?}", began.elapsed());
        assert_eq!(store.note(NoteId(1)).await.unwrap(), None);
        if fresh.url.is_none() {
            // SQLite's only connection for readers is lent again when its statement has ended.
            assert!(began.elapsed() > Duration::from_millis(250), "{:?}", began.elapsed());
        }
    }
}

/// What is said of pages: PostgreSQL numbers notes as they are begun, SQLite has one writer at a time.
pub(crate) async fn of_two_notes_at_once_the_lower_number_may_be_seen_later_on_postgresql_and_never_on_sqlite(
    fresh: Fresh,
) {
    const EARLY: &str =
        "INSERT INTO notes (title, body, created_at, updated_at) VALUES ('early', '', 0, 0)";
    let store = store(&fresh, Limits::default());
    let titles = async |after| {
        let page = Page { limit: 100, after: NoteId(after) };
        let titles = store.notes(page).await.unwrap().notes.into_iter().map(|note| note.title);
        titles.collect::<Vec<_>>()
    };
    let Some(url) = &fresh.url else {
        let file = fresh.data.path().join("waitlab.db");
        let mut other = sqlite::connect(&file.to_string_lossy(), Duration::ZERO).unwrap();
        other.batch_execute(&format!("BEGIN IMMEDIATE; {EARLY}")).unwrap();
        let late = {
            let store = store.clone();
            tokio::spawn(async move { store.add_note(draft("late"), None).await.unwrap() })
        };
        sleep(Duration::from_millis(200)).await;
        assert!(titles(0).await.is_empty());
        other.batch_execute("COMMIT").unwrap();
        let late = late.await.unwrap();
        assert_eq!(titles(0).await, ["early", "late"]);
        assert!(titles(late.id.0).await.is_empty());
        return;
    };
    let mut other = PgConnection::establish(url).unwrap();
    other.batch_execute(&format!("BEGIN; {EARLY}")).unwrap();
    let late = store.add_note(draft("late"), None).await.unwrap();
    assert_eq!(titles(0).await, ["late"]);
    other.batch_execute("COMMIT").unwrap();
    // Whoever goes on behind the one it saw never meets the other; whoever begins anew does.
    assert!(titles(late.id.0).await.is_empty());
    assert_eq!(titles(0).await, ["early", "late"]);
}

/// Holds the lock of whoever writes notes until it is dropped, as another process would.
fn locked(fresh: &Fresh) -> Box<dyn Any> {
    match &fresh.url {
        Some(url) => {
            let mut other = PgConnection::establish(url).unwrap();
            other.batch_execute("BEGIN; LOCK TABLE notes IN SHARE MODE").unwrap();
            Box::new(other)
        }
        None => {
            let file = fresh.data.path().join("waitlab.db");
            let mut other = sqlite::connect(&file.to_string_lossy(), Duration::ZERO).unwrap();
            other.batch_execute("BEGIN IMMEDIATE").unwrap();
            Box::new(other)
        }
    }
}

pub(crate) fn draft(title: &str) -> Draft {
    Draft { title: title.to_owned(), body: String::new() }
}

fn page() -> Page {
    Page { limit: 100, after: NoteId(0) }
}
