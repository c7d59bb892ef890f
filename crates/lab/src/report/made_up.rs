//! A run that never was, for tests: plausible in its shape, with everything in it that a page must bear.

use super::Words;
use crate::results::*;

/// Three servers and a fourth with a name full of markup, three rounds, void cells and cautions.
pub(crate) fn results() -> Results {
    let competitors = [
        ("blocking", Some("blocking"), "a thread each"),
        ("actix", Some("actix"), "a loop per core"),
        ("axum", Some("axum"), "one shared loop"),
        ("<x> & \"co\"", None, "http://127.0.0.1:9/"),
    ];
    let competitors = competitors.map(|(name, server, waits)| Competitor {
        name: name.into(),
        server: server.map(str::to_owned),
        waits: waits.into(),
        passed: 57,
        ..Default::default()
    });
    let scenarios = scenarios();
    let mut results = Results {
        schema: SCHEMA,
        started: "2026-11-22T10:00:00Z".into(),
        took_s: 131.4,
        command: vec!["lab".into(), "compare".into(), "--target=<x>=http://127.0.0.1:9".into()],
        seed: 7,
        rounds: 3,
        interrupted: false,
        machine: Machine {
            cpu: "A CPU <of> some kind".into(),
            cores: 2,
            memory_bytes: 8_000_000_000,
            kernel: "Linux 6.1".into(),
            governor: None,
            load_average: 0.4,
            limits: [("descriptors".to_owned(), 1_048_576)].into(),
        },
        versions: Versions {
            commit: Some("0123456789abcdef".into()),
            profile: "release".into(),
            crates: [("tokio".to_owned(), "1.52.0".to_owned())].into(),
            ..Default::default()
        },
        cpus: Cpus { servers: vec![0], load: vec![1], one_core: false },
        rounds_per_ms: 12_345,
        notes: vec!["made up for a test".into()],
        competitors: competitors.into(),
        scenarios,
        cells: Vec::new(),
    };
    let mut dice = fastrand::Rng::with_seed(3);
    for round in 1..=3 {
        for scenario in results.scenarios.clone() {
            for level in &scenario.levels {
                for (at, who) in results.competitors.clone().iter().enumerate() {
                    let mut cell = cell(&scenario, level, who, at as f64, &mut dice);
                    (cell.round, cell.at_s) = (round, results.cells.len() as f64 * 0.7);
                    results.cells.push(cell);
                }
            }
        }
    }
    results
}

/// Sentences for it.
pub(super) fn words() -> Words {
    let answer = "waitlab: one API, three ways of waiting (blocking: a thread each · actix: a loop per core · axum: one shared loop)
2 cores, split between servers and load: trust ratios, not absolutes. All three passed 57 checks.
\"other requests continue … without delay\"    holds for threads too       probe p99 beside 4,000 waits: 2.1 · 1.1 · 1.0 ms
\"handle more simultaneous users\"             cannot tell (starved)       alike to 4,000 at once
\"sync functions … can block the event loop\"  holds                       20 blocking waits of 0.1 s: 0.1 · 1.0 · 1.0 s; probe stalled 1.0 s
So: to 4,000 requests in flight choose by code.";
    let sentence =
        "axum answered 1.07 (1.05–1.09) × as many as <x>; no difference that matters".to_owned();
    Words {
        answer: answer.lines().map(str::to_owned).collect(),
        scenarios: [("plaintext".to_owned(), vec![sentence])].into(),
    }
}

/// The sentence of the cells that are void in every round.
pub(super) const VOID: &str =
    "96 of 100 clients never got an answer; this latency is that of the other <4>";

