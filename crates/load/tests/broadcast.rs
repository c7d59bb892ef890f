//! One who speaks and many who listen, against a room that keeps what it is told, and against rooms that do not.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use load::gates::{self, Kind};
use load::{Arrivals, Ask, Broadcast, Cancel, Outcome, Plan, Target, broadcast};

/// How often each listener gets message `n`, and how late.
type Room = fn(listener: usize, message: usize) -> (usize, Duration);

/// A thread for each connection: one that posts is answered 201, and its message passed on; others listen.
fn room(room: Room) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let listening: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let listening = Arc::clone(&listening);
            thread::spawn(move || converse(stream.unwrap(), &listening, room));
        }
    });
    addr
}

fn converse(mut stream: TcpStream, listening: &Mutex<Vec<TcpStream>>, room: Room) {
    stream.set_nodelay(true).unwrap();
    let mut buffer = [0; 4096];
    let mut message = 0;
    loop {
        let count = stream.read(&mut buffer).unwrap_or_default();
        let request = String::from_utf8_lossy(&buffer[..count]).into_owned();
        if request.starts_with("GET ") {
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            stream.write_all(head.as_bytes()).unwrap();
            listening.lock().unwrap().push(stream);
            return;
        }
        let Some((_, text)) = request.split_once("\r\n\r\n") else { return };
        let event = format!("id: 1\ndata: {text}\n\n");
        let chunk = format!("{:x}\r\n{event}\r\n", event.len());
        for (number, one) in listening.lock().unwrap().iter_mut().enumerate() {
            let (times, late) = room(number, message);
            thread::sleep(late);
            for _ in 0..times {
                // In two pieces, as it may come.
                let (begin, end) = chunk.split_at(chunk.len() / 2);
                one.write_all(begin.as_bytes()).unwrap();
                one.write_all(end.as_bytes()).unwrap();
            }
        }
        stream.write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").unwrap();
        message += 1;
    }
}

fn measured(addr: SocketAddr, listeners: usize) -> Outcome {
    let arrivals = Arrivals::Fixed { rate: 50.0 };
    let plan = Plan {
        warmup: Duration::from_millis(100),
        drain: Duration::from_millis(500),
        ..Plan::open(
            Target::new(addr),
            Ask::get("/events"),
            listeners,
            arrivals,
            Duration::from_secs(1),
        )
    };
    let said = Broadcast {
        say: Arc::new(|number| {
            let say = Ask::post("/messages", format!("message {number}").into_bytes());
            say.expect(load::Expect::default().status([201]))
        }),
        heard: Arc::new(|event| {
            let event = std::str::from_utf8(event).ok()?;
            event.split_once("message ")?.1.parse().ok()
        }),
    };
    broadcast(&plan, &said, &Cancel::new(), |_| {}).unwrap()
}

fn kinds(outcome: &Outcome) -> Vec<Kind> {
    gates::of(outcome).iter().filter(|gate| gate.void).map(|gate| gate.kind).collect()
}

#[test]
fn every_message_is_a_sample_for_every_listener() {
    let outcome = measured(room(|_, _| (1, Duration::ZERO)), 20);
    assert_eq!((outcome.ok, outcome.errors.total()), (50 * 20, 0), "{:?}", outcome.errors);
    assert_eq!((outcome.requests(), outcome.never_served), (1_000, 0));
    assert!((outcome.intended_rate.unwrap() - 1_000.0).abs() < 1.0);
    assert_eq!(outcome.connections_offered, 20);
}

#[test]
fn a_delivery_is_timed_from_when_its_message_was_to_be_said() {
    // The second listener waits for the first; and the next message for the answer to this one, which is later each time.
    let outcome = measured(room(|_, _| (1, Duration::from_millis(15))), 2);
    assert_eq!(outcome.errors.lost, 0, "{:?}", outcome.errors);
    assert!(outcome.slowest() > Duration::from_millis(300), "{:?}", outcome.slowest());
    let service = Duration::from_nanos(outcome.service.value_at_quantile(0.5));
    assert!(service < Duration::from_millis(100), "{service:?}");
}

#[test]
fn what_is_acknowledged_and_does_not_come_is_lost() {
    let outcome = measured(
        room(|listener, message| (usize::from((listener, message) != (3, 30)), Duration::ZERO)),
        5,
    );
    assert_eq!((outcome.errors.lost, outcome.errors.doubled), (1, 0));
    assert_eq!(outcome.requests(), 250, "what is lost is in the histogram");
    assert!(outcome.errors.examples[0].contains("message 30"), "{:?}", outcome.errors);
    assert_eq!(kinds(&outcome).first(), Some(&Kind::Lost));
}

#[test]
fn what_comes_again_is_told() {
    let outcome = measured(room(|_, message| (1 + usize::from(message == 20), Duration::ZERO)), 5);
    assert_eq!((outcome.errors.lost, outcome.errors.doubled, outcome.ok), (0, 5, 250));
    assert_eq!(kinds(&outcome).first(), Some(&Kind::Lost));
}

#[test]
fn a_room_where_nobody_can_listen_loses_everything() {
    // No test is given a port this low.
    let closed = SocketAddr::from(([127, 0, 0, 1], 1));
    let outcome = measured(closed, 3);
    assert_eq!(outcome.ok, 0);
    assert!(outcome.errors.connect >= 3, "{:?}", outcome.errors);
    assert!(kinds(&outcome).contains(&Kind::Nothing));
}
