//! What the stub shares with GitHub: profiles, validators, its own refusals, the rate limit.

mod client;

use std::time::{Duration, Instant, SystemTime};

use client::{Client, End, get, plain, stub, until};

/// The order in `GET /users/octocat` of api.github.com.
const FIELDS: &str = "login id node_id avatar_url gravatar_id url html_url followers_url following_url gists_url \
    starred_url subscriptions_url organizations_url repos_url events_url received_events_url type user_view_type \
    site_admin name company blog location email hireable bio twitter_username public_repos public_gists followers \
    following created_at updated_at";

#[test]
fn a_profile_holds_githubs_fields_in_githubs_order() {
    let reply = get(&plain(), "octocat");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.field("content-type"), Some("application/json; charset=utf-8"));
    let text = String::from_utf8(reply.body.clone()).unwrap();
    let places: Vec<_> =
        FIELDS.split_whitespace().map(|field| text.find(&format!("\"{field}\":"))).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{text}");
    assert_eq!(reply.json().as_object().unwrap().len(), FIELDS.split_whitespace().count());
    assert_eq!(
        reply.json()["following_url"],
        "https://api.github.com/users/octocat/following{/other_user}"
    );
}

#[test]
fn a_profile_is_the_same_from_every_stub_and_is_what_the_library_makes() {
    let (one, other) = (get(&plain(), "octocat"), get(&stub("--seed 7"), "octocat"));
    assert_eq!(one.body, other.body);
    assert_eq!(one.field("etag"), other.field("etag"));
    assert_eq!(one.body, github_stub::Profile::of("octocat").json());
}

#[test]
fn a_client_that_has_the_profile_gets_304_without_a_body() {
    let stub = plain();
    let mut client = Client::connect(stub.addr());
    client.ask("octocat");
    let etag = client.reply().field("etag").unwrap().to_owned();
    assert!(etag.starts_with("W/\""), "{etag}");
    client.ask_with("octocat", &format!("If-None-Match: {etag}\r\n"));
    let known = client.reply();
    assert_eq!((known.status, known.body.len()), (304, 0), "{known:?}");
    assert_eq!(known.field("etag"), Some(etag.as_str()));
    // Had 304 sent a body, it would stand before this reply.
    client.ask_with("octodog", &format!("If-None-Match: {etag}\r\n"));
    assert_eq!(client.reply().status, 200);
    assert_eq!(stub.stats().requests.not_modified, 1);
}

#[test]
fn last_modified_is_when_the_profile_says_it_was_updated() {
    let reply = get(&plain(), "octocat");
    let modified = httpdate::parse_http_date(reply.field("last-modified").unwrap()).unwrap();
    let seconds = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    // The day and month differ in form between the two, so compare the time of day.
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let updated = reply.json()["updated_at"].as_str().unwrap().to_owned();
    assert!(
        updated.ends_with(&format!("T{hour:02}:{minute:02}:{second:02}Z")),
        "{updated} {modified:?}"
    );
}

#[test]
fn a_request_without_a_user_agent_is_forbidden_in_html() {
    let stub = plain();
    let mut client = Client::connect(stub.addr());
    client.send("GET /users/octocat HTTP/1.1\r\nHost: a\r\n\r\n");
    let reply = client.reply();
    assert_eq!(reply.status, 403);
    assert_eq!(reply.field("content-type"), Some("text/html"));
    assert!(String::from_utf8_lossy(&reply.body).contains("User-Agent"));
    assert_eq!(stub.stats().requests.no_user_agent, 1);
}

#[test]
fn what_is_no_name_gets_githubs_404_and_is_told_as_unexpected() {
    let stub = plain();
    let targets = ["/", "/users/", "/users/a/repos", "/users/a?x=1", "/users/%2e%2e", "/user"];
    for target in targets {
        let mut client = Client::connect(stub.addr());
        client.send(&format!("GET {target} HTTP/1.1\r\nHost: a\r\nUser-Agent: test\r\n\r\n"));
        let reply = client.reply();
        assert_eq!(
            (reply.status, &reply.json()["message"]),
            (404, &"Not Found".into()),
            "{target}"
        );
        assert_eq!(reply.json()["status"], "404");
    }
    assert_eq!(stub.stats().unexpected, targets);
    assert_eq!(stub.stats().requests.unexpected, 6);
}

#[test]
fn requests_over_the_rate_limit_are_refused_until_the_window_ends() {
    let stub = stub("--rate-limit 2/1s");
    let mut client = Client::connect(stub.addr());
    let mut ask = |name| {
        client.ask(name);
        client.reply()
    };
    let remaining = ["octocat", "missing"]
        .map(|name| ask(name).field("x-ratelimit-remaining").map(str::to_owned));
    assert_eq!(remaining.each_ref().map(Option::as_deref), [Some("1"), Some("0")]);
    let refused = ask("octocat");
    assert_eq!(refused.status, 403, "{refused:?}");
    assert_eq!(refused.field("x-ratelimit-remaining"), Some("0"));
    assert!(refused.json()["message"].as_str().unwrap().contains("rate limit"));

    let reset: u64 = refused.field("x-ratelimit-reset").unwrap().parse().unwrap();
    let reset = SystemTime::UNIX_EPOCH + Duration::from_secs(reset);
    assert!(reset > SystemTime::now());
    until("the window ends", || SystemTime::now() >= reset);
    assert_eq!(ask("octocat").status, 200);
    assert_eq!(stub.stats().requests.rate_limited, 1);
}

#[test]
fn latency_comes_before_every_answer() {
    let stub = stub("--latency 120ms");
    for name in ["octocat", "missing", "error-500"] {
        let start = Instant::now();
        get(&stub, name);
        let took = start.elapsed();
        assert!((120..1_000).contains(&took.as_millis()), "{name} took {took:?}");
    }
}

#[test]
fn a_share_of_requests_fails_as_told_and_the_same_ones_each_time() {
    let statuses = || -> Vec<u16> {
        let stub = stub("--fault-rate 0.3:502 --seed 7");
        let mut client = Client::connect(stub.addr());
        (0..200)
            .map(|n| {
                client.ask(&format!("user-{n}"));
                client.reply().status
            })
            .collect()
    };
    let first = statuses();
    let failed = first.iter().filter(|status| **status == 502).count();
    assert!((40..80).contains(&failed), "{failed} of 200 failed");
    assert_eq!(first, statuses());
}

#[test]
fn requests_sent_together_are_answered_in_turn_and_close_is_obeyed() {
    let stub = plain();
    let mut client = Client::connect(stub.addr());
    client.ask("a");
    client.ask_with("b", "Connection: close\r\n");
    assert_eq!(client.reply().json()["login"], "a");
    let last = client.reply();
    assert_eq!(last.json()["login"], "b");
    assert_eq!(last.field("connection"), Some("close"));
    assert_eq!(client.rest(client::DEADLINE), (Vec::new(), End::Closed));
}

#[test]
fn head_gets_the_head_alone() {
    let stub = plain();
    let mut client = Client::connect(stub.addr());
    client.send("HEAD /users/octocat HTTP/1.0\r\nUser-Agent: test\r\n\r\n");
    let (bytes, end) = client.rest(client::DEADLINE);
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.starts_with("HTTP/1.1 200") && text.ends_with("\r\n\r\n"), "{text}");
    let length = github_stub::Profile::of("octocat").json().len();
    assert!(text.contains(&format!("content-length: {length}\r\n")), "{text}");
    assert_eq!(end, End::Closed);
}
