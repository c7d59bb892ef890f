//! The floor answers what it was given, however requests arrive.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use load::Cancel;
use load::floor::{self, Floor, Late};

fn talk(pieces: &[&[u8]], replies: usize) {
    let floor = Floor::start(floor::plaintext()).unwrap();
    let mut stream = TcpStream::connect(floor.addr).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    for piece in pieces {
        stream.write_all(piece).unwrap();
    }
    let mut read = vec![0; floor::plaintext().len() * replies];
    stream.read_exact(&mut read).unwrap();
    assert_eq!(read, floor::plaintext().repeat(replies));
    // And not one more.
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    floor.stop().unwrap();
}

const ONE: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn one_request_one_reply() {
    talk(&[ONE], 1);
}

#[test]
fn requests_sent_together_are_answered_each() {
    talk(&[&ONE.repeat(3)], 3);
    talk(&[&ONE.repeat(5_000)], 5_000);
}

#[test]
fn a_request_byte_by_byte_is_one_request() {
    let bytes: Vec<&[u8]> = ONE.chunks(1).collect();
    talk(&bytes, 1);
    talk(&[&ONE.repeat(2)[..ONE.len() + 5], &ONE[5..]], 2);
}

#[test]
fn a_late_answer_comes_when_its_time_has_come_and_others_meanwhile() {
    let listener = floor::listen(([127, 0, 0, 1], 0).into()).unwrap();
    let (addr, cancel) = (listener.local_addr().unwrap(), Cancel::new());
    let stop = cancel.clone();
    let floor = thread::spawn(move || {
        let late = |head: &[u8]| {
            let waits = head.starts_with(b"GET /wait");
            waits.then(|| Late { after: Duration::from_millis(300), bytes: (*b"late").into() })
        };
        floor::serve_late(&listener, b"soon", late, &stop)
    });
    let start = Instant::now();
    let ask = |path: &str| {
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes()).unwrap();
        stream
    };
    let (mut waits, gone, mut asks) = (ask("/wait"), ask("/wait"), ask("/"));
    drop(gone);
    let mut read = [0; 4];
    asks.read_exact(&mut read).unwrap();
    assert_eq!((&read, start.elapsed() < Duration::from_millis(300)), (b"soon", true));
    waits.read_exact(&mut read).unwrap();
    assert_eq!((&read, start.elapsed() >= Duration::from_millis(300)), (b"late", true));
    cancel.cancel();
    floor.join().unwrap().unwrap();
}
