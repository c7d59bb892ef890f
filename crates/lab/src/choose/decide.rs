//! From what the model says of three servers to one answer, and what would change it.

use super::model::{AMPLE, Asked, Calibration, Limit, Load, Predicted};

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// No difference that matters.
    Either,
    /// It does what is wanted, with room; async would have more.
    BlockingIsEnough,
    /// Threads do not do what is wanted, or only just.
    Async,
    /// None does: this is the limit, whichever is chosen.
    Neither(Limit),
}

impl Answer {
    /// In the words of every output.
    pub fn words(self) -> String {
        match self {
            Self::Either => "either".into(),
            Self::BlockingIsEnough => "blocking is enough".into(),
            Self::Async => "async".into(),
            Self::Neither(limit) => format!("neither: {} is the limit", limit.name()),
        }
    }
}

/// An answer with what it rests on.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The answer.
    pub answer: Answer,
    /// The three, in the order of the calibration.
    pub servers: Vec<Predicted>,
}

/// Room to grow that a choice should leave; and the least that makes one server's room another's.
const ROOM: f64 = 1.25;

/// Decides.
pub fn decide(calibration: &Calibration, asked: &Asked) -> Decision {
    let cap = calibration.thread_cap as f64;
    let servers: Vec<_> =
        calibration.servers.iter().map(|costs| costs.predict(asked, cap)).collect();
    let best = |threads: bool| {
        let of = |at: &usize| calibration.servers[*at].thread_each == threads;
        (0..servers.len())
            .filter(of)
            .map(|at| &servers[at])
            .max_by(|a, b| a.margin.total_cmp(&b.margin))
    };
    let answer = match (best(true), best(false)) {
        (Some(blocking), Some(asynchronous)) => answer(blocking, asynchronous),
        (Some(only), None) | (None, Some(only)) if !only.fits() => Answer::Neither(only.first),
        (Some(_), None) => Answer::BlockingIsEnough,
        (None, _) => Answer::Async,
    };
    Decision { answer, servers }
}

fn answer(blocking: &Predicted, asynchronous: &Predicted) -> Answer {
    let ratio = asynchronous.margin.min(AMPLE) / blocking.margin.min(AMPLE);
    match (blocking.fits(), asynchronous.fits()) {
        (false, false) => {
            let best = if ratio >= 1.0 { asynchronous } else { blocking };
            Answer::Neither(best.first)
        }
        (true, false) => Answer::BlockingIsEnough,
        (false, true) => Answer::Async,
        (true, true) if (1.0 / ROOM..ROOM).contains(&ratio) => Answer::Either,
        (true, true) if blocking.margin >= ROOM => Answer::BlockingIsEnough,
        (true, true) => Answer::Async,
    }
}

/// One change that would change the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Flip {
    /// Of what.
    pub what: &'static str,
    /// From this value on, in the unit of the flag.
    pub value: f64,
    /// How many times what was asked.
    pub factor: f64,
    /// The answer then.
    pub answer: Answer,
}

