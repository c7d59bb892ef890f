//! `lab knee`: the highest rate, of requests that wait for nobody, whose p99 stays under an objective.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table};
use compute::RoundsPerMs;
use load::Cancel;
use serde::{Deserialize, Serialize};

use crate::arena::{Arena, Running};
use crate::choose::{self, Expectation};
use crate::compare::INTERRUPTED;
use crate::competitor::{self, Competitor};
use crate::judge::admit;
use crate::measure::{self, Place};
use crate::plan::in_words;
use crate::progress::Progress;
use crate::results::{Cell, Cpus, Kind, Machine, Versions};
use crate::scenarios::{self, Scenario, Shape, Step};
use crate::verdict::thousands;
use crate::workload::Workload;
use crate::{machine, stop};

use search::{End, Said, Search};

pub mod search;

/// The highest rate whose p99 stays under an objective, for each server.
///
/// Requests leave on a schedule whatever the server does, and latency runs from the intended time. The rate doubles until
/// the objective is missed, then the two sides close in; a step is decided by two of three probes.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES, verbatim_doc_comment)]
pub struct Knee {
    /// The objective: ninety-nine of a hundred requests are answered within this
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub p99: Duration,

    /// What is asked: the first request of a scenario of `lab compare`
    #[arg(long, value_name = "NAME", conflicts_with_all = ["route", "workload"])]
    pub scenario: Option<String>,

    /// What is asked: a route [default: /work?wait=0.02&cpu_ms=0.2]
    #[arg(long, value_name = "/PATH", conflicts_with = "workload")]
    pub route: Option<String>,

    /// What is asked: requests from a file
    #[arg(long, value_name = "FILE.toml")]
    pub workload: Option<PathBuf>,

    /// Who is asked, separated by commas [default: blocking,actix,axum]
    #[arg(long, value_name = "NAME[:FLAG=VALUE…],…")]
    pub servers: Option<String>,

    /// Another server beside them; may be repeated
    #[arg(long = "target", value_name = "NAME=http://HOST:PORT")]
    pub targets: Vec<String>,

    /// The first rate that is tried, a second
    #[arg(long, value_name = "PER_SECOND", default_value_t = 200.0, value_parser = from)]
    pub from: f64,

    /// Seconds a probe lasts at least; one at a low rate lasts until it has a p99, up to ten times that
    #[arg(long, value_name = "SECONDS", default_value_t = 1.5, value_parser = window)]
    pub duration: f64,

    /// Connections that may be busy at once
    #[arg(long, value_name = "N", default_value_t = 1_024)]
    pub connections: usize,

    /// Picks the gaps between requests: the same seed, the same schedule
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// Print what would be asked and how long it takes, and do nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Where knee.json and the histograms of all probes go
    #[arg(long, value_name = "DIR", default_value = OUT)]
    pub out: PathBuf,

    /// Take the servers' binaries as they are, without asking cargo whether they are up to date
    #[arg(long)]
    pub no_build: bool,
}

const EXAMPLES: &str = "\
Examples:
  cargo lab knee --p99 50ms                                20 ms of waiting and 0.2 ms of computing
  cargo lab knee --p99 50ms --dry-run                      what it would ask, and how long that takes
  cargo lab knee --p99 200ms --route /wait/0.1 --servers blocking,axum
  cargo lab knee --p99 5ms --scenario plaintext
  cargo lab knee --p99 250ms --workload docs/src/examples/shop.toml
  cargo lab knee --p99 20ms --route / --servers axum --target mine=http://127.0.0.1:8080

A probe whose generator was the limit says nothing about the server and is made again; where it stays so, the knee is
given as \"at least\".

Exit codes: 0 a knee, or \"at least\", for every server; 1 for some server none; 2 bad arguments;
130 interrupted, with what was found until then.";

/// The evidence, as it stands in `knee.json`; `lab choose` reads it where it is of the same service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Evidence {
    schema: u32,
    started: String,
    command: Vec<String>,
    pub(crate) machine: Machine,
    pub(crate) versions: Versions,
    cpus: Cpus,
    seed: u64,
    interrupted: bool,
    request: String,
    /// What a request waits for and computes, where that is all it does.
    pub(crate) wait_ms: Option<f64>,
    /// See `wait_ms`.
    pub(crate) cpu_ms: Option<f64>,
    pub(crate) objective_ms: f64,
    pub(crate) servers: Vec<Found>,
}

