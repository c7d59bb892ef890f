//! A control sends what a server of ours sends, or it would be compared with something else.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use conformance::{Server, binaries};

/// A reply's fields and body; of what differs from reply to reply only the length.
fn reply(addr: SocketAddr, path: &str) -> (BTreeMap<String, String>, String) {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).unwrap();
    let mut read = Vec::new();
    // The connection stays open: a JSON object or the greeting is the end.
    while !read.ends_with(b"}") && !read.ends_with(b"World!") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        read.push(byte[0]);
    }
    let text = String::from_utf8(read).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let (status, head) = head.split_once("\r\n").unwrap();
    assert_eq!(status, "HTTP/1.1 200 OK");
    let field = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        let value = match name.to_lowercase().as_str() {
            "date" | "x-request-id" => value.len().to_string(),
            _ => value.to_owned(),
        };
        (name.to_lowercase(), value)
    };
    (head.split("\r\n").map(field).collect(), body.to_owned())
}

#[test]
fn the_control_of_drivers_sends_the_notes_of_a_server() {
    let write = |addr: SocketAddr| {
        let body = r#"{"title":"a","body":"b"}"#;
        let mut stream = TcpStream::connect(addr).unwrap();
        let (json, length) = ("Content-Type: application/json", body.len());
        let head = format!("POST /notes HTTP/1.1\r\nHost: a\r\n{json}\r\nContent-Length: {length}");
        stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).unwrap();
        let mut read = [0; 12];
        stream.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"HTTP/1.1 201");
    };
    // When it was made is not the same in two databases.
    let note = |addr| {
        let (fields, body) = reply(addr, "/notes/1");
        let body = body.split("\"created_at\"").next().unwrap().to_owned();
        (fields, body)
    };
    let axum = binaries::find("server-axum").unwrap();
    let server = Server::start(&axum, ["--log=off"], &[]).unwrap();
    write(server.addr());
    for driver in ["--driver=async", "--driver=blocking"] {
        let control = Path::new(env!("CARGO_BIN_EXE_bare-notes"));
        let running = Server::start(control, [driver], &[]).unwrap();
        write(running.addr());
        assert_eq!(note(running.addr()), note(server.addr()), "{driver}");
    }
}

#[test]
fn every_control_sends_the_bytes_of_a_server() {
    let axum = binaries::find("server-axum").unwrap();
    let server = Server::start(&axum, ["--log=off"], &[]).unwrap();
    for control in [
        env!("CARGO_BIN_EXE_floor"),
        env!("CARGO_BIN_EXE_bare-threads"),
        env!("CARGO_BIN_EXE_bare-actix"),
        env!("CARGO_BIN_EXE_bare-axum"),
    ] {
        let running = Server::start(Path::new(control), [] as [&str; 0], &[]).unwrap();
        for path in ["/plaintext", "/wait/0", "/wait/0.05"] {
            assert_eq!(reply(running.addr(), path), reply(server.addr(), path), "{control} {path}");
        }
    }
}
