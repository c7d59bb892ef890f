//! Calls to an upstream that does everything an upstream can do.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::env;
use std::process::Command;
use std::time::{Duration, Instant};

use contract::{Limits, PathParam, Problem, Profile, Username};
use github_stub::{Dials, FAULTS, Stub};
use io_async::Github;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::{task, time};

/// What each name at the stub becomes: a status, and the seconds of a `Retry-After`.
const ANSWERS: &[(&str, u16, Option<u64>)] = &[
    ("octocat", 200, None),
    ("slow-50ms", 200, None),
    ("slow-5s", 504, None),
    ("size-1048576", 200, None),
    ("size-1048577", 502, None),
    ("chunked", 200, None),
    ("closes", 200, None),
    ("stale", 200, None),
    ("missing", 404, None),
    ("down", 502, None),
    ("hang", 504, None),
    ("drip", 504, None),
    ("drip-body", 504, None),
    ("html", 502, None),
    ("mistyped", 502, None),
    ("notjson", 502, None),
    ("shape", 502, None),
    ("fields", 502, None),
    ("empty", 502, None),
    ("utf8", 502, None),
    ("cut", 502, None),
    ("cut-chunked", 502, None),
    ("cut-head", 502, None),
    ("reset", 502, None),
    ("huge", 502, None),
    ("huge-declared", 502, None),
    ("gzip", 502, None),
    ("bomb", 502, None),
    ("endless-head", 502, None),
    ("garbled", 502, None),
    ("extra", 200, None),
    ("rate-limited", 503, Some(60)),
    ("rate-limited-429", 503, Some(7)),
    ("secondary", 503, Some(60)),
    ("error-401", 502, None),
    ("error-404", 404, None),
    ("error-422", 502, None),
    ("error-500", 502, None),
    ("error-503", 502, None),
    ("redirect", 502, None),
    ("redirect-away", 502, None),
    ("redirect-loop", 502, None),
    ("flaky", 502, None),
    ("flaky-reset", 502, None),
    ("flaky-429", 503, Some(1)),
];

#[tokio::test]
async fn every_answer_becomes_a_profile_or_the_right_problem_in_time() {
    let stub = Stub::start(Dials::default()).unwrap();
    for &(name, status, retry_after) in ANSWERS {
        let github = Github::new(&stub.url(), None, &impatient()).unwrap();
        let start = Instant::now();
        let answer = github.user(&username(name)).await;
        let took = start.elapsed();
        assert_eq!(status_of(&answer), status, "{name}: {answer:?}");
        assert!(took < Duration::from_millis(1_500), "{name} took {took:?}");
        match (answer, retry_after) {
            (Ok(profile), _) => assert_eq!(login(&profile), name),
            // The reset is on a second of the clock.
            (Err(problem), Some(60)) => assert!(matches!(problem.retry_after, Some(58..=60))),
            (Err(problem), after) => assert_eq!(problem.retry_after, after, "{name}"),
        }
    }
    let stats = stub.stats();
    assert_eq!(stats.decoy.connections, 0, "a redirect was followed");
    assert_eq!(stats.unexpected, [""; 0]);
}

#[test]
fn every_fault_of_the_stub_is_in_the_table() {
    for (fault, _) in FAULTS {
        let stem = fault.trim_end_matches(|c: char| c.is_ascii_uppercase());
        assert!(ANSWERS.iter().any(|(name, ..)| name.starts_with(stem)), "{fault}");
    }
}

#[tokio::test]
async fn a_request_carries_these_fields_and_no_others() {
    let stub = Stub::start(Dials::default()).unwrap();
    let github = Github::new(&stub.url(), Some("s3cret"), &Limits::default()).unwrap();
    github.user(&username("octocat")).await.unwrap();
    let head = stub.last_head().to_lowercase();
    let mut lines: Vec<&str> = head.trim_end().split("\r\n").collect();
    lines[1..].sort_unstable();
    assert_eq!(
        lines,
        [
            "get /users/octocat http/1.1",
            "accept: application/vnd.github+json",
            "authorization: bearer s3cret",
            &format!("host: {}", stub.addr()),
            "user-agent: waitlab",
            "x-github-api-version: 2022-11-28",
        ]
    );
}