/// One server's knee, with every probe.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) name: String,
    /// `found`, `at least`, `never kept`, `interrupted`, or what stood in the way.
    pub(crate) end: String,
    /// The highest rate that kept the objective.
    pub(crate) knee_per_second: Option<f64>,
    /// What the model of `lab choose` expects, where it was calibrated here and knows the request.
    model_per_second: Option<f64>,
    /// The lowest rate that did not.
    missed_per_second: Option<f64>,
    verdict: String,
    probes: Vec<Probe>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Probe {
    per_second: f64,
    said: String,
    cell: Cell,
}

/// Where the evidence goes, and where `lab choose` looks for it.
pub(crate) const OUT: &str = "lab-report/knee";
const FILE: &str = "knee.json";

/// The evidence in this folder, if there is any.
pub(crate) fn kept(folder: &Path) -> Option<Evidence> {
    serde_json::from_str(&fs::read_to_string(folder.join(FILE)).ok()?).ok()
}

/// Doublings, and then two or three probes for each halving of what is left; measured.
const PROBES: u32 = 18;
/// A p99 wants ten samples beyond it.
const SAMPLES: f64 = 1_100.0;

/// Runs it.
///
/// # Errors
/// When a server cannot be built, or nothing can be written.
pub fn run(args: &Knee) -> anyhow::Result<ExitCode> {
    let (scenario, competitors) = match wanted(args) {
        Ok(wanted) => wanted,
        Err(error) => {
            eprintln!("lab: {error:#}");
            return Ok(ExitCode::from(2));
        }
    };
    let shape = scenario.shapes[0].clone();
    let names: Vec<_> = competitors.iter().map(|who| who.name.as_str()).collect();
    let each = Duration::from_secs_f64(args.duration + 0.2) + shape.question.least();
    let takes = each * PROBES * competitors.len() as u32;
    let plan = format!(
        "{} for {}: the highest rate with p99 under {}; about {} probes each, {}; seed {}\n",
        shape.question.request(),
        names.join(" · "),
        shown_ms(args.p99.as_secs_f64() * 1e3),
        PROBES,
        in_words(takes),
        args.seed,
    );
    if args.dry_run {
        print!("{plan}");
        return Ok(ExitCode::SUCCESS);
    }
    eprint!("{plan}");
    competitors.iter().try_for_each(Competitor::ensure_there)?;
    let cancel = stop::on_signal()?;
    if !args.no_build {
        let mut binaries: Vec<_> = competitors.iter().filter_map(Competitor::binary).collect();
        binaries.sort();
        binaries.dedup();
        let binaries: Vec<_> = binaries.iter().map(String::as_str).collect();
        if !binaries.is_empty() {
            conformance::binaries::build(&binaries)?;
        }
    }
    match admit(&competitors, &cancel) {
        Err(_) if cancel.cancelled() => return Ok(INTERRUPTED.into()),
        admitted => admitted?,
    }
    fs::create_dir_all(args.out.join("histograms"))
        .with_context(|| format!("cannot make {}", args.out.display()))?;
    let mut evidence = Evidence {
        schema: 1,
        started: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        command: std::iter::once("cargo lab".into()).chain(std::env::args().skip(1)).collect(),
        machine: machine::machine(),
        versions: machine::versions(),
        cpus: machine::divided(false),
        seed: args.seed,
        interrupted: false,
        request: shape.question.request(),
        wait_ms: shape.question.shape().map(|(wait, _)| wait.as_secs_f64() * 1e3),
        cpu_ms: shape.question.shape().map(|(_, cpu)| cpu.as_secs_f64() * 1e3),
        objective_ms: args.p99.as_secs_f64() * 1e3,
        servers: Vec::new(),
    };
    let arena = Arena::new(evidence.cpus.clone(), None, RoundsPerMs::measure().0)?;
    let flags = arena.flags(&scenario, &[step(&shape, args, 1.0)]);
    let mut hunts = Vec::new();
    for who in &competitors {
        let running = arena.start(who, &flags)?;
        shape.question.prepare(&running.subject())?;
        hunts.push(Hunt {
            who,
            running,
            search: Search::from(args.from),
            probes: Vec::new(),
            crashed: None,
        });
    }
    hunt(args, &shape, &arena, &cancel, &mut hunts, Progress::new(takes))?;
    evidence.interrupted = cancel.cancelled();
    let expects = Expectation::kept(Path::new(choose::CALIBRATION));
    for hunt in hunts {
        let mut found = hunt.found(args);
        found.model_per_second = expects
            .as_ref()
            .zip(shape.question.shape())
            .and_then(|(expects, asked)| expects.knee(&found.name, asked, args.p99));
        evidence.servers.push(found);
    }
    let path = args.out.join(FILE);
    fs::write(&path, serde_json::to_string_pretty(&evidence)? + "\n")
        .with_context(|| format!("cannot write {}", path.display()))?;
    print!("{}\nEvidence: {}\n", shown(&evidence), path.display());
    Ok(if evidence.interrupted {
        ExitCode::from(130)
    } else if evidence.servers.iter().all(|found| found.knee_per_second.is_some()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What is asked, of whom.
fn wanted(args: &Knee) -> anyhow::Result<(Scenario, Vec<Competitor>)> {
    let mut competitors = match &args.servers {
        Some(list) => competitor::parse_list(list).context("--servers")?,
        None => Competitor::defaults(),
    };
    for target in &args.targets {
        competitors.push(Competitor::target(target).context("--target")?);
    }
    competitor::ensure_distinct(&competitors)?;
    let scenario = match (&args.scenario, &args.workload) {
        (Some(name), _) => match scenarios::named().into_iter().find(|one| one.name == name) {
            Some(one) if one.shapes[0].kind == Kind::Room => {
                bail!(
                    "{name} has listeners and no rate to raise: lab compare --scenarios {name} --levels 100,1000"
                )
            }
            Some(scenario) => scenario,
            None => bail!("{name:?} is no scenario; there are {}", scenarios::names().join(", ")),
        },
        (None, Some(path)) => Workload::read(path)?.scenario(),
        (None, None) => {
            let route = args.route.as_deref().unwrap_or("/work?wait=0.02&cpu_ms=0.2");
            Workload::of_route(route).context("--route")?.scenario()
        }
    };
    Ok((scenario, competitors))
}

/// One server's search.
struct Hunt<'a> {
    who: &'a Competitor,
    running: Running,
    search: Search,
    probes: Vec<Probe>,
    crashed: Option<String>,
}

/// One probe of each server in turn, so that no server has the quiet half of the run for itself.
fn hunt(
    args: &Knee,
    shape: &Shape,
    arena: &Arena,
    cancel: &Cancel,
    hunts: &mut [Hunt<'_>],
    mut progress: Progress,
) -> anyhow::Result<()> {
    let mut number = 0;
    loop {
        let mut asked = false;
        for hunt in hunts.iter_mut() {
            let Some(rate) = hunt.search.next().filter(|_| hunt.crashed.is_none()) else {
                continue;
            };
            asked = true;
            let name = &hunt.who.name;
            let step = step(shape, args, rate);
            let what = format!("{name} at {} a second", thousands(rate));
            progress.begins(&what, Duration::from_secs_f64(args.duration + 0.2));
            progress.says(&what);
            number += 1;
            let place = Place {
                scenario: "knee",
                competitor: name,
                round: number as u32,
                number,
                seed: args.seed,
                folder: &args.out,
            };
            let began = Instant::now();
            hunt.running.settle();
            let tick = |_: &load::Progress| progress.tick(&what, began.elapsed());
            let cell = measure::cell(place, &step, &hunt.running, &arena.cpus, cancel, tick);
            if cancel.cancelled() {
                // Half a probe is none.
                progress.ends();
                return Ok(());
            }
            let cell = cell?;
            if let Some(how) = hunt.running.crashed() {
                hunt.crashed = Some(how);
                continue;
            }
            let said = said(&cell, args.p99.as_secs_f64() * 1e3);
            hunt.search.tell(said);
            let said = match said {
                Said::Kept => "kept",
                Said::Missed => "missed",
                Said::Void => "void",
            };
            hunt.probes.push(Probe { per_second: rate, said: said.to_owned(), cell });
        }
        if !asked {
            progress.ends();
            return Ok(());
        }
    }
}

fn step(shape: &Shape, args: &Knee, rate: f64) -> Step {
    let enough = (SAMPLES / rate).min(args.duration * 10.0);
    let window = Duration::from_secs_f64(args.duration.max(enough));
    let open = Shape { kind: Kind::Open, rate: Some(rate), probe: None, ..shape.clone() };
    open.step(args.connections, Some(window))
}

/// What a cell says about the objective. A gate that the generator failed says nothing about the server; one that the
/// server failed (behind its schedule, starved, errors, nothing answered) means that it could not keep it.
fn said(cell: &Cell, objective_ms: f64) -> Said {
    let generators = ["generator-bound", "generator-crowded", "schedule-lag", "cancelled"];
    let (theirs, ours): (Vec<_>, Vec<_>) = cell
        .gates
        .iter()
        .filter(|gate| gate.void)
        .partition(|gate| generators.contains(&gate.name.as_str()));
    let Some(p99) = cell.latency.p99_ms else {
        return if ours.is_empty() && theirs.is_empty() && cell.latency.max_ms <= objective_ms {
            Said::Kept
        } else if theirs.is_empty() {
            Said::Missed
        } else {
            Said::Void
        };
    };
    if !theirs.is_empty() {
        // Even so, what was answered in time was answered in time.
        return if p99 <= objective_ms && ours.is_empty() { Said::Kept } else { Said::Void };
    }
    if ours.is_empty() && p99 <= objective_ms { Said::Kept } else { Said::Missed }
}

impl Hunt<'_> {
    fn found(self, args: &Knee) -> Found {
        let Self { who, running, search, probes, crashed } = self;
        running.stop();
        let objective = shown_ms(args.p99.as_secs_f64() * 1e3);
        let per_second = |rate: f64| format!("{} a second", thousands(rate));
        let p99_at = |rate: Option<f64>| {
            let mut found: Vec<f64> = probes
                .iter()
                .filter(|probe| Some(probe.per_second) == rate && probe.said != "void")
                .map(|probe| probe.cell.latency.p99_ms.unwrap_or(probe.cell.latency.max_ms))
                .collect();
            found.sort_by(f64::total_cmp);
            found.get(found.len() / 2).map_or_else(|| "not told".into(), |&p99| shown_ms(p99))
        };
        let (knee, missed) = (search.knee(), search.missed());
        let (end, verdict) = match (search.end(), knee) {
            _ if crashed.is_some() => ("crashed", crashed.unwrap_or_default()),
            (Some(End::Found), Some(knee)) => {
                let beyond =
                    missed.map(|rate| format!("; {} at {}", p99_at(missed), per_second(rate)));
                let beyond = beyond.unwrap_or_default();
                ("found", format!("p99 {} at {}{beyond}", p99_at(Some(knee)), per_second(knee)))
            }
            (Some(End::GeneratorBound), Some(knee)) => (
                "at least",
                format!(
                    "p99 {} at {}; above it the generator, not the server, was the limit",
                    p99_at(Some(knee)),
                    per_second(knee)
                ),
            ),
            (Some(End::NeverMissed), Some(knee)) => {
                ("at least", format!("kept at {}, and no more was asked", per_second(knee)))
            }
            (Some(End::GeneratorBound), None) => (
                "not told",
                "every probe was the generator's limit: repeat it on an idle machine".into(),
            ),
            (Some(_), None | Some(_)) => (
                "never kept",
                format!(
                    "p99 {} at {}: {objective} is kept at no rate",
                    p99_at(missed),
                    missed.map_or_else(String::new, per_second)
                ),
            ),
            (None, Some(knee)) => {
                ("interrupted", format!("kept at {} when it was interrupted", per_second(knee)))
            }
            (None, None) => ("interrupted", "interrupted before anything was found".into()),
        };
        Found {
            name: who.name.clone(),
            end: end.into(),
            knee_per_second: knee,
            model_per_second: None,
            missed_per_second: missed,
            verdict,
            probes,
        }
    }
}

/// A table, and a line for each server.
fn shown(evidence: &Evidence) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY);
    table.set_header([
        "server",
        "knee /s",
        "model /s",
        "p99 ms",
        "CPU/req µs",
        "threads",
        "probes",
        "void",
    ]);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for found in &evidence.servers {
        let at =
            found.probes.iter().rev().find(|probe| {
                Some(probe.per_second) == found.knee_per_second && probe.said == "kept"
            });
        let cell = at.map(|probe| &probe.cell);
        let number =
            |value: Option<f64>| value.map_or_else(|| "-".into(), |value| format!("{value:.1}"));
        let usage = cell.and_then(|cell| cell.usage.as_ref());
        let knee = found.knee_per_second.map_or_else(
            || "none".into(),
            |rate| {
                let least = if found.end == "at least" { "≥ " } else { "" };
                format!("{least}{}", thousands(rate))
            },
        );
        table.add_row([
            found.name.clone(),
            knee,
            found.model_per_second.map_or_else(|| "-".into(), thousands),
            number(cell.map(|cell| cell.latency.p99_ms.unwrap_or(cell.latency.max_ms))),
            number(usage.and_then(|usage| usage.cpu_us)),
            usage.map_or_else(|| "-".into(), |usage| usage.threads_peak.to_string()),
            found.probes.len().to_string(),
            found.probes.iter().filter(|probe| probe.said == "void").count().to_string(),
        ]);
    }
    let mut text =
        format!("{} · p99 under {}\n{table}\n", evidence.request, shown_ms(evidence.objective_ms));
    for found in &evidence.servers {
        let _ = writeln!(text, "{}: {}.", found.name, found.verdict);
    }
    let modelled = evidence.servers.iter().any(|found| found.model_per_second.is_some());
    let _ = writeln!(
        text,
        "{}",
        if modelled {
            "model: what `cargo lab choose` expects, from its calibration on this machine and commit."
        } else {
            "model: none, for `cargo lab choose` has not calibrated this machine and commit, or does not know the request."
        }
    );
    if let Some(gate) = load::gates::shared_cpus(&evidence.cpus.servers, &evidence.cpus.load) {
        let _ = writeln!(text, "Note: {}.", gate.sentence);
    }
    text
}

