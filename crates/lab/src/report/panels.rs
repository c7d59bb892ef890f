//! The charts of a scenario: small ones side by side, one a figure, rather than a crowded one.

use super::axis::Axis;
use super::drawing::Drawing;
use super::lines::{Curve, Dot, HEIGHT, Lines};
use super::look::{Look, shared};
use super::metrics::{self, Metric};
use super::points::{Found, Range, found};
use super::rows::{Block, Row, Rows};
use super::text::{count, number};
use super::{itself, time};
use crate::results::{Level, Results, Scenario};

/// The width of a small chart.
pub(super) const WIDTH: f64 = 360.0;

/// Every chart that the scenario has numbers for, each with a name for its id.
pub(super) fn of(results: &Results, looks: &[Look], scenario: &Scenario) -> Vec<(String, Drawing)> {
    let facets = facets(scenario);
    let mut drawings = Vec::new();
    for metric in &metrics::ALL {
        let facets: Vec<Facet<'_>> = facets.iter().filter_map(|facet| facet.at(metric)).collect();
        let axis = fitted(results, scenario, metric, &facets);
        for (at, facet) in facets.iter().enumerate() {
            let panel = Panel { results, looks, scenario, metric, facet, axis };
            if panel.is_empty() {
                continue;
            }
            let drawing = if facet.rises() { panel.lines().draw() } else { panel.rows().draw() };
            drawings.push((format!("{}-{at}", metric.key), drawing));
        }
    }
    drawings.extend(itself::of(results, looks, scenario));
    drawings.extend(time::of(results, looks, scenario));
    drawings
}

/// Levels that share a chart, in pieces that share a line.
pub(super) struct Facet<'a> {
    /// What sets it apart from the other charts of the same figure.
    variant: Option<&'a str>,
    pub(super) pieces: Vec<Vec<&'a Level>>,
}

impl<'a> Facet<'a> {
    /// What is left of it for this figure.
    fn at(&self, metric: &Metric) -> Option<Facet<'a>> {
        let kept = |piece: &Vec<&'a Level>| -> Vec<_> {
            piece.iter().copied().filter(|level| (metric.at)(level)).collect()
        };
        let pieces: Vec<_> =
            self.pieces.iter().map(kept).filter(|piece| !piece.is_empty()).collect();
        (!pieces.is_empty()).then_some(Facet { variant: self.variant, pieces })
    }

    fn levels(&self) -> Vec<&'a Level> {
        self.pieces.concat()
    }

    /// Whether concurrency rises in it, so that there is a line to draw.
    fn rises(&self) -> bool {
        let levels = self.levels();
        levels.iter().any(|level| level.clients != levels[0].clients)
            && self.pieces.iter().any(|piece| piece.len() > 1)
    }
}

/// Levels belong to one line when only the number of clients differs, and to one chart when no two would lie at the
/// same place in it.
pub(super) fn facets(scenario: &Scenario) -> Vec<Facet<'_>> {
    let mut pieces: Vec<Vec<&Level>> = Vec::new();
    for level in &scenario.levels {
        let same = |other: &Level| {
            (other.kind, &other.request) == (level.kind, &level.request)
                && other.least_ms.to_bits() == level.least_ms.to_bits()
                && other.clients != level.clients
        };
        match pieces.iter_mut().find(|piece| piece.iter().all(|other| same(other))) {
            Some(piece) => piece.push(level),
            None => pieces.push(vec![level]),
        }
    }
    for piece in &mut pieces {
        piece.sort_by_key(|level| level.clients);
    }
    let one = pieces.iter().all(|piece| piece.len() == 1);
    let mut clients: Vec<_> = scenario.levels.iter().map(|level| level.clients).collect();
    clients.sort_unstable();
    let apart = clients.windows(2).all(|pair| pair[0] != pair[1]);
    if one || apart {
        return vec![Facet { variant: None, pieces }];
    }
    let alone = |piece: Vec<_>| -> Facet<'_> {
        let first: &Level = piece[0];
        Facet { variant: first.variant.as_deref(), pieces: vec![piece] }
    };
    pieces.into_iter().map(alone).collect()
}

/// One axis for all charts of a figure, so that they compare.
fn fitted(results: &Results, scenario: &Scenario, metric: &Metric, facets: &[Facet<'_>]) -> Axis {
    let mut values = Vec::new();
    for level in facets.iter().flat_map(Facet::levels) {
        values.extend((metric.floor)(level));
        values.extend(bottom(results, scenario, metric, level).map(|(bottom, _)| bottom));
        for who in results.competitors.iter().filter(|who| !who.is_peer()) {
            let cells = results.cells_at(&scenario.name, &level.name, &who.name);
            if let Found::Measured(range) = found(&cells, |cell| (metric.of)(cell, level)) {
                values.extend([range.min, range.max]);
            }
        }
    }
    (metric.axis)(&values)
}

/// What no value of a figure can undercut at this level, and why: by its meaning, or by what the floor found elsewhere
/// where it was not asked this.
fn bottom(
    results: &Results,
    scenario: &Scenario,
    metric: &Metric,
    level: &Level,
) -> Option<(f64, &'static str)> {
    if let Some(waits) = (metric.floor)(level) {
        return Some((waits, metrics::WAITED_FOR));
    }
    let drawn = results.listed(&scenario.name).any(|who| who.is_floor());
    if metric.key != "cpu" || drawn {
        return None;
    }
    let cpu = results.floor_cpu((&scenario.name, &level.name))?;
    Some((cpu, metrics::AT_THE_FLOOR))
}

/// One figure of one facet.
struct Panel<'a> {
    results: &'a Results,
    looks: &'a [Look],
    scenario: &'a Scenario,
    metric: &'a Metric,
    facet: &'a Facet<'a>,
    axis: Axis,
}

