//! Whether the judge can be trusted here: shown the same server twice, and one that burns 10 % more CPU a request.
//!
//! `cargo run --release -p lab --example verdicts -- aa|burn [RUNS] [ROUNDS] [SECONDS] [SERVER]`: 20 comparisons of 10
//! rounds of 0.3 s on saturated `/plaintext`, of `bare-axum` unless another is named (`aa` takes `axum` and any other).
//! `record` prints the rounds of one long comparison instead, as the tests keep them.

use std::fs;
use std::time::Duration;

use anyhow::{Context, bail};
use lab::arena::{Arena, Running};
use lab::competitor::Competitor;
use lab::difference::{Difference, Ratio};
use lab::machine;
use lab::measure::{self, Place};
use lab::plan::{Plan, Wanted};
use lab::scenarios::Step;
use lab::view::Figure;
use load::Cancel;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: f64| {
        arguments.get(at).map_or(Ok(default), |text| text.parse().context("not a number"))
    };
    let mode = arguments.first().map_or("aa", String::as_str);
    let (runs, rounds) = (number(1, 20.0)? as usize, number(2, 10.0)? as u32);
    let server = arguments.get(4).map_or("bare-axum", String::as_str);
    let ours: Competitor = server.parse()?;
    let mut stand = Stand::new(&ours, number(3, 0.3)?)?;
    let mut beside = stand.start(&ours.again())?;
    if mode == "record" {
        println!("round,one_us,other_us");
        for round in 1..=rounds {
            let (one, other) = stand.round(round, &beside)?;
            println!("{round},{one:.3},{other:.3}");
        }
        return Ok(());
    }
    let more = match mode {
        "aa" => false,
        "burn" => true,
        other => bail!("{other:?} is none of aa, burn, record"),
    };
    if more {
        beside.stop();
        beside = stand.burning(server)?;
    }
    let mut right = 0;
    for run in 1..=runs {
        let (mut one, mut other) = (Vec::new(), Vec::new());
        for round in 1..=rounds {
            let (ours, theirs) = stand.round(round, &beside)?;
            one.push((round, ours));
            other.push((round, theirs));
        }
        let (one, other) = (Figure { rounds: one }, Figure { rounds: other });
        let ratio = Ratio::of(&other, &one).context("no round has both")?;
        let expected = if more { Difference::More } else { Difference::None };
        let is_right = ratio.difference() == expected;
        right += usize::from(is_right);
        let mark = if is_right { "" } else { "   wrong" };
        println!(
            "{run:>3}: {}, A/A floor ± {:.1} %: {}{mark}",
            ratio.shown(),
            ratio.floor * 100.0,
            ratio.judged()
        );
    }
    // Nine of ten, at least.
    let kept = if right * 10 >= runs * 9 { "kept" } else { "MISSED" };
    println!("right in {right} of {runs} (wanted: nine of ten): {kept}");
    beside.stop();
    stand.running.stop();
    Ok(())
}

/// The first competitor, running, and what both are asked.
struct Stand {
    arena: Arena,
    running: Running,
    step: Step,
    folder: tempfile::TempDir,
    cells: usize,
}

impl Stand {
    fn new(who: &Competitor, seconds: f64) -> anyhow::Result<Self> {
        let wanted = Wanted {
            scenarios: vec!["plaintext".into()],
            levels: vec![64],
            window: Some(Duration::from_secs_f64(seconds)),
            ..Wanted::default()
        };
        let plan = Plan::new(vec![who.clone()], &wanted, 1, 1)?;
        let binary = who.binary().context("a server of ours, or a control")?;
        conformance::binaries::build(&[&binary])?;
        let arena = Arena::new(machine::divided(false), None, 1_000)?;
        let running = arena.start(who, &[])?;
        let step = plan.scenarios[0].1[0].clone();
        Ok(Self { arena, running, step, folder: tempfile::tempdir()?, cells: 0 })
    }

    fn start(&self, who: &Competitor) -> anyhow::Result<Running> {
        self.arena.start(who, &[])
    }

    /// A server that takes 10 % more CPU a request. What is asked to burn is not what it costs (the loop's length was
    /// taken on an idle core), so it is measured beside the first and scaled until it is.
    fn burning(&mut self, server: &str) -> anyhow::Result<Running> {
        let mut burn_us: f64 = self.cost(None)? / 10.0;
        for _ in 0..8 {
            let burning: Competitor = format!("{server}:burn-us={burn_us:.3}").parse()?;
            let running = self.start(&burning)?;
            let ratios = (1..=20).map(|round| {
                let (ours, theirs) = self.round(round, &running)?;
                Ok((round, theirs / ours))
            });
            let ratio = Figure { rounds: ratios.collect::<anyhow::Result<_>>()? }.median();
            println!("{} takes {ratio:.3} × the CPU a request of {server}", burning.name);
            if (ratio - 1.1).abs() < 0.01 {
                return Ok(running);
            }
            running.stop();
            burn_us *= (0.1_f64 / (ratio - 1.0).max(0.02)).clamp(0.5, 2.0);
        }
        bail!("no burn makes 10 % here: is something else running?")
    }

    /// CPU time a request of both; who is first changes from round to round.
    fn round(&mut self, round: u32, beside: &Running) -> anyhow::Result<(f64, f64)> {
        fs::create_dir_all(self.folder.path().join("histograms"))?;
        if round.is_multiple_of(2) {
            let other = self.cost(Some(beside))?;
            return Ok((self.cost(None)?, other));
        }
        Ok((self.cost(None)?, self.cost(Some(beside))?))
    }

    /// What a request costs the other, or the first.
    fn cost(&mut self, other: Option<&Running>) -> anyhow::Result<f64> {
        self.cells += 1;
        let place = Place {
            scenario: "plaintext",
            competitor: "it",
            round: 1,
            number: self.cells,
            seed: 1,
            folder: self.folder.path(),
        };
        let (running, cpus) = (other.unwrap_or(&self.running), &self.arena.cpus);
        let cell = measure::cell(place, &self.step, running, cpus, &Cancel::new(), |_| {})?;
        cell.usage.and_then(|usage| usage.cpu_us).context("no CPU time was read")
    }
}
