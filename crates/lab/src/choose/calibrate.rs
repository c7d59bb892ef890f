//! The calibration: a short run that finds what each server costs here, kept in a file with machine and commit.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use compute::RoundsPerMs;
use load::Cancel;

use super::model::{Calibration, Costs};
use crate::arena::{Arena, Running};
use crate::competitor::Competitor;
use crate::judge::admit;
use crate::machine;
use crate::measure::{self, Place};
use crate::progress::Progress;
use crate::question::Question;
use crate::results::{Cell, Kind, Machine};
use crate::scenarios::{Scenario, Shape, Step};

/// Places of the pool, while it is calibrated.
const POOL: usize = 8;
/// Clients at once whose memory is a straight line from one to the other.
const HELD: [usize; 2] = [200, 1_500];
const WINDOW: Duration = Duration::from_millis(800);
/// What one server of one round takes; measured.
pub(super) const EACH: Duration = Duration::from_millis(6_500);

/// The calibration that is kept, if it is of this machine and this commit.
pub(super) fn kept(path: &Path) -> Option<Calibration> {
    let kept: Calibration = serde_json::from_str(&fs::read_to_string(path).ok()?).ok()?;
    let fits = is_here(&kept.machine, kept.commit.as_deref(), &kept.profile);
    fits.then_some(kept)
}

/// Whether what was measured there, of that commit, built so, holds here and now.
pub(super) fn is_here(there: &Machine, commit: Option<&str>, profile: &str) -> bool {
    let (here, versions) = (machine::machine(), machine::versions());
    let what = |machine: &Machine| {
        (machine.cpu.clone(), machine.cores, machine.memory_bytes, machine.kernel.clone())
    };
    what(there) == what(&here)
        && commit == versions.commit.as_deref()
        && profile == versions.profile
}

/// Measures the three servers.
///
/// # Errors
/// When a server cannot be started, or a quantity could not be measured in any round.
pub(super) fn calibrate(
    path: &Path,
    rounds: u32,
    build: bool,
    cancel: &Cancel,
) -> anyhow::Result<Calibration> {
    let servers = Competitor::defaults();
    if build {
        let names: Vec<_> = servers.iter().filter_map(Competitor::binary).collect();
        conformance::binaries::build(&names.iter().map(String::as_str).collect::<Vec<_>>())?;
    }
    admit(&servers, cancel)?;
    let folder =
        path.parent().map_or_else(|| PathBuf::from("."), Path::to_owned).join("calibration");
    fs::create_dir_all(folder.join("histograms"))
        .with_context(|| format!("cannot make {}", folder.display()))?;
    let (here, versions, cpus) = (machine::machine(), machine::versions(), machine::divided(false));
    let (thread_cap, thread_cap_by) = thread_cap(&here);
    let cores = cpus.servers.len();
    let arena = Arena::new(cpus, None, RoundsPerMs::measure().0)?;
    let mut found: Vec<Vec<Cell>> = vec![Vec::new(); servers.len()];
    let mut progress = Progress::new(EACH * rounds * servers.len() as u32);
    for round in 1..=rounds {
        for turn in 0..servers.len() {
            // Nobody is always the first.
            let at = (turn + round as usize) % servers.len();
            let what = format!("calibrating {}, round {round} of {rounds}", servers[at].name);
            progress.says(&what);
            progress.begins(&what, EACH);
            let cells = visit(&arena, &servers[at], round, &folder, cancel, &progress, &what)?;
            if cancel.cancelled() {
                progress.ends();
                bail!("interrupted before it was calibrated");
            }
            found[at].extend(cells);
        }
    }
    progress.ends();
    let mut void = Vec::new();
    let costs: anyhow::Result<Vec<Costs>> = servers
        .iter()
        .zip(&found)
        .map(|(who, cells)| costs(&who.name, cells, cores, &mut void))
        .collect();
    let calibration = Calibration {
        schema: 1,
        started: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        machine: here,
        commit: versions.commit,
        profile: versions.profile,
        cores,
        rounds_per_ms: arena.rounds_per_ms,
        thread_cap,
        thread_cap_by,
        most_clients: HELD[1] as u64,
        servers: costs?,
        void,
    };
    fs::write(path, serde_json::to_string_pretty(&calibration)? + "\n")
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(calibration)
}

