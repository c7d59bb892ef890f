//! Charts that look into a cell: what the bystander felt over time, and the whole distribution of latencies.

use super::axis::Axis;
use super::drawing::Drawing;
use super::lines::{Curve, Dot, HEIGHT, Lines};
use super::look::{Look, shared};
use super::panels::void;
use super::points::{Range, why_void};
use super::text::number;
use crate::results::{Cell, Latency, Level, Results, Scenario};

/// At the highest level that has them.
pub(super) fn of(results: &Results, looks: &[Look], scenario: &Scenario) -> Vec<(String, Drawing)> {
    let bystander = scenario.levels.iter().rfind(|level| level.probe.is_some());
    let felt = bystander.and_then(|level| bystander_over_time(results, looks, scenario, level));
    let last = scenario.levels.last();
    let inside = last.map(|level| Inside { results, looks, scenario, level });
    let [spread, raw] = inside.map_or([None, None], |inside| inside.distributions());
    let named = [("felt", felt), ("spread", spread), ("raw", raw)];
    named
        .into_iter()
        .filter_map(|(name, drawing)| drawing.map(|drawing| (name.to_owned(), drawing)))
        .collect()
}

fn bystander_over_time(
    results: &Results,
    looks: &[Look],
    scenario: &Scenario,
    level: &Level,
) -> Option<Drawing> {
    let series =
        |cell: &Cell| cell.probe.as_ref().map(|probe| probe.series.clone()).unwrap_or_default();
    let inside = Inside { results, looks, scenario, level };
    let curves = inside.curves(series, |cell| {
        let stall = cell.probe.as_ref().map_or(f64::NAN, |probe| probe.stall_ms);
        format!("longest stall {} ms", number(stall))
    });
    inside.draw(
        format!("A bystander over time, beside {}", level.name),
        curves,
        |seconds| (Axis::zero(seconds.iter().copied()), "seconds since the level began".into()),
        &[],
    )
}

/// One level, looked into.
struct Inside<'a> {
    results: &'a Results,
    looks: &'a [Look],
    scenario: &'a Scenario,
    level: &'a Level,
}

impl Inside<'_> {
    /// The distribution of all latencies; in an open loop corrected, from when each request was to leave, and beside it
    /// raw, from when it left: what is told by a generator that stops asking while a server stalls. On one scale.
    fn distributions(&self) -> [Option<Drawing>; 2] {
        let corrected = |cell: &Cell| Some(cell.latency.clone());
        let (latency, service) = (self.spread(corrected), self.spread(|cell| cell.service.clone()));
        let name = &self.level.name;
        let ends = |curves: &[Curve]| -> Vec<f64> {
            let dots = curves.iter().flat_map(|curve| curve.pieces.iter().flatten());
            dots.map(|dot| dot.y.median).collect()
        };
        let (across, all) = (Self::shares, [ends(&latency), ends(&service)].concat());
        let [title, raw] = match ends(&service).is_empty() {
            true => [format!("All latencies at {name}"), String::new()],
            false => [
                format!("All latencies at {name}, from when each was to leave"),
                "The same raw, from when each left: waits before that are lost".to_owned(),
            ],
        };
        [self.draw(title, latency, across, &all), self.draw(raw, service, across, &all)]
    }

    fn shares(shares: &[f64]) -> (Axis, String) {
        let high = shares.iter().copied().fold(0.5, f64::max);
        (Axis::Nines { high }, "share of requests that took no longer".into())
    }

    fn spread(&self, of: impl Fn(&Cell) -> Option<Latency>) -> Vec<Curve> {
        // Beyond the tenth sample from the end a curve tells the luck of the run.
        let told = |cell: &Cell| {
            let Some(latency) = of(cell) else { return Vec::new() };
            let most = 1.0 - 10.0 / latency.samples.max(1) as f64;
            latency.curve.into_iter().filter(|&(share, _)| share <= most).collect()
        };
        self.curves(told, |cell| {
            let Some(latency) = of(cell) else { return String::new() };
            let (p50, max) = (latency.p50_ms, latency.max_ms);
            format!("half within {} ms, the slowest {} ms", number(p50), number(max))
        })
    }

    /// One line a competitor: its first round that can be used.
    fn curves(
        &self,
        points: impl Fn(&Cell) -> Vec<(f64, f64)>,
        says: impl Fn(&Cell) -> String,
    ) -> Vec<Curve> {
        let competitors = shared(self.results, self.looks);
        competitors
            .map(|(who, &look)| {
                let cells = self.results.cells_at(&self.scenario.name, &self.level.name, &who.name);
                let usable = cells.iter().find(|cell| !cell.is_void());
                let piece = usable.map(|cell| {
                    let says = format!("{} in round {}: {}", who.name, cell.round, says(cell));
                    points(cell)
                        .into_iter()
                        .filter(|(x, y)| x.is_finite() && y.is_finite())
                        .map(|(x, y)| {
                            let y = Range { min: y, median: y, max: y, rounds: 1 };
                            Dot { x, y, says: says.clone() }
                        })
                        .collect::<Vec<_>>()
                });
                let pieces = piece.into_iter().filter(|piece| piece.len() > 1).collect();
                let why = if usable.is_none() { why_void(&cells) } else { None };
                // At the end, whatever the axis: it has no place of its own.
                let voids = why.map(|why| (f64::MAX, void(&who.name, self.level, &why)));
                Curve {
                    look,
                    name: who.name.clone(),
                    pieces,
                    voids: voids.into_iter().collect(),
                    marked: false,
                    hypothesis: false,
                }
            })
            .collect()
    }

    fn draw(
        &self,
        title: String,
        curves: Vec<Curve>,
        x: impl Fn(&[f64]) -> (Axis, String),
        beside: &[f64],
    ) -> Option<Drawing> {
        let dots = || curves.iter().flat_map(|curve| curve.pieces.iter().flatten());
        dots().next()?;
        let across: Vec<_> = dots().map(|dot| dot.x).collect();
        let upwards = dots().map(|dot| dot.y.median).chain(beside.iter().copied());
        let y = (Axis::log(upwards), "ms".to_owned());
        let x = x(&across);
        Some(
            Lines {
                title,
                x,
                y,
                levels: None,
                curves,
                floors: Vec::new(),
                floor_says: "",
                height: HEIGHT,
            }
            .draw(),
        )
    }
}
