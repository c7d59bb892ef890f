//! Where another language takes part: each competitor against itself with the fewest clients, so that shapes compare and
//! languages do not.

use super::axis::Axis;
use super::drawing::Drawing;
use super::lines::{Curve, Dot, HEIGHT, Lines};
use super::look::Look;
use super::metrics::{self, Metric};
use super::panels::{facets, said};
use super::points::{Found, found};
use super::text::count;
use crate::results::{Competitor, Level, Results, Scenario};

/// What is drawn so.
const FIGURES: [&str; 3] = ["rate", "p50", "stall"];

/// A chart for each figure and each line of levels, if a peer was measured here.
pub(super) fn of(results: &Results, looks: &[Look], scenario: &Scenario) -> Vec<(String, Drawing)> {
    let measured = |who: &&Competitor| {
        who.is_peer()
            && results.cells.iter().any(|cell| {
                cell.scenario == scenario.name && cell.competitor == who.name && !cell.is_void()
            })
    };
    if !results.competitors.iter().any(|who| measured(&who)) {
        return Vec::new();
    }
    let facets = facets(scenario);
    let lines: Vec<_> = facets.iter().flat_map(|facet| &facet.pieces).collect();
    let mut drawings = Vec::new();
    for metric in metrics::ALL.iter().filter(|metric| FIGURES.contains(&metric.key)) {
        for (at, levels) in lines.iter().enumerate() {
            let levels: Vec<&Level> =
                levels.iter().copied().filter(|level| (metric.at)(level)).collect();
            if let Some(drawing) = drawn(results, looks, scenario, metric, &levels) {
                drawings.push((format!("itself-{}-{at}", metric.key), drawing));
            }
        }
    }
    drawings
}

fn drawn(
    results: &Results,
    looks: &[Look],
    scenario: &Scenario,
    metric: &Metric,
    levels: &[&Level],
) -> Option<Drawing> {
    let [first, _, ..] = levels else { return None };
    let fewest = match first.clients {
        1 => "one client".to_owned(),
        clients => format!("{} clients", count(clients as u64)),
    };
    let unit = format!("times its own with {fewest}");
    let mut curves = Vec::new();
    for (who, &look) in results.competitors.iter().zip(looks).filter(|(who, _)| !who.is_floor()) {
        let cells = |level: &Level| results.cells_at(&scenario.name, &level.name, &who.name);
        let own = cells(first);
        let mut dots = Vec::new();
        for level in levels {
            let multiple = found(&cells(level), |cell| {
                let own = own.iter().find(|own| own.round == cell.round && !own.is_void())?;
                Some((metric.of)(cell, level)? / (metric.of)(own, first)?)
            });
            if let Found::Measured(y) = multiple {
                let says = said(&who.name, level, y, &unit);
                dots.push(Dot { x: level.clients as f64, y, says });
            }
        }
        if dots.len() > 1 {
            let (name, pieces) = (who.name.clone(), vec![dots]);
            curves.push(Curve {
                look,
                name,
                pieces,
                voids: Vec::new(),
                marked: true,
                hypothesis: false,
            });
        }
    }
    let values: Vec<f64> = curves
        .iter()
        .flat_map(|curve| curve.pieces.iter().flatten().map(|dot| dot.y.max))
        .collect();
    if values.is_empty() {
        return None;
    }
    let clients: Vec<f64> = levels.iter().map(|level| level.clients as f64).collect();
    let lines = Lines {
        title: format!("{}, each against itself", (metric.title)(levels)),
        x: (Axis::doubling(clients.iter().copied()), "clients at once".into()),
        y: (Axis::log(values.into_iter().chain([1.0])), unit),
        levels: Some(clients),
        curves,
        floors: Vec::new(),
        floor_says: "",
        height: HEIGHT,
    };
    Some(lines.draw())
}
