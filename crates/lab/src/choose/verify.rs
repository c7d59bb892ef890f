//! `lab choose --verify`: what the model says beside what the real servers do, at levels it was not calibrated on.
//!
//! What it leaves beside the calibration: `verify/verify.json` with every cell, and `verify/verify.svg`, where the prediction
//! is a broken line and the measurement a mark.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use comfy_table::presets::{ASCII_MARKDOWN, UTF8_HORIZONTAL_ONLY};
use comfy_table::{CellAlignment, Table};
use load::Cancel;
use serde::Serialize;

use super::calibrate::{Shot, measured};
use super::model::{Asked, Calibration, Costs, Load};
use crate::arena::Arena;
use crate::compare::as_typed;
use crate::competitor::{self, Competitor};
use crate::difference::{median, range};
use crate::machine;
use crate::progress::Progress;
use crate::report::{Expected, Hypothesis, Point, hypotheses};
use crate::results::{Cell, Cpus, Machine, Versions};
use crate::scenarios::{Scenario, Shape};
use crate::verdict::thousands;
use crate::workload::Workload;

/// One workload at some levels.
struct Case {
    name: &'static str,
    route: String,
    asked: Asked,
    levels: Vec<u64>,
}

impl Case {
    /// What a client thinks between an answer and its next request, in the mean: as long as its request waits. A network is of
    /// clients that come by chance. Clients that never think and all wait alike fall in step: sixteen that compute together
    /// on one core are done together, sleep together, and leave it idle meanwhile.
    fn think_s(&self) -> f64 {
        self.asked.wait_s + self.asked.held_s
    }
}

/// The three subjects of the model, each below its knee and past it.
fn subjects(cores: usize) -> Vec<Case> {
    let asked = |wait_s, cpu_s, pool: Option<u64>| Asked {
        load: Load::InFlight(1.0),
        wait_s: if pool.is_some() { 0.0 } else { wait_s },
        held_s: if pool.is_some() { wait_s } else { 0.0 },
        cpu_s,
        cores: cores as f64,
        pool,
        memory_bytes: None,
        p99_s: None,
        long_lived: 0.0,
    };
    let cores = cores as u64;
    vec![
        Case {
            name: "wait",
            route: "/wait/0.025".into(),
            asked: asked(0.025, 0.0, None),
            levels: vec![64, 256, 3_000 * cores],
        },
        Case {
            name: "cpu-bound",
            route: "/work?wait=0.02&cpu_ms=2".into(),
            asked: asked(0.02, 2e-3, None),
            levels: vec![4 * cores, 16 * cores, 64 * cores],
        },
        Case {
            name: "pool-limit",
            route: "/offload/wait/0.05".into(),
            asked: asked(0.05, 0.0, Some(16)),
            levels: vec![8, 64, 256],
        },
    ]
}

/// The workload that was described, at its own level and at one and a half times its knee.
fn own(asked: &Asked, calibration: &Calibration) -> Case {
    let wait_s = asked.wait_s + asked.held_s;
    let asked = Asked { cores: calibration.cores as f64, long_lived: 0.0, ..*asked };
    let (route, asked) = match asked.pool {
        // The pool's route only waits.
        Some(_) => (
            format!("/offload/wait/{wait_s:.6}"),
            Asked { cpu_s: 0.0, held_s: wait_s, wait_s: 0.0, ..asked },
        ),
        None => (format!("/work?wait={wait_s:.6}&cpu_ms={:.6}", asked.cpu_s * 1e3), asked),
    };
    let mut case = Case { name: "yours", route, asked, levels: Vec::new() };
    let most = |of: &dyn Fn(&super::model::Costs) -> f64| {
        calibration.servers.iter().map(of).fold(0.0, f64::max)
    };
    // Clients that think are more than are in flight.
    let each = |costs: &super::model::Costs| costs.network(&asked).own_s() + case.think_s();
    let knee = most(&|costs| costs.network(&asked).capacity() * each(costs));
    let level = match asked.load {
        Load::InFlight(count) => {
            most(&|costs| count * each(costs) / costs.network(&asked).own_s().max(1e-9))
        }
        Load::Rate(rate) => most(&|costs| rate * each(costs)),
    };
    case.levels = [level, 1.5 * knee].map(|level| level.ceil().clamp(1.0, MOST) as u64).into();
    case.levels.sort_unstable();
    case.levels.dedup();
    case
}

