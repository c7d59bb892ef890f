//! One cell: one competitor at one level in one round, measured and put into the words of the results.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use hdrhistogram::serialization::{Serializer, V2Serializer};
use load::{Ask, Asks, Cancel, Expect, Histogram, Outcome, Plan, Progress, Stop, gates};

use crate::arena::Running;
use crate::results::{self, Arrivals, Cell, Cpus, Gate, Kind, Latency, Usage};
use crate::scenarios::Step;
use crate::uses::Use;

/// An answer later than this is a timeout. It stays in the histogram.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long answers still owed at the end of a window are waited for.
const OWED: Duration = Duration::from_secs(5);
/// The shares of requests a chart of the distribution is drawn through.
const CURVE: [f64; 13] =
    [0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1.0];

/// What makes a cell this one and no other.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Its scenario's name.
    pub scenario: &'a str,
    /// Its competitor's name.
    pub competitor: &'a str,
    /// From 1.
    pub round: u32,
    /// Keeps the names it asks for different from those of all other cells.
    pub number: usize,
    /// The run's.
    pub seed: u64,
    /// Where the histograms go.
    pub folder: &'a Path,
}

/// Measures one step of a running competitor.
///
/// # Errors
/// When the generator cannot run here at all; what the server does wrong is in the cell.
pub fn cell(
    place: Place<'_>,
    step: &Step,
    running: &Running,
    cpus: &Cpus,
    cancel: &Cancel,
    progress: impl FnMut(&Progress),
) -> anyhow::Result<Cell> {
    let target = running.target.clone();
    let tag = format!("{:x}r{:x}", place.number, place.seed & 0xfff);
    let asks = step.question.asks(&tag);
    let plan = plan(step, target.clone(), asks, place.seed);
    let plan = Plan {
        keep_alive: !step.level.reconnects,
        preconnect: plan.preconnect && !step.level.reconnects,
        threads: if step.level.kind == Kind::Room {
            1
        } else {
            cpus.load.len().min(plan.connections)
        },
        cpus: cpus.load.clone(),
        timeout: TIMEOUT,
        drain: OWED,
        watch: running.pid(),
        ..plan
    };
    let probe = step.probe.map(|interval| {
        let ask = Ask::get("/plaintext").expect(Expect::exactly("Hello, World!"));
        load::Probe::start(target, ask, interval, cpus.load.first().copied())
    });
    let probe = probe.transpose().context("cannot start the probe")?;
    let outcome = if step.level.kind == Kind::Room {
        load::broadcast(&plan, &Use::broadcast(&tag), cancel, progress)
    } else {
        load::run(&plan, cancel, progress)
    };
    let felt = probe.map(load::Probe::stop).transpose().context("the probe failed")?;
    let outcome = outcome.with_context(|| format!("cannot ask for {}", step.level.name))?;
    let histogram = save(place, &step.level.name, &outcome.latency)?;
    let mut cell = Cell { histogram: Some(histogram), ..found(&outcome, step.level.tail) };
    if matches!(step.level.kind, Kind::Open | Kind::Room) {
        let name = format!("{} service", step.level.name);
        cell.service_histogram = Some(save(place, &name, &outcome.service)?);
        cell.service = Some(latency(&outcome.service));
        cell.lag_ms = Some(outcome.lag.value_at_quantile(0.99) as f64 / 1e6);
    }
    if let Some(felt) = felt {
        cell.gates.extend(probe_gates(&felt));
        cell.probe = Some(probed(&felt));
    }
    cell.scenario = place.scenario.to_owned();
    cell.level = step.level.name.clone();
    cell.competitor = place.competitor.to_owned();
    cell.round = place.round;
    Ok(cell)
}

fn plan(step: &Step, target: load::Target, asks: Asks, seed: u64) -> Plan {
    let clients = step.level.clients;
    match step.level.kind {
        Kind::Burst => Plan::closed(target, asks, clients, Stop::Each(1)),
        Kind::Closed => Plan {
            warmup: step.warmup,
            // Clients that wait alike would ask in step for ever.
            spread: step.question.least(),
            pace: load::Pace::Closed { stop: Stop::After(step.window), think: step.think },
            ..Plan::closed(target, asks, clients, Stop::After(step.window))
        },
        Kind::Open | Kind::Room => {
            let rate = step.level.rate.expect("what is on a schedule has a rate");
            let arrivals = match step.level.arrivals {
                Arrivals::Poisson => load::Arrivals::Poisson { rate, seed },
                Arrivals::Fixed => load::Arrivals::Fixed { rate },
                Arrivals::Ramp => load::Arrivals::Ramp { from: 0.0, to: rate },
            };
            Plan { warmup: step.warmup, ..Plan::open(target, asks, clients, arrivals, step.window) }
        }
    }
}

