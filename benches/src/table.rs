//! The tables after the last bench: what was asked in rows, who was asked in columns.

use std::fmt;

use crate::harness::Ran;
use crate::output::{Measured, Median};
use crate::routes;

/// Standard errors to either side that hold 95 % of a normal distribution.
const NORMAL_95: f64 = 1.96;

/// What the table of routes does not show.
pub(crate) const CAVEATS: &str = "\
alike: the interval holds 1, or the ratio is no further from 1 than that of `blocking again`, which is the same
process measured once more at the end of the row.
Not shown: tails (these are medians), memory, connections opened or slow, load on a schedule, more cores or another
machine than this one, a network (all is loopback), a GitHub that takes its time. The benches ran one after another:
for ratios from interleaved rounds, and all of the above, `cargo lab`.";

/// Rows of one kind, each with a cell for every column.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<&'static str>,
    rows: Vec<(String, Vec<Option<Cell>>)>,
}

/// A median, and how it compares with that of the base column.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cell {
    median: Median,
    is_base: bool,
    /// None for the base, and where the base was not measured.
    ratio: Option<Ratio>,
}

/// A ratio of two medians.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Ratio {
    value: f64,
    low: f64,
    high: f64,
    alike: bool,
}

/// The table of the primitives and that of the routes; each only when something of it ran.
pub(crate) fn of(ran: &[Ran], measured: &Measured) -> (Option<Table>, Option<Table>) {
    let (routes, primitives): (Vec<&Ran>, Vec<&Ran>) =
        ran.iter().partition(|ran| routes::is_group(&ran.group));
    let table = |ran: Vec<&Ran>, base, again| {
        (!ran.is_empty()).then(|| Table::new(&ran, measured, base, again))
    };
    (table(primitives, None, None), table(routes, Some(routes::BASE), Some(routes::AGAIN)))
}

impl Table {
    /// Ratios are to `base`, or to the first of each row; `again` is the base measured a second time.
    fn new(
        ran: &[&Ran],
        measured: &Measured,
        base: Option<&'static str>,
        again: Option<&'static str>,
    ) -> Self {
        let columns = distinct(ran.iter().map(|ran| ran.name));
        let groups = distinct(ran.iter().map(|ran| ran.group.as_str()));
        let row = |group: &str| {
            let median = |name: &str| measured.get(&(group.to_owned(), name.to_owned())).copied();
            let base = base.or(columns.iter().copied().find(|name| median(name).is_some()));
            let noise = again.and_then(median).zip(base.and_then(median));
            let noise = noise.map_or(0.0, |(again, base)| (again.ns / base.ns).ln().abs());
            let cells = columns.iter().map(|name| {
                let is_base = base == Some(name);
                let compared = base.filter(|_| !is_base).and_then(median);
                let median = median(name)?;
                let ratio = compared.map(|base| Ratio::of(median, base, noise));
                Some(Cell { median, is_base, ratio })
            });
            (group.to_owned(), cells.collect())
        };
        let rows = groups.into_iter().map(row).collect();
        Self { columns, rows }
    }
}

impl Ratio {
    /// The interval is that of a ratio of two independent estimates, from their relative errors. `noise` is how far
    /// the logarithm of such a ratio strayed when both were the same.
    fn of(one: Median, base: Median, noise: f64) -> Self {
        let log = (one.ns / base.ns).ln();
        let error = NORMAL_95 * (one.error / one.ns).hypot(base.error / base.ns);
        let (low, high) = ((log - error).exp(), (log + error).exp());
        let alike = (low..=high).contains(&1.0) || log.abs() <= noise;
        Self { value: log.exp(), low, high, alike }
    }
}

/// Two lines of names, then three lines a row: the medians, the ratios, their intervals.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.columns.iter().map(|name| heading(name)).collect();
        let mut lines: Vec<Vec<String>> = Vec::new();
        for at in 0..2 {
            lines.push(line("", names.iter().map(|name| &name[at])));
        }
        for (group, cells) in &self.rows {
            let cells: Vec<_> =
                cells.iter().map(|cell| cell.map_or_else(missing, Cell::lines)).collect();
            for (at, label) in [group.as_str(), "", ""].into_iter().enumerate() {
                lines.push(line(label, cells.iter().map(|cell| &cell[at])));
            }
        }
        let width = |at: usize| lines.iter().map(|line| line[at].chars().count()).max();
        let widths: Vec<_> = (0..=names.len()).filter_map(width).collect();
        for line in &lines {
            let mut text = format!("{:<1$}", line[0], widths[0]);
            for (cell, width) in line.iter().zip(&widths).skip(1) {
                text += &format!("  {cell:>width$}");
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        Ok(())
    }
}

