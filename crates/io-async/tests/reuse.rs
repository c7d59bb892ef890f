//! One client for all: how many connections and threads a thousand calls take. Alone in its process, which it counts.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use contract::{Limits, PathParam, Username};
use github_stub::{Dials, Latency, Stub};
use io_async::Github;
use tokio::task::JoinSet;

/// Tasks, on two threads.
const CALLERS: usize = 64;
/// A task that finds no idle connection has one made, takes whichever comes first, that or an idle one, and leaves the
/// other idle: at most one connection a caller in use, and one in the making.
const MOST_CONNECTIONS: u64 = 128;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_calls_of_64_clients_share_their_connections_and_make_no_thread() {
    let latency = Latency::Fixed(Duration::from_millis(2));
    let stub = Stub::start(Dials { latency, ..Dials::default() }).unwrap();
    let github = Github::new(&stub.url(), None, &Limits::default()).unwrap();
    let before = threads();

    let peak = a_thousand_calls(&github).await;
    let connections = stub.stats().connections.total;
    println!("{connections} connections; {before} threads before, at most {peak}");
    assert!(connections <= MOST_CONNECTIONS, "{connections} connections");
    // The runtime's own, and nobody else.
    assert!(peak <= before, "{peak} threads");

    a_thousand_calls(&github).await;
    let more = stub.stats().connections.total - connections;
    println!("{more} more connections");
    assert!(more <= 4, "{more} more connections for the same callers");
    assert_eq!(stub.stats().requests.total, 2_000);
}

/// Makes them from 64 callers at once, and tells the most threads that there were.
async fn a_thousand_calls(github: &Github) -> usize {
    let asked = Arc::new(AtomicUsize::new(0));
    let peak = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (github, asked, peak) = (github.clone(), Arc::clone(&asked), Arc::clone(&peak));
        callers.spawn(async move {
            while asked.fetch_add(1, Ordering::Relaxed) < 1_000 {
                github.user(&octocat()).await.unwrap();
                peak.fetch_max(threads(), Ordering::Relaxed);
            }
        });
    }
    callers.join_all().await;
    peak.load(Ordering::Relaxed)
}

fn octocat() -> Username {
    Username::from_path("/github-user/octocat", &Limits::default()).unwrap()
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}
