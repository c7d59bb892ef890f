//! Work that takes as long as it is told to: the same in all servers, once one has measured what a millisecond holds.

use std::hint::black_box;
use std::ops::Range;
use std::time::{Duration, Instant};

/// How much of [`work`] this machine does in a millisecond.
///
/// Two servers that each measured it for themselves would do different amounts of work on a noisy machine, so a
/// comparison measures it once and gives both the same number (`--rounds-per-ms`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundsPerMs(pub u64);

impl RoundsPerMs {
    /// Measures it, in a few milliseconds: the best of many runs so short that on a busy machine, too, some are not
    /// interrupted, because one that was says too little.
    pub fn measure() -> Self {
        const ROUNDS: u64 = 100_000;
        let best = (0..20)
            .map(|_| {
                let start = Instant::now();
                black_box(work(black_box(ROUNDS)));
                start.elapsed()
            })
            .min()
            .unwrap_or(Duration::from_millis(1));
        Self(((ROUNDS as f64 / best.as_secs_f64()) / 1e3).max(1.0) as u64)
    }

    /// The rounds that fill `time` on an idle core.
    pub fn rounds(self, time: Duration) -> u64 {
        (time.as_secs_f64() * 1e3 * self.0 as f64) as u64
    }
}

/// As [`work`], in steps of about a millisecond; `None` if `go_on` says no between two of them.
///
/// Nothing else can stop computing: not a thread that has begun it, and not a task, which never awaits in it.
pub fn work_while(rounds: u64, mut go_on: impl FnMut() -> bool) -> Option<u64> {
    const STEP: u64 = 500_000;
    let mut state = SEED;
    let mut done = 0;
    while done < rounds {
        if done > 0 && !go_on() {
            return None;
        }
        let end = rounds.min(done + STEP);
        state = mix(state, done..end);
        done = end;
    }
    Some(state)
}

/// Mixes a number `rounds` times (SplitMix64's finaliser): as CPU-bound as code can be, touching no memory.
pub fn work(rounds: u64) -> u64 {
    mix(SEED, 0..rounds)
}

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(state: u64, rounds: Range<u64>) -> u64 {
    rounds.fold(state, |state, round| {
        let mixed = (state ^ (state >> 30) ^ round).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_rounds_give_an_equal_result() {
        assert_eq!(work(10_000), work(10_000));
        assert_ne!(work(10_000), work(10_001));
        assert_eq!(work_while(1_700_000, || true), Some(work(1_700_000)));
    }

    #[test]
    fn work_ends_between_two_steps_when_it_is_told_to() {
        let mut asked = 0;
        let result = work_while(u64::MAX, || {
            asked += 1;
            asked < 3
        });
        assert_eq!((result, asked), (None, 3));
    }

    #[test]
    fn a_millisecond_of_work_is_some_number_of_rounds() {
        let rate = RoundsPerMs::measure();
        assert!(rate.0 > 100, "{rate:?}");
        assert_eq!(rate.rounds(Duration::from_millis(2)), 2 * rate.0);
    }
}
