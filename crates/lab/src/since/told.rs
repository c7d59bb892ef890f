//! The comparison of two runs in words: for a terminal, and for a pull request.

use std::fmt::Write as _;

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use super::{Change, Comparison, Line, Verdict};
use crate::difference::{CONFIDENCE, FOR_AN_INTERVAL};
use crate::results::Results;

const HEAD: [&str; 6] = ["where", "figure", "before", "after", "after ÷ before", "so"];

/// For a terminal.
pub(super) fn terminal(
    before: &Results,
    after: &Results,
    comparison: &Comparison,
    all: bool,
) -> String {
    let mut text = format!("{}\n{}\n", run("before", before), run("after ", after));
    for warning in warnings(before, after, comparison) {
        let _ = writeln!(text, "Note: {warning}.");
    }
    let shown = |line: &&Line| all || is_news(line);
    let lines: Vec<_> = comparison.lines.iter().filter(shown).collect();
    if !lines.is_empty() {
        let mut table = Table::new();
        table.load_style(UTF8_HORIZONTAL_ONLY);
        table.set_content_arrangement(ContentArrangement::Disabled).set_header(HEAD);
        for column in table.column_iter_mut().skip(2).take(3) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        for line in lines {
            table.add_row(cells(line));
        }
        // A rule under the head, none between rows.
        let mut rules = 0;
        for row in table.lines() {
            rules += usize::from(row.starts_with('─'));
            if !row.starts_with('─') || rules <= 2 {
                let _ = writeln!(text, "{}", row.trim_end());
            }
        }
    }
    for void in &comparison.newly_void {
        let _ = writeln!(text, "void now, and usable before: {void}");
    }
    for lacking in &comparison.lacking {
        let _ = writeln!(text, "not compared: {lacking}");
    }
    let _ = writeln!(text, "{}", summary(comparison));
    text
}

/// For a pull request.
pub(super) fn markdown(before: &Results, after: &Results, comparison: &Comparison) -> String {
    let mark = match comparison.verdict {
        Verdict::Kept => "✅",
        Verdict::Broken => "❌",
        Verdict::CannotTell => "❔",
    };
    let mut text = format!("### {mark} {}\n\n", summary(comparison));
    for void in &comparison.newly_void {
        let _ = writeln!(text, "- void now, and usable before: {}", escaped(void));
    }
    for warning in warnings(before, after, comparison) {
        let _ = writeln!(text, "> {}.", escaped(&warning));
    }
    let (news, rest): (Vec<_>, Vec<_>) = comparison.lines.iter().partition(|line| is_news(line));
    if !news.is_empty() {
        let _ = writeln!(text, "\n{}", rows(&news));
    }
    if !rest.is_empty() {
        let _ = writeln!(
            text,
            "\n<details><summary>{} without a difference</summary>\n\n{}\n</details>",
            figures(rest.len()),
            rows(&rest)
        );
    }
    for lacking in &comparison.lacking {
        let _ = writeln!(text, "- not compared: {}", escaped(lacking));
    }
    let _ = writeln!(text, "\n<sub>{} · {}</sub>", run("before", before), run("after", after));
    text
}

fn rows(lines: &[&Line]) -> String {
    let mut text = format!("| {} |\n|---|---|--:|--:|--:|---|\n", HEAD.join(" | "));
    for line in lines {
        let _ = writeln!(text, "| {} |", cells(line).map(|cell| escaped(&cell)).join(" | "));
    }
    text
}

/// A name may hold what Markdown takes for its own.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('|', "\\|")
}

fn is_news(line: &Line) -> bool {
    line.change() != Change::None || !line.broken.is_empty() || !line.hidden.is_empty()
}

fn cells(line: &Line) -> [String; 6] {
    let value = |value: f64| {
        let digits = if value >= 100.0 { 0 } else { 2 };
        format!("{value:.digits$} {}", line.figure.unit).trim_end().to_owned()
    };
    let so = match line.change() {
        Change::None => "no difference",
        Change::Better => "better",
        Change::Worse => "worse",
    };
    let mut so = so.to_owned();
    if !line.broken.is_empty() {
        let _ = write!(so, ", breaks {}", line.broken.join(" and "));
    }
    if !line.hidden.is_empty() {
        let _ = write!(so, "; noise may hide {}", line.hidden.join(" and "));
    }
    [
        line.place.clone(),
        line.figure.name.to_owned(),
        value(line.before),
        value(line.after),
        line.ratio.shown(),
        so,
    ]
}

/// `no rule is broken: 2 of 120 figures differ, …`
fn summary(comparison: &Comparison) -> String {
    let lines = &comparison.lines;
    let count = |change: Change| lines.iter().filter(|line| line.change() == change).count();
    let broken = lines.iter().filter(|line| !line.broken.is_empty()).count();
    let verdict = match comparison.verdict {
        Verdict::Kept => "no rule is broken".to_owned(),
        Verdict::Broken if broken > 0 => format!("{} a rule", breaks(broken)),
        Verdict::Broken => "cells are void that were not".to_owned(),
        Verdict::CannotTell if lines.is_empty() => "cannot tell: nothing in common".to_owned(),
        Verdict::CannotTell if !comparison.unlike.is_empty() => {
            "cannot tell: the runs are of different machines or settings".to_owned()
        }
        Verdict::CannotTell => "cannot tell: noise, or cells that are void or missing".to_owned(),
    };
    format!(
        "{verdict}; of {} {} became worse, {} better, {} show no difference",
        figures(lines.len()),
        count(Change::Worse),
        count(Change::Better),
        count(Change::None),
    )
}

fn breaks(count: usize) -> String {
    if count == 1 { "1 figure breaks".into() } else { format!("{count} figures break") }
}

fn figures(count: usize) -> String {
    if count == 1 { "1 figure".into() } else { format!("{count} figures") }
}

fn warnings(before: &Results, after: &Results, comparison: &Comparison) -> Vec<String> {
    let mut warnings: Vec<_> =
        comparison.unlike.iter().map(|how| format!("the runs are not alike in {how}")).collect();
    let rounds = before.rounds.min(after.rounds);
    if (rounds as usize) < FOR_AN_INTERVAL {
        warnings.push(format!(
            "with {rounds} rounds there is no interval: only what every round says, and over 10 %, is a difference"
        ));
    } else if comparison.lines.len() >= 50 {
        let by_chance = comparison.lines.len() as f64 * (1.0 - CONFIDENCE);
        warnings.push(format!(
            "of {} comparisons about {by_chance:.0} would differ by chance alone",
            comparison.lines.len()
        ));
    }
    warnings
}

/// `before: 2026-01-02T03:04:05Z, commit 0123456789ab, 10 rounds, cargo lab compare …`
fn run(name: &str, results: &Results) -> String {
    let commit = results.versions.commit.as_deref().unwrap_or("unknown");
    let changed = if results.versions.dirty { " with changes" } else { "" };
    format!(
        "{name}: {}, commit {}{changed}, {} rounds, `{}`",
        results.started,
        &commit[..12.min(commit.len())],
        results.rounds,
        results.command.join(" ")
    )
}
