//! When a difference is one: a ratio a round, an interval of its median, and what a server differs from itself.
//!
//! Two conditions, and both must hold. The 99 % bootstrap interval of the median ratio leaves 1 out: the rounds agree.
//! And the median lies beyond the A/A floor: what the medians of just as many ratios of the *same* server's rounds, drawn
//! at random, stay within in 99 of 100 draws. The interval alone is too narrow where rounds are few; the floor alone
//! does not know that a round's noise is in both of its values.

use fastrand::Rng;

use crate::view::Figure;

/// A difference below this matters to nobody.
pub const MATTERS: f64 = 0.10;
/// From this many rounds on a comparison has an interval; below, the range says what there is to say.
pub const FOR_AN_INTERVAL: usize = 5;
/// How sure a verdict is.
pub const CONFIDENCE: f64 = 0.99;
/// How often rounds are drawn again.
const TIMES: usize = 1_000;

/// One competitor's figure as a multiple of another's, round by round.
#[derive(Clone, Debug, PartialEq)]
pub struct Ratio {
    /// The median over rounds.
    pub median: f64,
    /// With five rounds or more the 99 % bootstrap interval of the median, else the range.
    pub low: f64,
    /// See `low`.
    pub high: f64,
    /// Rounds that both have.
    pub rounds: usize,
    /// The A/A floor, as ±: how far each differs from itself, of the noisier.
    pub floor: f64,
}

/// Whether a ratio is a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Less.
    Less,
    /// Within the noise.
    None,
    /// More.
    More,
}

impl Ratio {
    /// `ours` as a multiple of `theirs`; `None` when no round has both.
    pub fn of(ours: &Figure, theirs: &Figure) -> Option<Self> {
        let theirs_in = |round| theirs.rounds.iter().find(|(other, _)| *other == round);
        let ratios: Vec<f64> = ours
            .rounds
            .iter()
            .filter_map(|(round, value)| Some(value / theirs_in(*round)?.1))
            .filter(|ratio| ratio.is_finite())
            .collect();
        if ratios.is_empty() {
            return None;
        }
        let rounds = ratios.len();
        let (low, high) = if rounds < FOR_AN_INTERVAL {
            range(ratios.iter().copied())
        } else {
            interval(&ratios)
        };
        let floor = ours.floor(rounds).max(theirs.floor(rounds));
        Some(Self { median: median(ratios), low, high, rounds, floor })
    }

    /// `ours` as a multiple of `theirs` from another run, whose rounds are no partners of ours; `None` when one has none.
    pub fn of_runs(ours: &Figure, theirs: &Figure) -> Option<Self> {
        let values = |figure: &Figure| -> Vec<f64> {
            figure.rounds.iter().map(|(_, value)| *value).collect()
        };
        let (ours_all, theirs_all) = (values(ours), values(theirs));
        let rounds = ours_all.len().min(theirs_all.len());
        let at = median(ours_all.clone()) / median(theirs_all.clone());
        if rounds == 0 || !at.is_finite() {
            return None;
        }
        let (low, high) = if rounds < FOR_AN_INTERVAL {
            let (ours, theirs) = (ours.range(), theirs.range());
            (ours.0 / theirs.1, ours.1 / theirs.0)
        } else {
            let mut rng = Rng::with_seed(0);
            let mut drawn = |from: &[f64]| {
                median((0..from.len()).map(|_| from[rng.usize(..from.len())]).collect())
            };
            between((0..TIMES).map(|_| drawn(&ours_all) / drawn(&theirs_all)).collect())
        };
        let floor = ours.floor(rounds).max(theirs.floor(rounds));
        Some(Self { median: at, low, high, rounds, floor })
    }

    /// Whether it is a difference at all. With too few rounds for an interval only what matters can be told from noise.
    pub fn difference(&self) -> Difference {
        let least =
            if self.rounds < FOR_AN_INTERVAL { MATTERS.max(self.floor) } else { self.floor };
        self.beyond(least)
    }

    /// Whether it is a difference and over 10 %: what a claim is judged by.
    pub fn that_matters(&self) -> Difference {
        self.beyond(MATTERS.max(self.floor))
    }

    fn beyond(&self, least: f64) -> Difference {
        if self.median > 1.0 + least && self.low > 1.0 {
            Difference::More
        } else if self.median < 1.0 / (1.0 + least) && self.high < 1.0 {
            Difference::Less
        } else {
            Difference::None
        }
    }

    /// `1.07 × (1.04 to 1.10)`
    pub fn shown(&self) -> String {
        if self.rounds == 1 {
            return format!("{:.2} ×", self.median);
        }
        format!("{:.2} × ({:.2} to {:.2})", self.median, self.low, self.high)
    }

    /// The judgement in words.
    pub fn judged(&self) -> &'static str {
        match (self.difference(), self.that_matters()) {
            (Difference::None, _) if self.rounds < FOR_AN_INTERVAL => "no difference that matters",
            (Difference::None, _) => "no difference",
            (Difference::Less, Difference::None) => "less, by under 10 %",
            (Difference::More, Difference::None) => "more, by under 10 %",
            (Difference::Less, _) => "less",
            (Difference::More, _) => "more",
        }
    }
}

