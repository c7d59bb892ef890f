//! What a model expects, as a broken line, beside what was measured, as marks: how far they are apart is the subject.

use super::axis::Axis;
use super::drawing::label;
use super::figure::on_paper;
use super::lines::{Curve, Dot, HEIGHT, Lines};
use super::look::{self, Look};
use super::points::Range;
use super::text::{clipped, escape, number, short};

/// One figure of several servers over the number of clients.
#[derive(Clone, Debug)]
pub(crate) struct Hypothesis {
    /// In a few words.
    pub(crate) title: String,
    /// Of the figure.
    pub(crate) unit: &'static str,
    /// Past this many clients the model goes by what it was not calibrated on.
    pub(crate) known_to: f64,
    /// The servers, in the order of every table.
    pub(crate) servers: Vec<Expected>,
}

/// One server: what is expected of it, and what was found.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    /// Its name.
    pub(crate) name: String,
    /// Clients, and the figure that is expected there.
    pub(crate) line: Vec<(f64, f64)>,
    /// Where it was measured.
    pub(crate) points: Vec<Point>,
}

/// What was found at one level.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    /// Clients at once.
    pub(crate) clients: f64,
    /// What the model expects there.
    pub(crate) expected: f64,
    /// The least, the median and the most of all rounds that can be used; or why there is none.
    pub(crate) found: Result<(f64, f64, f64), String>,
}

const MARGIN: f64 = 20.0;
const WIDTH: f64 = 360.0;
const SIDE_BY_SIDE: usize = 2;

/// One SVG with its own paper, a chart a figure; `evidence` is written below.
pub(crate) fn hypotheses(title: &str, all: &[Hypothesis], evidence: &str) -> String {
    let mut body = label(MARGIN, 28.0, "head", title);
    body += &label(
        MARGIN,
        46.0,
        "soft",
        "Broken: what the model expects. Marks: what was measured. Dotted, at the top: more clients than it was calibrated with.",
    );
    let mut says = Vec::new();
    let mut top = 62.0;
    for row in all.chunks(SIDE_BY_SIDE) {
        let mut height: f64 = 0.0;
        for (at, hypothesis) in row.iter().enumerate() {
            let drawing = hypothesis.lines().draw();
            let x = MARGIN + at as f64 * (WIDTH + MARGIN);
            body += &label(x, top + 12.0, "strong", &drawing.title);
            body += &format!(
                r#"<g transform="translate({x:.0} {:.0})">{}</g>"#,
                top + 24.0,
                drawing.body
            );
            height = height.max(drawing.height + 36.0);
            says.push(format!("{}. {}", drawing.title, drawing.says));
        }
        top += height;
    }
    body += &label(MARGIN, top + 12.0, "soft", &clipped(evidence, 140));
    let (width, height) = (2.0 * (WIDTH + MARGIN) + MARGIN, top + 24.0);
    let (title, says, style) = (escape(title), escape(&says.join(" ")), look::style(on_paper));
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0}" height="{height:.0}" viewBox="0 0 {width:.0} {height:.0}" role="img" aria-labelledby="h-t h-d"><title id="h-t">{title}</title><desc id="h-d">{says}</desc><style>{style}.hypothesis{{stroke-dasharray:5 4;stroke-width:1.3}}.head{{font-size:16px;font-weight:700}}</style><rect x=".5" y=".5" width="{:.0}" height="{:.0}" rx="8" fill="#ffffff" stroke="#d0d7de"/>{body}</svg>
"##,
        width - 1.0,
        height - 1.0
    )
}

impl Hypothesis {
    fn lines(&self) -> Lines {
        let mut curves = Vec::new();
        for (at, Expected { name, line, points }) in self.servers.iter().enumerate() {
            let look = Look { colour: at, marker: at };
            let exactly = |value: f64| Range { min: value, median: value, max: value, rounds: 1 };
            let says = format!("{name}, as the model expects it");
            let line =
                line.iter().map(|&(x, y)| Dot { x, y: exactly(y), says: says.clone() }).collect();
            let pieces = vec![line];
            let curve = Curve {
                look,
                name: name.clone(),
                pieces,
                voids: Vec::new(),
                marked: false,
                hypothesis: true,
            };
            curves.push(curve);
            let dots = points.iter().filter_map(|point| {
                let (min, median, max) = *point.found.as_ref().ok()?;
                let y = Range { min, median, max, rounds: 1 };
                Some(Dot { x: point.clients, y, says: self.said(name, point, median) })
            });
            let voids = points.iter().filter_map(|point| {
                let why = point.found.as_ref().err()?;
                Some((point.clients, format!("{name} at {} is void: {why}", short(point.clients))))
            });
            curves.push(Curve {
                look,
                name: name.clone(),
                // Each for itself: a line through them would be a second hypothesis.
                pieces: dots.map(|dot| vec![dot]).collect(),
                voids: voids.collect(),
                marked: true,
                hypothesis: false,
            });
        }
        let dots = || curves.iter().flat_map(|curve| curve.pieces.iter().flatten());
        let across: Vec<f64> = dots().map(|dot| dot.x).collect();
        let upwards: Vec<f64> = dots().flat_map(|dot| [dot.y.min, dot.y.max]).collect();
        let y = Axis::fitting(&upwards);
        let mut levels: Vec<f64> = self
            .servers
            .iter()
            .flat_map(|server| server.points.iter().map(|point| point.clients))
            .collect();
        levels.sort_by(f64::total_cmp);
        levels.dedup();
        let most = across.iter().copied().fold(0.0, f64::max);
        Lines {
            title: self.title.clone(),
            x: (Axis::doubling(across), "clients at once".into()),
            y: (y, self.unit.into()),
            levels: Some(levels),
            curves,
            // Along the top, from where the model knows no more.
            floors: if self.known_to < most {
                vec![(self.known_to, most, y.high())]
            } else {
                Vec::new()
            },
            floor_says: "extrapolated, for it was not calibrated with so many clients; the chart ends at",
            height: HEIGHT,
        }
    }

    fn said(&self, name: &str, point: &Point, found: f64) -> String {
        format!(
            "{name} at {}: {} {} expected, {} found ({:+.0} %)",
            short(point.clients),
            number(point.expected),
            self.unit,
            number(found),
            (point.expected / found - 1.0) * 100.0
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_is_a_broken_line_and_what_was_found_are_marks_that_tell_the_error() {
        let point = |clients, found| Point { clients, expected: 110.0, found };
        let points = vec![
            point(8.0, Ok((90.0, 100.0, 105.0))),
            point(64.0, Err("starved: 60 of 64 <never>".to_owned())),
        ];
        let svg = hypotheses(
            "Predicted, and measured",
            &[Hypothesis {
                title: "wait: answers a second".into(),
                unit: "/s",
                known_to: 32.0,
                servers: vec![Expected {
                    name: "axum".into(),
                    line: vec![(4.0, 60.0), (64.0, 110.0)],
                    points,
                }],
            }],
            "a machine",
        );
        assert_eq!(svg.matches(r#"class="line hypothesis""#).count(), 1, "{svg}");
        assert!(svg.contains("axum at 8: 110 /s expected, 100 found (+10 %)"), "{svg}");
        assert!(svg.contains(r#"class="hollow""#) && svg.contains("&lt;never&gt;"), "{svg}");
        assert!(svg.contains("extrapolated") && !svg.contains("<never>"), "{svg}");
        // Its name once, not once more for what is expected of it.
        assert_eq!(svg.matches(">axum</text>").count(), 1, "{svg}");
    }
}
