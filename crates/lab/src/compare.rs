//! `lab compare`: builds, checks, measures in interleaved rounds, answers.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use compute::RoundsPerMs;
use load::Cancel;

use crate::arena::Arena;
use crate::args::Compare;
use crate::competitor::{self, Who};
use crate::judge::{asked_where_it_is, judge};
use crate::measure::{self, Place};
use crate::plan::{Plan, in_words};
use crate::progress::Progress;
use crate::results::{Cell, Competitor, Gate, Results, SCHEMA};
use crate::scenarios::Step;
use crate::{answer, csv, machine, report, stop, tables};

/// Runs it.
///
/// # Errors
/// When nothing can be measured: a server that cannot be built or started, a folder that cannot be written.
pub fn run(args: &Compare) -> anyhow::Result<ExitCode> {
    let plan = match args.plan() {
        Ok(plan) => plan,
        Err(error) => {
            eprintln!("lab: {error:#}");
            return Ok(BAD_ARGUMENTS.into());
        }
    };
    let cpus = machine::divided(args.share_cpus);
    let shown = plan.shown(cpus.servers.len());
    if args.dry_run {
        print!("{shown}");
        return Ok(ExitCode::SUCCESS);
    }
    eprint!("{shown}");
    let cancel = stop::on_signal()?;
    // Before minutes of building.
    plan.competitors.iter().try_for_each(competitor::Competitor::ensure_there)?;
    let histograms = args.out.join("histograms");
    fs::create_dir_all(&histograms)
        .with_context(|| format!("--out: cannot make {}", histograms.display()))?;
    let binaries = built(&plan, args.no_build)?;
    for peer in &args.peers {
        crate::peers::environment(peer)?;
    }

    let mut progress = Progress::new(plan.takes(cpus.servers.len()));
    let mut results = Results {
        schema: SCHEMA,
        started: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        took_s: 0.0,
        command: as_typed(),
        seed: plan.seed,
        rounds: plan.rounds,
        interrupted: false,
        machine: machine::machine(),
        versions: machine::versions(),
        rounds_per_ms: RoundsPerMs::measure().0,
        cpus,
        notes: Vec::new(),
        competitors: Vec::new(),
        scenarios: Vec::new(),
        cells: Vec::new(),
    };
    let began = Instant::now();
    results.competitors = match checked(&plan, &binaries, args.keep_failing, &cancel, &mut progress)
    {
        Ok(competitors) => competitors,
        Err(_) if cancel.cancelled() => return Ok(INTERRUPTED.into()),
        Err(error) => return Err(error),
    };
    let mut arena = Arena::new(results.cpus.clone(), args.stub, results.rounds_per_ms)?;
    if args.postgres {
        arena.keeps_rows_in_postgres()?;
    }
    results.scenarios = plan.entries(|scenario, steps| arena.flags(scenario, steps));
    let mut run = Run { plan: &plan, arena, cancel: &cancel, progress, began, folder: &args.out };
    for round in 1..=plan.rounds {
        run.round(round, &mut results);
    }
    run.progress.ends();
    results.interrupted = cancel.cancelled();
    results.took_s = began.elapsed().as_secs_f64();
    results.notes = notes(&results);
    if args.postgres {
        results.notes.push(IN_POSTGRES.to_owned());
    }
    write(&results, &args.out)?;
    print!("{}\n{}", answer::lines(&results, &args.out).join("\n"), tables::all(&results));
    Ok(exit_code(&results))
}

const IN_POSTGRES: &str =
    "rows were in a PostgreSQL with the settings it comes with, on the CPUs of the load";

pub(crate) const BAD_ARGUMENTS: u8 = 2;
pub(crate) const INTERRUPTED: u8 = 130;

fn exit_code(results: &Results) -> ExitCode {
    if results.interrupted {
        return INTERRUPTED.into();
    }
    let measured = results.cells.iter().any(|cell| !cell.is_void());
    // A stranger may keep part of the contract.
    let mut ours = results.competitors.iter().filter(|who| who.server.is_some());
    let all_passed = ours.all(|who| who.failed.is_empty());
    if measured && all_passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Brings every binary that is needed up to date, and finds it.
fn built(plan: &Plan, as_they_are: bool) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut names: Vec<_> = plan.competitors.iter().filter_map(|who| who.binary()).collect();
    names.sort();
    names.dedup();
    binaries(names, as_they_are)
}