/// The steps, in order: memory first, while nothing else has been held.
fn steps() -> [Step; 5] {
    let ms = Duration::from_millis;
    let burst = |clients| {
        Shape { kind: Kind::Burst, ..Shape::new(Question::Wait(ms(1_000)), &[], &[]) }
            .step(clients, None)
    };
    let closed = |question, clients| Shape::new(question, &[], &[]).step(clients, Some(WINDOW));
    [
        burst(HELD[0]),
        burst(HELD[1]),
        // More than one core answers, so that the cost is that of a full one.
        closed(Question::Wait(ms(10)), 512),
        closed(Question::Work(ms(1)), 8),
        closed(Question::OffloadWait(ms(20)), 4 * POOL),
    ]
}

fn visit(
    arena: &Arena,
    who: &Competitor,
    round: u32,
    folder: &Path,
    cancel: &Cancel,
    progress: &Progress,
    what: &str,
) -> anyhow::Result<Vec<Cell>> {
    let steps = steps();
    let pool: &'static str = Box::leak(format!("--offload-threads={POOL}").into_boxed_str());
    let scenario =
        Scenario { name: "calibration", title: "", claims: &[], flags: &[], shapes: Vec::new() };
    let mut flags = arena.flags(&scenario, &steps);
    flags.push(pool.to_owned());
    let shot = Shot { scenario: "calibration", round, folder, cancel, progress, what };
    measured(arena, who, &flags, &steps, shot)
}

/// What is the same of all cells of one visit.
#[derive(Clone, Copy)]
pub(super) struct Shot<'a> {
    pub(super) scenario: &'a str,
    pub(super) round: u32,
    pub(super) folder: &'a Path,
    pub(super) cancel: &'a Cancel,
    pub(super) progress: &'a Progress,
    pub(super) what: &'a str,
}

/// One server, started, asked step by step, stopped.
pub(super) fn measured(
    arena: &Arena,
    who: &Competitor,
    flags: &[String],
    steps: &[Step],
    shot: Shot<'_>,
) -> anyhow::Result<Vec<Cell>> {
    let running: Running = arena.start(who, flags)?;
    let began = Instant::now();
    let mut cells = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        running.settle();
        let place = Place {
            scenario: shot.scenario,
            competitor: &who.name,
            round: shot.round,
            number: 16 * shot.round as usize + number,
            seed: 1,
            folder: shot.folder,
        };
        let tick = |_: &load::Progress| shot.progress.tick(shot.what, began.elapsed());
        let cell = measure::cell(place, step, &running, &arena.cpus, shot.cancel, tick)?;
        if shot.cancel.cancelled() {
            break;
        }
        cells.push(cell);
    }
    running.stop();
    Ok(cells)
}

