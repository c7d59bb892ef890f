//! One table for each scenario, and under it the comparison in words.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{Cell as Box, CellAlignment, ContentArrangement, Table};

use crate::memory;
use crate::peers::PEERS;
use crate::results::{self, Competitor, Kind, Level, Results, Scenario, Tail};
use crate::verdict::thousands;
use crate::view::{self, CPU, FELT, Missing, P50, RATE, RSS, Read, SLOWEST, SPAN, THREADS};

/// The table of every scenario that was measured, with what was true of all of them first.
pub fn all(results: &Results) -> String {
    let mut text = String::new();
    for note in &results.notes {
        let _ = writeln!(text, "Note: {note}.");
    }
    for scenario in &results.scenarios {
        if results.cells.iter().any(|cell| cell.scenario == scenario.name) {
            let _ = write!(text, "\n{}", one(results, scenario));
        }
    }
    text
}

/// One scenario: heading, table, words.
pub fn one(results: &Results, scenario: &Scenario) -> String {
    let probed = scenario.levels.iter().any(|level| level.probe.is_some());
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Disabled);
    let mut head =
        vec!["level", "server", "answers/s", "p50 ms", "p99 ms", "CPU/req µs", "threads", "RSS MB"];
    if results.floor().is_some() {
        head.insert(6, "× floor");
    }
    if probed {
        head.push("probe p99 ms");
    }
    table.set_header(head);
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut void: BTreeMap<String, (String, Vec<String>)> = BTreeMap::new();
    for level in &scenario.levels {
        for (at, who) in results.listed(&scenario.name).enumerate() {
            let name = if at == 0 { level.name.as_str() } else { "" };
            let mut row = vec![Box::new(name), Box::new(&who.name)];
            match results.figure((&scenario.name, &level.name), &who.name, RATE) {
                Ok(_) => row.extend(numbers(results, scenario, level, who, probed)),
                Err(missing) => {
                    row.push(Box::new("void"));
                    let why = match missing {
                        Missing::Void(why) | Missing::Failed(why) => why,
                        Missing::NotMeasured => {
                            who.excluded.clone().unwrap_or_else(|| "not measured".to_owned())
                        }
                    };
                    // One sentence for all of a kind: the first, with its figures.
                    let (gate, why) = why.split_once(": ").unwrap_or(("not timed", &why));
                    let (_, cells) =
                        void.entry(gate.to_owned()).or_insert_with(|| (why.to_owned(), Vec::new()));
                    cells.push(format!("{} at {}", who.name, level.name));
                }
            }
            table.add_row(row);
        }
    }
    let mut text = format!("{}: {}\n{}\n", scenario.name, scenario.title, grouped(&table));
    for (gate, (why, cells)) in void {
        let _ = writeln!(text, "void ({gate}): {}: {why}", cells.join(", "));
    }
    for line in partly(results, scenario) {
        let _ = writeln!(text, "{line}");
    }
    for (gate, (why, cells)) in cautions(results, scenario) {
        let (shown, rest) = cells.split_at(cells.len().min(3));
        let more =
            if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
        let _ = writeln!(text, "with care ({gate}): {}{more}: {why}", shown.join(", "));
    }
    for line in in_words(results, scenario) {
        let _ = writeln!(text, "{line}");
    }
    text
}

/// Of rows that have numbers, those that do not have them from all rounds, and why.
fn partly(results: &Results, scenario: &Scenario) -> Vec<String> {
    let mut lines = Vec::new();
    for level in &scenario.levels {
        for who in results.listed(&scenario.name) {
            let at = (scenario.name.as_str(), level.name.as_str());
            if results.figure(at, &who.name, RATE).is_err() {
                continue;
            }
            let cells = results.cells_at(at.0, at.1, &who.name);
            let void: Vec<_> = cells.iter().filter_map(|cell| cell.why_void()).collect();
            let Some(first) = void.first() else { continue };
            let (name, level, all) = (&who.name, &level.name, cells.len());
            let (used, gate, why) = (all - void.len(), &first.name, &first.sentence);
            lines.push(format!("{used} of {all} rounds ({gate}): {name} at {level}: {why}"));
        }
    }
    lines
}

