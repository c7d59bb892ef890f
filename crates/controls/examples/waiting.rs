//! Memory for each client that waits: of each server by the bare program of its model, as the slope over 1,000, 4,000
//! and 10,000 clients in `/wait`.
//!
//! `cargo build --release && cargo run --release -p controls --example waiting -- [ROUNDS]`
//!
//! RSS, and beside it what the kernel holds for the process and RSS does not show: page tables, and the machine's
//! kernel stacks. Rounds in turns, each program started anew; a ratio a round, its median and 95 % interval.

use std::error::Error;
use std::io::Write;
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use controls::{Median, Program, command};
use load::process::Held;

const LEVELS: [usize; 3] = [1_000, 4_000, 10_000];

/// Each server, then the bare program of its model.
const PROGRAMS: [(&str, &[&str]); 6] = [
    ("server-blocking", &["--log", "off"]),
    ("bare-threads", &[]),
    ("server-actix", &["--workers", "1", "--log", "off"]),
    ("bare-actix", &[]),
    ("server-axum", &["--workers", "1", "--log", "off"]),
    ("bare-axum", &[]),
];

fn main() -> Result<(), Box<dyn Error>> {
    let rounds = std::env::args().nth(1).map(|text| text.parse::<usize>()).transpose()?;
    settings::raise_descriptor_limit();
    let mut slopes = PROGRAMS.map(|_| Vec::new());
    let mut kernel = PROGRAMS.map(|_| Vec::new());
    for round in 0..rounds.unwrap_or(6) {
        for turn in 0..PROGRAMS.len() {
            let which = (turn + round) % PROGRAMS.len();
            let (name, flags) = PROGRAMS[which];
            let held = held(Program::start(&command(name, flags)?, None)?)?;
            slopes[which].push(slope(held.map(|held| held.rss_bytes)));
            kernel[which].push(slope(
                held.map(|held| held.page_table_bytes + held.machine.kernel_stack_bytes),
            ));
        }
    }
    println!("bytes a waiting client (medians): RSS, and the kernel's stacks and page tables");
    for (place, (name, _)) in PROGRAMS.iter().enumerate() {
        let [rss, kernel] = [&slopes, &kernel].map(|all| Median::of(all[place].clone()).value);
        println!("{name:16} {rss:6.0} {kernel:6.0}");
    }
    for (names, slopes) in PROGRAMS.chunks(2).zip(slopes.chunks(2)) {
        let ratio = Median::ratio(&slopes[0], &slopes[1]);
        println!("RSS of {} / {}: {ratio}", names[0].0, names[1].0);
    }
    Ok(())
}

/// What a program holds at each level.
fn held(program: Program) -> Result<[Held; LEVELS.len()], Box<dyn Error>> {
    let mut clients = Vec::new();
    let request = format!("GET /wait/60 HTTP/1.1\r\nHost: {}\r\n\r\n", program.addr);
    let mut levels = [Held::default(); LEVELS.len()];
    for (level, held) in LEVELS.into_iter().zip(&mut levels) {
        while clients.len() < level {
            let mut client = TcpStream::connect(program.addr)?;
            client.write_all(request.as_bytes())?;
            clients.push(client);
        }
        *held = settled(program.pid())?;
    }
    // The server's side closes first, and no client is left in TIME_WAIT.
    drop(program);
    Ok(levels)
}

/// Reads until nothing has changed for half a second: then every client waits.
fn settled(pid: u32) -> Result<Held, Box<dyn Error>> {
    let mut held = Held::by(pid)?;
    let (begun, mut since) = (Instant::now(), Instant::now());
    while since.elapsed() < Duration::from_millis(500) && begun.elapsed() < Duration::from_secs(10)
    {
        sleep(Duration::from_millis(50));
        let now = Held::by(pid)?;
        if (now.rss_bytes, now.threads) != (held.rss_bytes, held.threads) {
            since = Instant::now();
        }
        held = now;
    }
    Ok(held)
}

/// Bytes for one client more: the line through the levels that has the least squares.
fn slope(bytes: [u64; LEVELS.len()]) -> f64 {
    let count = LEVELS.len() as f64;
    let mean_level = LEVELS.iter().sum::<usize>() as f64 / count;
    let mean_bytes = bytes.iter().sum::<u64>() as f64 / count;
    let pairs = LEVELS.iter().zip(bytes).map(|(&level, bytes)| {
        let apart = level as f64 - mean_level;
        (apart * (bytes as f64 - mean_bytes), apart * apart)
    });
    let (above, below) = pairs.fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
    above / below
}
