//! Rows on SQLite: what a request may count on, whatever happens beside it.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::time::{Duration, Instant};

use contract::{Draft, FieldParams, IdempotencyKey, Limits, NoteId, Page};
use futures_util::future::{join, join_all};
use http::HeaderMap;
use io_async::Store;
use store::Database;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

#[tokio::test]
async fn a_note_is_kept_read_rewritten_and_removed() {
    let (_folder, store) = store(Limits::default());
    let note = store.add_note(draft("one"), None).await.unwrap();
    assert_eq!(store.note(note.id).await.unwrap().unwrap(), note);
    let note = store.rewrite_note(note.id, draft("two")).await.unwrap().unwrap();
    assert_eq!(note.title, "two");
    assert!(store.remove_note(note.id).await.unwrap());
    assert!(!store.remove_note(note.id).await.unwrap());
    assert_eq!(store.note(note.id).await.unwrap(), None);
}

#[tokio::test]
async fn of_twenty_requests_with_one_key_at_once_one_makes_a_note_and_all_get_it() {
    let (_folder, store) = store(Limits::default());
    let add = || async { store.add_note(draft("same"), Some(key("k"))).await.unwrap().id };
    let ids: Vec<NoteId> = join_all((0..20).map(|_| add())).await;
    assert!(ids.iter().all(|&id| id == ids[0]), "{ids:?}");
    assert_eq!(store.notes(page()).await.unwrap().notes.len(), 1);
    assert_eq!(store.add_note(draft("other"), Some(key("k"))).await.unwrap_err().status, 422);
    store.remove_note(ids[0]).await.unwrap();
    assert_eq!(store.add_note(draft("same"), Some(key("k"))).await.unwrap_err().status, 409);
}

#[tokio::test]
async fn when_every_connection_waits_the_next_request_is_told_so_in_time() {
    let acquire = Duration::from_millis(200);
    let (_folder, store) =
        store(Limits { pool: 3, database_acquire: acquire, ..Limits::default() });
    let waits = join_all((0..2).map(|_| store.wait(Duration::from_secs(1))));
    let beside = async {
        sleep(Duration::from_millis(300)).await;
        let began = Instant::now();
        let problem = store.note(NoteId(1)).await.unwrap_err();
        assert_eq!((problem.status, problem.retry_after), (503, Some(1)));
        assert!(began.elapsed() < 3 * acquire, "{:?}", began.elapsed());
        // Who writes has a connection that no reader can take.
        store.add_note(draft("meanwhile"), None).await.unwrap();
    };
    let (waited, ()) = join(waits, beside).await;
    assert!(waited.iter().all(Result::is_ok));
    assert!(store.note(NoteId(1)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_call_that_is_dropped_leaves_the_pool_as_it_was() {
    let acquire = Duration::from_millis(600);
    let (_folder, store) =
        store(Limits { pool: 2, database_acquire: acquire, ..Limits::default() });
    for _ in 0..3 {
        // On a runtime of one thread, where waiting for the thread that sleeps would stop everything.
        let began = Instant::now();
        let waiting = timeout(Duration::from_millis(50), store.wait(Duration::from_millis(300)));
        waiting.await.unwrap_err();
        assert!(began.elapsed() < Duration::from_millis(200), "{:?}", began.elapsed());
        // The only connection for readers is lent again when its statement has ended.
        assert_eq!(store.note(NoteId(1)).await.unwrap(), None);
        assert!(began.elapsed() > Duration::from_millis(250), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_file_that_is_gone_is_told_and_not_made_anew() {
    let (folder, store) = store(Limits::default());
    store.ready().await.unwrap();
    let file = folder.path().join("waitlab.db");
    std::fs::rename(&file, folder.path().join("moved")).unwrap();
    assert_eq!(store.ready().await.unwrap_err().status, 503);
    assert!(!file.exists());
    std::fs::rename(folder.path().join("moved"), &file).unwrap();
    store.ready().await.unwrap();
}

fn store(limits: Limits) -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::new(None, folder.path()).unwrap();
    let store = Store::open(&database, &limits).unwrap();
    (folder, store)
}

fn draft(title: &str) -> Draft {
    Draft { title: title.to_owned(), body: String::new() }
}

fn key(text: &str) -> IdempotencyKey {
    let mut head = HeaderMap::new();
    head.insert("idempotency-key", text.parse().unwrap());
    Option::<IdempotencyKey>::from_fields(&head, &Limits::default()).unwrap().unwrap()
}

fn page() -> Page {
    Page { limit: 100, after: NoteId(0) }
}
