//! `lab doctor --cross-check`: our generator and another one ask the same, in turns, and what differs is explained.
//!
//! Two questions. On the floor: do they measure alike, and what does a request cost each? And on a pool of threads that
//! starves most of its clients: who notices?

use std::fmt::Write as _;
use std::io::Read;
use std::process::{Child, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table};
use load::process::Cpu;
use load::{Ask, Cancel, Expect, Outcome, Plan, Stop, gates};

use super::Doctor;
use super::other::{Other, Said, patience};
use crate::arena::{Arena, Running};
use crate::competitor::Competitor;
use crate::difference::Ratio;
use crate::results::Cpus;
use crate::verdict::thousands;
use crate::view::Figure;
use crate::{machine, stop};

/// What is said where there is nobody to ask beside ours.
const NOBODY: &str = "nothing to check against: neither wrk nor oha is installed here \
                      (Debian: `apt-get install wrk`; anywhere: `cargo install oha`)";
/// Threads of the pool that starves its clients, and what each answer of it takes.
const POOL: u32 = 4;
const ANSWER_MS: u32 = 10;
/// A generator that used this share of its threads' time was the limit.
const BUSY: f64 = 0.9;

/// Runs it.
///
/// # Errors
/// When there is nobody to check against, or a server does not start.
pub(super) fn run(args: &Doctor) -> anyhow::Result<ExitCode> {
    let others = Other::installed();
    if others.is_empty() {
        bail!(NOBODY);
    }
    let cancel = stop::on_signal()?;
    let floor = Competitor::floor();
    let pool: Competitor = format!("blocking:threads=pool:{POOL}").parse()?;
    if !args.no_build {
        let binaries: Vec<_> = [&floor, &pool].iter().filter_map(|who| who.binary()).collect();
        conformance::binaries::build(&binaries.iter().map(String::as_str).collect::<Vec<_>>())?;
    }
    let arena = Arena::new(machine::divided(false), None, 1_000)?;
    let starts = |who: &Competitor| arena.start(who, &arena.roomy(args.clients as usize));
    let asks = Asks { args, cpus: &arena.cpus, cancel: &cancel };

    let running = starts(&floor)?;
    let plain = Ask::get("/plaintext").expect(Expect::exactly("Hello, World!"));
    let found = asks.in_turns(&running, &plain, "/plaintext", &others, args.rounds)?;
    running.stop();
    if cancel.cancelled() {
        return Ok(ExitCode::from(130));
    }
    print!("\n{}", alike(args, &arena.cpus, &found));

    let running = starts(&pool)?;
    let path = format!("/wait/0.0{ANSWER_MS}");
    let found = asks.in_turns(&running, &Ask::get(&path), &path, &others, 1)?;
    running.stop();
    if cancel.cancelled() {
        return Ok(ExitCode::from(130));
    }
    print!("\n{}", starving(args, &found));
    for other in others {
        println!("\n{}", other.omits());
    }
    println!(
        "\nlab's own closed loop holds requests up in the same way, and says that it is one; `cargo lab compare --rate` and\n\
         `cargo lab knee` count from when each request should have left. Timeouts stay in its latencies, bodies are looked at."
    );
    Ok(ExitCode::SUCCESS)
}

/// What stays the same over all runs.
struct Asks<'a> {
    args: &'a Doctor,
    cpus: &'a Cpus,
    cancel: &'a Cancel,
}

/// All rounds of one generator.
struct Found {
    /// Ours has no name of another.
    other: Option<Other>,
    rounds: Vec<Round>,
}

/// One generator in one round.
struct Round {
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    failed: u64,
    /// CPU time for each answer, of the generator and of the server.
    own_us: f64,
    server_us: f64,
    /// The share of its threads' time that it used.
    busy: f64,
    /// What it says is wrong with these numbers.
    objections: Vec<String>,
}

