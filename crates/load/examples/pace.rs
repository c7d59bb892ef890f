//! How well the open loop keeps its schedule, and how near it comes to a truth that is known.
//!
//! `cargo run --release -p load --example pace -- [RATE] [SECONDS]`: first against the floor, then against a server that
//! stops for a second every ten.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use load::floor::{self, Floor};
use load::{Arrivals, Ask, Cancel, Outcome, Plan, Target, gates, run};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<f64>());
    let rate = arguments.next().transpose()?.unwrap_or(1000.0);
    let seconds = arguments.next().transpose()?.unwrap_or(20.0);
    let duration = Duration::from_secs_f64(seconds);

    let floor = Floor::start(floor::plaintext())?;
    for arrivals in [Arrivals::Fixed { rate }, Arrivals::Poisson { rate, seed: 1 }] {
        let plan = Plan {
            warmup: Duration::from_millis(200),
            ..Plan::open(Target::new(floor.addr), Ask::get("/"), 64, arrivals, duration / 4)
        };
        told(&format!("{arrivals:?}"), &run(&plan, &Cancel::new(), |_| {})?);
    }
    floor.stop()?;

    let listener = TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    thread::spawn(move || stop_every_ten_seconds(&listener));
    let plan = Plan::open(Target::new(addr), Ask::get("/"), 1, Arrivals::Fixed { rate }, duration);
    let outcome = run(&plan, &Cancel::new(), |_| {})?;
    told("stopped from 5 s to 6 s of every ten", &outcome);
    // Held up: those of one second in ten, by evenly less than that second.
    for (name, quantile, truth) in [("p95", 0.95, 0.5), ("p99", 0.99, 0.9), ("max", 1.0, 1.0)] {
        let found = outcome.latency.value_at_quantile(quantile) as f64 / 1e9;
        let off = (found / truth - 1.0) * 100.0;
        let kept = if off.abs() <= 5.0 { "kept" } else { "MISSED" };
        println!("  the truth of {name} is {truth} s: {off:+.1} % off (wanted: 5 %): {kept}");
    }
    Ok(())
}

fn told(name: &str, outcome: &Outcome) {
    let at = |quantile| Duration::from_nanos(outcome.latency.value_at_quantile(quantile));
    println!("{name}: {:.1}/s of {:.1}", outcome.rate(), outcome.intended_rate.unwrap_or_default());
    println!(
        "  latency p50 {:.1?} p95 {:.1?} p99 {:.1?} max {:.1?}",
        at(0.5),
        at(0.95),
        at(0.99),
        at(1.0)
    );
    let lag = |quantile| Duration::from_nanos(outcome.lag.value_at_quantile(quantile));
    let kept = if lag(0.99) <= Duration::from_micros(200) { "kept" } else { "MISSED" };
    println!(
        "  lag p50 {:.1?} p99 {:.1?} (wanted, when idle: 0.2 ms): {kept}, max {:.1?}",
        lag(0.5),
        lag(0.99),
        lag(1.0)
    );
    println!("  generator {:?}", outcome.generator);
    for gate in gates::of(outcome) {
        println!("  {gate}");
    }
}

/// One connection, answered at once but for one second in ten after its first request.
fn stop_every_ten_seconds(listener: &TcpListener) {
    let Ok((mut stream, _)) = listener.accept() else { return };
    let (mut buffer, reply) = ([0; 4096], floor::plaintext());
    let mut start = None;
    while let Ok(1..) = stream.read(&mut buffer) {
        let start = start.get_or_insert_with(Instant::now);
        let into = start.elapsed().as_secs_f64() % 10.0;
        if (5.0..6.0).contains(&into) {
            thread::sleep(Duration::from_secs_f64(6.0 - into));
        }
        if stream.write_all(&reply).is_err() {
            return;
        }
    }
}
