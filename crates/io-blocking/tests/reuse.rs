//! One client for all: how many connections and threads a thousand calls take. Alone in its process, which it counts.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{fs, thread};

use contract::{Limits, PathParam, Username};
use github_stub::{Dials, Latency, Stub};
use io_blocking::Github;

const CALLERS: usize = 64;
/// A thread that finds no idle connection makes one and keeps to it.
const MOST_CONNECTIONS: u64 = 64;

#[test]
fn a_thousand_calls_of_64_clients_share_their_connections_and_make_no_thread() {
    let latency = Latency::Fixed(Duration::from_millis(2));
    let stub = Stub::start(Dials { latency, ..Dials::default() }).unwrap();
    let github = Github::new(&stub.url(), None, &Limits::default()).unwrap();
    let before = threads();

    let peak = a_thousand_calls(&github);
    let connections = stub.stats().connections.total;
    println!("{connections} connections; {before} threads before, at most {peak}");
    assert!(connections <= MOST_CONNECTIONS, "{connections} connections");
    // The client's own callers, and nobody else.
    assert!(peak <= before + CALLERS, "{peak} threads");

    a_thousand_calls(&github);
    let more = stub.stats().connections.total - connections;
    println!("{more} more connections");
    assert!(more <= 4, "{more} more connections for the same callers");
    assert_eq!(stub.stats().requests.total, 2_000);
}

/// Makes them from 64 callers at once, and tells the most threads that there were.
fn a_thousand_calls(github: &Github) -> usize {
    let (asked, peak) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                while asked.fetch_add(1, Ordering::Relaxed) < 1_000 {
                    github.user(&octocat()).unwrap();
                    peak.fetch_max(threads(), Ordering::Relaxed);
                }
            });
        }
    });
    peak.into_inner()
}

fn octocat() -> Username {
    Username::from_path("/github-user/octocat", &Limits::default()).unwrap()
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}
