//! A connection is a line of requests: whatever their bodies are and wherever the bytes are cut, each has its own answer.

use std::thread;
use std::time::Duration;

use fastrand::Rng;

use super::{Check, Needs, Verdict, each_at_once};
use crate::Subject;
use crate::client::PATIENCE;

pub(super) const CHECKS: &[Check] = &[Check::new(
    "pipelined requests of every kind are answered in their order, wherever they are cut",
    Needs::Address,
    in_order,
)
// The rest of a body that nobody reads is not waited for long, and a busy machine sends it late.
.alone()];

/// How many lines of requests, and how many requests each has.
const LINES: u64 = 24;
const REQUESTS: usize = 12;

/// One request of a line, and the status of its answer.
struct Piece {
    bytes: Vec<u8>,
    is_head: bool,
    status: u16,
}

fn in_order(subject: &Subject) -> Verdict {
    each_at_once(0..LINES, |seed| {
        line(subject, &mut Rng::with_seed(seed)).map_err(|error| format!("line {seed}: {error}"))
    })
}

fn line(subject: &Subject, random: &mut Rng) -> Verdict {
    let pieces: Vec<_> =
        (0..REQUESTS).map(|number| piece(&subject.host, &id(number), random)).collect();
    let bytes: Vec<u8> = pieces.iter().flat_map(|piece| piece.bytes.clone()).collect();
    let mut connection = subject.connect()?.connection;
    let mut writer = connection.writer().map_err(|error| error.to_string())?;
    let most = random.usize(1..200);
    let sizes: Vec<_> = (0..bytes.len()).map(|_| random.usize(1..=most)).collect();
    // Beside the reading: who only writes may fill all buffers there are.
    thread::scope(|scope| {
        scope.spawn(move || {
            let (mut rest, mut sizes) = (&bytes[..], sizes.into_iter());
            while !rest.is_empty() {
                let size = sizes.next().unwrap_or(1).min(rest.len());
                if std::io::Write::write_all(&mut writer, &rest[..size]).is_err() {
                    return;
                }
                rest = &rest[size..];
                if size % 7 == 0 {
                    thread::sleep(Duration::from_micros(300));
                }
            }
        });
        for (number, piece) in pieces.iter().enumerate() {
            let shown = || piece.bytes[..piece.bytes.len().min(90)].escape_ascii().to_string();
            let reply = connection
                .reply(piece.is_head, PATIENCE)
                .map_err(|error| format!("request {number} ({}): {error}", shown()))?;
            let found = (reply.status, reply.field("x-request-id").unwrap_or_default());
            let wanted = (piece.status, id(number));
            ensure!(
                found == (wanted.0, wanted.1.as_str()),
                "request {number} ({}) is answered {found:?}",
                shown()
            );
        }
        ensure!(connection.unread().is_empty(), "more came than was asked for");
        Ok(())
    })
}

fn id(number: usize) -> String {
    format!("in-order-{number}")
}

/// Some request that leaves its connection open.
fn piece(host: &str, id: &str, random: &mut Rng) -> Piece {
    // What would be a request if it were taken for one.
    let hidden = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n".repeat(random.usize(1..4));
    let length = format!("Content-Length: {}\r\n", hidden.len());
    let chunked = "Transfer-Encoding: chunked\r\n";
    let chunks = || {
        let mut chunks = String::new();
        for chunk in hidden.as_bytes().chunks(17) {
            let text = String::from_utf8_lossy(chunk);
            chunks += &format!("{:x};e=\"\t\"\r\n{text}\r\n", chunk.len());
        }
        chunks + "0\r\nContent-Length: 7\r\n\r\n"
    };
    let (method, target, fields, body, status) = match random.u8(..10) {
        0 => ("GET", "/wait/0", "", String::new(), 200),
        1 => ("HEAD", "/wait/0", "", String::new(), 200),
        2 => ("POST", "/echo", length.as_str(), hidden, 200),
        3 => ("POST", "/echo", chunked, chunks(), 200),
        4 => ("GET", "/wait/0", length.as_str(), hidden, 200),
        5 => ("HEAD", "/nope", "", String::new(), 404),
        6 => ("POST", "/nope", length.as_str(), hidden, 404),
        7 => ("DELETE", "/wait/0", chunked, chunks(), 405),
        8 => ("GET", "/stream/3?interval=0", "", String::new(), 200),
        _ => ("POST", "/echo", "Content-Length: 0\r\n", String::new(), 200),
    };
    let head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nX-Request-Id: {id}\r\n");
    let bytes = [head.as_bytes(), fields.as_bytes(), b"\r\n", body.as_bytes()].concat();
    Piece { bytes, is_head: method == "HEAD", status }
}
