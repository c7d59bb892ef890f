//! The numbers of a scenario: a block of rows a level, a row a competitor. A void cell is its sentence.

use super::gates;
use super::look::Look;
use super::metrics;
use super::points::{Found, found, why_void};
use super::text::{bytes, clipped, count, escape, number, short, slug};
use crate::results::{Arrivals, Cell, Competitor, Kind, Level, Results, Scenario, Tail};

/// A column: its heading, whether the scenario has it, its value, and how that is written.
struct Column {
    heading: &'static str,
    has: fn(&Scenario) -> bool,
    of: fn(&Cell, &Level) -> Option<f64>,
    written: fn(f64) -> String,
}

const COLUMNS: [Column; 12] = [
    Column {
        heading: "answers/s",
        has: |scenario| scenario.levels.iter().any(|level| level.kind != Kind::Burst),
        of: |cell, level| (level.kind != Kind::Burst).then_some(cell.rate),
        written: number,
    },
    Column {
        heading: "burst",
        has: |scenario| scenario.levels.iter().any(|level| level.kind == Kind::Burst),
        of: |cell, level| (level.kind == Kind::Burst).then_some(cell.span_s),
        written: |value| format!("{} s", number(value)),
    },
    Column { heading: "p50", has: |_| true, of: |cell, _| Some(cell.latency.p50_ms), written: ms },
    Column {
        heading: "p99",
        has: |scenario| scenario.levels.iter().any(|level| level.tail == Tail::P99),
        of: |cell, level| (level.tail == Tail::P99).then(|| metrics::tail(cell, level)).flatten(),
        written: ms,
    },
    Column {
        heading: "p99 raw",
        has: |scenario| scenario.levels.iter().any(|level| level.kind == Kind::Open),
        of: |cell, _| cell.service.as_ref()?.p99_ms,
        written: ms,
    },
    Column {
        heading: "slowest",
        has: |_| true,
        of: |cell, _| Some(cell.latency.max_ms),
        written: ms,
    },
    Column {
        heading: "bystander’s p99",
        has: probed,
        of: |cell, _| cell.probe.as_ref()?.latency.p99_ms,
        written: ms,
    },
    Column {
        heading: "its longest stall",
        has: probed,
        of: |cell, _| Some(cell.probe.as_ref()?.stall_ms),
        written: ms,
    },
    Column {
        heading: "CPU an answer",
        has: |_| true,
        of: |cell, _| cell.usage.as_ref()?.cpu_us,
        written: |value| format!("{} µs", number(value)),
    },
    Column {
        heading: "threads",
        has: |_| true,
        of: |cell, _| Some(cell.usage.as_ref()?.threads_peak as f64),
        written: |value| count(value.round() as u64),
    },
    Column {
        heading: "RSS",
        has: |_| true,
        of: |cell, _| Some(cell.usage.as_ref()?.rss_peak_bytes as f64),
        written: bytes,
    },
    Column {
        heading: "kernel’s",
        has: |_| true,
        of: |cell, _| {
            let usage = cell.usage.as_ref()?;
            Some((usage.page_tables_peak_bytes + usage.kernel_stacks_peak_bytes) as f64)
        },
        written: bytes,
    },
];