impl Panel<'_> {
    fn found(&self, level: &Level, who: &str) -> Found {
        let cells = self.results.cells_at(&self.scenario.name, &level.name, who);
        found(&cells, |cell| (self.metric.of)(cell, level))
    }

    fn bottom(&self, level: &Level) -> Option<(f64, &'static str)> {
        bottom(self.results, self.scenario, self.metric, level)
    }

    fn is_empty(&self) -> bool {
        let levels = self.facet.levels();
        let mut all = levels.iter().flat_map(|level| {
            shared(self.results, self.looks).map(|(who, _)| self.found(level, &who.name))
        });
        !all.any(|found| matches!(found, Found::Measured(_)))
    }

    fn title(&self) -> String {
        let title = (self.metric.title)(&self.facet.levels());
        match self.facet.variant {
            Some(variant) => format!("{title}: {variant}"),
            None => title.to_owned(),
        }
    }

    fn lines(&self) -> Lines {
        let levels = self.facet.levels();
        let clients: Vec<_> = levels.iter().map(|level| level.clients as f64).collect();
        let competitors = shared(self.results, self.looks);
        let curves = competitors.map(|(who, &look)| {
            let mut curve = Curve {
                look,
                name: who.name.clone(),
                pieces: Vec::new(),
                voids: Vec::new(),
                marked: true,
                hypothesis: false,
            };
            for piece in &self.facet.pieces {
                let mut dots = Vec::new();
                for level in piece {
                    let x = level.clients as f64;
                    match self.found(level, &who.name) {
                        Found::Measured(y) => {
                            let says = said(&who.name, level, y, self.metric.unit);
                            dots.push(Dot { x, y, says });
                        }
                        Found::Void(why) => {
                            curve.voids.push((x, void(&who.name, level, &why)));
                            // A line through it would claim to know.
                            curve.pieces.push(std::mem::take(&mut dots));
                        }
                        Found::Nothing => {}
                    }
                }
                curve.pieces.push(dots);
            }
            curve.pieces.retain(|piece| !piece.is_empty());
            curve
        });
        let floors = self.facet.pieces.iter().filter_map(|piece| {
            let ends = (piece.first()?.clients as f64, piece.last()?.clients as f64);
            self.bottom(piece.first()?).map(|(floor, _)| (ends.0, ends.1, floor))
        });
        let why = levels.iter().find_map(|level| self.bottom(level)).map_or("", |(_, why)| why);
        let mut sorted = clients.clone();
        sorted.sort_by(f64::total_cmp);
        Lines {
            title: self.title(),
            x: (Axis::doubling(clients), "clients at once".into()),
            y: (self.axis, self.metric.unit.into()),
            levels: Some(sorted),
            curves: curves.collect(),
            floors: floors.collect(),
            floor_says: why,
            height: HEIGHT,
        }
    }

    fn rows(&self) -> Rows {
        let blocks = self.facet.levels().into_iter().map(|level| {
            let competitors = shared(self.results, self.looks);
            let rows = competitors.filter_map(|(who, &look)| {
                let name = who.name.clone();
                match self.found(level, &who.name) {
                    Found::Measured(range) => {
                        let says = said(&name, level, range, self.metric.unit);
                        Some(Row { look, name, value: Ok(range), says })
                    }
                    Found::Void(why) => {
                        let says = void(&name, level, &why);
                        Some(Row { look, name, value: Err("void".into()), says })
                    }
                    Found::Nothing => None,
                }
            });
            let floor = self.bottom(level);
            Block { heading: level.name.clone(), floor, rows: rows.collect() }
        });
        Rows {
            title: self.title(),
            axis: (self.axis, self.metric.unit.into()),
            blocks: blocks.filter(|block| !block.rows.is_empty()).collect(),
            width: WIDTH,
        }
    }
}

/// A point in words.
pub(super) fn said(who: &str, level: &Level, range: Range, unit: &str) -> String {
    let Range { min, median, max, rounds } = range;
    let value = format!("{who} at {}: {} {unit}", level.name, number(median));
    if rounds == 1 {
        return format!("{value}, one round");
    }
    let (min, max) = (number(min), number(max));
    format!("{value}, {min} to {max} over {} rounds", count(rounds as u64))
}

/// A void point in words.
pub(super) fn void(who: &str, level: &Level, why: &str) -> String {
    format!("{who} at {} is void: {why}", level.name)
}