/// Rounds of five cells each, in figures.
fn costs(
    name: &str,
    cells: &[Cell],
    cores: usize,
    void: &mut Vec<String>,
) -> anyhow::Result<Costs> {
    let mut of =
        |at: usize, what: &str, read: &dyn Fn(&Cell) -> Option<f64>| -> anyhow::Result<f64> {
            let mut values = Vec::new();
            for cell in cells.iter().skip(at).step_by(5) {
                // Where the generator was the limit, what the server spent on each answer is still what it spent.
                match cell.why_void().filter(|gate| !gate.name.starts_with("generator")) {
                    Some(gate) => void.push(format!("{name}, {what}: {}", gate.sentence)),
                    None => values.extend(read(cell)),
                }
            }
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied().with_context(|| {
                format!("{name}: {what} could not be measured: {}", void.join("; "))
            })
        };
    let held = |cell: &Cell| Some(cell.usage.as_ref()?.held_peak_bytes() as f64);
    let core_us = |cell: &Cell| {
        let usage = cell.usage.as_ref()?;
        // A core that is full loses some of itself to interrupts and neighbours: what it answers says what is left.
        let full = usage.cores_busy >= 0.85 * cores as f64 && !cell.is_void();
        if full { Some(cores as f64 * 1e6 / cell.rate) } else { usage.cpu_us }
    };
    let few = of(0, "memory", &held)?;
    let many = of(1, "memory", &held)?;
    let client_bytes = ((many - few) / (HELD[1] - HELD[0]) as f64).max(0.0);
    let wait_us = of(2, "a wait", &core_us)?;
    let worked_us = of(3, "computing", &core_us)?;
    let pooled_us = of(4, "the pool", &core_us)?;
    let answered = of(4, "the pool", &|cell| (!cell.is_void()).then_some(cell.rate))?;
    Ok(Costs {
        name: name.to_owned(),
        wait_us,
        pooled_us,
        hold_us: (POOL as f64 / answered * 1e6 - 20_000.0).max(0.0),
        computing: ((worked_us - wait_us) / 1_000.0).max(0.5),
        base_bytes: few - client_bytes * HELD[0] as f64,
        client_bytes,
        thread_each: name == "blocking",
    })
}

/// Threads a process may have, and the limit that says so.
fn thread_cap(machine: &Machine) -> (u64, String) {
    let limit = |name: &str| machine.limits.get(name).copied();
    // Four mappings a thread, and some for everything else.
    let maps = limit("max_map_count").map(|maps| (maps / 4).saturating_sub(2_000));
    [
        ("max_map_count", maps),
        ("threads-max", limit("threads-max")),
        ("pid_max", limit("pid_max")),
        ("cgroup pids.max", limit("cgroup pids.max")),
    ]
    .into_iter()
    .filter_map(|(name, limit)| Some((limit?, name.to_owned())))
    .min()
    .unwrap_or((u64::MAX, "nothing".into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Usage;

    fn cell(rate: f64, cpu_us: f64, busy: f64, held: u64) -> Cell {
        let usage = Usage {
            cpu_us: Some(cpu_us),
            cores_busy: busy,
            rss_peak_bytes: held,
            ..Usage::default()
        };
        Cell { rate, usage: Some(usage), ..Cell::default() }
    }

    #[test]
    fn five_cells_are_the_costs_of_a_server() {
        let cells = [
            cell(0.0, 0.0, 0.0, 10_000_000),
            cell(0.0, 0.0, 0.0, 36_000_000),
            cell(25_000.0, 38.0, 0.95, 0),
            cell(952.0, 1_040.0, 0.99, 0),
            cell(398.0, 60.0, 0.1, 0),
        ];
        let mut void = Vec::new();
        let costs = costs("axum", &cells, 1, &mut void).unwrap();
        assert!(
            (costs.client_bytes - 20_000.0).abs() < 1.0 && (costs.base_bytes - 6e6).abs() < 1e3
        );
        assert!((costs.wait_us - 40.0).abs() < 0.1, "a full core: what it answers, {costs:?}");
        assert!((costs.computing - 1.01).abs() < 0.01 && (costs.pooled_us - 60.0).abs() < 0.1);
        assert!((costs.hold_us - 100.5).abs() < 1.0, "{costs:?}");
        assert!(void.is_empty() && !costs.thread_each);
    }

    #[test]
    fn the_least_limit_on_threads_is_named() {
        let mut machine = Machine::default();
        assert_eq!(thread_cap(&machine).0, u64::MAX);
        machine.limits.insert("max_map_count".into(), 65_530);
        machine.limits.insert("threads-max".into(), 100_000);
        assert_eq!(thread_cap(&machine), (14_382, "max_map_count".into()));
    }
}
