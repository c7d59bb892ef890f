//! Clients that are slow on purpose: each is closed by its own clock, in total and not per byte.

use std::thread;
use std::time::{Duration, Instant};

use http_blocking::{Limits, Payload, Router, Threads, get};

use crate::support::{OK, PATIENCE, serve, start};

const SHORT: Duration = Duration::from_millis(300);

/// Much longer than `SHORT`, much shorter than `PATIENCE`.
const LATE: Duration = Duration::from_secs(3);

#[test]
fn a_head_that_drips_is_answered_408_at_its_deadline_on_any_request() {
    let server = serve(Limits { head_deadline: SHORT, idle: PATIENCE, ..Limits::default() });
    for first in ["", OK] {
        let mut client = server.connect();
        if !first.is_empty() {
            client.send(first);
            assert_eq!(client.reply().status, 200);
        }
        let began = Instant::now();
        let mut drip = client.stream.try_clone().unwrap();
        let dripping = thread::spawn(move || {
            let mut drops = b"GET /ok HTTP/1.1\r\n".iter().chain(b"X: y\r\n".iter().cycle());
            while std::io::Write::write_all(&mut drip, &[*drops.next().unwrap()]).is_ok() {
                thread::sleep(Duration::from_millis(10));
            }
        });
        let reply = client.reply();
        let after = began.elapsed();
        assert_eq!(reply.status, 408);
        assert!(after >= SHORT && after < LATE, "{after:?}");
        assert_eq!(client.rest(), "");
        drop(client);
        dripping.join().unwrap();
    }
}

#[test]
fn a_silent_connection_is_closed_without_a_word() {
    let server = serve(Limits { idle: SHORT, ..Limits::default() });
    for first in ["", OK] {
        let mut client = server.connect();
        if !first.is_empty() {
            client.send(first);
            client.reply();
        }
        let began = Instant::now();
        assert_eq!(client.rest(), "");
        assert!(began.elapsed() < LATE, "{:?}", began.elapsed());
    }
}

#[test]
fn a_silent_body_is_answered_408() {
    let server = serve(Limits { body_idle: SHORT, ..Limits::default() });
    let mut client = server.connect();
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
    let reply = client.reply();
    assert_eq!((reply.status, reply.body.as_str()), (408, "the body stayed silent for too long"));
    assert!(reply.closes());
    assert_eq!(client.rest(), "");
}

#[test]
fn a_body_that_drips_is_answered_408() {
    let limits = Limits { body_grace: SHORT, body_rate: 1024, ..Limits::default() };
    let server = serve(limits);
    for framing in ["Content-Length: 100000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\nFFFF\r\n"]
    {
        let mut client = server.connect();
        client.send(format!("POST /echo HTTP/1.1\r\nHost: a\r\n{framing}"));
        let began = Instant::now();
        let mut drip = client.stream.try_clone().unwrap();
        let dripping = thread::spawn(move || {
            while std::io::Write::write_all(&mut drip, b"x").is_ok() {
                thread::sleep(Duration::from_millis(20));
            }
        });
        let reply = client.reply();
        assert_eq!((reply.status, reply.body.as_str()), (408, "the body came too slowly"));
        assert!(began.elapsed() < LATE, "{:?}", began.elapsed());
        drop(client);
        dripping.join().unwrap();
    }
}

#[test]
fn a_body_that_keeps_the_rate_may_take_longer_than_the_grace() {
    let limits = Limits { body_grace: SHORT, body_rate: 1024, ..Limits::default() };
    let server = serve(limits);
    let mut client = server.connect();
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n");
    for _ in 0..8 {
        thread::sleep(Duration::from_millis(100));
        client.send([b'x'; 500]);
    }
    assert_eq!(client.reply().body, "len=4000");
}

#[test]
fn a_client_that_does_not_read_is_closed_and_its_producer_stops() {
    let (told, stopped) = std::sync::mpsc::channel();
    let endless = move || {
        let told = told.clone();
        Payload::stream(move |out| {
            let block = [b'x'; 64 * 1024];
            let error = loop {
                if let Err(error) = std::io::Write::write_all(out, &block) {
                    break error;
                }
            };
            told.send(error.kind()).unwrap();
            Err(error)
        })
    };
    let limits = Limits { write_stall: SHORT, ..Limits::default() };
    let router = Router::new().route("/endless", get(endless));
    let server = start(router, limits, Threads::Connection);
    let mut client = server.connect();
    let began = Instant::now();
    client.send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(stopped.recv_timeout(PATIENCE).unwrap(), std::io::ErrorKind::TimedOut);
    assert!(began.elapsed() >= SHORT && began.elapsed() < LATE, "{:?}", began.elapsed());
    // What the client had not read is still there, and then the connection ends.
    let text = client.rest();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && !text.ends_with("0\r\n\r\n"));
}

#[test]
fn a_client_that_reads_slowly_but_reads_gets_everything() {
    let long = || vec![b'x'; 2_000_000];
    let limits = Limits { write_stall: SHORT, ..Limits::default() };
    let server = start(Router::new().route("/long", get(long)), limits, Threads::Connection);
    let mut client = server.connect();
    socket2::SockRef::from(&client.stream).set_recv_buffer_size(64 * 1024).unwrap();
    client.send("GET /long HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let mut block = vec![0; 200_000];
    for _ in 0..10 {
        // Longer than a step, shorter than the stall; and the whole takes longer than the stall.
        thread::sleep(SHORT / 3);
        let count = std::io::Read::read(&mut client.stream, &mut block).unwrap();
        client.seen.extend_from_slice(&block[..count]);
    }
    assert!(client.rest().len() > 2_000_000);
}