impl Figure {
    /// How far this figure differs from itself, as ±, in a comparison over so many rounds.
    fn floor(&self, rounds: usize) -> f64 {
        if rounds < FOR_AN_INTERVAL {
            return self.noise();
        }
        let values: Vec<f64> = self.rounds.iter().map(|(_, value)| *value).collect();
        let mut rng = Rng::with_seed(1);
        let mut draw = || values[rng.usize(..values.len())];
        let mut apart = || median((0..rounds).map(|_| (draw() / draw()).ln()).collect()).abs();
        let mut all: Vec<f64> = (0..TIMES).map(|_| apart()).collect();
        all.sort_by(f64::total_cmp);
        let floor = all[((TIMES - 1) as f64 * CONFIDENCE) as usize].exp_m1();
        // A figure of 0 has no ratio to itself.
        if floor.is_finite() { floor } else { 0.0 }
    }
}

/// The 99 % interval of the median, from resampled rounds; the same for the same rounds.
fn interval(values: &[f64]) -> (f64, f64) {
    let mut rng = Rng::with_seed(0);
    let mut again =
        || median((0..values.len()).map(|_| values[rng.usize(..values.len())]).collect());
    between((0..TIMES).map(|_| again()).collect())
}

/// Where 99 of 100 of these lie.
fn between(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let beyond = ((1.0 - CONFIDENCE) / 2.0 * values.len() as f64) as usize;
    (values[beyond], values[values.len() - 1 - beyond])
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

pub(crate) fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| {
        (least.min(value), most.max(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(values: &[f64]) -> Figure {
        Figure { rounds: (1..).zip(values.iter().copied()).collect() }
    }

    fn compared(ours: &[f64], theirs: &[f64]) -> Difference {
        Ratio::of(&figure(ours), &figure(theirs)).unwrap().that_matters()
    }

    #[test]
    fn a_difference_matters_over_ten_percent_over_the_noise_and_the_same_way_in_every_round() {
        assert_eq!(compared(&[120.0, 121.0, 119.0], &[100.0, 101.0, 99.0]), Difference::More);
        assert_eq!(compared(&[80.0, 81.0, 79.0], &[100.0, 101.0, 99.0]), Difference::Less);
        assert_eq!(
            compared(&[108.0, 109.0, 107.0], &[100.0, 101.0, 99.0]),
            Difference::None,
            "under 10 %"
        );
        assert_eq!(
            compared(&[120.0, 160.0, 90.0], &[100.0, 101.0, 99.0]),
            Difference::None,
            "noise"
        );
        assert_eq!(
            compared(&[130.0, 95.0, 131.0], &[100.0, 100.0, 100.0]),
            Difference::None,
            "one round says otherwise"
        );
    }

    #[test]
    fn a_small_difference_is_one_where_rounds_are_enough_to_tell_and_is_said_to_be_small() {
        let steady = |by: f64| (0..10).map(|at| by * (1.0 + 0.002 * f64::from(at % 3))).collect();
        let (ours, theirs): (Vec<f64>, Vec<f64>) = (steady(1.05), steady(1.0));
        let ratio = Ratio::of(&figure(&ours), &figure(&theirs)).unwrap();
        assert_eq!(
            (ratio.difference(), ratio.that_matters()),
            (Difference::More, Difference::None)
        );
        assert_eq!(ratio.judged(), "more, by under 10 %");
        let few = Ratio::of(&figure(&ours[..4]), &figure(&theirs[..4])).unwrap();
        assert_eq!(few.judged(), "no difference that matters");
        let same = Ratio::of(&figure(&ours), &figure(&ours)).unwrap();
        assert_eq!(same.judged(), "no difference");
    }

    #[test]
    fn a_ratio_is_taken_round_by_round() {
        let ours = Figure { rounds: vec![(1, 20.0), (3, 90.0)] };
        let theirs = Figure { rounds: vec![(1, 10.0), (2, 1.0), (3, 30.0)] };
        let ratio = Ratio::of(&ours, &theirs).unwrap();
        assert_eq!((ratio.median, ratio.low, ratio.high, ratio.rounds), (2.5, 2.0, 3.0, 2));
        assert_eq!(Ratio::of(&Figure { rounds: vec![(9, 1.0)] }, &theirs), None);
    }

    #[test]
    fn an_interval_is_narrower_than_the_range_and_the_same_each_time() {
        let ours = figure(&[1.0, 1.1, 1.1, 1.1, 1.1, 1.1, 1.1, 1.1, 1.1, 9.0]);
        let ratio = Ratio::of(&ours, &figure(&[1.0; 10])).unwrap();
        assert!(ratio.low >= 1.0 && ratio.high < 9.0, "{ratio:?}");
        assert_eq!(ratio, Ratio::of(&ours, &figure(&[1.0; 10])).unwrap(), "the same each time");
    }
}
