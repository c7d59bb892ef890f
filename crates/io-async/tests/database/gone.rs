//! A database that is gone and comes back: told at once, found again, and nothing that was promised is lost.

use std::fs;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use conformance::databases::Fresh;
use conformance::postgres::Postgres;
use conformance::trials::on_postgres;
use contract::{Limits, NoteId, Page, Problem};
use io_async::Store;
use libtest_mimic::Trial;
use store::Database;
use tokio::time::{sleep, timeout};

use crate::notes::draft;
use crate::{block_on, store};

/// One for each database: each is gone in its own way.
pub(crate) fn trials() -> Vec<Trial> {
    let moved = "SQLite::a_file_that_is_gone_is_told_and_not_made_anew";
    let replaced = "SQLite::a_file_that_another_took_the_place_of_is_written_to_no_more";
    let silent = "PostgreSQL::a_server_that_hangs_is_told_in_time_and_found_again_when_it_goes_on";
    let down = "PostgreSQL::a_server_that_is_down_is_told_at_once_and_found_again";
    let ended = "SQLite::a_runtime_that_ends_amid_a_statement_does_so_without_a_panic";
    vec![
        Trial::test(ended, || {
            a_runtime_that_ends_amid_a_statement_does_so_without_a_panic(Fresh::on_sqlite());
            Ok(())
        }),
        Trial::test(moved, || {
            block_on(a_file_that_is_gone_is_told_and_not_made_anew(Fresh::on_sqlite()));
            Ok(())
        }),
        Trial::test(replaced, || {
            block_on(a_file_that_another_took_the_place_of_is_written_to_no_more(
                Fresh::on_sqlite(),
            ));
            Ok(())
        }),
        on_postgres(silent.to_owned(), || {
            block_on(a_server_that_hangs_is_told_in_time_and_found_again_when_it_goes_on());
            Ok(())
        }),
        on_postgres(down.to_owned(), || {
            block_on(a_server_that_is_down_is_told_at_once_and_found_again());
            Ok(())
        }),
    ]
}

fn a_runtime_that_ends_amid_a_statement_does_so_without_a_panic(fresh: Fresh) {
    // The runtime catches it, so only the hook sees it; tests beside have panics of their own.
    static PANICKED: AtomicBool = AtomicBool::new(false);
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        PANICKED.fetch_or(panic.to_string().contains("transaction state"), Ordering::Relaxed);
        before(panic);
    }));
    let store = store(&fresh, Limits::default());
    block_on(async {
        // The connection is open by now, so that its statement has begun when it is dropped.
        store.ready().await.unwrap();
        store.notes(Page { limit: 1, after: NoteId(0) }).await.unwrap();
        let waits = store.wait(Duration::from_millis(500));
        timeout(Duration::from_millis(100), waits).await.unwrap_err();
    });
    assert!(!PANICKED.load(Ordering::Relaxed));
}

async fn a_file_that_is_gone_is_told_and_not_made_anew(fresh: Fresh) {
    let store = store(&fresh, Limits::default());
    let note = store.add_note(draft("kept"), None).await.unwrap();
    store.ready().await.unwrap();
    let (file, elsewhere) = (fresh.data.path().join("waitlab.db"), fresh.data.path().join("moved"));
    fs::rename(&file, &elsewhere).unwrap();
    told_at_once(store.ready().await.unwrap_err());
    told_at_once(store.note(note.id).await.unwrap_err());
    told_at_once(store.add_note(draft("into the void"), None).await.unwrap_err());
    assert!(!file.exists());
    fs::rename(&elsewhere, &file).unwrap();
    store.ready().await.unwrap();
    assert_eq!(store.note(note.id).await.unwrap().unwrap(), note);
    store.add_note(draft("again"), None).await.unwrap();
}

async fn a_file_that_another_took_the_place_of_is_written_to_no_more(fresh: Fresh) {
    let store = store(&fresh, Limits::default());
    let kept = store.add_note(draft("kept"), None).await.unwrap();
    let file = fresh.data.path().join("waitlab.db");
    let copy = fresh.data.path().join("copy");
    fs::copy(&file, &copy).unwrap();
    fs::rename(&copy, &file).unwrap();
    let later = store.add_note(draft("later"), None).await.unwrap();
    // Whoever opens the file now finds both.
    let again = crate::store(&fresh, Limits::default());
    assert_eq!(again.note(kept.id).await.unwrap().unwrap(), kept);
    assert_eq!(again.note(later.id).await.unwrap().unwrap(), later);
}

async fn a_server_that_is_down_is_told_at_once_and_found_again() {
    let mut postgres = Postgres::start().unwrap();
    let database = Database::Postgres(postgres.database().unwrap());
    let store = Store::open(&database, &Limits::default()).unwrap();
    let note = store.add_note(draft("kept"), None).await.unwrap();
    store.ready().await.unwrap();
    postgres.stop().unwrap();
    for _ in 0..3 {
        let began = Instant::now();
        told_at_once(store.ready().await.unwrap_err());
        told_at_once(store.note(note.id).await.unwrap_err());
        told_at_once(store.add_note(draft("refused"), None).await.unwrap_err());
        // A busy machine is given much; the wait for a free connection is twice that.
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    }
    postgres.start_again().unwrap();
    store.ready().await.unwrap();
    assert_eq!(store.note(note.id).await.unwrap().unwrap(), note);
    store.add_note(draft("again"), None).await.unwrap();
}

async fn a_server_that_hangs_is_told_in_time_and_found_again_when_it_goes_on() {
    let postgres = Postgres::start().unwrap();
    let database = Database::Postgres(postgres.database().unwrap());
    let limits =
        Limits { pool: 2, database_statement: Duration::from_secs(1), ..Limits::default() };
    let store = Store::open(&database, &limits).unwrap();
    let note = store.add_note(draft("kept"), None).await.unwrap();
    store.ready().await.unwrap();
    let began = Instant::now();
    // Two calls have the connections and are in the midst of a statement; three come when there is none.
    let asked: Vec<_> = (0..5)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.wait(Duration::from_secs(1)).await })
        })
        .collect();
    sleep(Duration::from_millis(200)).await;
    postgres.pause().unwrap();
    for asked in asked {
        let answered = timeout(Duration::from_secs(6), asked).await;
        told_at_once(answered.expect("a task hangs with its database").unwrap().unwrap_err());
    }
    // It waits so long, and each statement has a second, twice; a busy machine is given much.
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    for _ in 0..2 {
        let began = Instant::now();
        told_at_once(store.ready().await.unwrap_err());
        told_at_once(store.note(note.id).await.unwrap_err());
        // One second, and two to see that there is no other connection.
        assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    }
    postgres.go_on().unwrap();
    store.ready().await.unwrap();
    assert_eq!(store.note(note.id).await.unwrap().unwrap(), note);
    store.add_note(draft("again"), None).await.unwrap();
}

fn told_at_once(problem: Problem) {
    assert_eq!((problem.status, problem.retry_after), (503, Some(1)), "{problem:?}");
}
