//! What the generator itself costs: CPU for each request against the floor, and memory for each connection.
//!
//! `cargo run --release -p load --example cost -- [CONNECTIONS] [SECONDS] [THREADS]`. With wrk installed it is measured
//! beside, in turns. The last lines are medians of five rounds, and what the generator is held to.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use load::floor::{self, Floor};
use load::process::{Cpu, Held};
use load::{Ask, Cancel, Expect, Plan, Stop, Target, gates, run};

const ROUNDS: usize = 5;
/// What a request may cost the generator: so much, or this share of what it costs wrk.
const CPU_US: f64 = 8.0;
const OF_WRK: f64 = 0.8;
/// What a connection may take of its memory, from this many on.
const BYTES: f64 = 3_072.0;
const MANY: usize = 9_000;

/// One round of one generator.
struct Round {
    per_second: f64,
    cpu_us: f64,
}

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
    let (mut ours, mut theirs, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
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
        let each = (peak - before.rss_bytes) / connections as u64;
        bytes.push(each as f64);
        let cpu = outcome.generator_cpu_per_request().unwrap_or_default();
        ours.push(Round { per_second: outcome.rate(), cpu_us: cpu.as_secs_f64() * 1e6 });
        println!(
            "load {:>8.0}/s  generator {:.2?} a request, busy {:.0} %  floor {:.2?} a request  p99 {:.2?}  {} bytes a connection",
            outcome.rate(),
            cpu,
            outcome.generator[0].busy() * 100.0,
            outcome.cpu_per_request().unwrap_or_default(),
            outcome.percentile(99.0).unwrap_or_default(),
            each,
        );
        for gate in gates::of(&outcome) {
            println!("     {gate}");
        }
        theirs.extend(wrk(&server, addr, connections, seconds, threads)?);
    }
    server.kill()?;
    server.wait()?;
    told(connections, &ours, &theirs, bytes);
    Ok(())
}

/// The medians, beside what is wanted of them.
fn told(connections: usize, ours: &[Round], theirs: &[Round], bytes: Vec<f64>) {
    let of = |rounds: &[Round], read: fn(&Round) -> f64| median(rounds.iter().map(read).collect());
    let (cpu, rate) = (of(ours, |round| round.cpu_us), of(ours, |round| round.per_second));
    let kept = |kept: bool| if kept { "kept" } else { "MISSED" };
    println!("medians at {connections} connections:");
    match theirs {
        [] => println!("  {cpu:.2} µs a request (wanted: {CPU_US}): {}", kept(cpu <= CPU_US)),
        _ => {
            let (their_cpu, their_rate) =
                (of(theirs, |round| round.cpu_us), of(theirs, |round| round.per_second));
            let share = cpu / their_cpu;
            println!(
                "  {cpu:.2} µs a request, {share:.2} × the {their_cpu:.2} of wrk (wanted: {CPU_US} µs, or {OF_WRK} ×): {}",
                kept(cpu <= CPU_US || share <= OF_WRK)
            );
            println!(
                "  {rate:.0}/s, {:.2} × the {their_rate:.0} of wrk (wanted: no less): {}",
                rate / their_rate,
                kept(rate >= their_rate)
            );
        }
    }
    let bytes = median(bytes);
    match connections >= MANY {
        true => {
            println!("  {bytes:.0} bytes a connection (wanted: {BYTES}): {}", kept(bytes <= BYTES))
        }
        // What every thread holds anyway is in it.
        false => println!("  {bytes:.0} bytes a connection, its share of what any run holds in it"),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
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
) -> Result<Option<Round>, Box<dyn std::error::Error>> {
    let command = Command::new("taskset")
        .args(["-c", "1", "wrk", "-t"])
        .args([threads.to_string(), "-c".into(), connections.to_string()])
        .args(["-d".into(), format!("{seconds}s"), format!("http://{addr}/plaintext")])
        .stdout(Stdio::piped())
        .spawn();
    let Ok(command) = command else { return Ok(None) };
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
    let cpu = (after.total - before.total).div_f64(requests);
    println!(
        "wrk  {rate:>8.0}/s  generator {cpu:.2?} a request  floor {:.2?} a request",
        (floor_after.total - floor_before.total).div_f64(requests),
    );
    Ok(Some(Round { per_second: rate, cpu_us: cpu.as_secs_f64() * 1e6 }))
}
