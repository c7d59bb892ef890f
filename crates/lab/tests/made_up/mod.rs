//! Results that nobody measured, to see what is said of them.

use lab::competitor::Competitor;
use lab::plan::{Plan, Wanted};
use lab::results::{Cell, Cpus, Gate, Latency, Machine, Probe, Results, Usage};

/// One cell, to be changed before it is put in: scenario, level, competitor, round.
pub(crate) type Change<'a> = &'a dyn Fn(&str, &str, &str, u32, &mut Cell);

/// A run of the default plan in which all servers did alike: bursts took 1.1 s, CPU a request 30 µs, nobody stalled;
/// but for what `change` makes of each cell.
pub(crate) fn results(change: Change<'_>) -> Results {
    of(&["blocking", "actix", "axum"], change)
}

/// The same for these competitors.
pub(crate) fn of(names: &[&str], change: Change<'_>) -> Results {
    let competitors: Vec<Competitor> =
        names.iter().map(|name| name.parse().expect("a test names real competitors")).collect();
    let plan =
        Plan::new(competitors, &Wanted::default(), 3, 1).expect("the default plan is a plan");
    let entries = plan.competitors.iter().map(|who| {
        let mut entry = who.entry();
        entry.passed = 42;
        entry
    });
    let mut results = Results {
        schema: lab::results::SCHEMA,
        started: "2026-01-02T03:04:05Z".into(),
        took_s: 120.0,
        command: vec!["lab".into()],
        seed: 1,
        rounds: 3,
        interrupted: false,
        machine: Machine { cpu: "a CPU".into(), cores: 2, ..Machine::default() },
        versions: lab::results::Versions::default(),
        cpus: Cpus { servers: vec![0], load: vec![1], one_core: false },
        rounds_per_ms: 1000,
        notes: vec!["made up".into()],
        competitors: entries.collect(),
        scenarios: plan.entries(|_, _| Vec::new()),
        cells: Vec::new(),
    };
    for round in 1..=3 {
        for scenario in &results.scenarios {
            for level in &scenario.levels {
                for who in &results.competitors {
                    let mut cell = plain(level.least_ms, level.clients);
                    cell.scenario = scenario.name.clone();
                    cell.level = level.name.clone();
                    cell.competitor = who.name.clone();
                    cell.round = round;
                    change(&scenario.name, &level.name, &who.name, round, &mut cell);
                    results.cells.push(cell);
                }
            }
        }
    }
    results
}

fn plain(least_ms: f64, clients: usize) -> Cell {
    let latency = Latency {
        samples: 2_000,
        p50_ms: least_ms + 0.5,
        p99_ms: Some(least_ms + 2.0),
        max_ms: least_ms + 3.0,
        ..Latency::default()
    };
    let felt = Latency { samples: 2_000, p99_ms: Some(1.0), max_ms: 2.0, ..Latency::default() };
    Cell {
        rate: 1_000.0,
        ok: 2_000,
        span_s: (least_ms + 100.0) / 1e3,
        latency,
        usage: Some(Usage {
            cpu_us: Some(30.0),
            threads_peak: 4,
            rss_peak_bytes: 5_000_000 + 20_000 * clients as u64,
            ..Usage::default()
        }),
        probe: Some(Probe { latency: felt, stall_ms: 2.0, ..Probe::default() }),
        ..Cell::default()
    }
}

/// Makes a cell void.
pub(crate) fn void(cell: &mut Cell, name: &str, sentence: &str) {
    cell.gates.push(Gate { name: name.into(), void: true, sentence: sentence.into() });
}
