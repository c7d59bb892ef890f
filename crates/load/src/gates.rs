//! When a number is void, and why, in a sentence a reader understands.

use std::fmt;

use crate::outcome::Outcome;

/// The least share of an open loop's schedule that must be answered.
const RATE_RATIO: f64 = 0.98;
/// The most a scheduled request may leave late, at p99: a tenth of the latency found, but never less than this.
const LAG: u64 = 1_000_000;
/// A generator thread that ran or was ready to run for more of the window than this was the limit.
const GENERATOR_BUSY: f64 = 0.9;
/// A generator thread that stood in line for its CPU for more of the window than this measured its own wait as well,
/// and from the second share on hardly anything else.
const GENERATOR_CROWDED: f64 = 0.05;
const GENERATOR_SWAMPED: f64 = 0.25;
/// The least share of all waiting that must have been for right answers.
const IN_FLIGHT: f64 = 0.9;

/// One reason not to trust a number, or to read it with care.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Which.
    pub kind: Kind,
    /// Whether the numbers of the cell must not be used; otherwise it is a caution beside them.
    pub void: bool,
    /// What is wrong, with its figures.
    pub sentence: String,
}

/// What can be wrong with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Nothing was answered at all.
    Nothing,
    /// Some clients got no answers while others did (Little's law).
    Starved,
    /// The generator was the limit.
    GeneratorBound,
    /// Something else held the generator's CPU.
    GeneratorCrowded,
    /// Fewer answers than the schedule asked for.
    RateRatio,
    /// The generator sent late.
    ScheduleLag,
    /// Requests found no room to wait.
    Drops,
    /// Requests failed or timed out.
    Errors,
    /// Messages did not reach whom they were for, or reached them again.
    Lost,
    /// Too few samples for a percentile.
    FewSamples,
    /// Server and generator on the same CPUs.
    SharedCpus,
    /// Ended from outside before its end.
    Cancelled,
}

impl Kind {
    /// The word it goes by in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Starved => "starved",
            Self::GeneratorBound => "generator-bound",
            Self::GeneratorCrowded => "generator-crowded",
            Self::RateRatio => "rate-ratio",
            Self::ScheduleLag => "schedule-lag",
            Self::Drops => "drops",
            Self::Errors => "errors",
            Self::Lost => "lost",
            Self::FewSamples => "few-samples",
            Self::SharedCpus => "shared-cpus",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.sentence)
    }
}

/// Every gate this outcome does not pass, the worst first.
pub fn of(outcome: &Outcome) -> Vec<Gate> {
    let gates = [
        nothing(outcome),
        cancelled(outcome),
        lost(outcome),
        starved(outcome),
        generator_bound(outcome),
        crowded(outcome),
        rate_ratio(outcome),
        schedule_lag(outcome),
        drops(outcome),
        errors(outcome),
        few_samples(outcome),
    ];
    let mut gates: Vec<_> = gates.into_iter().flatten().collect();
    gates.sort_by_key(|gate| !gate.void);
    gates
}

/// Whether server and generator shared CPUs: true of every cell of a run, so said once.
pub fn shared_cpus(server: &[usize], generator: &[usize]) -> Option<Gate> {
    let both: Vec<_> = server.iter().filter(|cpu| generator.contains(cpu)).collect();
    if both.is_empty() {
        return None;
    }
    let (count, all) = (both.len(), server.len());
    let sentence = format!(
        "{count} of the server's {all} CPUs {} the generator's too: trust ratios, not absolutes",
        if count == 1 { "is" } else { "are" },
    );
    caution(Kind::SharedCpus, sentence)
}

fn nothing(outcome: &Outcome) -> Option<Gate> {
    let requests = outcome.requests();
    if outcome.ok > 0 {
        return None;
    }
    let why = outcome.errors.examples.first().map(|why| format!(" ({why})")).unwrap_or_default();
    void(Kind::Nothing, format!("none of {requests} requests was answered rightly{why}"))
}

fn cancelled(outcome: &Outcome) -> Option<Gate> {
    if !outcome.cancelled {
        return None;
    }
    void(Kind::Cancelled, format!("ended from outside after {:.1?}", outcome.window))
}

fn starved(outcome: &Outcome) -> Option<Gate> {
    let (offered, never) = (outcome.connections_offered, outcome.never_served);
    if outcome.ok == 0 {
        return None;
    }
    if never > 0 {
        let others = offered - never;
        return void(
            Kind::Starved,
            format!(
                "{never} of {offered} clients never got an answer; this latency is that of the other {others}"
            ),
        );
    }
    let (waiting, in_flight) = (outcome.waiting, outcome.in_flight);
    if in_flight >= waiting * IN_FLIGHT {
        return None;
    }
    void(
        Kind::Starved,
        format!(
            "of {waiting:.1} clients waiting on average only {in_flight:.1} were on the way to an answer \
             (rate × latency); the others waited for nothing"
        ),
    )
}

