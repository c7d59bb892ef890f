//! What our layers cost: CPU for each request of `/plaintext`, of each server by its bare framework.
//!
//! `cargo build --release && cargo run --release -p controls --example layers -- [ROUNDS] [CONNECTIONS] [SECONDS]`
//!
//! Server on CPU 0, generator on CPU 1, one worker, rounds in turns; a ratio a round, its median and 95 % interval.

use std::error::Error;
use std::time::Duration;

use controls::{Median, Program, command};
use load::{Ask, Cancel, Expect, Plan, Stop, Target, run};

/// Each pair is a ratio: the first by the second.
const PAIRS: [(&str, &str); 5] = [
    ("server-axum", "bare-axum"),
    ("server-actix", "bare-actix"),
    ("server-blocking", "bare-threads"),
    ("server-blocking", "server-axum"),
    ("bare-axum", "bare-axum again"),
];

const PROGRAMS: [(&str, &str, &[&str]); 7] = [
    ("server-axum", "server-axum", &["--workers", "1", "--log", "off"]),
    ("bare-axum", "bare-axum", &[]),
    ("server-actix", "server-actix", &["--workers", "1", "--log", "off"]),
    ("bare-actix", "bare-actix", &[]),
    ("server-blocking", "server-blocking", &["--log", "off"]),
    ("bare-threads", "bare-threads", &[]),
    ("bare-axum again", "bare-axum", &[]),
];

struct Measured {
    name: &'static str,
    program: Program,
    /// Seconds of CPU a request, a round.
    costs: Vec<f64>,
    rates: Vec<f64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let rounds = arguments.next().transpose()?.unwrap_or(10) as usize;
    let connections = arguments.next().transpose()?.unwrap_or(64) as usize;
    let seconds = arguments.next().transpose()?.unwrap_or(2);
    let mut servers = Vec::new();
    for (name, program, flags) in PROGRAMS {
        let program = Program::start(&command(program, flags)?, Some(0))?;
        servers.push(Measured { name, program, costs: Vec::new(), rates: Vec::new() });
    }
    for round in 0..rounds {
        let count = servers.len();
        for turn in 0..count {
            let server = &mut servers[(turn + round) % count];
            let ask = Ask::get("/plaintext").expect(Expect::exactly("Hello, World!"));
            let stop = Stop::After(Duration::from_secs(seconds));
            let plan = Plan {
                warmup: Duration::from_millis(300),
                cpus: vec![1],
                watch: Some(server.program.pid()),
                ..Plan::closed(Target::new(server.program.addr), ask, connections, stop)
            };
            let outcome = run(&plan, &Cancel::new(), |_| {})?;
            server.costs.push(outcome.cpu_per_request().unwrap_or_default().as_secs_f64());
            server.rates.push(outcome.rate());
        }
    }
    for Measured { name, costs, rates, .. } in &servers {
        let (cost, rate) = (Median::of(costs.clone()).value, Median::of(rates.clone()).value);
        println!(
            "{name:16} {:6.2} µs of CPU a request, {rate:7.0} requests a second (medians)",
            cost * 1e6,
        );
    }
    for (one, other) in PAIRS {
        let costs = |name| servers.iter().find(|server| server.name == name).map(|s| &s.costs);
        let (Some(ones), Some(others)) = (costs(one), costs(other)) else { continue };
        println!("{one} / {other}: {}", Median::ratio(ones, others));
    }
    Ok(())
}