#[tokio::test]
async fn a_second_reply_that_nobody_asked_for_answers_nobody() {
    let stub = Stub::start(Dials::default()).unwrap();
    let github = Github::new(&stub.url(), None, &Limits::default()).unwrap();
    for name in ["extra", "octocat", "extra-2", "hubot"] {
        assert_eq!(login(&github.user(&username(name)).await.unwrap()), name);
    }
}

#[tokio::test]
async fn a_connection_refused_is_tried_three_times_within_a_second() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let stub = Stub::start(Dials::default()).unwrap();
    let url = stub.url();
    drop(stub);
    let github = metrics::with_local_recorder(&recorder, || {
        Github::new(&url, None, &Limits::default()).unwrap()
    });
    let start = Instant::now();
    let problem = github.user(&username("octocat")).await.unwrap_err();
    let took = start.elapsed();
    assert_eq!(problem.status, 502);
    assert!(took < Duration::from_secs(1), "{took:?}");
    let metrics = recorder.handle().render();
    assert!(metrics.contains("upstream_requests_total 3"), "{metrics}");
    assert!(metrics.contains("upstream_in_flight 0"), "{metrics}");
}

#[tokio::test]
async fn an_upstream_that_comes_back_meanwhile_is_found() {
    let stub = Stub::start(Dials::default()).unwrap();
    let (addr, url) = (stub.addr(), stub.url());
    drop(stub);
    let github = Github::new(&url, None, &Limits::default()).unwrap();
    let answer = task::spawn(async move { github.user(&username("octocat")).await });
    time::sleep(Duration::from_millis(10)).await;
    let _stub = Stub::start(Dials { addr, ..Dials::default() }).unwrap();
    assert_eq!(status_of(&answer.await.unwrap()), 200);
}

#[tokio::test]
async fn a_name_with_several_addresses_is_tried_at_one_after_the_other() {
    let stub = Stub::start(Dials::default()).unwrap();
    // On most machines `localhost` is ::1 before it is 127.0.0.1, where the stub listens.
    let url = format!("http://localhost:{}", stub.addr().port());
    let github = Github::new(&url, None, &Limits::default()).unwrap();
    for _ in 0..3 {
        github.user(&username("octocat")).await.unwrap();
    }
    assert_eq!(stub.stats().connections.total, 1);
}

#[tokio::test]
async fn a_reset_is_tried_again_only_when_an_idle_connection_may_be_to_blame() {
    let stub = Stub::start(Dials::default()).unwrap();
    let github = Github::new(&stub.url(), None, &Limits::default()).unwrap();
    assert_eq!(status_of(&github.user(&username("down-1")).await), 502);
    assert_eq!(stub.seen("down-1").count, 1, "over a new connection");
    github.user(&username("octocat")).await.unwrap();
    assert_eq!(status_of(&github.user(&username("down-2")).await), 502);
    assert_eq!(stub.seen("down-2").count, 2, "over an idle connection, then a new one");
    github.user(&username("octocat")).await.unwrap();
    assert_eq!(status_of(&github.user(&username("flaky-reset")).await), 200);
    assert_eq!(stub.stats().connections.total, 5);
}

#[tokio::test]
async fn an_idle_connection_that_the_upstream_closed_is_not_used() {
    let stub = Stub::start(Dials::default()).unwrap();
    let github = Github::new(&stub.url(), None, &Limits::default()).unwrap();
    for n in 0..10 {
        github.user(&username(&format!("stale-{n}"))).await.unwrap();
    }
    assert!(stub.stats().requests.total <= 20, "{:?}", stub.stats());
}

