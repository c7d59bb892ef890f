//! Whether the judge can be trusted: shown one server twice it must see no difference, shown one that costs 10 % more it
//! must see that. On rounds that were recorded, drawn again a thousand times.
//!
//! The rounds are of `bare-axum` on saturated `/plaintext`, measured against itself while other work came and went on the
//! machine: `cargo run --release -p lab --example verdicts -- record 0 60`. The same question put to a live machine is
//! `… -- aa` and `… -- burn`.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests, which the linter does not see"
)]

use fastrand::Rng;
use lab::difference::{Difference, Ratio};
use lab::view::Figure;

const DRAWS: usize = 1_000;
/// As in a comparison that has intervals to speak of.
const ROUNDS: usize = 10;

/// CPU time a request of both, in microseconds, a round each.
fn recorded() -> Vec<(f64, f64)> {
    let lines = include_str!("recorded/aa.csv").lines().skip(1);
    lines
        .map(|line| {
            let mut fields = line.split(',').skip(1).map(|field| field.parse().unwrap());
            (fields.next().unwrap(), fields.next().unwrap())
        })
        .collect()
}

/// How many of the draws end in each judgement, of a server that costs `more` times as much: less, none, more.
fn judged(more: f64, judge: impl Fn(&Ratio) -> Difference) -> [usize; 3] {
    let (recorded, mut rng) = (recorded(), Rng::with_seed(42));
    let mut counts = [0; 3];
    for _draw in 0..DRAWS {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 1..=ROUNDS as u32 {
            let (mut one, mut other) = recorded[rng.usize(..recorded.len())];
            if rng.bool() {
                (one, other) = (other, one);
            }
            ours.push((round, one * more));
            theirs.push((round, other));
        }
        let ratio = Ratio::of(&Figure { rounds: ours }, &Figure { rounds: theirs }).unwrap();
        counts[match judge(&ratio) {
            Difference::Less => 0,
            Difference::None => 1,
            Difference::More => 2,
        }] += 1;
    }
    counts
}

#[test]
fn a_server_is_no_different_from_itself() {
    let [less, none, more] = judged(1.0, Ratio::difference);
    assert!(none >= 980, "less {less}, none {none}, more {more}");
}

#[test]
fn a_server_that_burns_ten_per_cent_more_is_found() {
    let [less, none, more] = judged(1.1, Ratio::difference);
    assert!(more >= 900 && less == 0, "less {less}, none {none}, more {more}");
}

/// A comparison of medians, as it is usually published, must fail what ours passes, or passing it proves nothing.
#[test]
fn a_judge_without_interval_and_floor_sees_differences_where_there_are_none() {
    let [_, none, _] = judged(1.0, |ratio| match ratio.median {
        median if median > 1.01 => Difference::More,
        median if median < 0.99 => Difference::Less,
        _ => Difference::None,
    });
    assert!(none < 980, "{none} of {DRAWS}");
}

#[test]
fn recorded_rounds_are_of_one_and_the_same_server() {
    let recorded = recorded();
    assert!(recorded.len() >= 40, "{}", recorded.len());
    let rounds = |of: fn(&(f64, f64)) -> f64| Figure {
        rounds: (1..).zip(recorded.iter().map(of)).collect(),
    };
    let ratio = Ratio::of(&rounds(|pair| pair.0), &rounds(|pair| pair.1)).unwrap();
    assert_eq!(ratio.difference(), Difference::None, "{ratio:?}");
}
