//! The story in one picture: what a bystander feels beside those who wait, and what those who wait cost.

use super::axis::Axis;
use super::drawing::{Drawing, label};
use super::lines::{Curve, Dot, Lines};
use super::look::{self, COLOURS, Look, shared};
use super::panels::{said, void};
use super::points::{Found, found};
use super::rows::{Block, Row, Rows};
use super::text::{bytes, clipped, count, escape, short};
use crate::memory;
use crate::results::{Cell, Competitor, Level, Results, Scenario};

/// One SVG for a README: it brings its own paper, so that it can be read on a light page and on a dark one.
pub fn figure(results: &Results) -> String {
    let looks = look::looks(&results.competitors);
    let parts = parts(results, &looks);
    let mut body = String::new();
    let mut x = MARGIN;
    let mut bottom: f64 = 60.0;
    for part in &parts {
        body += &label(x, 58.0, "strong", &part.title);
        body += &format!(r#"<g transform="translate({x:.0} 74)">{}</g>"#, part.body);
        bottom = bottom.max(74.0 + part.height);
        x += part.width + MARGIN;
    }
    if parts.is_empty() {
        body += &label(MARGIN, 58.0, "soft", "This run measured nothing of what is drawn here.");
        bottom = 70.0;
    }
    let width = x.max(800.0);
    body += &label(
        MARGIN,
        30.0,
        "head",
        "Blocking or async: what waiting costs, and what stops others",
    );
    for (at, line) in evidence(results).iter().enumerate() {
        body += &label(MARGIN, bottom + 24.0 + at as f64 * 15.0, "soft", &clipped(line, 138));
    }
    let height = bottom + 24.0 + 2.0 * 15.0 + 4.0;
    let says: Vec<_> = parts.iter().map(|part| format!("{}. {}", part.title, part.says)).collect();
    let (says, style) = (escape(&says.join(" ")), look::style(on_paper));
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0}" height="{height:.0}" viewBox="0 0 {width:.0} {height:.0}" role="img" aria-labelledby="waitlab-t waitlab-d"><title id="waitlab-t">Blocking or async: what waiting costs, and what stops others</title><desc id="waitlab-d">{says}</desc><style>{style}.head{{font-size:17px;font-weight:700}}</style><rect x=".5" y=".5" width="{:.0}" height="{:.0}" rx="8" fill="#ffffff" stroke="#d0d7de"/>{body}</svg>
"##,
        width - 1.0,
        height - 1.0
    )
}

/// Its two halves, as far as the run has numbers for them.
pub(super) fn parts(results: &Results, looks: &[Look]) -> Vec<Drawing> {
    let bystander = bystander(results, looks);
    let height = bystander.as_ref().map_or(260.0, |drawing| drawing.height);
    let memory = memory_held(results, looks, height);
    [bystander, memory].into_iter().flatten().collect()
}

const MARGIN: f64 = 20.0;
const WIDTH: f64 = 400.0;

/// Colours for where no stylesheet of a page reaches.
pub(super) fn on_paper(name: &str) -> String {
    let plain = match name {
        "ink" => "#1c2024",
        "soft" => "#59636e",
        "rule" => "#e3e7eb",
        "paper" => "#ffffff",
        _ => {
            let at = name.strip_prefix('c').and_then(|at| at.parse::<usize>().ok());
            at.and_then(|at| COLOURS.get(at)).map_or("#1c2024", |both| both.0)
        }
    };
    plain.to_owned()
}

fn evidence(results: &Results) -> [String; 2] {
    let Results { machine, versions, cpus, .. } = results;
    let commit = versions.commit.as_deref().map(|commit| clipped(commit, 13)).unwrap_or_default();
    let rounds = match results.rounds {
        1 => "One round.".to_owned(),
        rounds => format!("Median of {rounds} rounds, bars: their range; hollow: void."),
    };
    [
        format!(
            "{rounds} {} cores ({}), {} between servers and load.",
            machine.cores,
            machine.cpu,
            cpus.word()
        ),
        format!("{} · commit {commit} · {}", results.started, results.command.join(" ")),
    ]
}

/// A bystander's wait beside each level that bears on a claim.
fn bystander(results: &Results, looks: &[Look]) -> Option<Drawing> {
    let watched = results
        .scenarios
        .iter()
        .filter(|scenario| !scenario.claims.is_empty())
        .flat_map(|scenario| scenario.levels.iter().map(move |level| (scenario, level)))
        .filter(|(_, level)| level.probe.is_some());
    let blocks: Vec<_> =
        watched.map(|(scenario, level)| beside(results, looks, scenario, level)).collect();
    let blocks: Vec<_> = blocks.into_iter().filter(|block| !block.rows.is_empty()).collect();
    let values =
        blocks.iter().flat_map(|block| &block.rows).filter_map(|row| row.value.as_ref().ok());
    let ends: Vec<_> = values.flat_map(|range| [range.min, range.max]).collect();
    if ends.is_empty() {
        return None;
    }
    let title = "How long a bystander waits for GET /plaintext".to_owned();
    let axis = (Axis::log(ends), "ms".to_owned());
    Some(Rows { title, axis, blocks, width: WIDTH }.draw())
}

