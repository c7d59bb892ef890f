//! What goes over the wire, byte for byte: heads, framing, pipelines. The full table of cases is in `conformance`.

use std::thread;
use std::time::Duration;

use http_blocking::{Limits, Router, StatusCode, Threads, get};

use crate::support::{OK, serve, start};

/// Name, what is sent, the status, and whether the connection stays.
const CASES: &[(&str, &str, u16, bool)] = &[
    ("plain", OK, 200, true),
    ("empty line in front", "\r\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\n", 200, true),
    ("bare LF", "GET /ok HTTP/1.1\nHost: a\n\n", 200, true),
    ("padded", "GET /ok HTTP/1.1\r\nhOsT:\t a \t\r\nX-Empty:\r\n\r\n", 200, true),
    ("absolute target", "GET http://a/ok HTTP/1.1\r\nHost: a\r\n\r\n", 200, true),
    ("unknown path", "GET /no HTTP/1.1\r\nHost: a\r\n\r\n", 404, true),
    ("unknown method", "BREW /ok HTTP/1.1\r\nHost: a\r\n\r\n", 405, true),
    ("OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 404, true),
    (
        "upgrade",
        "GET /ok HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        200,
        true,
    ),
    ("CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 404, false),
    ("GET *", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, false),
    ("authority target", "GET a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 400, false),
    ("fragment", "GET /ok#x HTTP/1.1\r\nHost: a\r\n\r\n", 400, false),
    ("space in the target", "GET /ok?a b HTTP/1.1\r\nHost: a\r\n\r\n", 400, false),
    ("raw 8-bit target", "GET /ok?\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n", 400, false),
    ("no version", "GET /ok\r\n\r\n", 400, false),
    ("other version", "GET /ok HTTP/2.0\r\nHost: a\r\n\r\n", 400, false),
    ("small letters", "GET /ok http/1.1\r\nHost: a\r\n\r\n", 400, false),
    ("TLS", "\u{16}\u{3}\u{1}\0.\u{1}\0\0\r\n\r\n", 400, false),
    ("no Host", "GET /ok HTTP/1.1\r\n\r\n", 400, false),
    ("two Hosts", "GET /ok HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, false),
    ("bad Host", "GET /ok HTTP/1.1\r\nHost: a b/c\r\n\r\n", 400, false),
    ("old without Host", "GET /ok HTTP/1.0\r\n\r\n", 200, false),
    ("old, kept", "GET /ok HTTP/1.0\r\nConnection: x, Keep-Alive\r\n\r\n", 200, true),
    ("close in a list", "GET /ok HTTP/1.1\r\nHost: a\r\nConnection: x ,Close\r\n\r\n", 200, false),
    ("folded", "GET /ok HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400, false),
    ("space before colon", "GET /ok HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n", 400, false),
    ("bare CR in a value", "GET /ok HTTP/1.1\r\nHost: a\r\nX: a\rY: b\r\n\r\n", 400, false),
    ("NUL in a value", "GET /ok HTTP/1.1\r\nHost: a\r\nX: a\0\r\n\r\n", 400, false),
    ("length", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 200, true),
    ("no length", "POST /echo HTTP/1.1\r\nHost: a\r\n\r\n", 200, true),
    (
        "signed length",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
        400,
        false,
    ),
    ("empty length", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400, false),
    (
        "length twice",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        400,
        false,
    ),
    (
        "length over 64 bits",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551621\r\n\r\nhello",
        400,
        false,
    ),
    (
        "declared too long",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10737418240\r\n\r\nx",
        413,
        false,
    ),
    (
        "length and coding",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        false,
    ),
    (
        "chunked",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n",
        200,
        true,
    ),
    (
        "malformed chunk",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
        400,
        false,
    ),
    (
        "coding before chunked",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        400,
        false,
    ),
    (
        "chunked not last",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        400,
        false,
    ),
    (
        "chunked twice",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        false,
    ),
    (
        "chunked in 1.0",
        "POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        false,
    ),
    (
        "body nobody reads",
        "POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 22\r\n\r\nGET /no HTTP/1.1\r\n\r\nxx",
        200,
        true,
    ),
];

#[test]
fn each_case_gets_its_status_and_the_connection_stays_or_closes() {
    let server = serve(Limits::default());
    for &(name, request, status, stays) in CASES {
        let mut client = server.connect();
        client.send(request);
        let reply = client.reply();
        assert_eq!(reply.status, status, "{name}: {reply:?}");
        assert!(reply.head.contains("\r\ndate: "), "{name}: {reply:?}");
        if stays {
            assert!(!reply.closes() && client.is_open(), "{name} should stay open: {reply:?}");
        } else {
            assert_eq!(client.rest(), "", "{name} should be the last answer");
        }
    }
}

#[test]
fn each_case_gets_the_same_answer_byte_by_byte() {
    let server = serve(Limits::default());
    for &(name, request, status, _) in CASES {
        let mut client = server.connect();
        for byte in request.as_bytes() {
            // A refused head may be answered before its end.
            if std::io::Write::write_all(&mut client.stream, &[*byte]).is_err() {
                break;
            }
        }
        assert_eq!(client.reply().status, status, "{name}");
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = serve(Limits::default());
    let mut client = server.connect();
    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    client.send(ask("/wait/50") + &ask("/wait/0") + &ask("/no") + &ask("/wait/10"));
    let replies = [(); 4].map(|()| client.reply().body);
    assert_eq!(replies, ["waited 50", "waited 0", "", "waited 10"]);
    assert!(client.is_open());
}

#[test]
fn nothing_is_answered_after_a_close() {
    let server = serve(Limits::default());
    let mut client = server.connect();
    client.send("GET /ok HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_owned() + OK);
    assert!(client.reply().closes());
    assert_eq!(client.rest(), "");
}

#[test]
fn a_refusal_is_a_status_a_close_and_nothing_else() {
    let server = serve(Limits::default());
    let mut client = server.connect();
    client.send("GET /ok HTTP/1.1\r\n\r\n");
    let reply = client.rest();
    let (head, date) = reply.split_once("date: ").unwrap();
    assert_eq!(head, "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n");
    assert_eq!(date.len(), "Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n".len());
}

#[test]
fn a_head_over_a_limit_is_refused_and_the_refusal_arrives() {
    let server = serve(Limits::default());
    let long = "x".repeat(1024 * 1024);
    let many = "X: v\r\n".repeat(5000);
    for (head, status) in [
        (format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), 414),
        (long.clone(), 414),
        (format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", &long[..17_000]), 414),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n"), 431),
        (format!("GET /ok?{} HTTP/1.1\r\nHost: a\r\n\r\n", &long[..16_000]), 200),
        (format!("GET /ok HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", &long[..60_000]), 200),
        (format!("GET /ok HTTP/1.1\r\nHost: a\r\n{}\r\n", &many[..95 * 6]), 200),
    ] {
        let shown = head[..40].to_owned();
        let mut client = server.connect();
        let mut sender = client.stream.try_clone().unwrap();
        let send = thread::spawn(move || {
            // It may fail once the server stopped reading.
            let _ = std::io::Write::write_all(&mut sender, head.as_bytes());
        });
        assert_eq!(client.reply().status, status, "{shown}");
        send.join().unwrap();
    }
}

#[test]
fn a_head_that_comes_in_two_parts_is_one_head() {
    let server = serve(Limits::default());
    let mut client = server.connect();
    for at in 1..OK.len() {
        client.send(&OK[..at]);
        // Not needed for the answer to be right; it makes two reads likely.
        thread::sleep(Duration::from_millis(1));
        client.send(&OK[at..]);
        assert_eq!(client.reply().body, "ok", "cut at {at}");
    }
}

#[test]
fn an_interim_status_from_a_handler_is_a_500_and_no_content_stays_without_length() {
    let router = Router::new()
        .route("/interim", get(|| StatusCode::EARLY_HINTS))
        .route("/none", get(|| (StatusCode::NO_CONTENT, "text")))
        .route("/same", get(|| (StatusCode::NOT_MODIFIED, "text")));
    let server = start(router, Limits::default(), Threads::Connection);
    for (path, status, has_length) in
        [("/interim", 500, true), ("/none", 204, false), ("/same", 304, false)]
    {
        let mut client = server.connect();
        let ask = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        client.send(ask.clone() + &ask);
        for reply in [client.reply(), client.reply()] {
            assert_eq!(reply.status, status, "{path}");
            assert_eq!(reply.head.contains("content-length"), has_length, "{path}: {reply:?}");
        }
    }
}
