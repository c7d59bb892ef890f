//! Workers that are runtimes of one thread each, as in actix: which of them may share what.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::time::Duration;

use contract::{Limits, PathParam, Username};
use github_stub::{Dials, Stub};
use io_async::Github;
use tokio::runtime::{Builder, Runtime};

#[test]
fn a_shared_connection_stalls_while_the_worker_that_made_it_is_busy() {
    let stub = Stub::start(Dials::default()).unwrap();
    let limits = Limits { upstream_total: Duration::from_millis(300), ..Limits::default() };
    let github = Github::new(&stub.url(), None, &limits).unwrap();
    let (busy, idle) = (worker(), worker());
    busy.block_on(github.user(&username("octocat"))).unwrap();

    // From here on the first worker does nothing, as if a handler computed.
    let shared = idle.block_on(github.clone().user(&username("octocat")));
    assert_eq!(shared.unwrap_err().status, 504);
    idle.block_on(github.apart().user(&username("octocat"))).unwrap();
    assert_eq!(stub.stats().connections.total, 2);
}

#[tokio::test]
async fn the_permits_are_those_of_all_workers_together() {
    let stub = Stub::start(Dials::default()).unwrap();
    let limits = Limits { upstream_max: 2, ..Limits::default() };
    let github = Github::new(&stub.url(), None, &limits).unwrap();
    let mut calls = tokio::task::JoinSet::new();
    for n in 0..8 {
        let github = github.apart();
        let name = username(&format!("slow-30ms-{n}"));
        calls.spawn(async move { github.user(&name).await.unwrap() });
    }
    calls.join_all().await;
    assert_eq!(stub.stats().requests.in_flight_peak, 2);
}

fn worker() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn username(name: &str) -> Username {
    Username::from_path(&format!("/github-user/{name}"), &Limits::default()).unwrap()
}