/// The p99 where it has samples for one, else the longest stall; the same for all of a level.
fn beside(results: &Results, looks: &[Look], scenario: &Scenario, level: &Level) -> Block {
    let of = |who: &Competitor| results.cells_at(&scenario.name, &level.name, &who.name);
    let p99 = |cell: &Cell| cell.probe.as_ref()?.latency.p99_ms;
    let stall = |cell: &Cell| Some(cell.probe.as_ref()?.stall_ms);
    let usable =
        |who: &Competitor| of(who).into_iter().filter(|cell| !cell.is_void()).collect::<Vec<_>>();
    let sampled = shared(results, looks)
        .all(|(who, _)| usable(who).into_iter().all(|cell| p99(cell).is_some()));
    let figure: &dyn Fn(&Cell) -> Option<f64> = if sampled { &p99 } else { &stall };
    let word = if sampled { "p99" } else { "longest stall" };
    let rows = shared(results, looks).filter_map(|(who, &look)| {
        let name = who.name.clone();
        match found(&of(who), figure) {
            Found::Measured(range) => {
                let says = said(&name, level, range, "ms");
                Some(Row { look, name, value: Ok(range), says })
            }
            Found::Void(why) => {
                let says = void(&name, level, &why);
                Some(Row { look, name, value: Err("void".into()), says })
            }
            Found::Nothing => None,
        }
    });
    let heading =
        format!("{word} beside {} × {}", count(level.clients as u64), clipped(&level.request, 40));
    Block { heading, floor: None, rows: rows.collect() }
}

/// Memory over the number of clients that wait at once, the kernel's share included.
fn memory_held(results: &Results, looks: &[Look], height: f64) -> Option<Drawing> {
    let waits = |scenario| (scenario, memory::levels(scenario));
    let mut waiting = results.scenarios.iter().map(waits);
    let (scenario, levels) = waiting.find(|(_, levels)| !levels.is_empty())?;
    let competitors = shared(results, looks);
    let curves: Vec<_> = competitors
        .map(|(who, &look)| held(results, scenario, &levels, who, look))
        .filter(|curve| !curve.pieces.is_empty() || !curve.voids.is_empty())
        .collect();
    let dots = || curves.iter().flat_map(|curve| curve.pieces.iter().flatten());
    dots().next()?;
    let clients = levels.iter().map(|level| level.clients as f64);
    let wait = short(levels[0].least_ms / 1e3);
    let lines = Lines {
        title: format!("Memory held while all wait {wait} s, the kernel’s share included"),
        x: (Axis::zero(clients), "clients that wait at once".into()),
        y: (Axis::zero(dots().map(|dot| dot.y.max)), "MB".into()),
        levels: None,
        curves,
        floors: Vec::new(),
        floor_says: "",
        height: height.clamp(220.0, 340.0),
    };
    Some(lines.draw())
}

/// One competitor's line, from before the first level; its name tells the slope over the levels.
fn held(
    results: &Results,
    scenario: &Scenario,
    levels: &[&Level],
    who: &Competitor,
    look: Look,
) -> Curve {
    let mut curve = Curve {
        look,
        name: who.name.clone(),
        pieces: Vec::new(),
        voids: Vec::new(),
        marked: true,
        hypothesis: false,
    };
    let mut dots = Vec::new();
    let mut slope = Vec::new();
    for (at, level) in levels.iter().enumerate() {
        let cells = results.cells_at(&scenario.name, &level.name, &who.name);
        if at == 0
            && let Found::Measured(base) = found(&cells, |cell| Some(base_bytes(cell)? / 1e6))
        {
            dots.push(Dot {
                x: 0.0,
                y: base,
                says: format!("{} before: {}", who.name, bytes(base.median * 1e6)),
            });
        }
        match found(&cells, |cell| Some(cell.usage.as_ref()?.held_peak_bytes() as f64 / 1e6)) {
            Found::Measured(y) => {
                slope.push((level.clients as f64, y));
                dots.push(Dot {
                    x: level.clients as f64,
                    y,
                    says: said(&who.name, level, y, "MB"),
                });
            }
            Found::Void(why) => {
                curve.voids.push((level.clients as f64, void(&who.name, level, &why)))
            }
            Found::Nothing => {}
        }
    }
    let slope: Vec<_> = slope.iter().map(|(clients, held)| (*clients, held.median * 1e6)).collect();
    if let Some(each) = memory::slope(&slope) {
        curve.name = format!("{}: {} each", clipped(&who.name, 11), bytes(each));
    }
    if !dots.is_empty() {
        curve.pieces.push(dots);
    }
    curve
}

/// User and kernel memory before anybody came; a thread's kernel stack is 16 KiB.
fn base_bytes(cell: &Cell) -> Option<f64> {
    let usage = cell.usage.as_ref()?;
    Some(
        (usage.rss_base_bytes + usage.page_tables_base_bytes + usage.threads_base * 16 * 1024)
            as f64,
    )
}
