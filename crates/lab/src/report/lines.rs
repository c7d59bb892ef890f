//! A chart of one figure against another: a line for each competitor, named where it ends.

use std::fmt::Write as _;

use super::axis::Axis;
use super::drawing::{Drawing, apart, group, label, stroke, width_of};
use super::look::Look;
use super::points::Range;
use super::text::{clipped, short};

/// What is drawn.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    /// In a few words.
    pub(super) title: String,
    /// Across, and what it counts.
    pub(super) x: (Axis, String),
    /// Upwards, and its unit.
    pub(super) y: (Axis, String),
    /// Written on the x axis instead of its own values.
    pub(super) levels: Option<Vec<f64>>,
    /// One a competitor.
    pub(super) curves: Vec<Curve>,
    /// What cannot be undercut: from, to, and where.
    pub(super) floors: Vec<(f64, f64, f64)>,
    /// Why not.
    pub(super) floor_says: &'static str,
    /// In units of the picture, without the lane for what is void.
    pub(super) height: f64,
}

/// One competitor.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    /// How it looks.
    pub(super) look: Look,
    /// As typed.
    pub(super) name: String,
    /// What belongs together; the line breaks between.
    pub(super) pieces: Vec<Vec<Dot>>,
    /// Where it was measured and cannot be used, and why.
    pub(super) voids: Vec<(f64, String)>,
    /// Whether every point gets a marker, and its range.
    pub(super) marked: bool,
    /// What somebody expects, and nobody has measured: a broken line, which has its name from the one beside it.
    pub(super) hypothesis: bool,
}

/// One point.
#[derive(Clone, Debug)]
pub(super) struct Dot {
    /// Across.
    pub(super) x: f64,
    /// Upwards: the median, and the range of all rounds.
    pub(super) y: Range,
    /// When pointed at.
    pub(super) says: String,
}

const WIDTH: f64 = 360.0;
/// The height of a small one.
pub(super) const HEIGHT: f64 = 216.0;
const TOP: f64 = 22.0;
/// The least distance between the names at the ends of lines.
const NAME_HEIGHT: f64 = 12.0;
/// Where void points lie, below everything that is a number.
const VOID_LANE: f64 = 24.0;
/// Room at both ends of the x axis, so that no marker lies on the other axis.
const INSET: f64 = 14.0;

/// Where things are.
struct Frame {
    left: f64,
    right: f64,
    bottom: f64,
    lane: f64,
    x: Axis,
    y: Axis,
}

impl Frame {
    fn x(&self, value: f64) -> f64 {
        self.left + INSET + self.x.share(value) * (self.right - self.left - 2.0 * INSET)
    }

    fn y(&self, value: f64) -> f64 {
        self.bottom - self.y.share(value) * (self.bottom - TOP)
    }
}

impl Lines {
    /// Draws it.
    pub(super) fn draw(&self) -> Drawing {
        let frame = self.frame();
        let mut body = self.ground(&frame);
        for &(from, to, at) in &self.floors {
            let (y, from, to) = (frame.y(at), frame.x(from) - 8.0, frame.x(to) + 8.0);
            let says = format!("{}: {} {}", self.floor_says, short(at), self.y.1);
            body += &group("", &says, &stroke("floor", (from, y), (to, y)));
        }
        let marked = self.curves.iter().filter(|curve| curve.marked).count();
        let mut at = 0.0;
        for curve in &self.curves {
            // Beside each other, so that equal points do not hide one another.
            let aside = if curve.marked { (at - (marked as f64 - 1.0) / 2.0) * 5.0 } else { 0.0 };
            at += f64::from(u8::from(curve.marked));
            body += &curve.draw(&frame, aside);
        }
        body += &self.names(&frame);
        let height = frame.lane + 30.0;
        Drawing { width: WIDTH, height, body, title: self.title.clone(), says: self.says() }
    }

    fn frame(&self) -> Frame {
        let names = self.curves.iter().map(|curve| width_of(&clipped(&curve.name, 22)));
        let right = WIDTH - 14.0 - names.fold(0.0, f64::max);
        let ticks = self.y.0.ticks();
        let left = 14.0 + ticks.iter().map(|(_, text)| width_of(text)).fold(0.0, f64::max);
        let lane =
            if self.curves.iter().any(|curve| !curve.voids.is_empty()) { VOID_LANE } else { 0.0 };
        let bottom = self.height - 30.0;
        Frame { left, right, bottom, lane: bottom + lane, x: self.x.0, y: self.y.0 }
    }

    fn ground(&self, frame: &Frame) -> String {
        let mut body = String::new();
        let (axis, unit) = &self.y;
        let unit = match axis.word() {
            "" => unit.clone(),
            word => format!("{unit}, {word}"),
        };
        body += &label(0.0, 10.0, "soft", &unit);
        for (value, text) in axis.ticks() {
            let y = frame.y(value);
            body += &stroke("rule", (frame.left, y), (frame.right, y));
            body += &label(frame.left - 5.0, y + 4.0, "soft end", &text);
        }
        body += &stroke("base", (frame.left, frame.lane), (frame.right, frame.lane));
        if frame.lane > frame.bottom {
            body += &label(frame.left - 5.0, frame.lane - 6.0, "soft end", "void");
        }
        let ticks = match &self.levels {
            Some(levels) => levels.iter().map(|&level| (level, short(level))).collect(),
            None => frame.x.ticks(),
        };
        for (value, text) in apart(ticks, |value| frame.x(value)) {
            let x = frame.x(value);
            body += &stroke("base", (x, frame.lane), (x, frame.lane + 4.0));
            body += &label(x, frame.lane + 15.0, "soft mid", &text);
        }
        let middle = f64::midpoint(frame.left, frame.right);
        let counts = match frame.x.word() {
            "" => self.x.1.clone(),
            word => format!("{}, {word}", self.x.1),
        };
        body + &label(middle, frame.lane + 28.0, "soft mid", &counts)
    }

