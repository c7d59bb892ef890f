//! What the stub counts, told in-process and over HTTP, and how much it bears.

mod client;

use std::time::{Duration, Instant};

use client::{Client, DEADLINE, get, plain, stub, until};
use github_stub::{Seen, Stats};

#[test]
fn a_thousand_connections_wait_a_second_together() {
    raise_descriptor_limit();
    let stub = stub("--latency 1s");
    let start = Instant::now();
    let mut clients: Vec<_> = (0..1_024).map(|_| Client::connect(stub.addr())).collect();
    for (n, client) in clients.iter_mut().enumerate() {
        client.ask(&format!("user-{n}"));
    }
    for client in &mut clients {
        assert_eq!(client.reply().status, 200);
    }
    let took = start.elapsed();
    assert!((1_000..4_000).contains(&took.as_millis()), "{took:?}");
    let stats = stub.stats();
    assert_eq!((stats.connections.peak, stats.requests.in_flight_peak), (1_024, 1_024));
    until("nothing is in flight", || stub.stats().requests.in_flight == 0);
    assert_eq!(stub.stats().connections.open, 1_024);
    drop(clients);
    until("all are closed", || stub.stats().connections.open == 0);
}

#[test]
fn connections_and_requests_are_counted_apart() {
    let stub = plain();
    let mut client = Client::connect(stub.addr());
    for _ in 0..3 {
        client.ask("octocat");
        client.reply();
    }
    get(&stub, "octodog");
    let stats = stub.stats();
    assert_eq!((stats.connections.total, stats.connections.peak), (2, 2));
    assert_eq!((stats.requests.total, stats.requests.in_flight_peak, stats.names), (4, 1, 2));
}

#[test]
fn stats_over_http_are_the_librarys_and_asking_does_not_change_them() {
    let stub = plain();
    get(&stub, "octocat");
    until("the client is gone", || stub.stats().connections.open == 0);
    for _ in 0..2 {
        let mut client = Client::connect(stub.addr());
        client.send("GET /stub/stats HTTP/1.1\r\nHost: a\r\n\r\n");
        let told: Stats = serde_json::from_slice(&client.reply().body).unwrap();
        assert_eq!(told, stub.stats());
        assert_eq!((told.connections.total, told.connections.peak, told.requests.total), (1, 1, 1));
    }
}

#[test]
fn a_name_is_seen_as_often_as_it_was_asked_and_when() {
    let stub = plain();
    get(&stub, "octocat");
    get(&stub, "slow-50ms");
    get(&stub, "octocat");
    let seen = stub.seen("octocat");
    assert_eq!(seen.count, 2);
    assert!((50..10_000).contains(&(seen.last_ms - seen.first_ms)), "{seen:?}");
    assert_eq!(stub.seen("nobody"), Seen::default());

    let mut client = Client::connect(stub.addr());
    client.send("GET /stub/seen?name=octocat HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(serde_json::from_slice::<Seen>(&client.reply().body).unwrap(), seen);
}

#[test]
fn the_last_head_is_told_as_it_came() {
    let stub = plain();
    let mut client = Client::connect(stub.addr());
    let head = "GET /users/a HTTP/1.1\r\nHost: a\r\nUser-Agent: test\r\nX-Odd:  Case\r\n\r\n";
    client.send(head);
    client.reply();
    assert_eq!(stub.last_head(), head);
    client.send("GET /stub/last HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.reply().body, head.as_bytes());
}

#[test]
fn a_reset_starts_the_counts_again_but_for_what_is_open() {
    let stub = plain();
    let mut client = Client::connect(stub.addr());
    client.ask("flaky");
    assert_eq!(client.reply().status, 503);
    let mut control = Client::connect(stub.addr());
    control.send("POST /stub/reset HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}");
    assert_eq!(control.reply().status, 200);
    let stats = stub.stats();
    assert_eq!(
        (stats.connections.total, stats.connections.open, stats.connections.peak),
        (0, 1, 1)
    );
    assert_eq!((stats.requests.total, stats.names), (0, 0));
    client.ask("flaky");
    assert_eq!(client.reply().status, 503, "the first time again");
}

#[test]
fn bytes_that_are_no_request_are_counted_and_closed_on() {
    let stub = plain();
    let mut client = Client::connect(stub.addr());
    client.send("\0\0\0\r\n\r\n");
    assert_eq!(client.reply().status, 400);
    assert_eq!(client.rest(DEADLINE).1, client::End::Closed);
    assert_eq!((stub.stats().requests.malformed, stub.stats().requests.total), (1, 0));
}

#[test]
fn a_client_that_gives_up_is_not_waited_for() {
    let stub = plain();
    let mut client = Client::connect(stub.addr());
    client.ask("slow-60s");
    until("it is in flight", || stub.stats().requests.in_flight == 1);
    drop(client);
    until("it is not", || stub.stats().requests.in_flight == 0);
}

#[test]
fn a_dropped_stub_closes_its_connections_and_refuses_more() {
    let stub = plain();
    let addr = stub.addr();
    let mut client = Client::connect(addr);
    client.ask("hang");
    until("it is in flight", || stub.stats().requests.in_flight == 1);
    let start = Instant::now();
    drop(stub);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert_ne!(client.rest(DEADLINE).1, client::End::Open);
    assert!(std::net::TcpStream::connect(addr).is_err());
}

/// Both ends of 1,024 connections are in this process.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })
        .expect("a process may raise its own limit to the hard one");
}