impl Asks<'_> {
    fn in_turns(
        &self,
        running: &Running,
        ask: &Ask,
        path: &str,
        others: &[Other],
        rounds: u32,
    ) -> anyhow::Result<Vec<Found>> {
        let who = std::iter::once(None).chain(others.iter().copied().map(Some));
        let mut found: Vec<_> = who.map(|other| Found { other, rounds: Vec::new() }).collect();
        let count = found.len();
        for round in 0..rounds {
            for turn in 0..count {
                // Nobody is always the first.
                let found = &mut found[(turn + round as usize) % count];
                if self.cancel.cancelled() {
                    return Ok(Vec::new());
                }
                found.rounds.push(match found.other {
                    None => self.ours(running, ask)?,
                    Some(other) => self.theirs(running, path, other)?,
                });
            }
        }
        Ok(found)
    }

    fn threads(&self) -> usize {
        self.cpus.load.len().min(self.args.clients as usize)
    }

    fn ours(&self, running: &Running, ask: &Ask) -> anyhow::Result<Round> {
        let stop = Stop::After(Duration::from_secs(self.args.duration.into()));
        let plan = Plan {
            threads: self.threads(),
            cpus: self.cpus.load.clone(),
            watch: running.pid(),
            warmup: Duration::from_millis(100),
            drain: Duration::from_secs(1),
            ..Plan::closed(running.target.clone(), ask.clone(), self.args.clients as usize, stop)
        };
        let outcome = load::run(&plan, self.cancel, |_| {})?;
        Ok(Round::ours(&outcome))
    }

    fn theirs(&self, running: &Running, path: &str, other: Other) -> anyhow::Result<Round> {
        let (seconds, threads) = (self.args.duration, self.threads());
        let url = format!("http://{}{path}", running.target.addr);
        let server = running.pid().context("the server is a process of ours")?;
        let (before, server_before) = (Cpu::of_ended_children()?, Cpu::of(server)?);
        let began = Instant::now();
        // It stays on this thread's CPUs, which are those of the load.
        let mut child = other
            .command(&url, self.args.clients, threads, seconds)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", other.name()))?;
        self.ended(&mut child, patience(seconds), other)?;
        let took = began.elapsed();
        let spent = Cpu::of_ended_children()?.total.saturating_sub(before.total);
        let server_spent = Cpu::of(server)?.total.saturating_sub(server_before.total);
        let mut text = String::new();
        child.stdout.take().context("its output is piped")?.read_to_string(&mut text)?;
        let Said { per_second, answers, p50_ms, p99_ms, failed } = other.read(&text)?;
        let each = |spent: Duration| spent.as_secs_f64() * 1e6 / answers;
        Ok(Round {
            per_second,
            p50_ms,
            p99_ms,
            failed,
            own_us: each(spent),
            server_us: each(server_spent),
            busy: spent.as_secs_f64() / took.as_secs_f64() / threads as f64,
            objections: Vec::new(),
        })
    }

    /// Waits for it to end by itself, and not for ever.
    fn ended(&self, child: &mut Child, patience: Duration, other: Other) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        while child.try_wait()?.is_none() {
            if self.cancel.cancelled() || Instant::now() > deadline {
                child.kill()?;
                child.wait()?;
                bail!("{} did not end within {patience:?}", other.name());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Round {
    fn ours(outcome: &Outcome) -> Self {
        let ms = |quantile: f64| outcome.latency.value_at_quantile(quantile) as f64 / 1e6;
        let us = |time: Option<Duration>| time.map_or(f64::NAN, |time| time.as_secs_f64() * 1e6);
        let gates = gates::of(outcome).into_iter();
        Self {
            per_second: outcome.rate(),
            p50_ms: ms(0.5),
            p99_ms: ms(0.99),
            failed: outcome.errors.total(),
            own_us: us(outcome.generator_cpu_per_request()),
            server_us: us(outcome.cpu_per_request()),
            busy: outcome.generator.iter().map(|thread| thread.busy()).fold(0.0, f64::max),
            objections: gates.map(|gate| gate.to_string()).collect(),
        }
    }
}

impl Found {
    fn name(&self) -> &'static str {
        self.other.map_or("lab", Other::name)
    }

    fn figure(&self, of: impl Fn(&Round) -> f64) -> Figure {
        Figure { rounds: (1..).zip(self.rounds.iter().map(of)).collect() }
    }

    fn median(&self, of: impl Fn(&Round) -> f64) -> f64 {
        self.figure(of).median()
    }
}

/// The floor's answers, and what they cost each.
fn alike(args: &Doctor, cpus: &Cpus, found: &[Found]) -> String {
    let mut text = format!(
        "{} clients ask the floor for /plaintext, {} turns of {} s each; the floor on CPU {:?}, who asks on CPU {:?} ({})\n{}\n",
        args.clients,
        args.rounds,
        args.duration,
        cpus.servers,
        cpus.load,
        cpus.word(),
        table(found)
    );
    let [ours, others @ ..] = found else { return text };
    for other in others {
        let name = other.name();
        let ratio = |of: fn(&Round) -> f64| Ratio::of(&ours.figure(of), &other.figure(of));
        if let Some(cost) = ratio(|round| round.own_us) {
            let _ = writeln!(
                text,
                "A request costs lab {} the CPU time that it costs {name}: {}.",
                cost.shown(),
                cost.judged()
            );
        }
        if let Some(rate) = ratio(|round| round.per_second) {
            let _ = writeln!(
                text,
                "lab's rate is {} that of {name}: {}{}.",
                rate.shown(),
                rate.judged(),
                limit(ours, other)
            );
        }
    }
    text
}

/// Whose limit the two rates were.
fn limit(ours: &Found, other: &Found) -> String {
    let is_limit = |found: &Found| found.median(|round| round.busy) >= BUSY;
    let name = other.name();
    match (is_limit(ours), is_limit(other)) {
        (false, false) => "; neither was at its limit, so both tell the floor's".into(),
        (true, true) => "; both were at their own limit, and lab says so in a gate".into(),
        (false, true) => format!("; {name} was at its own limit, which its output does not tell"),
        (true, false) => "; lab was at its own limit, and says so in a gate".into(),
    }
}

/// A pool whose threads own their connections: the rest is never served.
fn starving(args: &Doctor, found: &[Found]) -> String {
    let mut text = format!(
        "The same clients ask for a wait of {ANSWER_MS} ms, of a server with {POOL} threads that keep their connections: the\n\
         truth is that {} of {} are never answered\n{}\n",
        args.clients - POOL,
        args.clients,
        table(found)
    );
    for found in found {
        let objections: Vec<_> = found
            .rounds
            .iter()
            .flat_map(|round| &round.objections)
            .filter(|objection| objection.starts_with(gates::Kind::Starved.name()))
            .cloned()
            .collect();
        let says = if !objections.is_empty() {
            objections.join("; ")
        } else if found.rounds.iter().any(|round| round.failed > 0) {
            "some requests failed; nothing of who was never served".into()
        } else {
            "nothing".into()
        };
        let _ = writeln!(text, "{} says of it: {says}.", found.name());
    }
    text
}

fn table(found: &[Found]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY);
    let head = [
        "asked by",
        "answers/s",
        "p50 ms",
        "p99 ms",
        "own CPU/req µs",
        "server CPU/req µs",
        "own CPU busy",
        "failed",
    ];
    table.set_header(head);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for found in found {
        let failed: u64 = found.rounds.iter().map(|round| round.failed).sum();
        table.add_row([
            found.name().to_owned(),
            thousands(found.median(|round| round.per_second)),
            format!("{:.2}", found.median(|round| round.p50_ms)),
            format!("{:.2}", found.median(|round| round.p99_ms)),
            format!("{:.1}", found.median(|round| round.own_us)),
            format!("{:.1}", found.median(|round| round.server_us)),
            format!("{:.0} %", found.median(|round| round.busy) * 100.0),
            failed.to_string(),
        ]);
    }
    table
}
