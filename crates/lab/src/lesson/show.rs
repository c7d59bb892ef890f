//! What the reader sees in a terminal: the claim, the chart, the requests one by one, the verdict.

use std::fmt::Write as _;

use crate::lesson::experiment::alone;
use crate::lesson::found::{Drawn, Found, shown};
use crate::lesson::{Chart, Lesson, Scale};
use crate::peers;

/// The most columns of a bar.
const BAR: usize = 36;
/// Rows and columns of a strip: four requests a row, two moments a column, in dots.
const ROWS: usize = 15;
const COLUMNS: usize = 24;

/// Before it runs: name, claim, who says so, what will be done.
pub fn opening(lesson: &Lesson, scale: &Scale) -> String {
    let Lesson { name, claim, said_by, .. } = lesson;
    let said_by = said_by.words();
    format!("{name}: \"{claim}\" ({said_by})\n\n{}\n", lesson.experiment(scale))
}

/// After it ran: chart, strips, verdict, what to read next.
pub fn closing(lesson: &Lesson, found: &Found, guess: Option<usize>) -> String {
    let mut text = chart(&lesson.chart, found);
    if let Some(level) = lesson.strip {
        let drawn: Vec<_> = found.strips.iter().filter(|drawn| drawn.level == level).collect();
        if !drawn.is_empty() {
            let _ = write!(
                text,
                "\n{level}: sixty of the requests, each a line from sent to answered\n{}",
                strips(&drawn)
            );
        }
    }
    for gate in found.failed_gates() {
        let _ = writeln!(text, "not used: {gate}");
    }
    let _ = writeln!(text, "\nVerdict: {}", found.verdict);
    if !found.because.is_empty() {
        let _ = writeln!(text, "  {}", found.because);
    }
    if let Some(guess) = guess {
        let _ = writeln!(text, "  {}", reply(lesson, found, guess));
    }
    let _ = writeln!(
        text,
        "Next: docs/src/{} · again: cargo lab lesson {}",
        lesson.chapter, lesson.name
    );
    text
}

fn reply(lesson: &Lesson, found: &Found, guess: usize) -> String {
    let guessed = lesson.guess.answers[guess];
    match found.answer {
        Some(answer) if answer == guess => format!("You guessed \"{guessed}\", and so it was."),
        Some(answer) => {
            format!("You guessed \"{guessed}\"; it was \"{}\".", lesson.guess.answers[answer])
        }
        None => format!("You guessed \"{guessed}\"; this run cannot tell."),
    }
}

/// A bar for each server at each level, with its figure and what its rounds lie between.
pub fn chart(chart: &Chart, found: &Found) -> String {
    let rounds = found.rounds;
    let of = if rounds == 1 {
        "one round".to_owned()
    } else {
        format!("median of {rounds} rounds, least to most")
    };
    let mut text = format!("{} ({of})\n", chart.title);
    let figures = rows(chart, found);
    let most = figures.iter().map(|row| row.median).fold(0.0, f64::max);
    let name = figures.iter().map(|row| row.who.chars().count()).max().unwrap_or(0);
    let mut level = "";
    for row in &figures {
        if row.level != level {
            level = row.level;
            let _ = writeln!(text, " {level}");
        }
        let bar = bar(row.median / most);
        let _ = writeln!(text, "  {:<name$}  {bar} {}", row.who, row.shown);
    }
    text
}

/// One bar of the chart.
#[derive(Clone, Debug)]
pub(super) struct Row<'a> {
    /// What was asked.
    pub(super) level: &'a str,
    /// Of whom.
    pub(super) who: &'a str,
    /// What came of it.
    pub(super) median: f64,
    /// Least and most of all rounds.
    pub(super) range: (f64, f64),
    /// In words.
    pub(super) shown: String,
}

/// The bars of the chart; where a figure is void, one without length that says why.
pub(super) fn rows<'a>(chart: &Chart, found: &'a Found) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    for level in found.levels() {
        for who in found.who() {
            if !found.trials.iter().any(|trial| trial.level == level && trial.who == who) {
                continue;
            }
            if peers::PEERS.contains(&who) {
                rows.extend(beside(chart, found, level, who));
                continue;
            }
            rows.push(match found.figure(level, who, chart.figure) {
                Ok(figure) => Row {
                    level,
                    who,
                    median: figure.median(),
                    range: figure.range(),
                    shown: shown(&figure, chart.figure),
                },
                Err(_) => Row { level, who, median: 0.0, range: (0.0, 0.0), shown: "–".into() },
            });
        }
    }
    rows
}

