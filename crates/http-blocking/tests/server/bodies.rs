//! Bodies: read, half read, not read, cut short, and asked for with `100 Continue`.

use std::io::Read;
use std::sync::mpsc::channel;

use http_blocking::{Body, BodyError, Limits, Router, Threads, post};

use crate::support::{PATIENCE, serve, start};

#[test]
fn a_client_that_asks_is_told_to_go_on_when_its_body_is_read() {
    let server = serve(Limits::default());
    let mut client = server.connect();
    client.send(
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n",
    );
    let interim = client.reply();
    assert_eq!(interim.head, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello");
    assert_eq!(client.reply().body, "len=5");
    assert!(client.is_open());
}

#[test]
fn a_client_whose_body_is_not_wanted_gets_the_answer_and_a_close() {
    let server = serve(Limits::default());
    for path in ["/ignore", "/no"] {
        let mut client = server.connect();
        client.send(format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
        ));
        assert!(client.reply().closes(), "{path}");
        assert_eq!(client.rest(), "", "{path}");
    }
}

#[test]
fn what_nobody_read_is_no_request() {
    let server = serve(Limits::default());
    let hidden = "GET /no HTTP/1.1\r\nHost: a\r\n\r\n";
    for path in ["/ignore", "/no"] {
        let mut client = server.connect();
        client.send(format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{hidden}",
            hidden.len()
        ));
        client.reply();
        assert!(client.is_open(), "{path}");
        client.send(format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{hidden}\r\n0\r\n\r\n",
            hidden.len()
        ));
        client.reply();
        assert!(client.is_open(), "{path}, chunked");
    }
}

#[test]
fn a_large_body_that_nobody_reads_closes_and_the_answer_arrives() {
    let server = serve(Limits::default());
    for (path, status) in [("/ignore", 200), ("/echo", 413)] {
        let mut client = server.connect();
        client.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n"));
        let mut sender = client.stream.try_clone().unwrap();
        let sending = std::thread::spawn(move || {
            // It may fail once the server stopped reading.
            let _ = std::io::Write::write_all(&mut sender, &vec![b'x'; 4_000_000]);
        });
        let reply = client.reply();
        assert_eq!((reply.status, reply.closes()), (status, true), "{path}");
        sending.join().unwrap();
    }
}

#[test]
fn a_chunked_body_over_the_limit_is_413_though_it_declares_nothing() {
    let server = serve(Limits::default());
    let mut client = server.connect();
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut sender = client.stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        let chunk = [b"10000\r\n", &[b'c'; 0x10000][..], b"\r\n"].concat();
        while std::io::Write::write_all(&mut sender, &chunk).is_ok() {}
    });
    let reply = client.reply();
    assert_eq!((reply.status, reply.closes()), (413, true));
    drop(client);
    sending.join().unwrap();
}

#[test]
fn a_body_cut_short_is_no_success() {
    let server = serve(Limits::default());
    for framing in
        ["Content-Length: 50\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"]
    {
        let mut client = server.connect();
        client.send(format!("POST /echo HTTP/1.1\r\nHost: a\r\n{framing}"));
        client.half_close();
        let reply = client.reply();
        assert_eq!((reply.status, reply.body.as_str()), (400, "the body was cut short"));
    }
}

#[test]
fn a_body_that_outlives_its_request_reads_nothing() {
    let (send, kept) = channel();
    let keep = move |body: Body| {
        send.send(body).unwrap();
        "kept"
    };
    let router = Router::new().route("/keep", post(keep));
    let server = start(router, Limits::default(), Threads::Connection);
    let mut client = server.connect();
    client.send("POST /keep HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(client.reply().body, "kept");
    let mut body = kept.recv_timeout(PATIENCE).unwrap();
    client.send("POST /keep HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nagain");
    assert_eq!(client.reply().body, "kept");
    let error = body.read(&mut [0; 10]).unwrap_err();
    assert_eq!(BodyError::of(&error), Some(BodyError::CutShort));
}
