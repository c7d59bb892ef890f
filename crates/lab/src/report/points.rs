//! What all rounds of a cell say together: the median of those that may be used, their range, and what voids the rest.

use crate::results::Cell;
use crate::view::{Failures, Figure};

/// A figure over the rounds in which it can be used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    /// The smallest.
    pub(super) min: f64,
    /// Half are below.
    pub(super) median: f64,
    /// The largest.
    pub(super) max: f64,
    /// How many rounds.
    pub(super) rounds: usize,
}

/// What the rounds say of one figure.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Found {
    /// It can be used, though perhaps not from all rounds.
    Measured(Range),
    /// It was measured, and no round of it can be used: why not.
    Void(String),
    /// It was not to be had.
    Nothing,
}

/// One figure of these rounds.
pub(super) fn found(cells: &[&Cell], figure: impl Fn(&Cell) -> Option<f64>) -> Found {
    if Failures::of(cells).is_some_and(|failures| failures.decide()) {
        return why_void(cells).map_or(Found::Nothing, Found::Void);
    }
    let usable = cells.iter().filter(|cell| !cell.is_void());
    let values = usable.filter_map(|cell| Some((cell.round, figure(cell)?)));
    let rounds: Vec<_> = values.filter(|(_, value)| value.is_finite()).collect();
    if rounds.is_empty() {
        return match why_void(cells).filter(|_| cells.iter().all(|cell| cell.is_void())) {
            Some(why) => Found::Void(why),
            None => Found::Nothing,
        };
    }
    let figure = Figure { rounds };
    let (min, max) = figure.range();
    Found::Measured(Range { min, median: figure.median(), max, rounds: figure.rounds.len() })
}

/// Why rounds of these cannot be used, in a sentence each, a repeated one once.
pub(super) fn why_void(cells: &[&Cell]) -> Option<String> {
    let mut reasons: Vec<(String, Vec<u32>)> = Vec::new();
    for cell in cells {
        let Some(gate) = cell.why_void() else { continue };
        let sentence = format!("{}: {}", gate.name, gate.sentence);
        match reasons.iter_mut().find(|(known, _)| *known == sentence) {
            Some((_, rounds)) => rounds.push(cell.round),
            None => reasons.push((sentence, vec![cell.round])),
        }
    }
    if reasons.is_empty() {
        return None;
    }
    let sentences = reasons.iter().map(|(sentence, rounds)| {
        let rounds: Vec<_> = rounds.iter().map(u32::to_string).collect();
        format!("{sentence} (round {})", rounds.join(", "))
    });
    Some(sentences.collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Gate;

    fn cell(round: u32, rate: f64, void: Option<&str>) -> Cell {
        let gate = |why: &str| Gate { name: "starved".into(), void: true, sentence: why.into() };
        Cell { round, rate, gates: void.map(gate).into_iter().collect(), ..Default::default() }
    }

    fn rate(cells: &[Cell]) -> Found {
        found(&cells.iter().collect::<Vec<_>>(), |cell| Some(cell.rate))
    }

    #[test]
    fn the_median_and_range_are_of_the_rounds_that_are_not_void() {
        let cells = [cell(1, 7.0, None), cell(2, 900.0, Some("no")), cell(3, 5.0, None)];
        let all = Range { min: 5.0, median: 6.0, max: 7.0, rounds: 2 };
        assert_eq!(rate(&cells), Found::Measured(all));
    }

    #[test]
    fn a_cell_void_in_every_round_is_its_sentences_each_said_once() {
        let cells = [cell(1, 7.0, Some("a")), cell(2, 7.0, Some("b")), cell(3, 7.0, Some("a"))];
        let why = "starved: a (round 1, 3); starved: b (round 2)".to_owned();
        assert_eq!(rate(&cells), Found::Void(why));
    }

    #[test]
    fn one_good_round_of_three_is_not_the_figure_of_a_server_that_failed_in_the_others() {
        let cells = [cell(1, 7.0, Some("a")), cell(2, 5.0, None), cell(3, 9.0, Some("a"))];
        assert_eq!(rate(&cells), Found::Void("starved: a (round 1, 3)".into()));
    }

    #[test]
    fn what_is_no_number_was_not_found() {
        assert_eq!(rate(&[cell(1, f64::NAN, None)]), Found::Nothing);
        assert_eq!(rate(&[]), Found::Nothing);
    }
}