pub(crate) fn found(outcome: &Outcome, tail: results::Tail) -> Cell {
    let mut gates: Vec<_> = gates::of(outcome).into_iter().map(gate).collect();
    let shown = if tail == results::Tail::Slowest { 50.0 } else { 99.0 };
    if outcome.percentile(shown).is_some() {
        // A percentile nobody asked for is not missing; those there are no samples for are null.
        gates.retain(|gate| gate.name != gates::Kind::FewSamples.name());
    }
    Cell {
        gates,
        rate: outcome.rate(),
        ok: outcome.ok,
        errors: errors(&outcome.errors),
        examples: outcome.errors.examples.clone(),
        window_s: outcome.window.as_secs_f64(),
        span_s: outcome.span.as_secs_f64(),
        latency: latency(&outcome.latency),
        usage: outcome.usage.as_ref().map(|used| usage(outcome, used)),
        waiting: outcome.waiting,
        in_flight: outcome.in_flight,
        never_served: outcome.never_served,
        generator_busy: outcome.generator.iter().map(|one| one.busy()).fold(0.0, f64::max),
        generator_us: outcome.generator_cpu_per_request().map(us),
        ..Cell::default()
    }
}

fn gate(gate: gates::Gate) -> Gate {
    Gate { name: gate.kind.name().to_owned(), void: gate.void, sentence: gate.sentence }
}

/// What a probe that could not be trusted says of the cell: a caution, for the load beside it was measured all the same.
pub(crate) fn probe_gates(felt: &Outcome) -> Vec<Gate> {
    let failed = felt.errors.total();
    let mut gates = Vec::new();
    if failed > 0 || felt.ok == 0 {
        let examples = &felt.errors.examples;
        let why =
            if examples.is_empty() { "no answer by the end".into() } else { examples.join("; ") };
        let asked = felt.requests();
        let sentence = format!("{failed} of the bystander's {asked} questions failed ({why})");
        gates.push(Gate { name: "probe".into(), void: false, sentence });
    }
    let probe = probed(felt);
    if probe.is_late() {
        let lag = probe.lag_ms;
        let sentence = format!(
            "the bystander itself asked {lag:.1} ms late at p99, so what it felt is not the server's doing"
        );
        gates.push(Gate { name: "probe".into(), void: false, sentence });
    }
    gates
}

pub(crate) fn probed(felt: &Outcome) -> results::Probe {
    // One point for every 10 ms, its worst: a chart needs no more, and a stall cannot hide.
    let mut worst: BTreeMap<u128, Duration> = BTreeMap::new();
    for sample in &felt.series {
        let slot = worst.entry(sample.at.as_millis() / 10).or_default();
        *slot = (*slot).max(sample.latency);
    }
    results::Probe {
        latency: latency(&felt.latency),
        stall_ms: ms(felt.slowest()),
        failed: felt.errors.total(),
        lag_ms: felt.lag.value_at_quantile(0.99) as f64 / 1e6,
        series: worst.into_iter().map(|(slot, worst)| (slot as f64 / 100.0, ms(worst))).collect(),
    }
}

fn latency(histogram: &Histogram) -> Latency {
    let at = |quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1e6;
    let samples = histogram.len();
    // Ten samples beyond it, or it is an accident.
    let enough = |quantile: f64| samples as f64 * (1.0 - quantile) >= 10.0 - 1e-6;
    let tail = |quantile: f64| enough(quantile).then(|| at(quantile));
    Latency {
        samples,
        mean_ms: histogram.mean() / 1e6,
        min_ms: histogram.min() as f64 / 1e6,
        p50_ms: at(0.5),
        p90_ms: tail(0.9),
        p99_ms: tail(0.99),
        p999_ms: tail(0.999),
        max_ms: histogram.max() as f64 / 1e6,
        curve: CURVE
            .into_iter()
            .filter(|&share| share <= 0.5 || share == 1.0 || enough(share))
            .map(|share| (share, at(share)))
            .collect(),
    }
}