/// What has to be known beside the numbers, by gate: the first sentence, and all the cells it was said of.
fn cautions(results: &Results, scenario: &Scenario) -> BTreeMap<String, (String, Vec<String>)> {
    let mut cautions: BTreeMap<String, (String, Vec<String>)> = BTreeMap::new();
    let usable =
        results.cells.iter().filter(|cell| cell.scenario == scenario.name && !cell.is_void());
    for cell in usable {
        for gate in &cell.gates {
            let first = || (gate.sentence.clone(), Vec::new());
            let (_, cells) = cautions.entry(gate.name.clone()).or_insert_with(first);
            let place = format!("{} at {}", cell.competitor, cell.level);
            if !cells.contains(&place) {
                cells.push(place);
            }
        }
    }
    cautions
}

/// The table with a line between levels only, not between all rows.
fn grouped(table: &Table) -> String {
    let lines: Vec<String> = table.lines().collect();
    let keeps = |at: usize| {
        let is_rule = lines[at].starts_with('─');
        let goes_on = lines.get(at + 1).is_some_and(|next| next.starts_with("  "));
        !(is_rule && goes_on)
    };
    let kept = (0..lines.len()).filter(|&at| keeps(at)).map(|at| lines[at].trim_end());
    kept.collect::<Vec<_>>().join("\n")
}

fn numbers(
    results: &Results,
    scenario: &Scenario,
    level: &Level,
    who: &Competitor,
    probed: bool,
) -> Vec<Box> {
    let shown = |read: Read, show: fn(f64) -> String| {
        let figure = results.figure((&scenario.name, &level.name), &who.name, read);
        Box::new(figure.map_or("–".to_owned(), |figure| show(figure.median())))
    };
    let tail = match results.figure((&scenario.name, &level.name), &who.name, view::tail(level)) {
        Ok(figure) if level.tail == Tail::P99 => Box::new(latency(figure.median())),
        // By design, or because fewer answers came than the plan counted on.
        _ => shown(SLOWEST, |slowest| format!("max {}", latency(slowest))),
    };
    let mut row = vec![
        shown(RATE, thousands),
        shown(P50, latency),
        tail,
        shown(CPU, |value| format!("{value:.0}")),
        shown(THREADS, thousands),
        shown(RSS, |bytes| format!("{:.0}", bytes / 1e6)),
    ];
    if results.floor().is_some() {
        let floor = results.floor_cpu((&scenario.name, &level.name));
        let cpu = results.figure((&scenario.name, &level.name), &who.name, CPU).ok();
        let times = floor.zip(cpu).map(|(floor, cpu)| format!("{:.1}", cpu.median() / floor));
        row.insert(4, Box::new(times.unwrap_or_else(|| "–".to_owned())));
    }
    if probed {
        let few = |cell: &&results::Cell| {
            cell.probe.as_ref().is_some_and(|probe| probe.latency.p99_ms.is_none())
        };
        let cells = results.cells_at(&scenario.name, &level.name, &who.name);
        // Where it asked too seldom for a p99.
        let slowest = cells.iter().any(few);
        row.push(if slowest {
            shown(FELT, |ms| format!("max {}", latency(ms)))
        } else {
            shown(FELT, latency)
        });
    }
    row
}

/// Milliseconds with as many digits as say something.
fn latency(ms: f64) -> String {
    match ms {
        ms if ms < 1.0 => format!("{ms:.3}"),
        ms if ms < 10.0 => format!("{ms:.2}"),
        ms if ms < 100.0 => format!("{ms:.1}"),
        ms => thousands(ms),
    }
}