/// More clients than this are not asked here.
const MOST: f64 = 8_000.0;
const WINDOW: Duration = Duration::from_millis(1_500);
/// Throughput is to be within this of its prediction, memory within the next.
const THROUGHPUT: f64 = 0.15;
const MEMORY: f64 = 0.25;
/// What one level of one server takes, settling and starting included.
const EACH: Duration = Duration::from_millis(2_000);

/// How long it takes, for the three subjects or for one's own workload.
pub(super) fn takes(rounds: u32, own: bool) -> Duration {
    let levels = if own { 2 } else { 9 };
    EACH * levels * rounds * competitor::SERVERS.len() as u32
}

/// What a verification leaves behind.
#[derive(Clone, Debug, Serialize)]
struct Evidence {
    schema: u32,
    started: String,
    command: Vec<String>,
    machine: Machine,
    versions: Versions,
    cpus: Cpus,
    /// When the model was calibrated.
    calibrated: String,
    rounds: u32,
    /// How far off a prediction may be, as a share of the measurement.
    allowed_throughput: f64,
    /// See `allowed_throughput`.
    allowed_memory: f64,
    /// Whether every cell that can be used is within that.
    held: bool,
    checked: Vec<Checked>,
}

/// One server at one level: the prediction, and what came of it.
#[derive(Clone, Debug, Serialize)]
struct Checked {
    case: &'static str,
    request: String,
    clients: u64,
    /// What each thinks between two requests, in the mean.
    think_ms: f64,
    server: String,
    predicted_per_second: f64,
    /// The median of the rounds that can be used.
    measured_per_second: Option<f64>,
    predicted_bytes: f64,
    measured_bytes: Option<f64>,
    /// More clients than the busiest station needs to be always busy.
    past_the_knee: bool,
    /// What was assumed, where the level is beyond what was calibrated.
    extrapolated: Option<String>,
    cells: Vec<Cell>,
}

impl Checked {
    fn new(case: &Case, level: u64, costs: &Costs, calibration: &Calibration) -> Self {
        let network = costs.network(&case.asked);
        let known = calibration.most_clients;
        let assumed = || {
            let [level, known] = [level, known].map(|count| thousands(count as f64));
            format!("{level} clients cost what {known} did, each")
        };
        Self {
            case: case.name,
            request: format!("GET {}", case.route),
            clients: level,
            think_ms: case.think_s() * 1e3,
            server: costs.name.clone(),
            predicted_per_second: network.closed(level, case.think_s()).per_second,
            measured_per_second: None,
            predicted_bytes: costs.bytes(level as f64),
            measured_bytes: None,
            past_the_knee: level as f64 > network.capacity() * (network.own_s() + case.think_s()),
            extrapolated: (level > known).then(assumed),
            cells: Vec::new(),
        }
    }

    fn usable(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().filter(|cell| !cell.is_void())
    }

    fn rates(&self) -> Vec<f64> {
        self.usable().map(|cell| cell.rate).collect()
    }

    fn bytes(&self) -> Vec<f64> {
        let held = |cell: &Cell| Some(cell.usage.as_ref()?.held_peak_bytes() as f64);
        self.usable().filter_map(held).collect()
    }

    /// All rounds are in.
    fn conclude(&mut self) {
        let middle = |values: Vec<f64>| (!values.is_empty()).then(|| median(values));
        (self.measured_per_second, self.measured_bytes) =
            (middle(self.rates()), middle(self.bytes()));
    }

    /// How far off the prediction is, as a signed share of what was measured: throughput, memory.
    fn off(&self) -> [Option<f64>; 2] {
        [
            (self.predicted_per_second, self.measured_per_second),
            (self.predicted_bytes, self.measured_bytes),
        ]
        .map(|(predicted, measured)| Some(predicted / measured? - 1.0))
    }

    /// Why it has no measurement.
    fn void(&self) -> Option<String> {
        if self.measured_per_second.is_some() {
            return None;
        }
        let gate = self.cells.iter().find_map(Cell::why_void);
        Some(gate.map_or_else(|| "not measured".into(), |gate| gate.sentence.clone()))
    }
}