fn generator_bound(outcome: &Outcome) -> Option<Gate> {
    let busiest = outcome.generator.iter().map(|thread| thread.busy()).fold(0.0, f64::max);
    if busiest < GENERATOR_BUSY {
        return None;
    }
    void(
        Kind::GeneratorBound,
        format!(
            "a generator thread was busy {:.0} % of the time; the server may do more",
            busiest * 100.0
        ),
    )
}

fn crowded(outcome: &Outcome) -> Option<Gate> {
    let most = outcome.generator.iter().map(|thread| thread.crowded()).fold(0.0, f64::max);
    if most < GENERATOR_CROWDED {
        return None;
    }
    let gate = if most > GENERATOR_SWAMPED { void } else { caution };
    gate(
        Kind::GeneratorCrowded,
        format!(
            "a generator thread stood in line for its CPU {:.0} % of the time; that wait is in the latency",
            most * 100.0
        ),
    )
}

fn rate_ratio(outcome: &Outcome) -> Option<Gate> {
    let intended = outcome.intended_rate?;
    let ratio = outcome.rate() / intended;
    if ratio >= RATE_RATIO || intended == 0.0 {
        return None;
    }
    void(
        Kind::RateRatio,
        format!(
            "{:.0} answers a second where {intended:.0} were asked for ({:.0} %); latency grows with the length of the run",
            outcome.rate(),
            ratio * 100.0
        ),
    )
}

fn schedule_lag(outcome: &Outcome) -> Option<Gate> {
    let lag = outcome.lag.value_at_quantile(0.99);
    let allowed = (outcome.latency.value_at_quantile(0.99) / 10).max(LAG);
    if lag <= allowed {
        return None;
    }
    void(
        Kind::ScheduleLag,
        format!("the generator itself sent {:.1} ms late at p99", lag as f64 / 1e6),
    )
}

fn drops(outcome: &Outcome) -> Option<Gate> {
    let dropped = outcome.dropped;
    if dropped == 0 {
        return None;
    }
    void(Kind::Drops, format!("{dropped} requests found no room to wait and have no latency"))
}

fn lost(outcome: &Outcome) -> Option<Gate> {
    let (lost, doubled) = (outcome.errors.lost, outcome.errors.doubled);
    if lost + doubled == 0 {
        return None;
    }
    let (why, all) = (outcome.errors.examples.join("; "), outcome.ok + lost);
    void(
        Kind::Lost,
        format!("of {all} deliveries {lost} never came, and {doubled} came again ({why})"),
    )
}

fn errors(outcome: &Outcome) -> Option<Gate> {
    // What is lost has a gate of its own.
    let total = outcome.errors.total() - outcome.errors.lost - outcome.errors.doubled;
    let requests = outcome.requests();
    if total == 0 || outcome.ok == 0 {
        return None;
    }
    let examples = outcome.errors.examples.join("; ");
    let why = if examples.is_empty() { "no answer by the end".into() } else { examples };
    let sentence = format!(
        "{total} of {requests} requests failed ({why}); they count with the time they waited"
    );
    // One in a hundred moves a p99.
    let gate = if total * 100 >= requests { void } else { caution };
    gate(Kind::Errors, sentence)
}

fn few_samples(outcome: &Outcome) -> Option<Gate> {
    let requests = outcome.requests();
    let missing: Vec<_> = ["50", "99", "99.9"]
        .into_iter()
        .filter(|name| {
            let percentile = name.parse().expect("a number, as written above");
            outcome.percentile(percentile).is_none()
        })
        .map(|name| format!("p{name}"))
        .collect();
    if missing.is_empty() || requests == 0 {
        return None;
    }
    caution(Kind::FewSamples, format!("{requests} samples are too few for {}", missing.join(", ")))
}

#[expect(clippy::unnecessary_wraps, reason = "so that a gate ends with its verdict")]
fn void(kind: Kind, sentence: String) -> Option<Gate> {
    Some(Gate { kind, void: true, sentence })
}

