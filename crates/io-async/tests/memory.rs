//! An answer without end must not take memory without end. Alone in its process, which it measures.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::fs;

use contract::{Limits, PathParam, Username};
use github_stub::{Dials, Stub};
use io_async::Github;

#[tokio::test]
async fn answers_without_end_take_no_more_than_8_mib() {
    let stub = Stub::start(Dials::default()).unwrap();
    let github = Github::new(&stub.url(), None, &Limits::default()).unwrap();
    github.user(&username("octocat")).await.unwrap();
    let before = peak_kib();
    for name in ["huge", "huge-declared", "bomb", "endless-head", "size-1048577"] {
        for _ in 0..10 {
            assert_eq!(github.user(&username(name)).await.unwrap_err().status, 502, "{name}");
        }
    }
    let grown = peak_kib() - before;
    println!("{grown} KiB");
    assert!(grown <= 8 << 10, "{grown} KiB");
}

/// The most that ever was in memory.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn username(name: &str) -> Username {
    Username::from_path(&format!("/github-user/{name}"), &Limits::default()).unwrap()
}