    /// The names at the right, each as near to the end of its line as the others let it.
    fn names(&self, frame: &Frame) -> String {
        let mut ends: Vec<_> = self
            .curves
            .iter()
            .filter(|curve| !curve.hypothesis)
            .filter_map(|curve| {
                let last = curve.pieces.iter().rev().find_map(|piece| piece.last());
                let end = last.map(|dot| (frame.x(dot.x), frame.y(dot.y.median)));
                let void = curve.voids.last().map(|(x, _)| (frame.x(*x), frame.lane - 10.0));
                end.or(void).map(|end| (curve, end))
            })
            .collect();
        ends.sort_by(|a, b| a.1.1.total_cmp(&b.1.1));
        let places = spread(ends.iter().map(|(_, (_, y))| *y), TOP, frame.lane);
        let mut body = String::new();
        for ((curve, (x, y)), place) in ends.into_iter().zip(places) {
            let (from, name) = (frame.right + 10.0, clipped(&curve.name, 22));
            let lead = stroke("lead", (x + 6.0, y), (from - 2.0, place));
            let text = label(from, place + 3.8, "", &name);
            write!(body, r#"<g class="{}">{lead}{text}</g>"#, curve.look.class())
                .expect("a string takes any text");
        }
        body
    }

    fn says(&self) -> String {
        let curves = self.curves.iter().map(|curve| {
            let dots: Vec<_> = match curve.marked {
                true => curve.pieces.iter().flatten().map(|dot| dot.says.as_str()).collect(),
                false => curve
                    .pieces
                    .iter()
                    .flatten()
                    .next()
                    .map(|dot| dot.says.as_str())
                    .into_iter()
                    .collect(),
            };
            let voids = curve.voids.iter().map(|(_, why)| why.as_str());
            dots.into_iter().chain(voids).collect::<Vec<_>>().join(". ")
        });
        let curves: Vec<_> = curves.filter(|text| !text.is_empty()).collect();
        format!("{} against {}. {}", self.y.1, self.x.1, curves.join(". "))
    }
}

impl Curve {
    fn draw(&self, frame: &Frame, aside: f64) -> String {
        let mut body = String::new();
        for piece in &self.pieces {
            let mut d = String::new();
            for (at, dot) in piece.iter().enumerate() {
                let step = if at == 0 { 'M' } else { 'L' };
                write!(d, "{step}{:.1} {:.1}", frame.x(dot.x) + aside, frame.y(dot.y.median))
                    .expect("a string takes any text");
            }
            let says = piece.first().filter(|_| !self.marked).map_or(&*self.name, |dot| &dot.says);
            let class = if self.hypothesis { "line hypothesis" } else { "line" };
            body += &group("", says, &format!(r#"<path class="{class}" d="{d}"/>"#));
        }
        for dot in self.pieces.iter().flatten().filter(|_| self.marked) {
            let (x, y) = (frame.x(dot.x) + aside, frame.y(dot.y.median));
            let range = stroke("range", (x, frame.y(dot.y.min)), (x, frame.y(dot.y.max)));
            body += &group("", &dot.says, &format!("{range}{}", self.look.mark(x, y, false)));
        }
        for (x, why) in &self.voids {
            let mark = self.look.mark(frame.x(*x) + aside, frame.lane - 10.0, true);
            body += &group("", why, &mark);
        }
        format!(r#"<g class="{}">{body}</g>"#, self.look.class())
    }
}

/// Places at least a name's height apart, from top to bottom, near to where they would be.
fn spread(wanted: impl Iterator<Item = f64>, top: f64, bottom: f64) -> Vec<f64> {
    let mut places: Vec<f64> = Vec::new();
    for y in wanted {
        let free = places.last().map_or(top, |last| last + NAME_HEIGHT);
        places.push(y.max(free));
    }
    let mut limit = bottom;
    for place in places.iter_mut().rev() {
        *place = place.min(limit);
        limit = *place - NAME_HEIGHT;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_lie_on_one_another_nor_below_the_chart() {
        let places = spread([50.0, 51.0, 52.0, 199.0, 200.0].into_iter(), 20.0, 200.0);
        assert!(
            places.windows(2).all(|pair| pair[1] - pair[0] >= NAME_HEIGHT - 1e-9),
            "{places:?}"
        );
        assert!(places.iter().all(|&y| (20.0..=200.0).contains(&y)), "{places:?}");
    }

    #[test]
    fn a_void_point_is_hollow_lies_below_all_numbers_and_says_why() {
        let curve = Curve {
            look: Look { colour: 0, marker: 0 },
            name: "a".into(),
            pieces: Vec::new(),
            voids: vec![(8.0, "starved: nobody was served".into())],
            marked: true,
            hypothesis: false,
        };
        let lines = Lines {
            title: "t".into(),
            x: (Axis::doubling([1.0, 8.0]), "clients".into()),
            y: (Axis::zero([5.0]), "ms".into()),
            levels: None,
            curves: vec![curve],
            floors: Vec::new(),
            floor_says: "",
            height: HEIGHT,
        };
        let svg = lines.draw().svg("x");
        let mark = svg.split("<title>starved: nobody was served</title>").nth(1).unwrap();
        assert!(mark.starts_with(r#"<circle class="hollow""#), "{mark}");
        let y: f64 =
            mark.split("cy=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
        assert!(y > lines.frame().bottom, "{y}");
    }
}