/// A peer is shown as a multiple of its own value with one client: another language is another subject.
fn beside<'a>(chart: &Chart, found: &'a Found, level: &'a str, who: &'a str) -> Option<Row<'a>> {
    let alone = alone(level);
    let ratio = found.ratio((level, who), (&alone, who), chart.figure).ok()?;
    let shown = format!("{} its own value with one client", ratio.shown());
    Some(Row { level, who, median: 0.0, range: (0.0, 0.0), shown })
}

/// Eighths of a column, so that little is not nothing.
fn bar(share: f64) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = if share.is_finite() { (share * BAR as f64 * 8.0).round() as usize } else { 0 };
    let eighths = if share > 0.0 { eighths.max(1) } else { eighths };
    format!("{}{}", "█".repeat(eighths / 8), PARTS[eighths % 8])
}

/// Strips side by side, as many as a line of 80 columns takes.
fn strips(drawn: &[&Drawn]) -> String {
    let mut text = String::new();
    for group in drawn.chunks(3) {
        // Each on its own clock would make a staircase look like a block.
        let most =
            group.iter().flat_map(|drawn| &drawn.requests).map(|(_, end)| *end).fold(0.0, f64::max);
        for drawn in group {
            let _ = write!(text, " {:<COLUMNS$} ", short(&drawn.who));
        }
        text.push('\n');
        let pictures: Vec<Vec<String>> =
            group.iter().map(|drawn| dots(&drawn.requests, most)).collect();
        for row in 0..ROWS {
            for picture in &pictures {
                let _ = write!(text, " {} ", picture[row]);
            }
            text.push('\n');
        }
        for drawn in group {
            let shape = format!("{} of {}", shape(&drawn.requests), ms(last(&drawn.requests)));
            let _ = write!(text, " {shape:<COLUMNS$} ");
        }
        text.push_str("\n\n");
    }
    text
}

/// What the picture looks like: those who waited together end together.
pub fn shape(requests: &[(f64, f64)]) -> &'static str {
    let first = requests.iter().map(|(_, end)| *end).fold(f64::INFINITY, f64::min);
    if last(requests) <= first * 2.0 { "a block" } else { "a staircase" }
}

fn last(requests: &[(f64, f64)]) -> f64 {
    requests.iter().map(|(_, end)| *end).fold(0.0, f64::max)
}

fn ms(value: f64) -> String {
    if value >= 1_000.0 { format!("{:.2} s", value / 1e3) } else { format!("{value:.0} ms") }
}

fn short(who: &str) -> String {
    who.chars().take(COLUMNS).collect()
}

/// A request a row of dots: Braille patterns hold two by four (Unicode chapter 21.1).
fn dots(requests: &[(f64, f64)], most: f64) -> Vec<String> {
    const BITS: [[u32; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
    let mut cells = vec![[0_u32; COLUMNS]; ROWS];
    let shown = ROWS * 4;
    let count = requests.len().max(1);
    for row in 0..shown {
        // Fewer requests are drawn thicker.
        let Some((start, end)) = requests.get(row * count.min(shown) / shown) else { continue };
        let at = |time: f64| (time / most.max(1e-9) * (COLUMNS * 2) as f64).floor() as usize;
        for dot in at(*start)..=at(*end).min(COLUMNS * 2 - 1) {
            cells[row / 4][dot / 2] |= BITS[row % 4][dot % 2];
        }
    }
    let braille = |bits: u32| char::from_u32(0x2800 + bits).expect("a Braille pattern");
    cells.iter().map(|row| row.iter().map(|bits| braille(*bits)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_waited_together_are_a_block_and_those_in_turn_a_staircase() {
        let block: Vec<_> = (0..60).map(|n| (0.0, 100.0 + f64::from(n) / 10.0)).collect();
        let stairs: Vec<_> = (1..=60).map(|n| (0.0, 100.0 * f64::from(n))).collect();
        assert_eq!((shape(&block), shape(&stairs)), ("a block", "a staircase"));
        let full = dots(&block, 106.0);
        assert_eq!(full.len(), ROWS);
        assert!(full[3].starts_with('\u{28ff}'), "{full:?}");
        let half = dots(&stairs, 6_000.0);
        assert!(
            half[0].ends_with('\u{2800}') && half[ROWS - 1].starts_with('\u{28ff}'),
            "{half:?}"
        );
    }

    #[test]
    fn a_bar_shows_little_as_something_and_nothing_as_nothing() {
        assert_eq!(bar(0.0), "");
        assert_eq!(bar(0.0001), "▏");
        assert_eq!(bar(1.0).chars().count(), BAR);
    }
}
