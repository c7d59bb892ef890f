//! What a competitor looks like, the same in every chart: a colour and a marker, so that neither alone has to tell.
//!
//! The colours keep apart for the common kinds of colour blindness (after Okabe and Ito, darkened for white paper and
//! lightened for a dark screen); the first three differ in lightness too, for a printer without colours.

use std::fmt::Write as _;

use crate::results::{Competitor, Results};

/// Colour and marker of one competitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// Which of [`COLOURS`].
    pub(super) colour: usize,
    /// Which of [`MARKERS`] shapes.
    pub(super) marker: usize,
}

/// On light paper, and on a dark screen.
pub(super) const COLOURS: [(&str, &str); 8] = [
    ("#c24a00", "#ff9b62"),
    ("#00629f", "#6cb6f5"),
    ("#007f5f", "#45d3a4"),
    ("#9b4a8c", "#e4a3d4"),
    ("#7d6200", "#e3c14e"),
    ("#5751c9", "#aea9ff"),
    ("#55585c", "#b9bec4"),
    ("#7a3b2e", "#d59f91"),
];

/// The floor's look: grey.
const FLOOR: usize = 6;

/// Shapes there are.
pub(super) const MARKERS: usize = 6;

/// One look each, in their order. The three servers as they come always have theirs, whoever else takes part.
pub(super) fn looks(competitors: &[Competitor]) -> Vec<Look> {
    let own = |who: &Competitor| match who.server.as_deref() {
        Some("blocking") if who.flags.is_empty() => Some(0),
        Some("actix") if who.flags.is_empty() => Some(1),
        Some("axum") if who.flags.is_empty() => Some(2),
        _ if who.is_floor() => Some(FLOOR),
        _ => None,
    };
    let mut others = (3..).filter(|&at| at != FLOOR);
    let mut taken = [false; FLOOR + 1];
    competitors
        .iter()
        .map(|who| {
            let at = match own(who) {
                Some(at) if !std::mem::replace(&mut taken[at], true) => at,
                _ => others.next().expect("a range without an end"),
            };
            let marker = if at == FLOOR { MARKERS - 1 } else { at % MARKERS };
            Look { colour: at % COLOURS.len(), marker }
        })
        .collect()
}

/// A colour on light paper: the three servers' own, or the next for the others.
pub(crate) fn on_light(who: &str, at: usize) -> &'static str {
    let own = ["blocking", "actix", "axum"].iter().position(|name| *name == who);
    let others = COLOURS.len() - 3;
    COLOURS[own.unwrap_or(3 + at % others)].0
}

impl Look {
    /// The class its colour goes by.
    pub(super) fn class(self) -> String {
        format!("c{}", self.colour)
    }

    /// Its marker around a point. A hollow one stands for what cannot be used.
    pub(super) fn mark(self, x: f64, y: f64, hollow: bool) -> String {
        let class = if hollow { "hollow" } else { "mark" };
        let path = |points: &[(f64, f64)]| {
            let mut d = String::new();
            for (at, (dx, dy)) in points.iter().enumerate() {
                let step = if at == 0 { 'M' } else { 'L' };
                write!(d, "{step}{:.1} {:.1}", x + dx, y + dy).expect("a string takes any text");
            }
            format!(r#"<path class="{class}" d="{d}Z"/>"#)
        };
        match self.marker {
            0 => format!(r#"<circle class="{class}" cx="{x:.1}" cy="{y:.1}" r="3.9"/>"#),
            1 => path(&[(-3.5, -3.5), (3.5, -3.5), (3.5, 3.5), (-3.5, 3.5)]),
            2 => path(&[(0.0, -4.8), (4.5, 3.3), (-4.5, 3.3)]),
            3 => path(&[(0.0, -5.2), (5.2, 0.0), (0.0, 5.2), (-5.2, 0.0)]),
            4 => path(&[(0.0, 4.8), (4.5, -3.3), (-4.5, -3.3)]),
            _ => {
                path(&[(-4.8, 0.0), (-2.4, -4.2), (2.4, -4.2), (4.8, 0.0), (2.4, 4.2), (-2.4, 4.2)])
            }
        }
    }
}

/// The style of everything drawn. `colour` gives what stands for a name (`ink`, `soft`, `rule`, `paper`, `c0`, …).
pub(super) fn style(colour: impl Fn(&str) -> String) -> String {
    let mut css = format!(
        "text{{font:11px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;fill:{ink}}}\
         .soft{{fill:{soft}}}.strong{{font-weight:650}}.end{{text-anchor:end}}.mid{{text-anchor:middle}}\
         .rule{{stroke:{rule};stroke-width:1}}.base{{stroke:{soft};stroke-width:1}}\
         .floor{{stroke:{ink};stroke-width:1;stroke-dasharray:2 3;opacity:.75}}\
         .line{{fill:none;stroke-width:1.8;stroke-linejoin:round}}.range{{stroke-width:1.4;opacity:.65}}\
         .lead{{stroke-width:.8;opacity:.5}}.hollow{{fill:{paper};stroke-width:1.6}}.mark{{stroke:{paper};stroke-width:.8}}",
        ink = colour("ink"),
        soft = colour("soft"),
        rule = colour("rule"),
        paper = colour("paper"),
    );
    for at in 0..COLOURS.len() {
        let c = colour(&format!("c{at}"));
        write!(
            css,
            ".c{at} .line,.c{at} .range,.c{at} .lead,.c{at} .hollow{{stroke:{c}}}.c{at} .mark,.c{at} text{{fill:{c}}}"
        )
        .expect("a string takes any text");
    }
    css
}

/// Whoever is drawn on a scale that all share: not another language, which has charts against itself.
pub(super) fn shared<'a>(
    results: &'a Results,
    looks: &'a [Look],
) -> impl Iterator<Item = (&'a Competitor, &'a Look)> {
    results.competitors.iter().zip(looks).filter(|(who, _)| !who.is_peer())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(name: &str, flags: &[&str]) -> Competitor {
        let (server, _) = name.split_once(':').unwrap_or((name, ""));
        Competitor {
            name: name.into(),
            server: Some(server.into()),
            flags: flags.iter().map(|&flag| flag.into()).collect(),
            ..Default::default()
        }
    }

    #[test]
    fn a_server_looks_the_same_whoever_it_is_compared_with() {
        let alone = looks(&[who("axum", &[])]);
        let among = looks(&[
            who("blocking", &[]),
            who("axum:workers=1", &["--workers=1"]),
            who("axum", &[]),
        ]);
        assert_eq!(alone[0], among[2]);
        assert_ne!(among[1], among[2]);
    }

    #[test]
    fn no_two_of_a_dozen_look_alike() {
        let many: Vec<_> = (0..12).map(|at| who(&format!("x{at}"), &["--x"])).collect();
        let looks = looks(&many);
        for (at, look) in looks.iter().enumerate() {
            assert!(!looks[..at].contains(look), "{at}: {look:?}");
        }
    }
}
