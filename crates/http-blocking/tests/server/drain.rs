//! The end of a server: at once for who waits, in time for who is served, cut for who is too late.

use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::time::Duration;

use http_blocking::{Limits, Threads};

use crate::support::{OK, routes, serve, start};

const SOON: Duration = Duration::from_millis(500);

#[test]
fn requests_in_flight_finish_and_the_rest_is_closed_at_once() {
    for threads in [Threads::Connection, Threads::Request, Threads::Pool(NonZeroUsize::MIN)] {
        let server = start(routes(), Limits::default(), threads);
        let addr = server.addr;
        let mut busy = server.connect();
        busy.send("GET /stream/1000 HTTP/1.1\r\nHost: a\r\n\r\n");
        busy.until("1\n");
        let mut idle = [server.connect(), server.connect()];
        idle[0].send("GET /ok HT");
        let (drained, took) = server.drain();
        assert_eq!(drained.cut, 0, "{threads}");
        assert!(took < SOON, "{threads}: {took:?}");
        assert!(busy.rest().ends_with("0\r\n\r\n"), "{threads}: the stream ended");
        for client in &mut idle {
            assert_eq!(client.rest(), "", "{threads}");
        }
        assert!(TcpStream::connect(addr).is_err(), "{threads}: nobody listens");
    }
}

#[test]
fn the_answer_during_a_drain_says_close() {
    let server = serve(Limits::default());
    let mut client = server.connect();
    client.send("GET /wait/300 HTTP/1.1\r\nHost: a\r\n\r\n".to_owned() + OK);
    let mut other = server.connect();
    other.send(OK);
    other.reply();
    let (drained, took) = server.drain();
    let reply = client.reply();
    assert_eq!((reply.status, reply.closes()), (200, true));
    assert_eq!(client.rest(), "", "the pipelined request was not begun");
    assert_eq!(drained.cut, 0);
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn what_does_not_finish_in_time_is_cut_and_counted() {
    let server = serve(Limits { drain: Duration::from_millis(200), ..Limits::default() });
    let mut clients = [server.connect(), server.connect(), server.connect()];
    for client in &mut clients[..2] {
        client.send(
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
        );
        // Told to go on, so its handler is running.
        assert_eq!(client.reply().status, 100);
    }
    clients[2].send("GET /ok HTTP/1.1\r\n");
    let (drained, took) = server.drain();
    assert_eq!(drained.cut, 2);
    assert!(took >= Duration::from_millis(200) && took < Duration::from_secs(2), "{took:?}");
    for client in &mut clients {
        assert!(!client.rest().contains("200 OK"));
    }
}

#[test]
fn a_drain_does_not_wait_for_a_body_that_nobody_wanted() {
    let server = serve(Limits::default());
    let mut client = server.connect();
    client.send("POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
    assert_eq!(client.reply().body, "ignored");
    let (drained, took) = server.drain();
    assert_eq!(drained.cut, 0);
    assert!(took < SOON, "{took:?}");
}

#[test]
fn a_request_that_arrived_before_the_drain_is_answered() {
    for _ in 0..20 {
        let server = serve(Limits::default());
        let mut clients = [(); 5].map(|()| server.connect());
        for client in &mut clients {
            client.send(OK);
        }
        // Most of them were not read, and perhaps not accepted yet.
        let (drained, _) = server.drain();
        assert_eq!(drained.cut, 0);
        for client in &mut clients {
            assert_eq!(client.reply().body, "ok");
            assert_eq!(client.rest(), "");
        }
    }
}
