//! Ten thousand clients at once on `/wait/1`: how long until the last has its answer, of each server and bare program.
//!
//! `cargo build --release && cargo run --release -p controls --example burst -- [ROUNDS] [CLIENTS]`
//!
//! From the first SYN to the last byte; server and generator share all CPUs. A second of it is the wait that was asked
//! for. Each round starts each program anew.

use std::error::Error;

use controls::{Median, Program, command};
use load::{Ask, Cancel, Plan, Stop, Target, run};

const PROGRAMS: [(&str, &[&str]); 6] = [
    ("server-blocking", &["--log", "off"]),
    ("bare-threads", &[]),
    ("server-actix", &["--log", "off"]),
    ("bare-actix", &["--workers", "2"]),
    ("server-axum", &["--log", "off"]),
    ("bare-axum", &["--workers", "2"]),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let rounds = arguments.next().transpose()?.unwrap_or(6);
    let clients = arguments.next().transpose()?.unwrap_or(10_000);
    let mut spans = PROGRAMS.map(|_| Vec::new());
    let mut errors = [0; PROGRAMS.len()];
    for round in 0..rounds {
        for turn in 0..PROGRAMS.len() {
            let which = (turn + round) % PROGRAMS.len();
            let (name, flags) = PROGRAMS[which];
            let program = Program::start(&command(name, flags)?, None)?;
            let plan = Plan::closed(
                Target::new(program.addr),
                Ask::get("/wait/1"),
                clients,
                Stop::Each(1),
            );
            let outcome = run(&plan, &Cancel::new(), |_| {})?;
            spans[which].push(outcome.span.as_secs_f64());
            errors[which] += outcome.errors.total();
        }
    }
    println!("{clients} clients at once on /wait/1: seconds to the last answer (95 % interval)");
    for ((name, _), (spans, errors)) in PROGRAMS.iter().zip(spans.into_iter().zip(errors)) {
        println!("{name:16} {}, {errors} errors", Median::of(spans));
    }
    Ok(())
}
