//! `p99>+10%`: when a change is one too many.

use std::fmt;
use std::str::FromStr;

use crate::difference::Ratio;
use crate::results::{Kind, Level};
use crate::view::{CPU, FELT, P50, RATE, RSS, Read, SLOWEST, SPAN, THREADS};

/// A figure that can be asked about.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    /// In rules.
    pub name: &'static str,
    /// Behind its values.
    pub unit: &'static str,
    /// Whether more of it is welcome.
    pub more_is_better: bool,
    /// Whether it says something of a server there.
    pub at: fn(&Level) -> bool,
    /// Its value in `unit`.
    pub read: Read,
}

/// All of them.
pub const FIGURES: [Named; 9] = [
    Named {
        name: "rate",
        unit: "/s",
        more_is_better: true,
        // Of an open loop or a burst it is the generator's.
        at: |level| level.kind == Kind::Closed,
        read: RATE,
    },
    Named { name: "p50", unit: "ms", more_is_better: false, at: |_| true, read: P50 },
    Named {
        name: "p99",
        unit: "ms",
        more_is_better: false,
        at: |_| true,
        read: |cell| cell.latency.p99_ms,
    },
    Named { name: "max", unit: "ms", more_is_better: false, at: |_| true, read: SLOWEST },
    Named {
        name: "span",
        unit: "ms",
        more_is_better: false,
        at: |level| level.kind == Kind::Burst,
        read: SPAN,
    },
    Named { name: "cpu", unit: "µs", more_is_better: false, at: |_| true, read: CPU },
    Named {
        name: "rss",
        unit: "MB",
        more_is_better: false,
        at: |_| true,
        read: |cell| RSS(cell).map(|bytes| bytes / 1e6),
    },
    Named { name: "threads", unit: "", more_is_better: false, at: |_| true, read: THREADS },
    Named {
        name: "probe",
        unit: "ms",
        more_is_better: false,
        at: |level| level.probe.is_some(),
        read: FELT,
    },
];

/// A figure, a direction, and how much.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Of which figure.
    pub figure: Named,
    /// Broken when it has grown by more, or fallen by more.
    grown: bool,
    /// As a share: 0.1 for 10 %.
    by: f64,
}

impl Rule {
    /// Whether the change is a difference and larger than the rule allows.
    pub fn is_broken(&self, ratio: &Ratio) -> bool {
        let (limit, beyond) = if self.grown {
            (1.0 + self.by, ratio.low > 1.0 && ratio.median > 1.0 + ratio.floor)
        } else {
            (1.0 - self.by, ratio.high < 1.0 && ratio.median < 1.0 / (1.0 + ratio.floor))
        };
        beyond && if self.grown { ratio.median > limit } else { ratio.median < limit }
    }

    /// Whether noise would hide the very change the rule is about.
    pub fn is_hidden(&self, ratio: &Ratio) -> bool {
        let reach = if self.grown { ratio.high - 1.0 } else { 1.0 - ratio.low };
        !self.is_broken(ratio) && reach > self.by
    }

    /// As it was typed.
    pub fn typed(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.grown { ">+" } else { "<-" };
        write!(f, "{}{sign}{}%", self.figure.name, self.by * 100.0)
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || FIGURES.map(|figure| figure.name).join(", ");
        let wrong = || format!("give FIGURE>+N% or FIGURE<-N%, FIGURE one of {}", names());
        let at = text.find(['<', '>']).ok_or_else(wrong)?;
        let (name, rest) = text.split_at(at);
        let named = |figure: &&Named| figure.name == name.trim();
        let figure = *FIGURES.iter().find(named).ok_or_else(wrong)?;
        let grown = rest.starts_with('>');
        let amount = rest[1..].trim().strip_suffix('%').ok_or_else(wrong)?;
        let sign = if grown { '+' } else { '-' };
        let amount = amount.trim().strip_prefix(sign).ok_or_else(wrong)?;
        let by: f64 = amount.trim().parse().map_err(|_| wrong())?;
        if !(0.0..=1_000.0).contains(&by) || (!grown && by >= 100.0) {
            return Err(wrong());
        }
        Ok(Self { figure, grown, by: by / 100.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_a_figure_a_direction_and_a_share() {
        for (text, shown) in [("p99>+10%", "p99>+10%"), (" rate < - 2.5 %", "rate<-2.5%")] {
            assert_eq!(text.parse::<Rule>().unwrap().to_string(), shown);
        }
        for wrong in ["p99", "p99>10%", "p99>+10", "speed>+1%", "rate<+5%", "rate<-200%", ">+1%"] {
            let error = wrong.parse::<Rule>().unwrap_err();
            assert!(error.contains("rate, p50, p99"), "{wrong}: {error}");
        }
    }

    #[test]
    fn noise_breaks_no_rule_and_is_said_to_hide_what_it_could() {
        let rule: Rule = "p99>+10%".parse().unwrap();
        let ratio = |median: f64, low: f64, high: f64, floor: f64| Ratio {
            median,
            low,
            high,
            rounds: 10,
            floor,
        };
        assert!(rule.is_broken(&ratio(1.2, 1.1, 1.3, 0.05)));
        assert!(!rule.is_broken(&ratio(1.08, 1.05, 1.09, 0.01)), "under what it allows");
        assert!(!rule.is_broken(&ratio(1.2, 0.9, 1.5, 0.05)), "the interval holds 1");
        assert!(!rule.is_broken(&ratio(1.2, 1.1, 1.3, 0.3)), "it differs as much from itself");
        assert!(rule.is_hidden(&ratio(1.0, 0.8, 1.25, 0.2)));
        assert!(!rule.is_hidden(&ratio(1.0, 0.98, 1.02, 0.02)));
    }
}
