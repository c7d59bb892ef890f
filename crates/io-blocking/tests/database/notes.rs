//! Notes, keys, and a pool that is exhausted.

use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use conformance::databases::Fresh;
use contract::{Draft, Limits, NoteId, Page};

use crate::{key, readers, store};

pub(crate) fn a_note_is_kept_read_rewritten_and_removed(fresh: Fresh) {
    let store = store(&fresh, Limits::default());
    let note = store.add_note(draft("one"), None).unwrap();
    assert_eq!(store.note(note.id).unwrap().unwrap(), note);
    let note = store.rewrite_note(note.id, draft("two")).unwrap().unwrap();
    assert_eq!(note.title, "two");
    assert!(store.remove_note(note.id).unwrap());
    assert!(!store.remove_note(note.id).unwrap());
    assert_eq!(store.note(note.id).unwrap(), None);
}

pub(crate) fn of_twenty_requests_with_one_key_at_once_one_makes_a_note_and_all_get_it(
    fresh: Fresh,
) {
    let store = store(&fresh, Limits::default());
    let ids: Vec<NoteId> = scope(|scope| {
        let add = || store.add_note(draft("same"), key("k")).unwrap().id;
        let adding: Vec<_> = (0..20).map(|_| scope.spawn(add)).collect();
        adding.into_iter().map(|adding| adding.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|&id| id == ids[0]), "{ids:?}");
    assert_eq!(store.notes(page()).unwrap().notes.len(), 1);
    assert_eq!(store.add_note(draft("other"), key("k")).unwrap_err().status, 422);
    store.remove_note(ids[0]).unwrap();
    assert_eq!(store.add_note(draft("same"), key("k")).unwrap_err().status, 409);
}

pub(crate) fn when_every_connection_waits_the_next_request_is_told_so_in_time(fresh: Fresh) {
    let acquire = Duration::from_millis(200);
    let store = store(&fresh, Limits { database_acquire: acquire, ..readers(&fresh, 2) });
    scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| store.wait(Duration::from_secs(1)).unwrap());
        }
        sleep(Duration::from_millis(300));
        let began = Instant::now();
        let problem = store.note(NoteId(1)).unwrap_err();
        assert_eq!((problem.status, problem.retry_after), (503, Some(1)));
        assert!(began.elapsed() < 3 * acquire, "{:?}", began.elapsed());
        if fresh.url.is_none() {
            // Who writes to SQLite has a connection that no reader can take.
            store.add_note(draft("meanwhile"), None).unwrap();
        }
    });
    assert_eq!(store.note(NoteId(1)).unwrap().is_some(), fresh.url.is_none());
}

pub(crate) fn readiness_is_the_databases_and_not_the_pools(fresh: Fresh) {
    let store = store(&fresh, readers(&fresh, 1));
    scope(|scope| {
        scope.spawn(|| store.wait(Duration::from_secs(1)).unwrap());
        sleep(Duration::from_millis(300));
        let began = Instant::now();
        store.ready().unwrap();
        assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    });
}

pub(crate) fn draft(title: &str) -> Draft {
    Draft { title: title.to_owned(), body: String::new() }
}

fn page() -> Page {
    Page { limit: 100, after: NoteId(0) }
}
