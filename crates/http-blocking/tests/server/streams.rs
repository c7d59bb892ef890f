//! Streamed answers: live, ended, cut, and for clients that know no chunks.

use std::io::Write;
use std::sync::mpsc::channel;
use std::time::Duration;

use http_blocking::{Limits, Payload, Router, Threads, get, header};

use crate::support::{PATIENCE, serve, start};

#[test]
fn each_flush_is_a_chunk_that_arrives_before_the_next_is_made() {
    let (go_on, wait) = channel::<()>();
    let wait = std::sync::Arc::new(std::sync::Mutex::new(wait));
    let steps = move || {
        let wait = std::sync::Arc::clone(&wait);
        Payload::stream(move |out| {
            for word in ["one", "two"] {
                write!(out, "{word}")?;
                out.flush()?;
                wait.lock().unwrap().recv_timeout(PATIENCE).unwrap();
            }
            out.write_all(&[b'x'; 9000])
        })
    };
    let server =
        start(Router::new().route("/", get(steps)), Limits::default(), Threads::Connection);
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.until("3\r\none\r\n");
    go_on.send(()).unwrap();
    client.until("3\r\ntwo\r\n");
    go_on.send(()).unwrap();
    client.until("2328\r\nxxx");
    client.until("xxx\r\n0\r\n\r\n");
    assert!(client.text().contains("\r\ntransfer-encoding: chunked\r\n"));
    client.seen.clear();
    client.send("GET /no HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.reply().status, 404, "the connection stays");
}

#[test]
fn http_1_0_gets_the_content_plain_and_ended_by_the_close() {
    let server = serve(Limits::default());
    let mut client = server.connect();
    client.send("GET /stream/3 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let text = client.rest();
    assert!(
        text.starts_with("HTTP/1.0 200 OK\r\n") && text.ends_with("\r\n\r\n0\n1\n2\n"),
        "{text}"
    );
    assert!(!text.contains("transfer-encoding") && !text.contains("keep-alive"), "{text}");
}

#[test]
fn head_gets_the_head_of_get_without_content() {
    let server = serve(Limits::default());
    let mut client = server.connect();
    client.send("HEAD /stream/3 HTTP/1.1\r\nHost: a\r\n\r\nHEAD /ok HTTP/1.1\r\nHost: a\r\n\r\n");
    client.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n");
    client.until("ok");
    let text = client.text();
    let heads = text.split("\r\n\r\n").collect::<Vec<_>>();
    assert!(!heads[0].contains("content-length") && !heads[0].contains("transfer-encoding"));
    let but_date = |head: &str| head.split("date: ").next().unwrap().to_owned();
    assert!(heads[1].contains("content-length: 2"), "{text}");
    assert_eq!(but_date(heads[1]), but_date(heads[2]));
    assert_eq!(heads[3], "ok");
}

#[test]
fn a_stream_that_fails_or_panics_ends_without_the_last_chunk() {
    let router = Router::new()
        .route(
            "/fail",
            get(|| {
                Payload::stream(|out| {
                    out.write_all(b"part")?;
                    out.flush()?;
                    Err(std::io::ErrorKind::Other.into())
                })
            }),
        )
        .route(
            "/panic",
            get(|| {
                Payload::stream(|out| {
                    out.write_all(b"part")?;
                    out.flush()?;
                    panic!("asked to")
                })
            }),
        )
        .route("/short", get(|| Payload::sized_stream(10, |out| out.write_all(b"part"))));
    let server = start(router, Limits::default(), Threads::Connection);
    for (path, end) in
        [("/fail", "4\r\npart\r\n"), ("/panic", "4\r\npart\r\n"), ("/short", "\r\n\r\npart")]
    {
        let mut client = server.connect();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let text = client.rest();
        assert!(text.ends_with(end), "{path}: {text}");
    }
    assert_eq!(server.ask("GET /no HTTP/1.1\r\nHost: a\r\n\r\n").status, 404);
}

#[test]
fn a_sized_stream_is_plain_and_cannot_exceed_its_size() {
    let exact = || {
        let stream = Payload::sized_stream(4, |out| {
            out.write_all(b"ab")?;
            out.write_all(b"cd")?;
            assert!(out.write_all(b"e").is_err());
            Ok(())
        });
        ([(header::CONTENT_TYPE, "text/plain")], stream)
    };
    let server =
        start(Router::new().route("/", get(exact)), Limits::default(), Threads::Connection);
    let reply = server.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(reply.body, "abcd");
    assert!(!reply.closes());
}

#[test]
fn a_stream_can_learn_that_its_client_left() {
    let (told, left) = channel();
    let watch = move || {
        let told = told.clone();
        Payload::stream(move |out| {
            assert!(!out.client_left());
            out.write_all(b"here")?;
            while !out.client_left() {
                out.pause(Duration::from_millis(5))?;
            }
            told.send(()).unwrap();
            Ok(())
        })
    };
    let server =
        start(Router::new().route("/", get(watch)), Limits::default(), Threads::Connection);
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.until("here");
    drop(client);
    left.recv_timeout(PATIENCE).unwrap();
}