fn shown_ms(ms: f64) -> String {
    if ms < 10.0 { format!("{ms:.1} ms") } else { format!("{ms:.0} ms") }
}

/// `50ms`, `0.5s`, `2s`.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time: give one such as 50ms or 0.5s");
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1e-3),
        None => (text.strip_suffix('s').ok_or_else(wrong)?, 1.0),
    };
    let seconds = number.trim().parse::<f64>().map_err(|_| wrong())? * unit;
    if (1e-6..=3_600.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("give from 1 µs to an hour".into())
    }
}

fn from(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "give requests a second, such as 200".to_owned())?;
    if (1.0..=200_000.0).contains(&rate) {
        Ok(rate)
    } else {
        Err("give from 1 to 200,000 a second".into())
    }
}

fn window(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "give seconds, such as 1.5".to_owned())?;
    if (0.1..=60.0).contains(&seconds) {
        Ok(seconds)
    } else {
        Err("give from 0.1 to 60 seconds".into())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::results::{Gate, Latency};

    #[derive(Parser)]
    struct Bare {
        #[command(flatten)]
        knee: Knee,
    }

    #[test]
    fn the_examples_of_the_help_are_valid() {
        let mut count = 0;
        for line in EXAMPLES.lines().filter_map(|line| line.trim().strip_prefix("cargo lab knee "))
        {
            let line = line.split("   ").next().unwrap().replace("docs/", "../../docs/");
            let typed = std::iter::once("lab").chain(line.split(' '));
            let knee =
                Bare::try_parse_from(typed).unwrap_or_else(|error| panic!("{line}: {error}")).knee;
            wanted(&knee).unwrap_or_else(|error| panic!("{line}: {error:#}"));
            count += 1;
        }
        assert_eq!(count, 6);
    }

    #[test]
    fn a_time_is_a_number_with_its_unit() {
        assert_eq!(time("50ms"), Ok(Duration::from_millis(50)));
        assert_eq!(time("0.5s"), Ok(Duration::from_millis(500)));
        for wrong in ["50", "ms", "-1s", "soon", "0ms", "NaNs"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_a_gate_of_the_server_counts_against_it() {
        let cell = |p99: f64, gate: Option<&str>| Cell {
            latency: Latency { samples: 2_000, p99_ms: Some(p99), ..Latency::default() },
            gates: gate
                .map(|name| Gate { name: name.into(), void: true, sentence: String::new() })
                .into_iter()
                .collect(),
            ..Cell::default()
        };
        assert_eq!(said(&cell(40.0, None), 50.0), Said::Kept);
        assert_eq!(said(&cell(60.0, None), 50.0), Said::Missed);
        assert_eq!(said(&cell(40.0, Some("rate-ratio")), 50.0), Said::Missed);
        assert_eq!(said(&cell(40.0, Some("starved")), 50.0), Said::Missed);
        assert_eq!(said(&cell(60.0, Some("generator-bound")), 50.0), Said::Void);
        assert_eq!(said(&cell(60.0, Some("schedule-lag")), 50.0), Said::Void);
    }
}
