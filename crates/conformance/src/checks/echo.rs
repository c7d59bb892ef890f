//! `/echo` reads a whole body and tells its length; `/plaintext` is the floor under every other number.

use std::time::Duration;

use super::{Check, Needs, Verdict, each};
use crate::Subject;
use crate::client::{PATIENCE, Request};

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "plaintext sends exactly the contract's fields and greeting",
        Needs::Address,
        plaintext,
    ),
    Check::new("echo tells the length of any body up to its limit", Needs::Address, lengths),
    Check::new("echo reads chunked bodies, however they are cut", Needs::Address, chunked),
    Check::new(
        "echo refuses an announced body over the limit before reading it",
        Needs::Address,
        announced,
    ),
    Check::new(
        "echo refuses a chunked body once it is over the limit",
        Needs::Address,
        chunked_over,
    ),
    Check::new("echo sends 100 Continue only to who waits for it", Needs::Address, continues),
];

fn plaintext(subject: &Subject) -> Verdict {
    let reply = subject.get_with("/plaintext", 200)?;
    ensure!(reply.text() == "Hello, World!", "{:?}", reply.text());
    let mut names: Vec<_> = reply.fields.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let expected = [
        "cache-control",
        "content-length",
        "content-security-policy",
        "content-type",
        "date",
        "referrer-policy",
        "x-content-type-options",
        "x-request-id",
    ];
    ensure!(names == expected, "its fields are {names:?}");
    let media_type = reply.field("content-type");
    ensure!(media_type == Some("text/plain; charset=utf-8"), "content-type {media_type:?}");
    Ok(())
}

fn echo(subject: &Subject, request: &Request, length: usize) -> Verdict {
    let reply = subject.ask(request)?.expect(200)?;
    ensure!(reply.text() == format!("len={length}"), "{length} bytes: {:?}", reply.text());
    let media_type = reply.field("content-type");
    ensure!(media_type == Some("text/plain; charset=utf-8"), "content-type {media_type:?}");
    Ok(())
}

fn lengths(subject: &Subject) -> Verdict {
    each([0, 1, 5, 4_096, 65_537, 1 << 20], |length| {
        echo(subject, &Request::new("POST", "/echo").body(vec![b'x'; length]), length)
    })?;
    echo(subject, &Request::new("POST", "/echo"), 0)
}

fn chunked(subject: &Subject) -> Verdict {
    let body: String =
        (1..100).map(|size| format!("{size:x}\r\n{}\r\n", "c".repeat(size))).collect();
    let body = format!("{body}0\r\n\r\n").into_bytes();
    let head = format!(
        "POST /echo HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        subject.host
    );
    for cut in [1, 7, 100, body.len()] {
        let mut connection = subject.connect()?.connection;
        connection.send(head.as_bytes()).map_err(|error| error.to_string())?;
        for piece in body.chunks(cut) {
            connection.send(piece).map_err(|error| format!("in pieces of {cut}: {error}"))?;
        }
        let reply = connection
            .reply(false, PATIENCE)
            .map_err(|error| format!("in pieces of {cut}: {error}"))?;
        let reply = reply.expect(200)?;
        ensure!(reply.text() == "len=4950", "in pieces of {cut}: {:?}", reply.text());
    }
    Ok(())
}

fn announced(subject: &Subject) -> Verdict {
    each(["1048577", "10737418240", "9223372036854775807"], |length| {
        let mut connection = subject.connect()?.connection;
        let head = format!(
            "POST /echo HTTP/1.1\r\nHost: {}\r\nContent-Length: {length}\r\n\r\nx",
            subject.host
        );
        connection.send(head.as_bytes()).map_err(|error| error.to_string())?;
        // Nothing more is sent, so whoever waits for the body does not answer.
        let reply = connection
            .reply(false, Duration::from_secs(2))
            .map_err(|error| format!("{length}: {error}"))?;
        let reply = reply.expect(413).map_err(|error| format!("{length}: {error}"))?;
        reply.problem("/echo")?;
        ensure!(
            connection.closed_within(Duration::from_secs(3)),
            "{length}: the connection stays open"
        );
        Ok(())
    })
}

fn chunked_over(subject: &Subject) -> Verdict {
    let mut connection = subject.connect()?.connection;
    let mut bytes = format!(
        "POST /echo HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        subject.host
    )
    .into_bytes();
    for _ in 0..17 {
        bytes.extend_from_slice(b"10000\r\n");
        bytes.extend_from_slice(&[b'x'; 0x10000]);
        bytes.extend_from_slice(b"\r\n");
    }
    connection.send_what_is_taken(&bytes);
    let reply = connection.reply(false, PATIENCE).map_err(|error| error.to_string())?;
    reply.expect(413)?.problem("/echo").map(drop)
}

fn continues(subject: &Subject) -> Verdict {
    let mut connection = subject.connect()?.connection;
    let head = |more: &str| {
        format!("POST /echo HTTP/1.1\r\nHost: {}\r\nContent-Length: 5\r\n{more}\r\n", subject.host)
    };
    connection
        .send(head("Expect: 100-continue\r\n").as_bytes())
        .map_err(|error| error.to_string())?;
    let status = connection.peek_status(Duration::from_secs(3));
    ensure!(status == Some(100), "with the body withheld came {status:?}, not 100");
    connection.send(b"hello").map_err(|error| error.to_string())?;
    let reply =
        connection.reply(false, PATIENCE).map_err(|error| error.to_string())?.expect(200)?;
    ensure!(reply.text() == "len=5", "{:?}", reply.text());
    connection.send(format!("{}hello", head("")).as_bytes()).map_err(|error| error.to_string())?;
    let reply =
        connection.reply(false, PATIENCE).map_err(|error| error.to_string())?.expect(200)?;
    ensure!(reply.interim.is_empty(), "sent {:?} to a client that did not ask", reply.interim);
    Ok(())
}
