//! A chart of one figure where nothing rises along an axis: a row for each competitor, its value written beside.

use super::axis::Axis;
use super::drawing::{Drawing, apart, group, label, stroke, width_of};
use super::look::Look;
use super::points::Range;
use super::text::{clipped, number, short};

/// What is drawn.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    /// In a few words.
    pub(super) title: String,
    /// Across, and its unit.
    pub(super) axis: (Axis, String),
    /// What belongs together, each with its heading.
    pub(super) blocks: Vec<Block>,
    /// In units of the picture.
    pub(super) width: f64,
}

/// The competitors at one level.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// What they were asked.
    pub(super) heading: String,
    /// What cannot be undercut, and why not.
    pub(super) floor: Option<(f64, &'static str)>,
    /// One a competitor.
    pub(super) rows: Vec<Row>,
}

/// One competitor at one level.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// How it looks.
    pub(super) look: Look,
    /// As typed.
    pub(super) name: String,
    /// The value, or why there is none.
    pub(super) value: Result<Range, String>,
    /// When pointed at.
    pub(super) says: String,
}

const ROW: f64 = 19.0;
const HEADING: f64 = 22.0;

impl Rows {
    /// Draws it.
    pub(super) fn draw(&self) -> Drawing {
        let rows = || self.blocks.iter().flat_map(|block| &block.rows);
        let left = 10.0 + rows().map(|row| width_of(&clipped(&row.name, 22))).fold(0.0, f64::max);
        let right = self.width - 62.0;
        let x = |value: f64| left + self.axis.0.share(value) * (right - left);
        let written = apart(self.axis.0.ticks(), x);
        let mut body = String::new();
        let mut y = 0.0;
        for block in &self.blocks {
            body += &label(0.0, y + 13.0, "strong", &block.heading);
            y += HEADING;
            let end = y + ROW * block.rows.len() as f64;
            for (value, _) in &written {
                body += &stroke("rule", (x(*value), y), (x(*value), end));
            }
            if let Some((floor, why)) = block.floor {
                let says = format!("{why}: {} {}", short(floor), self.axis.1);
                body +=
                    &group("", &says, &stroke("floor", (x(floor), y - 2.0), (x(floor), end + 2.0)));
            }
            for row in &block.rows {
                body += &row.draw(y + ROW / 2.0, left, x);
                y += ROW;
            }
            y += 5.0;
        }
        body += &stroke("base", (left, y), (right, y));
        for (value, text) in &written {
            body += &stroke("base", (x(*value), y), (x(*value), y + 4.0));
            body += &label(x(*value), y + 15.0, "soft mid", text);
        }
        let unit = match self.axis.0.word() {
            "" => self.axis.1.clone(),
            word => format!("{}, {word}", self.axis.1),
        };
        body += &label(f64::midpoint(left, right), y + 28.0, "soft mid", &unit);
        let says: Vec<_> = rows().map(|row| row.says.as_str()).collect();
        let says = format!("{}. {}", self.axis.1, says.join(". "));
        Drawing { width: self.width, height: y + 32.0, body, title: self.title.clone(), says }
    }
}

impl Row {
    fn draw(&self, y: f64, left: f64, x: impl Fn(f64) -> f64) -> String {
        let mut body = label(left - 10.0, y + 3.8, "end", &clipped(&self.name, 22));
        match &self.value {
            Ok(range) => {
                let at = x(range.median);
                body += &stroke("lead", (left, y), (at, y));
                body += &stroke("range", (x(range.min), y), (x(range.max), y));
                body += &self.look.mark(at, y, false);
                body +=
                    &label(x(range.max).max(at) + 9.0, y + 3.8, "strong", &number(range.median));
            }
            Err(word) => {
                body += &self.look.mark(left + 6.0, y, true);
                body += &label(left + 16.0, y + 3.8, "", word);
            }
        }
        group(&self.look.class(), &self.says, &body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_void_row_has_a_hollow_marker_and_no_number() {
        let row = Row {
            look: Look { colour: 1, marker: 1 },
            name: "actix".into(),
            value: Err("void".into()),
            says: "errors: none of 20 was answered".into(),
        };
        let block =
            Block { heading: "burst/20".into(), floor: Some((2.0, "why")), rows: vec![row] };
        let axis = (Axis::zero([4.0]), "s".into());
        let svg =
            Rows { title: "t".into(), axis, blocks: vec![block], width: 360.0 }.draw().svg("x");
        assert!(svg.contains("<title>errors: none of 20 was answered</title>"), "{svg}");
        assert!(svg.contains(r#"class="hollow""#) && svg.contains(">void</text>"), "{svg}");
        assert!(!svg.contains(r#"class="mark""#), "{svg}");
    }
}
