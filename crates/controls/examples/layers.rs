//! What our layers cost: CPU for each request of `/plaintext`, of each server beside its bare framework.
//!
//! `cargo run --release -p controls --example layers -- [ROUNDS] [CONNECTIONS] [SECONDS]`, after
//! `cargo build --release`. Server on CPU 0, generator on CPU 1, one worker, rounds in turns; a ratio a round, its
//! median and the range of the middle half.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

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

struct Server {
    name: &'static str,
    child: Child,
    addr: SocketAddr,
    /// Seconds of CPU a request, a round.
    costs: Vec<f64>,
    rates: Vec<f64>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let rounds = arguments.next().transpose()?.unwrap_or(10) as usize;
    let connections = arguments.next().transpose()?.unwrap_or(64) as usize;
    let seconds = arguments.next().transpose()?.unwrap_or(2);
    let here = std::env::current_exe()?;
    let folder = here.parent().and_then(Path::parent).ok_or("the example has a folder")?;
    let mut servers = PROGRAMS
        .into_iter()
        .map(|(name, program, flags)| start(name, &folder.join(program), flags))
        .collect::<Result<Vec<_>, _>>()?;
    for round in 0..rounds {
        let count = servers.len();
        for turn in 0..count {
            let server = &mut servers[(turn + round) % count];
            let ask = Ask::get("/plaintext").expect(Expect::exactly("Hello, World!"));
            let plan = Plan {
                warmup: Duration::from_millis(300),
                threads: 1,
                cpus: vec![1],
                watch: Some(server.child.id()),
                ..Plan::closed(
                    Target::new(server.addr),
                    ask,
                    connections,
                    Stop::After(Duration::from_secs(seconds)),
                )
            };
            let outcome = run(&plan, &Cancel::new(), |_| {})?;
            server.costs.push(outcome.cpu_per_request().unwrap_or_default().as_secs_f64());
            server.rates.push(outcome.rate());
        }
    }
    for server in &servers {
        let (mut costs, mut rates) = (server.costs.clone(), server.rates.clone());
        println!(
            "{:16} {:6.2} µs of CPU a request, {:7.0} requests a second (medians)",
            server.name,
            middle(&mut costs)[1] * 1e6,
            middle(&mut rates)[1],
        );
    }
    for (one, other) in PAIRS {
        let costs = |name| servers.iter().find(|server| server.name == name).map(|s| &s.costs);
        let (Some(ones), Some(others)) = (costs(one), costs(other)) else { continue };
        let mut ratios: Vec<_> = ones.iter().zip(others).map(|(one, other)| one / other).collect();
        let [low, median, high] = middle(&mut ratios);
        println!("{one} / {other}: {median:.3} ({low:.3} to {high:.3})");
    }
    Ok(())
}

fn start(
    name: &'static str,
    program: &Path,
    flags: &[&str],
) -> Result<Server, Box<dyn std::error::Error>> {
    let mut child = Command::new("taskset")
        .args(["-c", "0"])
        .arg(program)
        .args(["--addr", "127.0.0.1:0"])
        .args(flags)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("taskset -c 0 {}: {error}", program.display()))?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("stdout is piped")?).read_line(&mut line)?;
    let addr = line.trim().trim_start_matches("listening on http://").parse()?;
    Ok(Server { name, child, addr, costs: Vec::new(), rates: Vec::new() })
}

/// The lower quartile, the median and the upper quartile.
fn middle(values: &mut [f64]) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[(values.len() - 1) * quarter / 4])
}
