//! The open loop against a server whose delays are known to the request: what it finds must be the truth.
//!
//! In a file of its own: nothing else of this process may stand in line for its CPU.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use load::{Arrivals, Ask, Cancel, Outcome, Plan, Target, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What every answer takes.
const EACH: Duration = Duration::from_millis(50);
/// From the first request to the stall, and the stall, which ends every answer due in it.
const STALL: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(1));
/// Stalls come this often.
const EVERY: Duration = Duration::from_secs(10);
const RATE: f64 = 1_000.0;

/// Answers each request after 50 ms, but for a second in ten, whose requests count from its end.
fn scripted() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let serve = async |listener: std::net::TcpListener| {
        let listener = TcpListener::from_std(listener).unwrap();
        let begun = Rc::new(Cell::new(None));
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let begun = Rc::clone(&begun);
            tokio::task::spawn_local(async move {
                let mut head = [0; 1024];
                // The generator asks with one small write, and once at a time.
                while let Ok(1..) = stream.read(&mut head).await {
                    let now = Instant::now();
                    let start: Instant = begun.get().unwrap_or(now);
                    begun.set(Some(start));
                    let into =
                        Duration::from_secs_f64((now - start).as_secs_f64() % EVERY.as_secs_f64());
                    let left = (STALL.0 + STALL.1).saturating_sub(into);
                    let held = if into >= STALL.0 { left } else { Duration::ZERO };
                    tokio::time::sleep_until((now + held + EACH).into()).await;
                    let reply = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                    if stream.write_all(reply).await.is_err() {
                        return;
                    }
                }
            });
        }
    };
    thread::spawn(move || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, serve(listener));
    });
    addr
}

fn found(outcome: &Outcome) -> [(&'static str, f64, f64); 3] {
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let (each, stall) = (ms(EACH), ms(STALL.1));
    // One request in ten is held up, evenly by up to the whole stall: one in a hundred by more than nine tenths of it.
    [
        ("p50", ms(outcome.percentile(50.0).unwrap()), each),
        ("p99", ms(outcome.percentile(99.0).unwrap()), each + stall * 0.9),
        ("max", ms(outcome.slowest()), each + stall),
    ]
}

#[test]
fn a_stall_of_a_second_in_ten_is_found_as_large_as_it_was() {
    // It cannot find the truth by accident, but a busy machine can keep it from it.
    let mut wrong = Vec::new();
    for _attempt in 0..3 {
        let arrivals = Arrivals::Fixed { rate: RATE };
        // More clients than are ever held up, so that none waits for a free one.
        let clients = (RATE * (STALL.1 + EACH).as_secs_f64() * 1.1) as usize;
        let plan = Plan::open(Target::new(scripted()), Ask::get("/"), clients, arrivals, EVERY);
        let outcome = run(&plan, &Cancel::new(), |_| {}).unwrap();
        assert_eq!((outcome.errors.total(), outcome.dropped), (0, 0), "{:?}", outcome.errors);
        assert_eq!(outcome.requests(), 10_000);
        let found = found(&outcome);
        let misses = |(_, found, truth): &(&str, f64, f64)| (found / truth - 1.0).abs() > 0.05;
        if !found.iter().any(misses) {
            return;
        }
        wrong.push(found);
    }
    panic!("name, found, truth in milliseconds: {wrong:?}");
}
