//! When an open loop's requests leave, in nanoseconds since its clock started.

use std::time::Duration;

use crate::ask::scatter;
use crate::plan::Arrivals;

/// The share of one generator thread in a schedule.
pub(crate) struct Schedule {
    arrivals: Arrivals,
    /// What a ramp takes, in seconds.
    total: f64,
    threads: u64,
    /// The number of the next arrival: of all threads together, or of this thread's own when independent.
    next: u64,
    seed: u64,
    at: f64,
}

impl Schedule {
    pub(crate) fn new(arrivals: Arrivals, total: Duration, thread: usize, threads: usize) -> Self {
        let seed = match arrivals {
            Arrivals::Poisson { seed, .. } => scatter(seed ^ scatter(thread as u64)),
            Arrivals::Fixed { .. } | Arrivals::Ramp { .. } => 0,
        };
        let independent = matches!(arrivals, Arrivals::Poisson { .. });
        let next = if independent { 0 } else { thread as u64 };
        Self { arrivals, total: total.as_secs_f64(), threads: threads as u64, next, seed, at: 0.0 }
    }
}

/// A time whose mean is 1, and that does not depend on those before it; the same for the same seed and number.
pub(crate) fn exponential(seed: u64, number: u64) -> f64 {
    // 53 random bits and a half: never 0, whose logarithm is infinite.
    let random = (scatter(seed.wrapping_add(number)) >> 11) as f64 + 0.5;
    -(random / (1u64 << 53) as f64).ln()
}

/// Never ends; `u64::MAX` is an arrival that never comes.
impl Iterator for Schedule {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let number = self.next as f64;
        let seconds = match self.arrivals {
            Arrivals::Fixed { rate } => number / rate,
            Arrivals::Poisson { rate, .. } => {
                let share = rate / self.threads as f64;
                self.at += exponential(self.seed, self.next) / share;
                self.at
            }
            Arrivals::Ramp { from, to } => {
                // The count at time t is from·t + slope·t²/2; solved for t without dividing by a slope of 0.
                let slope = (to - from) / self.total;
                let root = from * from + 2.0 * slope * number;
                2.0 * number / (from + root.sqrt())
            }
        };
        self.next += match self.arrivals {
            Arrivals::Poisson { .. } => 1,
            Arrivals::Fixed { .. } | Arrivals::Ramp { .. } => self.threads,
        };
        // 0/0 is the first arrival of a ramp from 0; below 0 a falling ramp has ended.
        let seconds = if number == 0.0 && seconds.is_nan() { 0.0 } else { seconds };
        Some(if seconds.is_finite() { (seconds * 1e9) as u64 } else { u64::MAX })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn within_the_first(seconds: u64, arrivals: Arrivals, threads: usize) -> Vec<u64> {
        let total = Duration::from_secs(10);
        let mut all: Vec<u64> = (0..threads)
            .flat_map(|thread| {
                Schedule::new(arrivals, total, thread, threads)
                    .take_while(|&at| at < seconds * SECOND)
            })
            .collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn a_fixed_rate_is_even_however_many_threads_share_it() {
        let alone = within_the_first(1, Arrivals::Fixed { rate: 1000.0 }, 1);
        assert_eq!(alone.len(), 1000);
        assert_eq!(alone, within_the_first(1, Arrivals::Fixed { rate: 1000.0 }, 3));
    }

    #[test]
    fn a_ramp_grows_evenly() {
        let ramp = Arrivals::Ramp { from: 0.0, to: 1000.0 };
        let (half, whole) =
            (within_the_first(5, ramp, 2).len(), within_the_first(10, ramp, 2).len());
        assert_eq!((half, whole), (1250, 5000));
        let down = Arrivals::Ramp { from: 1000.0, to: 0.0 };
        assert_eq!(within_the_first(5, down, 2).len(), 3750);
        assert_eq!(Schedule::new(down, Duration::from_secs(10), 0, 1).nth(6000), Some(u64::MAX));
    }

    #[test]
    fn independent_arrivals_have_the_mean_and_the_spread_of_an_exponential() {
        let arrivals = Arrivals::Poisson { rate: 1000.0, seed: 7 };
        let all = within_the_first(100, arrivals, 2);
        assert!((98_000..102_000).contains(&all.len()), "{}", all.len());
        let gaps: Vec<f64> = all.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 1e6).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        // The standard deviation of an exponential is its mean.
        assert!((0.97..1.03).contains(&(variance.sqrt() / mean)), "{mean} {variance}");
        assert_eq!(all, within_the_first(100, arrivals, 2));
    }
}
