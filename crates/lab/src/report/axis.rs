//! Where a value lies on an axis, and which values are written beside it.

use super::text::short;

/// A scale between two values that are written on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Axis {
    /// Each step doubles: concurrency.
    Doubling {
        /// At the start.
        low: f64,
        /// At the end.
        high: f64,
    },
    /// Each step multiplies by ten: what spans orders of magnitude.
    Log {
        /// At the start.
        low: f64,
        /// At the end.
        high: f64,
    },
    /// From nothing, so that lengths compare.
    Zero {
        /// At the end.
        high: f64,
        /// Between the written values.
        step: f64,
    },
    /// Shares of requests, each step a tenth of those that are left: 90 %, 99 %, 99.9 %.
    Nines {
        /// The largest share.
        high: f64,
    },
}

/// The narrowest log axis: what differs by less than noise must not look like a cliff.
const NARROWEST: f64 = 9.0;

impl Axis {
    /// Log, from and to a written value.
    pub(super) fn log(values: impl IntoIterator<Item = f64>) -> Self {
        let positive = values.into_iter().filter(|&value| value.is_finite() && value > 0.0);
        let (min, max) = bounds(positive).unwrap_or((1.0, 10.0));
        let (mut low, mut high) = (mark_below(min), mark_above(max));
        let mut upwards = true;
        while high / low < NARROWEST {
            if upwards {
                high = mark_above(high * 1.01)
            } else {
                low = mark_below(low * 0.99)
            }
            upwards = !upwards;
        }
        Self::Log { low, high }
    }

    /// From zero to a written value.
    pub(super) fn zero(values: impl IntoIterator<Item = f64>) -> Self {
        let positive = values.into_iter().filter(|&value| value.is_finite() && value > 0.0);
        let max = bounds(positive).map_or(1.0, |(_, max)| max);
        let step = mark_above(max / 4.5);
        Self::Zero { high: (max / step - 1e-9).ceil() * step, step }
    }

    /// Log when the values span so much that a part of them would lie on the ground, else from zero.
    pub(super) fn fitting(values: &[f64]) -> Self {
        let positive = values.iter().copied().filter(|&value| value.is_finite() && value > 0.0);
        match bounds(positive) {
            Some((min, max)) if max / min > 25.0 => Self::log(values.iter().copied()),
            _ => Self::zero(values.iter().copied()),
        }
    }

    /// By doubling, with a little room.
    pub(super) fn doubling(values: impl IntoIterator<Item = f64>) -> Self {
        let (min, max) =
            bounds(values.into_iter().filter(|&value| value > 0.0)).unwrap_or((1.0, 2.0));
        if min == max {
            return Self::Doubling { low: min / 2.0, high: max * 2.0 };
        }
        Self::Doubling { low: min, high: max }
    }

    /// Where a value lies: 0 at the start, 1 at the end, and never beyond.
    pub(super) fn share(self, value: f64) -> f64 {
        let share = match self {
            Self::Doubling { low, high } | Self::Log { low, high } => {
                (value.max(low) / low).ln() / (high / low).ln()
            }
            Self::Zero { high, .. } => value / high,
            Self::Nines { high } => nines(value) / nines(high),
        };
        if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
    }

    /// What is written beside it.
    pub(super) fn ticks(self) -> Vec<(f64, String)> {
        let values = match self {
            Self::Doubling { low, high } => {
                std::iter::successors(Some(low), |value| Some(value * 2.0))
                    .take_while(|&value| value <= high * 1.001)
                    .collect()
            }
            Self::Log { low, high } => log_ticks(low, high),
            Self::Zero { high, step } => {
                let count = (high / step).round() as usize;
                (0..=count).map(|at| at as f64 * step).collect()
            }
            Self::Nines { high } => {
                return [
                    (0.0, "0"),
                    (0.5, "50 %"),
                    (0.9, "90 %"),
                    (0.99, "99 %"),
                    (0.999, "99.9 %"),
                ]
                .into_iter()
                .filter(|&(share, _)| share <= high)
                .map(|(share, text)| (share, text.to_owned()))
                .collect();
            }
        };
        values.into_iter().map(|value| (value, short(value))).collect()
    }

    /// The value at its end.
    pub(super) fn high(self) -> f64 {
        match self {
            Self::Doubling { high, .. }
            | Self::Log { high, .. }
            | Self::Zero { high, .. }
            | Self::Nines { high } => high,
        }
    }

    /// What a reader must know of its steps.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Doubling { .. } => "log₂",
            Self::Log { .. } => "log",
            Self::Zero { .. } | Self::Nines { .. } => "",
        }
    }
}

fn nines(share: f64) -> f64 {
    -(1.0 - share).max(1e-9).log10()
}

fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    let decades = (high / low).log10();
    let marks = match decades {
        _ if decades < 2.0 => &[1.0, 2.0, 5.0][..],
        _ => &[1.0],
    };
    let every = if decades > 5.0 { 2 } else { 1 };
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let between = (first..=last)
        .filter(|power| (power - first) % every == 0)
        .flat_map(|power| marks.iter().map(move |mark| mark * 10f64.powi(power)))
        .filter(|&value| value > low * 1.001 && value < high * 0.999);
    [low].into_iter().chain(between).chain([high]).collect()
}

fn bounds(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |bounds, value| match bounds {
        None => Some((value, value)),
        Some((min, max)) => Some((f64::min(min, value), f64::max(max, value))),
    })
}

/// The largest of 1, 2, 5, 10, … that is not above.
fn mark_below(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let mark = [5.0, 2.0, 1.0].into_iter().find(|mark| mark * power <= value * (1.0 + 1e-9));
    mark.unwrap_or(0.5) * power
}

/// The smallest of them that is not below.
fn mark_above(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let mark = [1.0, 2.0, 5.0].into_iter().find(|mark| mark * power >= value * (1.0 - 1e-9));
    mark.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(axis: Axis) -> Vec<String> {
        axis.ticks().into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn every_axis_begins_and_ends_at_a_value_that_is_written() {
        assert_eq!(written(Axis::log([0.3, 700.0])), ["0.2", "1", "10", "100", "1,000"]);
        assert_eq!(written(Axis::log([50.2, 52.0])), ["20", "50", "100", "200"]);
        assert_eq!(written(Axis::zero([61.0, 173.0])), ["0", "50", "100", "150", "200"]);
        assert_eq!(written(Axis::doubling([1_000.0, 4_000.0])), ["1,000", "2,000", "4,000"]);
        assert_eq!(written(Axis::Nines { high: 0.995 }), ["0", "50 %", "90 %", "99 %"]);
    }

    #[test]
    fn nothing_lies_beyond_an_axis_whatever_it_is() {
        for axis in [Axis::log([1.0, 2.0]), Axis::zero([3.0]), Axis::doubling([1.0, 64.0])] {
            for value in [0.0, -1.0, 1e300, f64::NAN, f64::INFINITY] {
                let share = axis.share(value);
                assert!((0.0..=1.0).contains(&share), "{axis:?} puts {value} at {share}");
            }
        }
    }

    #[test]
    fn noise_does_not_fill_a_log_axis() {
        let axis = Axis::log([50.1, 50.9]);
        assert!(axis.share(50.9) - axis.share(50.1) < 0.02, "{axis:?}");
    }

    #[test]
    fn no_values_still_make_an_axis() {
        for axis in [Axis::log([]), Axis::zero([]), Axis::fitting(&[0.0]), Axis::doubling([])] {
            assert!(!axis.ticks().is_empty(), "{axis:?}");
        }
    }
}
