//! The same as one SVG: the chart, and the requests one by one.

use std::fmt::Write as _;

use crate::lesson::Lesson;
use crate::lesson::found::{Drawn, Found};
use crate::lesson::show::{rows, shape};
use crate::report::{escape, on_light};

const WIDTH: f64 = 760.0;
const NAME: f64 = 210.0;
const BAR: f64 = 330.0;
const ROW: f64 = 20.0;
const STRIP: f64 = 226.0;

/// A picture with its own paper, to be shown on a light page and a dark one.
pub fn svg(lesson: &Lesson, found: &Found) -> String {
    let who = found.who();
    let colour = |name: &str| {
        let at = who.iter().position(|other| *other == name).unwrap_or(0);
        on_light(name, at)
    };
    let mut body = String::new();
    let mut y = 30.0;
    text(&mut body, 20.0, y, "head", &format!("{}: “{}”", lesson.name, lesson.claim));
    y += 22.0;
    text(&mut body, 20.0, y, "soft", &format!("{} — {}", found.verdict, lesson.chart.title));
    y += 14.0;
    let rows = rows(&lesson.chart, found);
    let most = rows.iter().map(|row| row.range.1).fold(0.0, f64::max).max(1e-9);
    let mut level = "";
    for row in &rows {
        if row.level != level {
            level = row.level;
            y += ROW;
            text(&mut body, 20.0, y, "strong", level);
        }
        y += ROW;
        let long = |value: f64| (value / most * BAR).max(if value > 0.0 { 1.0 } else { 0.0 });
        text(&mut body, NAME - 8.0, y, "end", row.who);
        let (top, width, fill) = (y - 12.0, long(row.median), colour(row.who));
        let _ = write!(
            body,
            r#"<rect x="{NAME}" y="{top:.1}" width="{width:.1}" height="14" fill="{fill}"><title>{}</title></rect>"#,
            escape(&format!("{}, {}: {}", row.who, row.level, row.shown))
        );
        let (least, highest) = (NAME + long(row.range.0), NAME + long(row.range.1));
        if highest - least > 1.0 {
            let middle = y - 5.0;
            let _ = write!(
                body,
                r##"<path d="M{least:.1} {middle:.1}H{highest:.1}" stroke="#1f2328" stroke-width="1.5"/>"##
            );
        }
        text(&mut body, NAME + long(row.range.1.max(row.median)) + 6.0, y, "", &row.shown);
    }
    let drawn: Vec<&Drawn> = match lesson.strip {
        Some(level) => found.strips.iter().filter(|drawn| drawn.level == level).collect(),
        None => Vec::new(),
    };
    if !drawn.is_empty() {
        y += 34.0;
        text(
            &mut body,
            20.0,
            y,
            "strong",
            "Sixty of the requests, each a line from sent to answered",
        );
        let last = |drawn: &&Drawn| drawn.requests.iter().map(|(_, end)| *end).fold(0.0, f64::max);
        let most = drawn.iter().map(last).fold(0.0, f64::max).max(1e-9);
        for group in drawn.chunks(3) {
            y += ROW;
            for (at, drawn) in group.iter().enumerate() {
                let x = 20.0 + at as f64 * (STRIP + 20.0);
                text(&mut body, x, y, "", &format!("{}: {}", drawn.who, shape(&drawn.requests)));
                strip(&mut body, (x, y + 8.0), drawn, most, colour(&drawn.who));
            }
            y += 60.0 * 2.2 + 16.0;
        }
    }
    y += 24.0;
    text(&mut body, 20.0, y, "soft", &source(found));
    y += 16.0;
    let says = escape(&format!("{}. {}", found.verdict, found.because));
    let title = escape(&format!("{}: {}", lesson.name, lesson.claim));
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y:.0}" viewBox="0 0 {WIDTH} {y:.0}" role="img" aria-labelledby="t d"><title id="t">{title}</title><desc id="d">{says}</desc><style>text{{font:12px system-ui,sans-serif;fill:#1f2328}}.head{{font-size:16px;font-weight:700}}.strong{{font-weight:600}}.soft{{fill:#57606a}}.end{{text-anchor:end}}</style><rect x=".5" y=".5" width="{:.0}" height="{:.0}" rx="8" fill="#ffffff" stroke="#d0d7de"/>{body}</svg>
"##,
        WIDTH - 1.0,
        y - 1.0
    )
}

/// Each request a line, on a clock that all strips share.
fn strip(body: &mut String, (x, y): (f64, f64), drawn: &Drawn, most: f64, colour: &str) {
    let mut path = String::new();
    for (at, (start, end)) in drawn.requests.iter().enumerate() {
        let line = y + 2.2 * at as f64 + 1.0;
        let (from, to) = (x + start / most * STRIP, x + end / most * STRIP);
        let _ = write!(path, "M{from:.1} {line:.1}H{to:.1}");
    }
    let _ = write!(body, r#"<path d="{path}" stroke="{colour}" stroke-width="1.6" fill="none"/>"#);
}

/// Where it ran, in a line.
fn source(found: &Found) -> String {
    let commit = found.versions.commit.as_deref().unwrap_or("none");
    let commit = &commit[..12.min(commit.len())];
    let (cores, word, profile) = (found.cores(), found.cpus.word(), &found.versions.profile);
    let day = &found.started[..10.min(found.started.len())];
    format!(
        "{day} · {cores} cores, {word} · {} · {profile} build · commit {commit}",
        found.machine.cpu
    )
}

fn text(body: &mut String, x: f64, y: f64, class: &str, words: &str) {
    let words = escape(words);
    let _ = write!(body, r#"<text class="{class}" x="{x:.1}" y="{y:.1}">{words}</text>"#);
}
