//! `lab choose --verify`: what the model says beside what the real servers do, at levels it was not calibrated on.

use std::fs;
use std::path::Path;
use std::time::Duration;

use comfy_table::presets::{ASCII_MARKDOWN, UTF8_HORIZONTAL_ONLY};
use comfy_table::{CellAlignment, Table};
use load::Cancel;

use super::calibrate::{Shot, measured};
use super::model::{Asked, Calibration, Load};
use crate::arena::Arena;
use crate::competitor::Competitor;
use crate::machine;
use crate::progress::Progress;
use crate::results::Cell;
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
            route: "/wait/0.05".into(),
            asked: asked(0.05, 0.0, None),
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
    let most = |of: &dyn Fn(&super::model::Costs) -> f64| {
        calibration.servers.iter().map(of).fold(0.0, f64::max)
    };
    let knee = most(&|costs| {
        let network = costs.network(&asked);
        network.capacity() * network.own_s()
    });
    let level = match asked.load {
        Load::InFlight(count) => count,
        Load::Rate(rate) => most(&|costs| rate * costs.network(&asked).own_s()),
    };
    let mut levels: Vec<u64> =
        [level, 1.5 * knee].map(|level| level.ceil().clamp(1.0, MOST) as u64).into();
    levels.sort_unstable();
    levels.dedup();
    Case { name: "yours", route, asked, levels }
}

/// More clients than this are not asked here.
const MOST: f64 = 8_000.0;
const WINDOW: Duration = Duration::from_millis(1_500);
/// Throughput is to be within this of its prediction, memory within the next.
const THROUGHPUT: f64 = 0.15;
const MEMORY: f64 = 0.25;

/// Measures and compares; the text says every number with its error.
///
/// # Errors
/// When a server does not start.
pub(super) fn verify(
    calibration: &Calibration,
    asked: Option<&Asked>,
    folder: &Path,
    markdown: bool,
    cancel: &Cancel,
) -> anyhow::Result<(String, bool)> {
    let cases =
        asked.map_or_else(|| subjects(calibration.cores), |asked| vec![own(asked, calibration)]);
    fs::create_dir_all(folder.join("histograms"))?;
    let arena = Arena::new(machine::divided(false), None, calibration.rounds_per_ms)?;
    let servers = Competitor::defaults();
    let each = (WINDOW + Duration::from_millis(400)) * 3;
    let mut progress = Progress::new(each * (servers.len() * cases.len()) as u32);
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
        "past the knee",
    ]);
    for column in table.column_iter_mut().skip(3).take(6) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let (mut worst, mut void, mut count) = ((0.0_f64, 0.0_f64), Vec::new(), 0);
    for case in &cases {
        let scenario = Workload::of_route(&case.route)?.scenario();
        let steps: Vec<_> =
            case.levels.iter().map(|&level| step(&scenario, level as usize)).collect();
        let mut flags = arena.flags(&scenario, &steps);
        flags.extend(case.asked.pool.map(|places| format!("--offload-threads={places}")));
        for (who, costs) in servers.iter().zip(&calibration.servers) {
            let what = format!("{} on {}", case.name, who.name);
            progress.says(&what);
            progress.begins(&what, each);
            let shot = Shot { round: 1, folder, cancel, progress: &progress, what: &what };
            let cells = measured(&arena, who, &flags, &steps, shot)?;
            for (cell, &level) in cells.iter().zip(&case.levels) {
                let network = costs.network(&case.asked);
                let rate = network.closed(level, 0.0).per_second;
                let megabytes = costs.bytes(level as f64) / 1e6;
                let past = level as f64 > network.capacity() * network.own_s();
                let row = row(case.name, level, &who.name, (rate, megabytes), cell, past);
                match cell.why_void() {
                    None => {
                        count += 1;
                        worst = (worst.0.max(row.1.0), worst.1.max(row.1.1));
                    }
                    Some(gate) => void
                        .push(format!("{} at {level}, {}: {}", case.name, who.name, gate.sentence)),
                }
                table.add_row(row.0);
            }
        }
    }
    progress.ends();
    let held = count > 0 && worst.0 <= THROUGHPUT && worst.1 <= MEMORY;
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let mut text = format!(
        "{table}\nOf {count} cells the worst is {} off in throughput (wanted: {}) and {} in memory (wanted: {}).\n",
        percent(worst.0),
        percent(THROUGHPUT),
        percent(worst.1),
        percent(MEMORY),
    );
    for why in void {
        text += &format!("Void: {why}.\n");
    }
    Ok((text, held))
}

fn step(scenario: &Scenario, clients: usize) -> crate::scenarios::Step {
    let shape: &Shape = &scenario.shapes[0];
    shape.step(clients, Some(WINDOW))
}

/// A row, and how far off its two predictions are.
fn row(
    case: &str,
    level: u64,
    server: &str,
    predicted: (f64, f64),
    cell: &Cell,
    past: bool,
) -> (Vec<String>, (f64, f64)) {
    let held = cell.usage.as_ref().map(|usage| usage.held_peak_bytes() as f64 / 1e6);
    let off = |predicted: f64, measured: f64| (predicted / measured - 1.0).abs();
    let signed =
        |predicted: f64, measured: f64| format!("{:+.0} %", (predicted / measured - 1.0) * 100.0);
    let mut row =
        vec![case.to_owned(), thousands(level as f64), server.to_owned(), thousands(predicted.0)];
    if cell.is_void() {
        row.extend([
            "void".into(),
            "-".into(),
            format!("{:.1}", predicted.1),
            "void".into(),
            "-".into(),
        ]);
    } else {
        let held = held.unwrap_or(f64::NAN);
        row.extend([
            thousands(cell.rate),
            signed(predicted.0, cell.rate),
            format!("{:.1}", predicted.1),
            format!("{held:.1}"),
            signed(predicted.1, held),
        ]);
    }
    row.push(if past { "yes" } else { "" }.into());
    (row, (off(predicted.0, cell.rate), held.map_or(0.0, |held| off(predicted.1, held))))
}

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
                    *level as f64 > network.capacity() * network.own_s()
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
}