fn line<'a>(label: &str, cells: impl Iterator<Item = &'a String>) -> Vec<String> {
    std::iter::once(label.to_owned()).chain(cells.cloned()).collect()
}

impl Cell {
    fn lines(self) -> [String; 3] {
        let Some(Ratio { value, low, high, alike }) = self.ratio else {
            let one = if self.is_base { "1×" } else { "" };
            return [time(self.median.ns), one.into(), String::new()];
        };
        let word = if alike { "alike " } else { "" };
        let places = if value < 0.1 { 3 } else { 2 };
        let interval = format!("{low:.places$}–{high:.places$}");
        [time(self.median.ns), format!("{word}{value:.places$}×"), interval]
    }
}

fn missing() -> [String; 3] {
    ["–".into(), String::new(), String::new()]
}

/// A name over two lines: `blocking:threads=pool:64` is too wide for one.
fn heading(name: &str) -> [String; 2] {
    match name.split_once([':', ' ']) {
        Some((server, flag)) => [server.into(), flag.into()],
        None => [name.into(), String::new()],
    }
}

/// Three digits and a unit.
fn time(ns: f64) -> String {
    let (value, unit) = match ns {
        ns if ns < 1e3 => (ns, "ns"),
        ns if ns < 1e6 => (ns / 1e3, "µs"),
        ns => (ns / 1e6, "ms"),
    };
    let places = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.places$} {unit}")
}

fn distinct<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for item in items {
        if !seen.contains(&item) {
            seen.push(item);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn median(ns: f64) -> Median {
        Median { ns, error: ns / 100.0 }
    }

    #[test]
    fn a_ratio_is_alike_when_its_interval_holds_one_or_the_same_server_strays_as_far() {
        let ratio = |one, noise: f64| Ratio::of(median(one), median(100.0), noise.ln());
        assert!(ratio(102.0, 1.0).alike, "the interval is about ±2.8 %");
        assert!(!ratio(110.0, 1.0).alike);
        assert!(ratio(110.0, 1.2).alike, "the same server was 20 % off");
        assert!(!ratio(70.0, 1.2).alike);
        let Ratio { value, low, high, .. } = ratio(200.0, 1.0);
        assert!(
            (value - 2.0).abs() < 1e-9 && (low - 1.945).abs() < 1e-3 && (high - 2.056).abs() < 1e-3
        );
    }

    #[test]
    fn rows_are_what_was_asked_and_columns_who_was() {
        let figures = [
            ("spawn/1", "thread", 50_000.0),
            ("spawn/1", "own-loop", 500.0),
            ("plaintext/one", "blocking", 20_000.0),
            ("plaintext/one", "axum", 40_000.0),
            ("plaintext/one", "blocking again", 20_200.0),
            ("wait-0/one", "axum", 1_500_000.0),
        ];
        let ran: Vec<Ran> =
            figures.iter().map(|(group, name, _)| Ran { group: (*group).into(), name }).collect();
        let measured = figures
            .iter()
            .map(|(group, name, ns)| (((*group).to_owned(), (*name).to_owned()), median(*ns)))
            .collect();
        let (primitives, routes) = of(&ran, &measured);
        let expected = "\
              blocking         axum     blocking
                                           again
plaintext/one      20.0 µs      40.0 µs      20.2 µs
                        1×        2.00×  alike 1.01×
                              1.95–2.06    0.98–1.04
wait-0/one               –      1.50 ms            –
";
        let text = routes.unwrap().to_string();
        let squeezed = |text: &str| {
            text.lines()
                .map(|line| line.split_whitespace().collect())
                .collect::<Vec<Vec<_>>>()
                .concat()
                .join(" ")
        };
        assert_eq!(squeezed(&text), squeezed(expected), "{text}");
        let text = primitives.unwrap().to_string();
        assert!(text.contains("0.010×") && text.contains("500 ns"), "{text}");
        assert!(of(&[], &Measured::new()).1.is_none());
    }
}
