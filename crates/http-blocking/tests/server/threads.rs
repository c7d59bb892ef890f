//! Who runs what: the three ways of giving threads, the limit on connections, and panics.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use http_blocking::{Limits, Router, Threads, get};

use crate::support::{OK, PATIENCE, Running, routes, start};

const THREAD: &str = "GET /thread HTTP/1.1\r\nHost: a\r\n\r\n";

fn threads_of_one_connection(server: &Running) -> usize {
    let mut client = server.connect();
    let mut threads = HashSet::new();
    for _ in 0..5 {
        client.send(THREAD);
        threads.insert(client.reply().body);
    }
    threads.len()
}

#[test]
fn a_connection_has_one_thread_or_a_new_one_for_each_request() {
    let limits = Limits::default();
    let connection = start(routes(), limits, Threads::Connection);
    assert_eq!(threads_of_one_connection(&connection), 1);
    let request = start(routes(), limits, Threads::Request);
    assert_eq!(threads_of_one_connection(&request), 5);
}

#[test]
fn a_pool_starves_who_comes_after_its_size_until_a_connection_closes() {
    let pool = Threads::Pool(NonZeroUsize::new(2).unwrap());
    let server = start(routes(), Limits::default(), pool);
    let mut served = [server.connect(), server.connect()];
    for client in &mut served {
        client.send(OK);
        assert_eq!(client.reply().status, 200);
    }
    let mut starved = server.connect();
    starved.send(OK);
    starved.stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert!(std::io::Read::read(&mut starved.stream, &mut [0]).is_err(), "nobody reads it");
    starved.stream.set_read_timeout(Some(PATIENCE)).unwrap();
    drop(served);
    assert_eq!(starved.reply().status, 200);
}

#[test]
fn over_the_limit_a_connection_is_answered_503_at_once() {
    let server =
        start(routes(), Limits { connections: 30, ..Limits::default() }, Threads::Connection);
    let mut clients = (0..30).map(|_| server.connect()).collect::<Vec<_>>();
    let began = Instant::now();
    let mut refused = server.connect();
    refused.send(OK);
    let reply = refused.reply();
    assert_eq!(reply.status, 503);
    assert!(reply.head.contains("retry-after: 1\r\n") && reply.closes(), "{reply:?}");
    assert_eq!(refused.rest(), "");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());

    clients[0].send(OK);
    assert!(clients[0].reply().closes(), "at 95 % connections are not kept");
    assert_eq!(clients[0].rest(), "");
    clients.truncate(10);
    let deadline = Instant::now() + PATIENCE;
    while server.ask(OK).closes() {
        assert!(Instant::now() < deadline, "connections are kept again");
    }
}

#[test]
fn a_panic_is_a_500_and_the_connection_goes_on() {
    let server = start(routes(), Limits::default(), Threads::Connection);
    let mut client = server.connect();
    for _ in 0..3 {
        client.send("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.reply().status, 500);
    }
    assert!(client.is_open());
}

struct Apologising(Router);

impl http_blocking::Service for Apologising {
    fn call(&self, request: http_blocking::Request) -> http_blocking::Response {
        self.0.call(request)
    }

    fn panicked(&self, panic: &(dyn std::any::Any + Send)) -> http_blocking::Response {
        let why = panic.downcast_ref::<&str>().copied().unwrap_or("?");
        http_blocking::IntoResponse::into_response(format!("sorry: {why}"))
    }
}

#[test]
fn a_service_can_word_the_answer_to_a_panic() {
    let router = Router::new().route("/", get(|| -> &'static str { panic!("no luck") }));
    let server = start(Apologising(router), Limits::default(), Threads::Connection);
    assert_eq!(server.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").body, "sorry: no luck");
}