/// These binaries, brought up to date unless they are to be taken as they are.
pub(crate) fn binaries(
    names: Vec<String>,
    as_they_are: bool,
) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    // Cargo knows what is out of date; it says what it does on stderr.
    let wanted: Vec<_> = names.iter().map(String::as_str).collect();
    if !as_they_are && !wanted.is_empty() {
        conformance::binaries::build(&wanted)?;
    }
    names
        .into_iter()
        .map(|name| {
            let path = conformance::binaries::find(&name)?;
            Ok((name, path))
        })
        .collect()
}

/// Every competitor with the checks it passed, and those that must not be timed.
fn checked(
    plan: &Plan,
    binaries: &BTreeMap<String, PathBuf>,
    keep_failing: bool,
    cancel: &Cancel,
    progress: &mut Progress,
) -> anyhow::Result<Vec<Competitor>> {
    progress.says("checking the contract");
    progress.begins("checking the contract", Plan::CHECKING);
    let began = Instant::now();
    // Controls keep no contract; what they answer under load is checked all the same.
    let ours = plan.competitors.iter().filter(|who| matches!(who.who, Who::Ours { .. }));
    let servers: BTreeMap<_, _> = ours
        .filter_map(|who| binaries.get_key_value(&who.binary()?))
        .map(|(name, path)| (name.clone(), path.clone()))
        .collect();
    let mut judged = judge(&servers, cancel, |done, all| {
        progress.tick(&format!("checking the contract, {done} of {all}"), began.elapsed());
    })?;
    let mut told = Vec::new();
    let competitors = plan.competitors.iter().map(|who| {
        let mut entry = who.entry();
        if let Some(judged) = asked_where_it_is(who) {
            (entry.passed, entry.failed) = (judged.passed, judged.failed);
        }
        let Some(binary) = who.binary().filter(|binary| servers.contains_key(binary)) else {
            return entry;
        };
        let verdict = judged.entry(binary.clone()).or_default();
        entry.passed = verdict.passed;
        entry.failed.clone_from(&verdict.failed);
        if !entry.failed.is_empty() {
            let count = entry.failed.len();
            if !keep_failing {
                entry.excluded = Some(format!("it fails {count} checks of the contract"));
            }
            if !told.contains(&binary) {
                let failed = entry.failed.join("\n  ");
                progress
                    .warns(&format!("{binary} fails {count} checks of the contract:\n  {failed}"));
                told.push(binary);
            }
        }
        entry
    });
    Ok(competitors.collect())
}

/// What stays the same over the rounds.
struct Run<'a> {
    plan: &'a Plan,
    arena: Arena,
    cancel: &'a Cancel,
    progress: Progress,
    began: Instant,
    folder: &'a Path,
}

impl Run<'_> {
    /// Every scenario, every competitor in turn. A process serves one scenario of one round: long enough for its levels
    /// to follow each other upwards, short enough that what it held before is nobody's memory but its own.
    fn round(&mut self, round: u32, results: &mut Results) {
        for (at, (scenario, steps)) in self.plan.scenarios.iter().enumerate() {
            for turn in self.plan.order(round, at) {
                if self.cancel.cancelled() {
                    return;
                }
                let who = &self.plan.competitors[turn];
                let asked = self.plan.asks(round, scenario, who);
                if !asked || results.competitors[turn].excluded.is_some() {
                    continue;
                }
                let flags = results.scenarios[at].flags.clone();
                let (rounds, name) = (self.plan.rounds, &who.name);
                let what = format!("round {round} of {rounds} · {} · {name}", scenario.name);
                self.progress.says(&what);
                let place = Place {
                    scenario: scenario.name,
                    competitor: name,
                    round,
                    number: results.cells.len(),
                    seed: self.plan.seed,
                    folder: self.folder,
                };
                let cells = self.visit(turn, &flags, steps, place, &what);
                results.cells.extend(cells);
            }
        }
    }

    /// One competitor in one scenario: started, measured at each level, stopped.
    fn visit(
        &mut self,
        turn: usize,
        flags: &[String],
        steps: &[Step],
        place: Place<'_>,
        what: &str,
    ) -> Vec<Cell> {
        let who = &self.plan.competitors[turn];
        let mut cells = Vec::new();
        let mut running = None;
        for (at, step) in steps.iter().enumerate() {
            let workers = self.arena.cpus.servers.len();
            let what = format!("{what} · {}", step.level.name);
            self.progress.begins(&what, step.takes(who.has_event_loop(), workers));
            let place = Place { number: place.number + at, ..place };
            let at_s = self.began.elapsed().as_secs_f64();
            if running.is_none() {
                let started = self.arena.start(who, flags).and_then(|started| {
                    step.question.prepare(&started.subject())?;
                    Ok(started)
                });
                match started {
                    Ok(started) => running = Some(started),
                    Err(error) => {
                        cells.push(void(place, step, "did-not-start", format!("{error:#}")));
                        continue;
                    }
                }
            }
            let Some(server) = running.as_mut() else { continue };
            server.settle();
            let tick = |told: &load::Progress| self.progress.tick(&what, told.elapsed);
            let cell = measure::cell(place, step, server, &self.arena.cpus, self.cancel, tick);
            if self.cancel.cancelled() {
                // Half a cell is no cell.
                break;
            }
            let mut cell = match cell {
                Ok(cell) => cell,
                Err(error) => void(place, step, "not-measured", format!("{error:#}")),
            };
            cell.at_s = at_s;
            if let Some(how) = server.crashed() {
                cell.gates.insert(0, Gate { name: "crashed".into(), void: true, sentence: how });
                running = None;
            }
            cells.push(cell);
        }
        if let Some(server) = running {
            server.stop();
        }
        cells
    }
}