/// Measures and compares; the text says every number with its error.
///
/// # Errors
/// When a server does not start, or nothing can be written.
pub(super) fn verify(
    calibration: &Calibration,
    asked: Option<&Asked>,
    folder: &Path,
    (rounds, markdown): (u32, bool),
    cancel: &Cancel,
) -> anyhow::Result<(String, bool)> {
    let cases =
        asked.map_or_else(|| subjects(calibration.cores), |asked| vec![own(asked, calibration)]);
    fs::create_dir_all(folder.join("histograms"))
        .with_context(|| format!("cannot make {}", folder.display()))?;
    let started = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let cpus = machine::divided(false);
    let arena = Arena::new(cpus.clone(), None, calibration.rounds_per_ms)?;
    let mut checked: Vec<Checked> = Vec::new();
    for case in &cases {
        for &level in &case.levels {
            let of = |costs| Checked::new(case, level, costs, calibration);
            checked.extend(calibration.servers.iter().map(of));
        }
    }
    let mut progress = Progress::new(takes(rounds, asked.is_some()));
    for round in 1..=rounds {
        for case in &cases {
            ask(case, round, &arena, folder, &mut progress, cancel, &mut checked)?;
            if cancel.cancelled() {
                progress.ends();
                return Ok((String::new(), false));
            }
        }
    }
    progress.ends();
    for one in &mut checked {
        one.conclude();
    }
    let held = held(&checked);
    let evidence = Evidence {
        schema: 1,
        started,
        command: as_typed(),
        machine: machine::machine(),
        versions: machine::versions(),
        cpus,
        calibrated: calibration.started.clone(),
        rounds,
        allowed_throughput: THROUGHPUT,
        allowed_memory: MEMORY,
        held,
        checked,
    };
    let save = |name: &str, text: String| {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    save("verify.json", serde_json::to_string_pretty(&evidence)? + "\n")?;
    save("verify.svg", drawn(&cases, calibration, &evidence))?;
    let text = told(&evidence, markdown);
    Ok((format!("{text}Drawn: {}\n", folder.join("verify.svg").display()), held))
}

/// One round of one case: every server in turn, at every level.
fn ask(
    case: &Case,
    round: u32,
    arena: &Arena,
    folder: &Path,
    progress: &mut Progress,
    cancel: &Cancel,
    checked: &mut [Checked],
) -> anyhow::Result<()> {
    let servers = Competitor::defaults();
    let think = Duration::from_secs_f64(case.think_s());
    let scenario = Workload { think, ..Workload::of_route(&case.route)? }.scenario();
    let steps: Vec<_> = case.levels.iter().map(|&level| step(&scenario, level as usize)).collect();
    let mut flags = arena.flags(&scenario, &steps);
    flags.extend(case.asked.pool.map(|places| format!("--offload-threads={places}")));
    for turn in 0..servers.len() {
        // Nobody is always the first.
        let who = &servers[(turn + round as usize) % servers.len()];
        let what = format!("{} on {}, round {round}", case.name, who.name);
        progress.says(&what);
        progress.begins(&what, EACH * steps.len() as u32);
        let shot = Shot { scenario: case.name, round, folder, cancel, progress, what: &what };
        for (cell, &level) in
            measured(arena, who, &flags, &steps, shot)?.into_iter().zip(&case.levels)
        {
            let here = |one: &&mut Checked| {
                (one.case, one.clients, &one.server) == (case.name, level, &who.name)
            };
            if let Some(one) = checked.iter_mut().find(here) {
                one.cells.push(cell);
            }
        }
        if cancel.cancelled() {
            break;
        }
    }
    Ok(())
}

fn step(scenario: &Scenario, clients: usize) -> crate::scenarios::Step {
    let shape: &Shape = &scenario.shapes[0];
    shape.step(clients, Some(WINDOW))
}

/// The worst of all cells, without its sign.
fn worst(checked: &[Checked]) -> [f64; 2] {
    checked.iter().fold([0.0; 2], |[rate, bytes], one| {
        let [this_rate, these_bytes] = one.off().map(|off| off.map_or(0.0, f64::abs));
        [this_rate.max(rate), these_bytes.max(bytes)]
    })
}

fn held(checked: &[Checked]) -> bool {
    let [rate, bytes] = worst(checked);
    checked.iter().any(|one| one.void().is_none()) && rate <= THROUGHPUT && bytes <= MEMORY
}

/// In a table, and the worst of it in a sentence.
fn told(evidence: &Evidence, markdown: bool) -> String {
    let mut table = Table::new();
    table.load_style(if markdown { ASCII_MARKDOWN } else { UTF8_HORIZONTAL_ONLY });
    table.set_header([
        "case",
        "clients",
        "server",
        "predicted /s",
        "measured /s",
        "off",
        "predicted MB",
        "measured MB",
        "off",
        "",
    ]);
    for column in table.column_iter_mut().skip(3).take(6) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let signed =
        |off: Option<f64>| off.map_or_else(|| "-".into(), |off| format!("{:+.0} %", off * 100.0));
    let mb = |bytes: f64| format!("{:.1}", bytes / 1e6);
    for one in &evidence.checked {
        let [off_rate, off_bytes] = one.off().map(signed);
        let marks = [
            one.past_the_knee.then_some("past the knee"),
            one.extrapolated.as_ref().map(|_| "extrapolated"),
        ];
        table.add_row([
            one.case.to_owned(),
            thousands(one.clients as f64),
            one.server.clone(),
            thousands(one.predicted_per_second),
            one.measured_per_second.map_or_else(|| "void".into(), thousands),
            off_rate,
            mb(one.predicted_bytes),
            one.measured_bytes.map_or_else(|| "void".into(), mb),
            off_bytes,
            marks.into_iter().flatten().collect::<Vec<_>>().join(", "),
        ]);
    }
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let [rate, bytes] = worst(&evidence.checked);
    let count = evidence.checked.iter().filter(|one| one.void().is_none()).count();
    let mut text = format!(
        "{table}\nEach client thinks between two requests as long as one waits, in the mean, so that they do not fall in step.\n\
         Of {count} cells (medians of {} rounds) the worst is {} off in throughput (wanted: {}) and {} in memory (wanted: {}).\n",
        evidence.rounds,
        percent(rate),
        percent(THROUGHPUT),
        percent(bytes),
        percent(MEMORY),
    );
    let mut assumed: Vec<_> =
        evidence.checked.iter().filter_map(|one| one.extrapolated.as_deref()).collect();
    assumed.dedup();
    if !assumed.is_empty() {
        text += &format!("Extrapolated, assuming that {}.\n", assumed.join("; "));
    }
    for one in &evidence.checked {
        if let Some(why) = one.void() {
            text += &format!("Void: {} at {}, {}: {why}.\n", one.case, one.clients, one.server);
        }
    }
    text
}

/// Two charts a case: throughput and memory.
fn drawn(cases: &[Case], calibration: &Calibration, evidence: &Evidence) -> String {
    let mut all = Vec::new();
    for case in cases {
        let (least, most) = (case.levels[0] as f64 / 2.0, *case.levels.last().unwrap_or(&1) as f64);
        let between: Vec<u64> = (0..=CURVE)
            .map(|at| {
                (least * (most / least).powf(f64::from(at) / f64::from(CURVE))).round().max(1.0)
                    as u64
            })
            .collect();
        let network = |costs: &Costs, clients: u64| {
            let steady = costs.network(&case.asked).closed(clients, case.think_s());
            (clients as f64, steady.per_second)
        };
        let held =
            |costs: &Costs, clients: u64| (clients as f64, costs.bytes(clients as f64) / 1e6);
        let of = |title: &str,
                  unit,
                  line: &dyn Fn(&Costs, u64) -> (f64, f64),
                  values: &dyn Fn(&Checked) -> Vec<f64>| {
            let servers = calibration.servers.iter().map(|costs| {
                let here = evidence
                    .checked
                    .iter()
                    .filter(|one| one.case == case.name && one.server == costs.name);
                let points = here.map(|one| {
                    let found = values(one);
                    let (min, max) = range(found.iter().copied());
                    Point {
                        clients: one.clients as f64,
                        expected: line(costs, one.clients).1,
                        found: match one.void() {
                            Some(why) => Err(why),
                            None => Ok((min, median(found), max)),
                        },
                    }
                });
                let line = between.iter().map(|&clients| line(costs, clients));
                Expected {
                    name: costs.name.clone(),
                    line: line.collect(),
                    points: points.collect(),
                }
            });
            Hypothesis {
                title: format!("{}: {title}", case.name),
                unit,
                known_to: calibration.most_clients as f64,
                servers: servers.collect(),
            }
        };
        all.push(of("answers a second", "/s", &network, &Checked::rates));
        let in_mb = |one: &Checked| one.bytes().into_iter().map(|bytes| bytes / 1e6).collect();
        all.push(of("memory, the kernel’s share included", "MB", &held, &in_mb));
    }
    let commit = evidence.versions.commit.as_deref().unwrap_or("none");
    let source = format!(
        "{} · {} cores, {} · {} · {} rounds · commit {}",
        &evidence.started[..10],
        evidence.machine.cores,
        evidence.cpus.word(),
        evidence.machine.cpu,
        evidence.rounds,
        &commit[..commit.len().min(12)]
    );
    hypotheses("What the model expects, and what the servers did", &all, &source)
}

/// Points of a line that is drawn.
const CURVE: u32 = 40;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choose::decide::tests::{asked, scripted};

    #[test]
    fn every_subject_has_a_level_past_its_knee_and_one_below() {
        let calibration = scripted();
        for case in subjects(1) {
            let past = |level: &u64| {
                calibration.servers.iter().all(|costs| {
                    let network = costs.network(&case.asked);
                    *level as f64 > network.capacity() * (network.own_s() + case.think_s())
                })
            };
            assert!(case.levels.iter().any(past), "{}", case.name);
            assert!(case.levels.iter().any(|level| !past(level)), "{}", case.name);
        }
    }

    #[test]
    fn ones_own_workload_is_asked_past_its_knee_too() {
        let case = own(&asked(), &scripted());
        assert_eq!(case.route, "/work?wait=0.050000&cpu_ms=1.000000");
        assert_eq!(case.levels.len(), 2, "{:?}", case.levels);
        assert!(case.levels[1] > 50, "{:?}", case.levels);
        let pooled =
            own(&Asked { pool: Some(4), held_s: 0.05, wait_s: 0.0, ..asked() }, &scripted());
        assert!(pooled.route.starts_with("/offload/wait/0.05"), "{}", pooled.route);
    }

    /// A level at which so much was measured; nothing is a void cell.
    fn checked(measured: Option<(f64, f64)>) -> Checked {
        let calibration = scripted();
        let case = &subjects(1)[0];
        let mut one = Checked::new(case, 3_000, &calibration.servers[0], &calibration);
        let mut cell = Cell::default();
        match measured {
            Some((rate, bytes)) => {
                cell.rate = one.predicted_per_second * rate;
                let rss_peak_bytes = (one.predicted_bytes * bytes) as u64;
                cell.usage = Some(crate::results::Usage { rss_peak_bytes, ..Default::default() });
            }
            None => cell.gates.push(crate::results::Gate {
                name: "starved".into(),
                void: true,
                sentence: "60 of 64 were not served".into(),
            }),
        }
        one.cells.push(cell);
        one.conclude();
        one
    }

    #[test]
    fn a_prediction_holds_within_its_bounds_and_not_beyond() {
        assert!(held(&[checked(Some((0.9, 0.85)))]));
        assert!(
            !held(&[checked(Some((0.9, 0.85))), checked(Some((0.8, 1.0)))]),
            "a fifth too much"
        );
        assert!(!held(&[checked(Some((1.0, 0.75)))]), "a third too much memory");
        assert!(held(&[checked(Some((1.0, 1.0))), checked(None)]), "a void cell says nothing");
        assert!(!held(&[checked(None)]), "and nothing is no success");
    }

    #[test]
    fn every_cell_is_told_with_its_error_and_what_was_assumed() {
        let calibration = scripted();
        let checked = vec![checked(Some((0.8, 1.0))), checked(None)];
        let evidence = Evidence {
            schema: 1,
            started: "2026-01-02T03:04:05Z".into(),
            command: Vec::new(),
            machine: Machine::default(),
            versions: Versions::default(),
            cpus: Cpus::default(),
            calibrated: String::new(),
            rounds: 1,
            allowed_throughput: THROUGHPUT,
            allowed_memory: MEMORY,
            held: held(&checked),
            checked,
        };
        let text = told(&evidence, false);
        for part in [
            "+25 %",
            "past the knee, extrapolated",
            "3,000 clients cost what 1,500 did, each",
            "60 of 64",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        let svg = drawn(&subjects(1), &calibration, &evidence);
        assert_eq!(
            svg.matches("line hypothesis").count(),
            18,
            "three cases, two figures, three servers"
        );
        assert!(svg.contains("expected") && svg.contains("(+25 %)"), "{svg}");
        let json = serde_json::to_value(&evidence).unwrap();
        assert_eq!(json["held"], false, "{json}");
    }
}
