//! What the generator itself costs: CPU for each request against the floor, and memory for each connection.
//!
//! `cargo run --release -p load --example cost -- [CONNECTIONS] [SECONDS] [THREADS]`. With wrk installed it is measured
//! beside, in turns.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use load::floor::{self, Floor};
use load::process::{Cpu, Held};
use load::{Ask, Cancel, Expect, Plan, Stop, Target, gates, run};

const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let connections = arguments.next().transpose()?.unwrap_or(64);
    let seconds = arguments.next().transpose()?.unwrap_or(3) as u64;
    let threads = arguments.next().transpose()?.unwrap_or(1);

    if std::env::var_os("COST_FLOOR").is_some() {
        return serve_floor();
    }
    // A process of its own, so that each side's CPU clock is its own.
    let mut server = Command::new("taskset")
        .args(["-c", "0"])
        .arg(std::env::current_exe()?)
        .env("COST_FLOOR", "1")
        .stdout(Stdio::piped())
        .stdin(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    let stdout = server.stdout.take().ok_or("no stdout")?;
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line)?;
    let addr = line.trim().trim_start_matches("listening on http://").parse()?;
    for _ in 0..ROUNDS {
        let before = Held::by(std::process::id())?;
        let ask = Ask::get("/plaintext").expect(Expect::exactly("Hello, World!"));
        let stop = Stop::After(Duration::from_secs(seconds));
        let plan = Plan {
            warmup: Duration::from_millis(300),
            threads,
            cpus: (1..=threads).collect(),
            watch: Some(server.id()),
            ..Plan::closed(Target::new(addr), ask, connections, stop)
        };
        let mut peak = before.rss_bytes;
        let outcome = run(&plan, &Cancel::new(), |_| {
            peak = peak.max(Held::by(std::process::id()).map_or(0, |held| held.rss_bytes));
        })?;
        println!(
            "load {:>8.0}/s  generator {:.2?} a request, busy {:.0} %  floor {:.2?} a request  p99 {:.2?}  {} bytes a connection",
            outcome.rate(),
            outcome.generator_cpu_per_request().unwrap_or_default(),
            outcome.generator[0].busy() * 100.0,
            outcome.cpu_per_request().unwrap_or_default(),
            outcome.percentile(99.0).unwrap_or_default(),
            (peak - before.rss_bytes) / connections as u64,
        );
        for gate in gates::of(&outcome) {
            println!("     {gate}");
        }
        wrk(&server, addr, connections, seconds, threads)?;
    }
    server.kill()?;
    server.wait()?;
    Ok(())
}

fn serve_floor() -> Result<(), Box<dyn std::error::Error>> {
    let floor = Floor::start(floor::plaintext())?;
    println!("listening on http://{}", floor.addr);
    // Until the parent goes.
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(floor.stop()?)
}

/// The same with wrk, by what its process spent.
fn wrk(
    server: &std::process::Child,
    addr: std::net::SocketAddr,
    connections: usize,
    seconds: u64,
    threads: usize,
) -> Result<(), Box<dyn std::error::Error>> {
    let command = Command::new("taskset")
        .args(["-c", "1", "wrk", "-t"])
        .args([threads.to_string(), "-c".into(), connections.to_string()])
        .args(["-d".into(), format!("{seconds}s"), format!("http://{addr}/plaintext")])
        .stdout(Stdio::piped())
        .spawn();
    let Ok(command) = command else { return Ok(()) };
    let (before, floor_before) = (Cpu::of(command.id())?, Cpu::of(server.id())?);
    let start = Instant::now();
    // Its last reading must come before it is reaped.
    std::thread::sleep(Duration::from_secs(seconds) - Duration::from_millis(50));
    let (after, floor_after) = (Cpu::of(command.id())?, Cpu::of(server.id())?);
    let elapsed = start.elapsed();
    let text = String::from_utf8(command.wait_with_output()?.stdout)?;
    let rate = text.lines().find_map(|line| line.strip_prefix("Requests/sec:")).unwrap_or("0");
    let rate: f64 = rate.trim().parse()?;
    let requests = rate * elapsed.as_secs_f64();
    println!(
        "wrk  {rate:>8.0}/s  generator {:.2?} a request  floor {:.2?} a request",
        (after.total - before.total).div_f64(requests),
        (floor_after.total - floor_before.total).div_f64(requests),
    );
    Ok(())
}