fn usage(outcome: &Outcome, used: &load::process::Usage) -> Usage {
    let grown = |of: fn(&load::process::Machine) -> u64| {
        of(&used.peak.machine).cast_signed() - of(&used.base.machine).cast_signed()
    };
    let ticks = (used.user + used.system).as_secs_f64();
    Usage {
        cpu_us: outcome.cpu_per_request().map(us),
        // Below ten ticks the split is chance.
        user_share: (ticks >= 0.1).then(|| used.user.as_secs_f64() / ticks),
        cores_busy: used.cpu.as_secs_f64() / used.window.as_secs_f64().max(1e-9),
        threads_base: used.base.threads,
        threads_peak: used.peak.threads,
        // Of their own window, which begins within the warm-up.
        voluntary_switches: outcome.switches_per_request().map(|(voluntary, _)| voluntary),
        involuntary_switches: outcome.switches_per_request().map(|(_, involuntary)| involuntary),
        rss_base_bytes: used.base.rss_bytes,
        rss_peak_bytes: used.peak.rss_bytes,
        page_tables_base_bytes: used.base.page_table_bytes,
        page_tables_peak_bytes: used.peak.page_table_bytes,
        kernel_stacks_peak_bytes: used.peak.kernel_stack_bytes(),
        machine_kernel_stacks_bytes: grown(|machine| machine.kernel_stack_bytes),
        machine_slab_bytes: grown(|machine| machine.slab_bytes),
        machine_socket_buffers_bytes: grown(|machine| machine.socket_buffer_bytes),
    }
}

fn errors(errors: &load::Errors) -> BTreeMap<String, u64> {
    let named = [
        ("connect", errors.connect),
        ("timeout", errors.timeout),
        ("closed", errors.closed),
        ("parse", errors.parse),
        ("wrong body", errors.wrong_body),
        ("unanswered", errors.unanswered),
        ("lost", errors.lost),
        ("doubled", errors.doubled),
    ];
    let named = named.into_iter().map(|(name, count)| (name.to_owned(), count));
    let by_status =
        errors.status.iter().map(|(status, &count)| (format!("status {status}"), count));
    named.chain(by_status).filter(|(_, count)| *count > 0).collect()
}

/// Writes the histogram, and says where relative to `results.json`.
fn save(place: Place<'_>, level: &str, histogram: &Histogram) -> anyhow::Result<String> {
    let Place { scenario, competitor, round, .. } = place;
    let name = format!("{scenario}-{level}-{competitor}-{round}.hdr");
    let name = name.replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "-");
    let path = PathBuf::from("histograms").join(name);
    let mut bytes = Vec::new();
    V2Serializer::new().serialize(histogram, &mut bytes).context("cannot write a histogram")?;
    let whole = place.folder.join(&path);
    fs::write(&whole, bytes).with_context(|| format!("cannot write {}", whole.display()))?;
    Ok(path.to_string_lossy().into_owned())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use load::process::{Switches, Usage as Used};

    use super::*;

    /// A second in which one client waited and nothing else happened.
    fn nothing() -> Outcome {
        let none = || Histogram::new(3).unwrap();
        let second = Duration::from_secs(1);
        Outcome {
            latency: none(),
            service: none(),
            lag: none(),
            ok: 0,
            errors: load::Errors::default(),
            answered_in_window: 0,
            bytes: 0,
            window: second,
            span: second,
            connections_offered: 1,
            never_served: 0,
            waiting: 1.0,
            in_flight: 1.0,
            connects: 1,
            intended_rate: None,
            dropped: 0,
            generator: Vec::new(),
            series: Vec::new(),
            usage: None,
            cancelled: false,
        }
    }

    #[test]
    fn a_median_of_too_few_is_told_even_where_the_slowest_is_all_the_tail_there_is() {
        let of = |samples: u64| {
            let mut latency = Histogram::new(3).unwrap();
            latency.record_n(1_000_000, samples).unwrap();
            let outcome = Outcome { latency, ok: samples, ..nothing() };
            let cell = found(&outcome, results::Tail::Slowest);
            cell.gates.into_iter().map(|gate| gate.name).collect::<Vec<_>>()
        };
        assert_eq!(of(20), Vec::<String>::new());
        assert_eq!(of(19), ["few-samples"]);
    }

    #[test]
    fn switches_are_a_request_s_share_of_their_own_longer_window() {
        let second = Duration::from_secs(1);
        let used = Used {
            window: second,
            switches_window: second * 2,
            switches: Switches { voluntary: 4_000, involuntary: 400 },
            ..Used::default()
        };
        let outcome =
            Outcome { ok: 1_000, answered_in_window: 1_000, usage: Some(used), ..nothing() };
        let usage = found(&outcome, results::Tail::Slowest).usage.unwrap();
        assert_eq!(
            (usage.voluntary_switches, usage.involuntary_switches),
            (Some(2.0), Some(0.2)),
            "two seconds of switches, and the answers of one"
        );
    }
}
