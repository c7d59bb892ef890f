//! Rows on SQLite: what a request may count on, whatever happens beside it.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use contract::{Draft, FieldParams, IdempotencyKey, Limits, NoteId, Page};
use http::HeaderMap;
use io_blocking::Store;
use store::Database;
use tempfile::TempDir;

#[test]
fn a_note_is_kept_read_rewritten_and_removed() {
    let (_folder, store) = store(Limits::default());
    let note = store.add_note(draft("one"), None).unwrap();
    assert_eq!(store.note(note.id).unwrap().unwrap(), note);
    let note = store.rewrite_note(note.id, draft("two")).unwrap().unwrap();
    assert_eq!(note.title, "two");
    assert!(store.remove_note(note.id).unwrap());
    assert!(!store.remove_note(note.id).unwrap());
    assert_eq!(store.note(note.id).unwrap(), None);
}

#[test]
fn of_twenty_requests_with_one_key_at_once_one_makes_a_note_and_all_get_it() {
    let (_folder, store) = store(Limits::default());
    let ids: Vec<NoteId> = scope(|scope| {
        let add = || store.add_note(draft("same"), Some(key("k"))).unwrap().id;
        let adding: Vec<_> = (0..20).map(|_| scope.spawn(add)).collect();
        adding.into_iter().map(|adding| adding.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|&id| id == ids[0]), "{ids:?}");
    assert_eq!(store.notes(page()).unwrap().notes.len(), 1);
    assert_eq!(store.add_note(draft("other"), Some(key("k"))).unwrap_err().status, 422);
    store.remove_note(ids[0]).unwrap();
    assert_eq!(store.add_note(draft("same"), Some(key("k"))).unwrap_err().status, 409);
}

#[test]
fn when_every_connection_waits_the_next_request_is_told_so_in_time() {
    let acquire = Duration::from_millis(200);
    let (_folder, store) =
        store(Limits { pool: 3, database_acquire: acquire, ..Limits::default() });
    scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| store.wait(Duration::from_secs(1)).unwrap());
        }
        sleep(Duration::from_millis(300));
        let began = Instant::now();
        let problem = store.note(NoteId(1)).unwrap_err();
        assert_eq!((problem.status, problem.retry_after), (503, Some(1)));
        assert!(began.elapsed() < 3 * acquire, "{:?}", began.elapsed());
        // Who writes has a connection that no reader can take.
        store.add_note(draft("meanwhile"), None).unwrap();
    });
    assert!(store.note(NoteId(1)).unwrap().is_some());
}

#[test]
fn a_file_that_is_gone_is_told_and_not_made_anew() {
    let (folder, store) = store(Limits::default());
    store.ready().unwrap();
    let file = folder.path().join("waitlab.db");
    std::fs::rename(&file, folder.path().join("moved")).unwrap();
    assert_eq!(store.ready().unwrap_err().status, 503);
    assert!(!file.exists());
    std::fs::rename(folder.path().join("moved"), &file).unwrap();
    store.ready().unwrap();
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