/// A cell without numbers, and why.
fn void(place: Place<'_>, step: &Step, name: &str, sentence: String) -> Cell {
    Cell {
        scenario: place.scenario.to_owned(),
        level: step.level.name.clone(),
        competitor: place.competitor.to_owned(),
        round: place.round,
        gates: vec![Gate { name: name.to_owned(), void: true, sentence }],
        ..Cell::default()
    }
}

/// What is true of every cell, said once.
fn notes(results: &Results) -> Vec<String> {
    let mut notes = Vec::new();
    let cpus = &results.cpus;
    if let Some(gate) = load::gates::shared_cpus(&cpus.servers, &cpus.load) {
        notes.push(gate.sentence);
    } else {
        let (servers, load) = (cpus.servers.len(), cpus.load.len());
        notes.push(format!(
            "servers had {servers} of the cores, the load generator and the upstream the other {load}; \
             a server alone on the machine would have more"
        ));
    }
    if cpus.one_core {
        notes.push(
            "servers and load had hyper-threads of the same core: each took from the other's speed"
                .into(),
        );
    }
    if results.versions.profile == "debug" {
        notes.push("a debug build: no number here says anything about speed".into());
    }
    let (load, cores) = (results.machine.load_average, results.machine.cores as f64);
    if load > cores / 2.0 {
        notes.push(format!(
            "the machine was busy before the run began (load average {load:.1} on {cores} cores)"
        ));
    }
    let crowded = |cell: &&Cell| cell.gates.iter().any(|gate| gate.name == "generator-crowded");
    let (crowded, all) = (results.cells.iter().filter(crowded).count(), results.cells.len());
    if crowded * 10 > all {
        notes.push(format!(
            "in {crowded} of {all} cells something else ran on the CPUs of the load: repeat it on an idle machine"
        ));
    }
    for who in &results.competitors {
        if !who.failed.is_empty() {
            let (name, count) = (&who.name, who.failed.len());
            let fate =
                if who.excluded.is_some() { "was not timed" } else { "was timed all the same" };
            notes.push(format!("{name} fails {count} checks of the contract and {fate}"));
        }
    }
    if results.interrupted {
        let took = in_words(Duration::from_secs_f64(results.took_s));
        notes.push(format!("interrupted after {took}; what is missing was not measured"));
    }
    notes
}

/// Writes the results and the report.
fn write(results: &Results, folder: &Path) -> anyhow::Result<()> {
    let json = serde_json::to_string_pretty(results).context("cannot write the results")?;
    save(folder, "results.json", json + "\n")?;
    render(results, folder)
}

/// Writes what can be made of the results at any time: the page, and the cells for a spreadsheet.
///
/// # Errors
/// When the folder cannot be written.
pub fn render(results: &Results, folder: &Path) -> anyhow::Result<()> {
    save(folder, "cells.csv", csv::of(results))?;
    save(folder, "report.html", report::html(results))
}

fn save(folder: &Path, name: &str, text: String) -> anyhow::Result<()> {
    let path = folder.join(name);
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The command line as a reader would type it: where the binary happens to lie says nothing about the run.
pub(crate) fn as_typed() -> Vec<String> {
    std::iter::once("cargo lab".to_owned()).chain(std::env::args().skip(1)).collect()
}