fn scenarios() -> Vec<Scenario> {
    let level = |kind: Kind, clients: usize, variant: &str, request: &str, least_ms: f64| Level {
        name: format!("{}/{clients} {variant}", kind.word()).trim_end().to_owned(),
        clients,
        kind,
        think_ms: 0.0,
        rate: (kind == Kind::Open).then_some(500.0),
        variant: (!variant.is_empty()).then(|| variant.to_owned()),
        request: request.into(),
        least_ms,
        tail: if clients >= 64 { Tail::P99 } else { Tail::Slowest },
        probe: None,
        ..Level::default()
    };
    let probed = |level: Level| Level { probe: Some("GET /plaintext".into()), ..level };
    let scenario = |name: &str, title: &str, claims: &[&str], levels: Vec<Level>| Scenario {
        name: name.into(),
        title: title.into(),
        claims: claims.iter().map(|&claim| claim.to_owned()).collect(),
        flags: vec!["--connections=12000".into()],
        levels,
    };
    let (closed, burst, open) = (Kind::Closed, Kind::Burst, Kind::Open);
    vec![
        scenario(
            "waiting",
            "clients that all wait 1 s at the same time, and one who wants something else",
            &["other requests continue … without delay", "handle more simultaneous users"],
            [1_000, 4_000].map(|n| probed(level(burst, n, "", "GET /wait/1", 1_000.0))).into(),
        ),
        scenario(
            "plaintext",
            "no waiting at all: the floor under every other number",
            &[],
            [1, 64, 1_024].map(|n| level(closed, n, "", "GET /plaintext", 0.0)).into(),
        ),
        scenario(
            "fan-out",
            "five calls to an upstream of 20 ms within one request, in turn and together",
            &["reduced latency … in parallel"],
            [("in turn", "sequential", 100.0), ("together", "parallel", 20.0)]
                .iter()
                .flat_map(|(variant, mode, least)| {
                    [1, 16].map(|n| {
                        level(closed, n, variant, &format!("GET /github-users?mode={mode}"), *least)
                    })
                })
                .collect(),
        ),
        scenario(
            "blocked-loop",
            "handlers that block their thread for 0.1 s, and one who wants something else",
            &["sync functions … can block the event loop"],
            vec![probed(level(burst, 20, "", "GET /pitfalls/blocking-wait/0.1", 100.0))],
        ),
        scenario(
            "little-cpu",
            "a little computing in the handler",
            &[],
            vec![
                probed(level(open, 64, "of 1 ms", "GET /work?cpu_ms=1", 1.0)),
                probed(level(open, 64, "of 10 ms", "GET /work?cpu_ms=10", 10.0)),
            ],
        ),
    ]
}

fn cell(
    scenario: &Scenario,
    level: &Level,
    who: &Competitor,
    at: f64,
    dice: &mut fastrand::Rng,
) -> Cell {
    let mut noise = || 0.95 + 0.1 * dice.f64();
    let clients = level.clients as f64;
    let threads = who.name == "blocking";
    let stalls = scenario.name == "blocked-loop" && !threads;
    let added = 0.08 + clients / 20_000.0 * (1.0 + at / 4.0) * noise() * 1e3;
    let p50 = (level.least_ms + added * noise()) * if stalls { 5.0 } else { 1.0 };
    let max = p50 * 1.4 * noise();
    let latency = Latency {
        samples: 5_000,
        mean_ms: p50,
        min_ms: level.least_ms.max(0.05),
        p50_ms: p50,
        p90_ms: Some(p50 * 1.1),
        p99_ms: Some(p50 * 1.25 * noise()),
        p999_ms: None,
        max_ms: max,
        curve: [0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0]
            .map(|share: f64| (share, p50 * (0.8 + 0.6 * share.powi(8))))
            .into(),
    };
    let usage = Usage {
        cpu_us: Some((18.0 + 4.0 * at) * noise()),
        threads_base: 3,
        threads_peak: if threads { 3 + level.clients as u64 } else { 4 },
        rss_base_bytes: 6_000_000,
        rss_peak_bytes: 6_000_000
            + (clients * if threads { 13_500.0 } else { 16_900.0 + 900.0 * at } * noise()) as u64,
        page_tables_base_bytes: 90_000,
        page_tables_peak_bytes: 90_000 + (clients * if threads { 8_200.0 } else { 40.0 }) as u64,
        kernel_stacks_peak_bytes: 16_384 * if threads { 3 + level.clients as u64 } else { 4 },
        ..Default::default()
    };
    let stall = if stalls { 1_000.0 * noise() } else { (1.5 + clients / 2_000.0) * noise() };
    let probe = level.probe.as_ref().map(|_| Probe {
        latency: Latency {
            p99_ms: (scenario.name != "blocked-loop").then_some(stall * 0.6),
            max_ms: stall,
            ..Default::default()
        },
        stall_ms: stall,
        series: (0..40)
            .map(|step| {
                let t = f64::from(step) / 30.0;
                (t, if (0.1..0.5).contains(&t) { stall * (1.0 - t) } else { 0.2 * noise() })
            })
            .collect(),
        ..Default::default()
    });
    let gate = |name: &str, void: bool, sentence: &str| Gate {
        name: name.into(),
        void,
        sentence: sentence.into(),
    };
    let mut gates =
        vec![gate("shared-cpus", false, "1 of the server's 1 CPUs is the generator's too")];
    if who.server.is_none() && clients >= 1_000.0 {
        gates.insert(0, gate("starved", true, VOID));
    }
    if who.name == "actix" && level.name == "closed/64" {
        gates.push(gate(
            "generator-crowded",
            false,
            "a generator thread stood in line 7 % of the time",
        ));
    }
    Cell {
        scenario: scenario.name.clone(),
        level: level.name.clone(),
        competitor: who.name.clone(),
        gates,
        rate: level.rate.unwrap_or(clients / p50 * 1e3),
        ok: 5_000,
        window_s: 1.0,
        span_s: p50 / 1e3 * 1.1,
        latency,
        usage: who.server.is_some().then_some(usage),
        probe,
        generator_busy: 0.3,
        ..Default::default()
    }
}