/// The table.
pub(super) fn html(results: &Results, looks: &[Look], scenario: &Scenario) -> String {
    let columns: Vec<_> = COLUMNS.iter().filter(|column| (column.has)(scenario)).collect();
    let headings: String = columns
        .iter()
        .map(|column| column.heading)
        .chain(results.floor().map(|_| "CPU ÷ floor’s"))
        .map(|heading| format!(r#"<th scope="col">{heading}</th>"#))
        .collect();
    let everywhere = gates::everywhere(results);
    let table = Table { results, looks, scenario, columns, everywhere };
    let blocks: String = scenario.levels.iter().map(|level| table.block(level)).collect();
    let (name, slug) = (escape(&scenario.name), slug(&scenario.name));
    let rounds = match results.rounds {
        1 => "one round".to_owned(),
        rounds => format!("medians of {rounds} rounds, and under them their range"),
    };
    format!(
        r#"<div class="table" role="region" aria-labelledby="{slug}-c" tabindex="0"><table>
<caption id="{slug}-c"><code>{name}</code> in numbers: {rounds}</caption>
<thead><tr><th scope="col">competitor</th>{headings}</tr></thead>
{blocks}</table></div>"#
    )
}

struct Table<'a> {
    results: &'a Results,
    looks: &'a [Look],
    scenario: &'a Scenario,
    columns: Vec<&'static Column>,
    /// Cautions that are said once for the whole run.
    everywhere: Vec<String>,
}

impl Table<'_> {
    /// Columns behind the name.
    fn wide(&self) -> usize {
        self.columns.len() + usize::from(self.results.floor().is_some())
    }

    fn block(&self, level: &Level) -> String {
        let competitors = self.results.competitors.iter().zip(self.looks);
        let listed: Vec<_> = self.results.listed(&self.scenario.name).collect();
        let competitors = competitors.filter(|(who, _)| listed.contains(who));
        let rows: String = competitors.map(|(who, look)| self.row(level, who, *look)).collect();
        let wide = self.wide() + 1;
        format!(
            r#"<tbody><tr class="level"><th scope="rowgroup" colspan="{wide}"><span>{} <em>{}</em></span></th></tr>
{rows}</tbody>
"#,
            escape(&level.name),
            escape(&asked(level, 64))
        )
    }

    fn row(&self, level: &Level, who: &Competitor, look: Look) -> String {
        let cells = self.results.cells_at(&self.scenario.name, &level.name, &who.name);
        let head =
            format!(r#"<th scope="row" class="{}">{}</th>"#, look.class(), escape(&who.name));
        let wide = self.wide();
        let sentence = |class: &str, text: &str| {
            format!(
                r#"<tr class="{class}">{head}<td colspan="{wide}"><span>{}</span></td></tr>"#,
                escape(text)
            )
        };
        if cells.is_empty() {
            let why = who.excluded.as_deref().map(|why| format!("not measured: {why}"));
            return sentence("void", why.as_deref().unwrap_or("not measured in this run"));
        }
        if cells.iter().all(|cell| cell.is_void()) {
            let why = why_void(&cells).unwrap_or_default();
            return sentence("void", &format!("void: {why}"));
        }
        let values: String = self.columns.iter().map(|column| column.cell(&cells, level)).collect();
        let values = values + &self.times_the_floor(&cells, level);
        let notes: String = self
            .notes(&cells)
            .iter()
            .map(|note| {
                let note = escape(note);
                format!(r#"<tr class="note"><td></td><td colspan="{wide}"><span>{note}</span></td></tr>"#)
            })
            .collect();
        format!("<tr>{head}{values}</tr>{notes}\n")
    }

    /// The last column: CPU time an answer as a multiple of the floor's.
    fn times_the_floor(&self, cells: &[&Cell], level: &Level) -> String {
        if self.results.floor().is_none() {
            return String::new();
        }
        let floor = self.results.floor_cpu((&self.scenario.name, &level.name));
        let cpu = found(cells, |cell| cell.usage.as_ref()?.cpu_us);
        match (floor, cpu) {
            (Some(floor), Found::Measured(cpu)) => {
                format!("<td>{} ×</td>", number(cpu.median / floor))
            }
            _ => "<td>–</td>".into(),
        }
    }

    /// What has to be known beside the numbers of a row.
    fn notes(&self, cells: &[&Cell]) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(why) = why_void(cells) {
            let void = cells.iter().filter(|cell| cell.is_void()).count();
            notes.push(format!("{void} of {} rounds not used: {why}", cells.len()));
        }
        let failed: u64 = cells.iter().map(|cell| cell.failed()).sum();
        if failed > 0 {
            let example = cells.iter().flat_map(|cell| &cell.examples).next();
            let example = example.map(|text| format!(", such as: {text}")).unwrap_or_default();
            notes.push(format!("{} requests failed over all rounds{example}", count(failed)));
        }
        let all = gates::cautions(cells);
        let new = all.into_iter().filter(|(name, _)| !self.everywhere.contains(name));
        notes.extend(new.map(|(name, sentence)| format!("{name}: {sentence}")));
        notes
    }
}

impl Column {
    fn cell(&self, cells: &[&Cell], level: &Level) -> String {
        let Found::Measured(range) = found(cells, |cell| (self.of)(cell, level)) else {
            return "<td>–</td>".into();
        };
        let median = (self.written)(range.median);
        let (min, max) = ((self.written)(range.min), (self.written)(range.max));
        if range.rounds == 1 || min == max {
            return format!("<td>{median}</td>");
        }
        format!("<td>{median}<small>{}</small></td>", span(&min, &max))
    }
}

/// What a level asks, in words, of the request no more than this many letters.
pub(super) fn asked(level: &Level, most: usize) -> String {
    let clients = count(level.clients as u64);
    let how = match (level.kind, level.rate) {
        (Kind::Burst, _) => format!("{clients} clients connect and ask once, all at once"),
        (Kind::Open, Some(rate)) => {
            let arrivals = match level.arrivals {
                Arrivals::Poisson => "a second, independent of each other",
                Arrivals::Fixed => "a second, evenly",
                Arrivals::Ramp => "a second at the end, growing evenly from none",
            };
            format!("{} requests {arrivals}, at most {clients} at once", short(rate))
        }
        (Kind::Room, rate) => {
            let rate = short(rate.unwrap_or_default());
            format!(
                "{clients} clients listen to one room, in which {rate} messages a second are said"
            )
        }
        (Kind::Open, None) => format!("on a schedule, at most {clients} at once"),
        (Kind::Closed, _) if level.clients == 1 => "1 client asks again and again".into(),
        (Kind::Closed, _) => format!("{clients} clients ask again and again"),
    };
    let least = match level.least_ms {
        least if least > 0.0 => format!(", nothing faster than {} ms", short(least)),
        _ => String::new(),
    };
    let probe = level.probe.as_ref().map(|probe| format!("; a bystander asks {probe}"));
    let request = clipped(&level.request, most);
    let how = if level.reconnects { format!("{how}, a connection each time") } else { how };
    format!("{how}: {request}{least}{}", probe.unwrap_or_default())
}

fn probed(scenario: &Scenario) -> bool {
    scenario.levels.iter().any(|level| level.probe.is_some())
}

fn ms(value: f64) -> String {
    format!("{} ms", number(value))
}

/// `8.10–9.00 ms`: a unit that both share is said once.
fn span(min: &str, max: &str) -> String {
    match (min.split_once(' '), max.split_once(' ')) {
        (Some((value, unit)), Some((_, other))) if unit == other => format!("{value}–{max}"),
        _ => format!("{min}–{max}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_says_its_unit_once() {
        assert_eq!(span("8.10 ms", "9.00 ms"), "8.10–9.00 ms");
        assert_eq!(span("980 KB", "1.10 MB"), "980 KB–1.10 MB");
        assert_eq!(span("3", "4"), "3–4");
    }
}
