//! `cells.csv`: every cell of every round, a line each, for a spreadsheet. A void cell has its sentence and no numbers.

use std::fmt::Write as _;

use crate::results::{Cell, Level, Results};

/// A column: its name, and its value of a cell that can be used.
type Column = (&'static str, fn(&Cell) -> Option<f64>);

const COLUMNS: [Column; 25] = [
    ("rate_per_s", |cell| Some(cell.rate)),
    ("ok", |cell| Some(cell.ok as f64)),
    ("failed", |cell| Some(cell.failed() as f64)),
    ("span_s", |cell| Some(cell.span_s)),
    ("p50_ms", |cell| Some(cell.latency.p50_ms)),
    ("p90_ms", |cell| cell.latency.p90_ms),
    ("p99_ms", |cell| cell.latency.p99_ms),
    ("p999_ms", |cell| cell.latency.p999_ms),
    ("max_ms", |cell| Some(cell.latency.max_ms)),
    ("service_p50_ms", |cell| Some(cell.service.as_ref()?.p50_ms)),
    ("service_p99_ms", |cell| cell.service.as_ref()?.p99_ms),
    ("cpu_us", |cell| cell.usage.as_ref()?.cpu_us),
    ("user_share", |cell| cell.usage.as_ref()?.user_share),
    ("threads", |cell| Some(cell.usage.as_ref()?.threads_peak as f64)),
    ("voluntary_switches", |cell| cell.usage.as_ref()?.voluntary_switches),
    ("involuntary_switches", |cell| cell.usage.as_ref()?.involuntary_switches),
    ("rss_bytes", |cell| Some(cell.usage.as_ref()?.rss_peak_bytes as f64)),
    ("page_tables_bytes", |cell| Some(cell.usage.as_ref()?.page_tables_peak_bytes as f64)),
    ("kernel_stacks_bytes", |cell| Some(cell.usage.as_ref()?.kernel_stacks_peak_bytes as f64)),
    ("machine_slab_bytes", |cell| Some(cell.usage.as_ref()?.machine_slab_bytes as f64)),
    ("machine_socket_buffers_bytes", |cell| {
        Some(cell.usage.as_ref()?.machine_socket_buffers_bytes as f64)
    }),
    ("probe_p99_ms", |cell| cell.probe.as_ref()?.latency.p99_ms),
    ("probe_stall_ms", |cell| Some(cell.probe.as_ref()?.stall_ms)),
    ("in_flight", |cell| Some(cell.in_flight)),
    ("generator_busy", |cell| Some(cell.generator_busy)),
];

/// The whole file.
pub fn of(results: &Results) -> String {
    let mut text = String::from("scenario,level,kind,clients,competitor,round,void,gates");
    for (name, _) in COLUMNS {
        let _ = write!(text, ",{name}");
    }
    text.push('\n');
    for cell in &results.cells {
        let level = results
            .scenario(&cell.scenario)
            .and_then(|scenario| scenario.levels.iter().find(|level| level.name == cell.level));
        line(&mut text, cell, level);
    }
    text
}

fn line(text: &mut String, cell: &Cell, level: Option<&Level>) {
    let kind = level.map_or("", |level| level.kind.word());
    let clients = level.map_or_else(String::new, |level| level.clients.to_string());
    let gates = cell.gates.iter().map(|gate| format!("{}: {}", gate.name, gate.sentence));
    let gates = gates.collect::<Vec<_>>().join("; ");
    let names = [&cell.scenario, &cell.level, kind, &clients, &cell.competitor].map(quoted);
    let void = cell.is_void();
    let _ = write!(text, "{},{},{void},{}", names.join(","), cell.round, quoted(&gates));
    for (_, value) in COLUMNS {
        text.push(',');
        let value = value(cell).filter(|value| value.is_finite() && !void);
        if let Some(value) = value {
            let _ = write!(text, "{value}");
        }
    }
    text.push('\n');
}

/// As RFC 4180 has it, where a comma, a quote or a line break asks for it.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::made_up;

    #[test]
    fn a_void_cell_has_its_sentence_and_no_number() {
        let mut results = made_up::results();
        results.cells.truncate(2);
        results.cells[0].gates.clear();
        let gate = crate::results::Gate {
            name: "starved".into(),
            void: true,
            sentence: "96 of 100, \"they\" say".into(),
        };
        results.cells[1].gates = vec![gate];
        let text = of(&results);
        let lines: Vec<_> = text.lines().collect();
        let columns = lines[0].split(',').count();
        assert_eq!(lines[1].split(',').count(), columns, "{text}");
        assert!(lines[1].contains(",false,") && !lines[1].contains(",,,,"), "{text}");
        let empty = ",".repeat(COLUMNS.len());
        let wanted = format!("true,\"starved: 96 of 100, \"\"they\"\" say\"{empty}");
        assert!(lines[2].ends_with(&wanted), "{text}");
    }
}