#[tokio::test]
async fn a_connection_serves_again_after_a_problem() {
    let stub = Stub::start(Dials::default()).unwrap();
    let github = Github::new(&stub.url(), None, &Limits::default()).unwrap();
    for name in ["octocat", "missing", "error-500", "chunked", "html", "redirect", "octocat"] {
        let _ = github.user(&username(name)).await;
    }
    assert_eq!(stub.stats().connections.total, 1);
}

#[tokio::test]
async fn no_more_calls_are_made_at_once_than_there_are_permits() {
    let stub = Stub::start(Dials::default()).unwrap();
    let limits = Limits { upstream_max: 4, ..Limits::default() };
    let github = Github::new(&stub.url(), None, &limits).unwrap();
    let calls: Vec<_> = (0..16)
        .map(|n| {
            let github = github.clone();
            task::spawn(async move { github.user(&username(&format!("slow-50ms-{n}"))).await })
        })
        .collect();
    for call in calls {
        assert_eq!(status_of(&call.await.unwrap()), 200);
    }
    assert_eq!(stub.stats().requests.in_flight_peak, 4);
}

#[tokio::test]
async fn the_wait_for_a_permit_ends_at_the_deadline() {
    let stub = Stub::start(Dials::default()).unwrap();
    let limits = Limits { upstream_max: 1, ..impatient() };
    let github = Github::new(&stub.url(), None, &limits).unwrap();
    let start = Instant::now();
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let github = github.clone();
            task::spawn(async move { github.user(&username("slow-200ms")).await })
        })
        .collect();
    let mut statuses = Vec::new();
    for call in calls {
        statuses.push(status_of(&call.await.unwrap()));
    }
    let took = start.elapsed();
    assert!(took < Duration::from_millis(1_500), "{took:?}");
    // Two fit into half a second, the third is cut off, and the others never had a turn.
    let of = |status| statuses.iter().filter(|&&one| one == status).count();
    assert_eq!(of(200), 2, "{statuses:?}");
    assert!(of(503) >= 4, "{statuses:?}");
    assert_eq!(of(503) + of(504), 6, "{statuses:?}");
    assert_eq!(status_of(&github.user(&username("octocat")).await), 200);
}

#[tokio::test]
async fn an_upstream_that_speaks_no_tls_is_a_problem_found_once() {
    let stub = Stub::start(Dials::default()).unwrap();
    let github = Github::new(&format!("https://{}", stub.addr()), None, &impatient()).unwrap();
    assert_eq!(status_of(&github.user(&username("octocat")).await), 502);
    assert_eq!(stub.stats().connections.total, 1);
}

#[tokio::test]
async fn an_upstream_whose_name_is_unknown_is_a_problem() {
    // A label has 63 bytes at most (RFC 1035, 2.3.4), so no name server is asked.
    let url = format!("http://{}", "a".repeat(64));
    let github = Github::new(&url, None, &impatient()).unwrap();
    assert_eq!(status_of(&github.user(&username("octocat")).await), 502);
}

#[test]
fn a_proxy_in_the_environment_is_not_asked() {
    let test = Command::new(env::current_exe().unwrap())
        .args(["--exact", "a_second_reply_that_nobody_asked_for_answers_nobody"])
        .env("http_proxy", "http://127.0.0.1:1")
        .env("all_proxy", "http://127.0.0.1:1")
        .env_remove("no_proxy")
        .env_remove("NO_PROXY")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&test.stdout);
    assert!(said.contains("1 passed"), "{said}");
}

/// Half a second in all.
fn impatient() -> Limits {
    Limits { upstream_total: Duration::from_millis(500), ..Limits::default() }
}

fn username(name: &str) -> Username {
    Username::from_path(&format!("/github-user/{name}"), &Limits::default()).unwrap()
}

fn status_of(answer: &Result<Profile, Problem>) -> u16 {
    answer.as_ref().map_or_else(|problem| problem.status, |_| 200)
}

fn login(profile: &Profile) -> String {
    serde_json::to_value(profile).unwrap()["login"].as_str().unwrap().to_owned()
}