/// A quantity of [`Asked`] by its flag: how to scale it, and its value in the flag's unit.
type Dial = (&'static str, fn(&mut Asked, f64), fn(&Asked) -> Option<f64>);

const DIALS: [Dial; 8] = [
    (
        "--rate",
        |asked, by| {
            if let Load::Rate(rate) = &mut asked.load {
                *rate *= by
            }
        },
        |asked| match asked.load {
            Load::Rate(rate) => Some(rate),
            Load::InFlight(_) => None,
        },
    ),
    (
        "--in-flight",
        |asked, by| {
            if let Load::InFlight(count) = &mut asked.load {
                *count *= by
            }
        },
        |asked| match asked.load {
            Load::InFlight(count) => Some(count),
            Load::Rate(_) => None,
        },
    ),
    (
        "--wait-ms",
        |asked, by| (asked.wait_s, asked.held_s) = (asked.wait_s * by, asked.held_s * by),
        |asked| Some((asked.wait_s + asked.held_s) * 1e3),
    ),
    ("--cpu-ms", |asked, by| asked.cpu_s *= by, |asked| Some(asked.cpu_s * 1e3)),
    ("--cores", |asked, by| asked.cores *= by, |asked| Some(asked.cores)),
    (
        "--memory-mb",
        |asked, by| asked.memory_bytes = asked.memory_bytes.map(|bytes| bytes * by),
        |asked| asked.memory_bytes.map(|bytes| bytes / 1e6),
    ),
    (
        "--p99-ms",
        |asked, by| asked.p99_s = asked.p99_s.map(|p99| p99 * by),
        |asked| asked.p99_s.map(|p99| p99 * 1e3),
    ),
    ("--long-lived", |asked, by| asked.long_lived *= by, |asked| Some(asked.long_lived)),
];

/// A quantity is changed by up to this factor, in steps of this one.
const FARTHEST: f64 = 1_000.0;
const STEP: f64 = 1.3;

/// What would change the answer, the nearest change first, each quantity alone.
pub fn flips(calibration: &Calibration, asked: &Asked) -> Vec<Flip> {
    let now = decide(calibration, asked).answer;
    let mut flips = Vec::new();
    for (what, scale, value) in DIALS {
        if value(asked).is_none_or(|value| value <= 0.0) {
            continue;
        }
        let at = |factor: f64| {
            let mut changed = *asked;
            scale(&mut changed, factor);
            (decide(calibration, &changed).answer, value(&changed).unwrap_or(0.0))
        };
        for step in [STEP, 1.0 / STEP] {
            let (mut same, mut other) = (1.0, step);
            while at(other).0 == now && (1.0 / FARTHEST..=FARTHEST).contains(&other) {
                (same, other) = (other, other * step);
            }
            if at(other).0 == now {
                continue;
            }
            for _ in 0..6 {
                let middle = f64::sqrt(same * other);
                if at(middle).0 == now { same = middle } else { other = middle }
            }
            let (answer, value) = at(other);
            flips.push(Flip { what, value, factor: other, answer });
        }
    }
    flips.sort_by(|a, b| a.factor.ln().abs().total_cmp(&b.factor.ln().abs()));
    flips
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::choose::model::Costs;
    use crate::results::Machine;

    /// Round figures of no machine.
    pub(crate) fn scripted() -> Calibration {
        let costs = |name: &str, wait_us, client_bytes, thread_each| Costs {
            name: name.into(),
            wait_us,
            pooled_us: wait_us + 20.0,
            hold_us: 100.0,
            computing: 1.0,
            base_bytes: 8e6,
            client_bytes,
            thread_each,
        };
        Calibration {
            schema: 1,
            started: String::new(),
            machine: Machine::default(),
            commit: None,
            profile: "release".into(),
            cores: 1,
            rounds_per_ms: 500_000,
            thread_cap: 16_000,
            thread_cap_by: "max_map_count".into(),
            most_clients: 1_500,
            void: Vec::new(),
            servers: vec![
                costs("blocking", 40.0, 40e3, true),
                costs("actix", 20.0, 20e3, false),
                costs("axum", 22.0, 18e3, false),
            ],
        }
    }

    pub(crate) fn asked() -> Asked {
        Asked {
            load: Load::Rate(100.0),
            wait_s: 0.05,
            held_s: 0.0,
            cpu_s: 1e-3,
            cores: 2.0,
            pool: None,
            memory_bytes: None,
            p99_s: None,
            long_lived: 0.0,
        }
    }

    fn answered(change: impl FnOnce(&mut Asked)) -> Answer {
        let mut asked = asked();
        change(&mut asked);
        decide(&scripted(), &asked).answer
    }

    fn pooled(asked: &mut Asked, places: u64) {
        (asked.held_s, asked.wait_s, asked.pool) = (asked.wait_s, 0.0, Some(places));
    }

    #[test]
    fn each_answer_is_given_where_it_is_due() {
        assert_eq!(answered(|_| {}), Answer::Either);
        assert_eq!(
            answered(|a| {
                a.load = Load::Rate(20_000.0);
                a.cpu_s = 0.0
            }),
            Answer::BlockingIsEnough
        );
        assert_eq!(
            answered(|a| {
                a.load = Load::InFlight(8_000.0);
                a.wait_s = 1.0;
                a.cpu_s = 0.0
            }),
            Answer::BlockingIsEnough
        );
        assert_eq!(
            answered(|a| {
                a.load = Load::InFlight(30_000.0);
                a.wait_s = 10.0;
                a.cpu_s = 0.0
            }),
            Answer::Async
        );
        assert_eq!(answered(|a| a.long_lived = 20_000.0), Answer::Async);
        assert_eq!(answered(|a| a.cpu_s = 0.1), Answer::Neither(Limit::Cpu));
        assert_eq!(answered(|a| pooled(a, 3)), Answer::Neither(Limit::Pool));
        assert_eq!(answered(|a| a.p99_s = Some(0.02)), Answer::Neither(Limit::Upstream));
        assert_eq!(answered(|a| a.memory_bytes = Some(1e6)), Answer::Neither(Limit::Memory));
    }

    #[test]
    fn the_edges_have_answers_too() {
        assert_eq!(answered(|a| a.load = Load::Rate(0.0)), Answer::Either);
        assert_eq!(answered(|a| a.load = Load::InFlight(0.0)), Answer::Either);
        assert_eq!(answered(|a| a.cores = 1.0), Answer::Either);
        // A million connections that ask nothing: threads have no room, memory decides for the rest.
        assert_eq!(answered(|a| a.long_lived = 1e6), Answer::Async);
        assert_eq!(
            answered(|a| {
                a.long_lived = 1e6;
                a.memory_bytes = Some(4e9)
            }),
            Answer::Neither(Limit::Memory)
        );
        // A pool of one answers 1/wait a second, whoever asks.
        assert_eq!(answered(|a| pooled(a, 1)), Answer::Neither(Limit::Pool));
        assert_eq!(
            answered(|a| {
                pooled(a, 1);
                a.load = Load::Rate(1.0)
            }),
            Answer::Either
        );
        assert_eq!(
            answered(|a| {
                a.wait_s = 0.0;
                a.cpu_s = 0.0
            }),
            Answer::Either
        );
        // Computing alone takes longer than the answer may.
        assert_eq!(
            answered(|a| {
                a.cpu_s = 0.2;
                a.wait_s = 0.0;
                a.load = Load::Rate(1.0);
                a.p99_s = Some(0.1)
            }),
            Answer::Neither(Limit::Cpu)
        );
        // Between the two prices of memory.
        assert_eq!(
            answered(|a| {
                a.long_lived = 10_000.0;
                a.memory_bytes = Some(300e6)
            }),
            Answer::Async
        );
    }

    #[test]
    fn what_flips_the_answer_does_flip_it() {
        let (calibration, asked) = (scripted(), asked());
        let flips = flips(&calibration, &asked);
        let rate = flips.iter().find(|flip| flip.what == "--rate" && flip.factor > 1.0).unwrap();
        let mut more = asked;
        more.load = Load::Rate(rate.value * 1.01);
        assert_eq!(decide(&calibration, &more).answer, rate.answer);
        more.load = Load::Rate(rate.value / 1.05);
        assert_eq!(decide(&calibration, &more).answer, Answer::Either);
        let far: Vec<f64> = flips.iter().map(|flip| flip.factor.ln().abs()).collect();
        assert!(far.is_sorted(), "{flips:?}");
    }

    #[test]
    fn a_thread_for_each_connection_is_counted() {
        let mut asked = asked();
        asked.long_lived = 5_000.0;
        let servers = decide(&scripted(), &asked).servers;
        assert!(servers[0].threads > 5_000.0 && servers[1].threads < 100.0, "{servers:?}");
        assert!((servers[0].bytes - 8e6 - 40e3 * 5_005.0).abs() < 1e6, "{servers:?}");
    }
}