/// Everyone against the first competitor, at the most clients of each kind of level.
pub fn in_words(results: &Results, scenario: &Scenario) -> Vec<String> {
    // The floor is no rival; its column says what there is to say. Nor is another language: it has its row, no rank.
    let is_rival = |who: &&Competitor| !who.is_floor() && !PEERS.contains(&who.name.as_str());
    let mut rivals = results.competitors.iter().filter(is_rival);
    let Some(first) = rivals.next() else { return Vec::new() };
    let others: Vec<_> = rivals.collect();
    let mut lines = Vec::new();
    for level in tops(scenario) {
        for who in &others {
            let subject = main_figure(scenario, level);
            let at = (scenario.name.as_str(), level.name.as_str());
            let Some(ratio) = results.ratio(at, &who.name, &first.name, subject.read) else {
                continue;
            };
            let what = (subject.words)(&ratio.shown());
            let mut line =
                format!("{} {what} {} at {}: {}", who.name, first.name, level.name, ratio.judged());
            if let Some(cpu) = results.ratio(at, &who.name, &first.name, CPU) {
                let _ = write!(line, "; CPU a request {} as much: {}", cpu.shown(), cpu.judged());
            }
            lines.push(line + ".");
        }
    }
    lines.extend(delivered(results, scenario));
    lines.extend(memory::in_words(results, scenario));
    if let Some(noise) = noise(results, scenario) {
        lines.push(format!(
            "A server against itself differed by up to ± {:.0} % from round to round.",
            noise * 100.0
        ));
    }
    lines
}

/// Of a room, what was to reach those who listened, in all rounds together, and what did not.
fn delivered(results: &Results, scenario: &Scenario) -> Vec<String> {
    let mut lines = Vec::new();
    for level in scenario.levels.iter().filter(|level| level.kind == Kind::Room) {
        for who in results.listed(&scenario.name) {
            let cells = results.cells_at(&scenario.name, &level.name, &who.name);
            let failed =
                |how: &str| cells.iter().filter_map(|cell| cell.errors.get(how)).sum::<u64>();
            let (lost, doubled) = (failed("lost"), failed("doubled"));
            let reached: u64 = cells.iter().map(|cell| cell.ok).sum();
            if reached + lost == 0 {
                continue;
            }
            let all = thousands((reached + lost) as f64);
            let (who, level) = (&who.name, &level.name);
            lines.push(format!(
                "{who} at {level}: of {all} deliveries {lost} were lost, and {doubled} came again."
            ));
        }
    }
    lines
}

/// What a scenario is about, and how a ratio of it is said.
struct Main {
    read: Read,
    words: fn(&str) -> String,
}

fn main_figure(scenario: &Scenario, level: &Level) -> Main {
    let felt = level.probe.is_some() && level.kind == Kind::Closed;
    match level.kind {
        _ if felt => {
            Main { read: FELT, words: |ratio| format!("held up its neighbour {ratio} as long as") }
        }
        Kind::Burst => Main { read: SPAN, words: |ratio| format!("took {ratio} as long as") },
        _ if scenario.name == "plaintext" => {
            Main { read: RATE, words: |ratio| format!("answered {ratio} as many a second as") }
        }
        _ => Main { read: P50, words: |ratio| format!("took {ratio} as long (p50) as") },
    }
}

/// Of each kind and variant, the level with the most clients.
fn tops(scenario: &Scenario) -> Vec<&Level> {
    let mut tops: Vec<&Level> = Vec::new();
    for level in &scenario.levels {
        match tops.iter_mut().find(|top| (top.kind, &top.variant) == (level.kind, &level.variant)) {
            Some(top) if top.clients < level.clients => *top = level,
            Some(_) => {}
            None => tops.push(level),
        }
    }
    tops
}

/// The most that the rounds of one competitor differ in what the scenario is about.
fn noise(results: &Results, scenario: &Scenario) -> Option<f64> {
    let figures = tops(scenario).into_iter().flat_map(|level| {
        let read = main_figure(scenario, level).read;
        let of =
            move |who: &Competitor| results.figure((&scenario.name, &level.name), &who.name, read);
        results.competitors.iter().filter_map(move |who| of(who).ok())
    });
    let noises = figures.filter(|figure| figure.rounds.len() > 1).map(|figure| figure.noise());
    noises.reduce(f64::max)
}
