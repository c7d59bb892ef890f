//! What a fault reports: figures, each with what it must reach.

use std::fmt::Display;
use std::time::Duration;

use conformance::until;
use load::Outcome;
use load::process::Usage;
use serde::Serialize;

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    /// Of what.
    pub(crate) what: String,
    /// What it must reach.
    pub(crate) target: String,
    /// What it reached.
    pub(crate) reached: String,
    /// Whether that is enough.
    pub(crate) met: bool,
    /// Whether it is a time, which a busy machine can spoil; such a miss is looked at once more.
    pub(crate) is_time: bool,
}

impl Figure {
    /// What was reached instead.
    pub(crate) fn missed(&self) -> String {
        format!("{}: {}, not {}", self.what, self.reached, self.target)
    }
}

/// The figures of one run.
#[derive(Debug, Default)]
pub(crate) struct Found(pub(crate) Vec<Figure>);

impl Found {
    /// All of them must.
    pub(crate) fn all(&mut self, what: &str, reached: usize, of: usize) {
        self.figure(what, format!("{of} of {of}"), format!("{reached} of {of}"), reached == of);
    }

    /// None may.
    pub(crate) fn none(&mut self, what: &str, reached: u64) {
        self.figure(what, "0", reached, reached == 0);
    }

    /// At most so many.
    pub(crate) fn at_most(&mut self, what: &str, reached: f64, most: f64, unit: &str) {
        let shown = |value: f64| format!("{} {unit}", (value * 10.0).round() / 10.0);
        let reached_is_known = reached.is_finite();
        let target = format!("≤ {}", shown(most));
        self.figure(what, target, shown(reached), reached_is_known && reached <= most);
    }

    /// At most so many bytes.
    pub(crate) fn bytes(&mut self, what: &str, reached: u64, most: u64) {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        self.at_most(what, mib(reached), mib(most), "MiB");
    }

    /// How much more memory it had at most than when it was first watched.
    pub(crate) fn growth(&mut self, usage: &Usage, most: u64) {
        let grown = usage.peak.rss_bytes.saturating_sub(usage.base.rss_bytes);
        self.bytes("RSS growth", grown, most);
    }

    /// None may, once what is cleaned up behind an answer has been: `left` is asked until it is none, or for five seconds.
    pub(crate) fn none_in_the_end(&mut self, what: &str, left: impl Fn() -> u64) {
        until(Duration::from_secs(5), || left() == 0);
        self.none(what, left());
    }

    /// In at most this time.
    pub(crate) fn within(&mut self, what: &str, reached: Duration, most: Duration) {
        let shown = |time: Duration| match time.as_secs_f64() {
            seconds if seconds < 1.0 => format!("{:.0} ms", seconds * 1e3),
            seconds => format!("{seconds:.1} s"),
        };
        self.figure(what, format!("≤ {}", shown(most)), shown(reached), reached <= most);
        self.last_is_a_time();
    }

    fn last_is_a_time(&mut self) {
        self.0.last_mut().expect("it was just pushed").is_time = true;
    }

    /// It must hold; when it does not, `otherwise` says what was seen.
    pub(crate) fn holds(&mut self, what: &str, holds: bool, otherwise: impl Display) {
        let reached = if holds { "yes".to_owned() } else { format!("no: {otherwise}") };
        self.figure(what, "yes", reached, holds);
    }

    /// What a check or a step of it says.
    pub(crate) fn verdict(&mut self, what: &str, verdict: Result<(), String>) {
        self.holds(what, verdict.is_ok(), verdict.err().unwrap_or_default());
    }

    /// The traffic beside: all of it answered, and its p99.
    pub(crate) fn beside(&mut self, beside: &Outcome, p99: Duration) {
        let (right, asked) = (beside.ok, beside.requests());
        let reached = format!("{right} of {asked}");
        let why = beside.errors.examples.first().map(|why| format!(" ({why})")).unwrap_or_default();
        let met = right == asked && asked > 0;
        self.figure("legitimate requests answered", "100 %", format!("{reached}{why}"), met);
        // With fewer than a thousand it is the slowest but a few, which is stricter.
        let reached = Duration::from_nanos(beside.latency.value_at_quantile(0.99));
        self.within("legitimate p99", reached, p99);
        // They waited behind others that were late.
        self.none("legitimate requests never sent, for want of a free connection", beside.dropped);
        self.last_is_a_time();
    }

    /// What was found where this is.
    pub(crate) fn on(&mut self, place: &str, there: Self) {
        let told = |figure: Figure| Figure { what: format!("{place}: {}", figure.what), ..figure };
        self.0.extend(there.0.into_iter().map(told));
    }

    fn figure(&mut self, what: &str, target: impl Display, reached: impl Display, met: bool) {
        let (target, reached) = (target.to_string(), reached.to_string());
        self.0.push(Figure { what: what.to_owned(), target, reached, met, is_time: false });
    }
}

/// Whether nothing but times was missed: a busy machine is slow, but it loses nothing.
pub(crate) fn is_only_late(figures: &[Figure]) -> bool {
    figures.iter().any(|figure| !figure.met)
        && figures.iter().all(|figure| figure.met || figure.is_time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_may_be_missed_by_noise_and_a_count_or_a_state_never() {
        let late = |found: &mut Found| {
            found.within("p99", Duration::from_secs(2), Duration::from_secs(1));
        };
        let missed = |miss: fn(&mut Found)| {
            let mut found = Found::default();
            found.all("answered", 5, 5);
            late(&mut found);
            miss(&mut found);
            is_only_late(&found.0)
        };
        assert!(missed(|_| {}));
        assert!(!missed(|found| found.all("closed", 4, 5)));
        assert!(!missed(|found| found.none("panics", 1)));
        assert!(!missed(|found| found.bytes("RSS growth", 2, 1)));
        assert!(!missed(|found| found.holds("alive", false, "it ended")));
        let mut met = Found::default();
        met.all("answered", 5, 5);
        assert!(!is_only_late(&met.0));
    }
}