#[expect(clippy::unnecessary_wraps, reason = "so that a gate ends with its verdict")]
fn caution(kind: Kind, sentence: String) -> Option<Gate> {
    Some(Gate { kind, void: false, sentence })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::outcome::{Errors, GeneratorThread};
    use crate::tally::histogram;

    /// Ten thousand requests in ten seconds, a millisecond each, by ten clients, with nothing wrong.
    fn sound() -> Outcome {
        let mut latency = histogram();
        latency.record_n(1_000_000, 10_000).unwrap();
        let window = Duration::from_secs(10);
        let (cpu, delayed) = (Duration::from_secs(4), Duration::from_millis(100));
        Outcome {
            service: latency.clone(),
            latency,
            lag: histogram(),
            ok: 10_000,
            errors: Errors::default(),
            answered_in_window: 10_000,
            bytes: 0,
            window,
            span: window,
            connections_offered: 10,
            never_served: 0,
            waiting: 1.0,
            in_flight: 1.0,
            connects: 10,
            intended_rate: Some(1000.0),
            dropped: 0,
            generator: vec![GeneratorThread { cpu, delayed, window, pinned: Some(1) }],
            series: Vec::new(),
            usage: None,
            cancelled: false,
        }
    }

    /// The gates of a sound outcome after this change to it, as they are printed.
    fn after(change: impl FnOnce(&mut Outcome)) -> Vec<(bool, String)> {
        let mut outcome = sound();
        change(&mut outcome);
        of(&outcome).iter().map(|gate| (gate.void, gate.to_string())).collect()
    }

    fn void(sentence: &str) -> Vec<(bool, String)> {
        vec![(true, sentence.to_owned())]
    }

    fn caution(sentence: &str) -> Vec<(bool, String)> {
        vec![(false, sentence.to_owned())]
    }

    #[test]
    fn a_sound_outcome_passes_every_gate() {
        assert_eq!(after(|_| {}), []);
    }

    #[test]
    fn each_gate_says_what_is_wrong_in_a_sentence() {
        assert_eq!(
            after(|outcome| outcome.never_served = 6),
            void(
                "starved: 6 of 10 clients never got an answer; this latency is that of the other 4"
            )
        );
        assert_eq!(
            after(|outcome| outcome.waiting = 10.0),
            void(
                "starved: of 10.0 clients waiting on average only 1.0 were on the way to an answer \
                 (rate × latency); the others waited for nothing"
            )
        );
        assert_eq!(
            after(|outcome| outcome.generator[0].cpu = Duration::from_millis(9_100)),
            void(
                "generator-bound: a generator thread was busy 92 % of the time; the server may do more"
            )
        );
        assert_eq!(
            after(|outcome| outcome.generator[0].delayed = Duration::from_millis(1_200)),
            caution(
                "generator-crowded: a generator thread stood in line for its CPU 12 % of the time; \
                 that wait is in the latency"
            )
        );
        assert_eq!(
            after(|outcome| outcome.generator[0].delayed = Duration::from_millis(3_000)),
            void(
                "generator-crowded: a generator thread stood in line for its CPU 30 % of the time; \
                 that wait is in the latency"
            )
        );
        assert_eq!(
            after(|outcome| outcome.answered_in_window = 9_700),
            void(
                "rate-ratio: 970 answers a second where 1000 were asked for (97 %); \
                 latency grows with the length of the run"
            )
        );
        assert_eq!(
            after(|outcome| outcome.lag.record_n(2_000_000, 10).unwrap()),
            void("schedule-lag: the generator itself sent 2.0 ms late at p99")
        );
        assert_eq!(
            after(|outcome| outcome.dropped = 3),
            void("drops: 3 requests found no room to wait and have no latency")
        );
        assert_eq!(
            after(|outcome| {
                outcome.ok = 0;
                outcome.errors.connect = 10_000;
                outcome.errors.examples.push("connect: refused".into());
            }),
            void("nothing: none of 10000 requests was answered rightly (connect: refused)")
        );
        assert_eq!(
            after(|outcome| {
                (outcome.errors.lost, outcome.errors.doubled) = (2, 1);
                outcome.errors.examples.push("message 7 did not come".into());
            }),
            void(
                "lost: of 10002 deliveries 2 never came, and 1 came again (message 7 did not come)"
            )
        );
        assert_eq!(
            after(|outcome| outcome.cancelled = true),
            void("cancelled: ended from outside after 10.0s")
        );
    }

    #[test]
    fn errors_void_a_number_from_one_in_a_hundred() {
        let timeouts = |count| {
            after(|outcome| {
                outcome.errors.timeout = count;
                outcome.errors.examples.push("no answer within 10.0 s".into());
            })
        };
        let sentence = |count| {
            format!(
                "errors: {count} of 10000 requests failed (no answer within 10.0 s); \
                 they count with the time they waited"
            )
        };
        assert_eq!(timeouts(99), caution(&sentence(99)));
        assert_eq!(timeouts(100), void(&sentence(100)));
    }

    #[test]
    fn a_percentile_needs_ten_samples_beyond_it() {
        let few = |count| {
            after(|outcome| {
                outcome.latency = histogram();
                outcome.latency.record_n(1_000_000, count).unwrap();
            })
        };
        assert_eq!(few(10_000), []);
        assert_eq!(few(9_999), caution("few-samples: 9999 samples are too few for p99.9"));
        assert_eq!(few(999), caution("few-samples: 999 samples are too few for p99, p99.9"));
        assert_eq!(few(19), caution("few-samples: 19 samples are too few for p50, p99, p99.9"));
    }

    #[test]
    fn cpus_are_shared_when_any_is() {
        assert_eq!(shared_cpus(&[0], &[1]), None);
        let gate = shared_cpus(&[0, 1], &[1]).unwrap();
        assert_eq!(
            gate.sentence,
            "1 of the server's 2 CPUs is the generator's too: trust ratios, not absolutes"
        );
    }
}
