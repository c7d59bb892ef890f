//! The scenarios as data: what is asked at which levels, and which claim it bears on.
//!
//! No default level is void by design: a closed level lasts until it has samples for a p99, or shows its slowest
//! answer instead; where waiting is the subject it asks far less than half of what the floor can answer.

use std::time::Duration;

use crate::question::Question;
use crate::results::{Arrivals, Kind, Level, Tail};
use crate::uses;

/// The scenarios of the default run, in order.
pub fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "waiting",
            title: "clients that all wait 1 s at the same time, and one who wants something else",
            claims: &[OTHERS_GO_ON, MORE_USERS],
            flags: &[],
            shapes: vec![Shape {
                kind: Kind::Burst,
                probe: Some(Duration::from_millis(1)),
                ..Shape::new(Question::Wait(SECOND), &[1_000, 4_000], &[200, 1_000, 4_000, 10_000])
            }],
        },
        Scenario {
            name: "wait",
            title: "clients that wait 50 ms again and again: what a wait itself costs",
            claims: &[CPU_CYCLES],
            flags: &[],
            shapes: vec![Shape::new(
                Question::Wait(ms(50)),
                &[1, 64, 256],
                &[1, 16, 64, 256, 1_024],
            )],
        },
        Scenario {
            name: "plaintext",
            title: "no waiting at all: the floor under every other number",
            claims: &[],
            flags: &[],
            shapes: vec![Shape::new(
                Question::Plaintext,
                &[1, 64, 1_024],
                &[1, 8, 64, 256, 1_024, 4_000],
            )],
        },
        Scenario {
            name: "github",
            title: "one call to an upstream a request: 50 ms, and at the top 1 s",
            claims: &[],
            flags: &[],
            shapes: vec![
                Shape::new(Question::GithubUser(ms(50)), &[1, 64], &[1, 16, 64, 256]),
                Shape {
                    kind: Kind::Burst,
                    variant: Some("of 1 s"),
                    ..Shape::new(Question::GithubUser(SECOND), &[1_024], &[256, 1_024])
                },
            ],
        },
        Scenario {
            name: "fan-out",
            title: "five calls to an upstream of 20 ms within one request, in turn and together",
            claims: &[PARALLEL],
            flags: &[],
            shapes: vec![fan_out(false, "in turn"), fan_out(true, "together")],
        },
        Scenario {
            name: "pool-limit",
            title: "blocking calls of 50 ms on an offload pool of 16 threads: below the pool and above it",
            claims: &[],
            // As many as OFFLOAD_THREADS.
            flags: &["--offload-threads=16"],
            shapes: vec![
                Shape {
                    variant: Some("below the pool"),
                    ..Shape::new(Question::OffloadWait(ms(50)), &[8], &[4, 8, 16])
                },
                Shape {
                    variant: Some("above the pool"),
                    ..Shape::new(Question::OffloadWait(ms(50)), &[64], &[32, 64, 256])
                },
            ],
        },
        Scenario {
            name: "blocked-loop",
            title: "handlers that block their thread for 0.1 s, and one who wants something else",
            claims: &[BLOCKED_LOOP],
            flags: &["--pitfalls"],
            shapes: vec![Shape {
                kind: Kind::Burst,
                probe: Some(ms(2)),
                ..Shape::new(Question::BlockingWait(ms(100)), &[20], &[20, 100])
            }],
        },
        Scenario {
            name: "little-cpu",
            title: "one client whose request computes, a third of the time, and one who wants something else",
            claims: &[],
            flags: &[],
            shapes: vec![work(ms(1), "of 1 ms"), work(ms(10), "of 10 ms")],
        },
    ]
}

/// Those, and the ones that are asked only by name.
pub fn named() -> Vec<Scenario> {
    all().into_iter().chain(uses::all()).collect()
}

/// The names, for `--scenarios` and its help.
pub fn names() -> Vec<&'static str> {
    named().iter().map(|scenario| scenario.name).collect()
}

/// The claims of the article, as the answer quotes them.
pub const OTHERS_GO_ON: &str = "other requests continue … without delay";
/// See [`OTHERS_GO_ON`].
pub const MORE_USERS: &str = "handle more simultaneous users";
/// See [`OTHERS_GO_ON`].
pub const PARALLEL: &str = "reduced latency … in parallel";
/// See [`OTHERS_GO_ON`].
pub const CPU_CYCLES: &str = "free up CPU cycles";
/// See [`OTHERS_GO_ON`].
pub const BLOCKED_LOOP: &str = "sync functions … can block the event loop";

/// Calls in one fan-out.
pub const FAN_OUT: u32 = 5;

/// Threads of the offload pool where it is the subject.
const OFFLOAD_THREADS: usize = 16;
const SECOND: Duration = Duration::from_secs(1);
/// The shortest a level is measured.
const SHORT: Duration = Duration::from_millis(230);
/// The longest a level is made for the sake of a p99.
const LONG: Duration = Duration::from_millis(1_000);
/// How long is spoken in a room: ten messages a second are a hundred, so that ten who listen make a p99.
const SPOKEN: Duration = Duration::from_secs(10);
/// A p99 wants ten samples beyond it.
const SAMPLES: f64 = 1_000.0;

/// One subject.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The lesson's name where there is one.
    pub name: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// The claims it bears on.
    pub claims: &'static [&'static str],
    /// Flags every server needs for it.
    pub flags: &'static [&'static str],
    /// What is asked.
    pub shapes: Vec<Shape>,
}

/// One question at several levels.
#[derive(Clone, Debug)]
pub struct Shape {
    /// What is asked.
    pub question: Question,
    /// How clients ask.
    pub kind: Kind,
    /// What sets it apart from other rows with as many clients.
    pub variant: Option<&'static str>,
    /// Clients at once, in the default run.
    pub levels: &'static [usize],
    /// Clients at once, with `--full`.
    pub full: &'static [usize],
    /// How often a bystander asks for `/plaintext` meanwhile.
    pub probe: Option<Duration>,
    /// What a client of a closed loop waits between an answer and its next request.
    pub think: Duration,
    /// Requests a second, of an open loop.
    pub rate: Option<f64>,
    /// When they leave.
    pub arrivals: Arrivals,
    /// Whether each request opens a connection of its own.
    pub reconnects: bool,
}

/// One level of a shape, ready to be measured.
#[derive(Clone, Debug)]
pub struct Step {
    /// As the results name it.
    pub level: Level,
    /// What is asked.
    pub question: Question,
    /// Before the window: connecting is not counted in it.
    pub warmup: Duration,
    /// What is measured; for a burst, what it takes at least.
    pub window: Duration,
    /// How often a bystander asks meanwhile.
    pub probe: Option<Duration>,
    /// What a client waits between an answer and its next request.
    pub think: Duration,
}

impl Shape {
    /// A closed loop without pauses.
    pub fn new(question: Question, levels: &'static [usize], full: &'static [usize]) -> Self {
        let (kind, variant, probe, think) = (Kind::Closed, None, None, Duration::ZERO);
        let (rate, arrivals, reconnects) = (None, Arrivals::default(), false);
        Self { question, kind, variant, levels, full, probe, think, rate, arrivals, reconnects }
    }

    /// The same asked on a schedule instead of by clients that wait for each other's turn; a burst stays one.
    #[must_use]
    pub fn at_rate(self, rate: Option<f64>, arrivals: Arrivals) -> Self {
        match (self.kind, rate) {
            (Kind::Closed, Some(_)) => Self { kind: Kind::Open, rate, arrivals, ..self },
            // What is said in a room is said evenly.
            (Kind::Room, Some(_)) => Self { rate, ..self },
            _ => self,
        }
    }

    /// The same with a connection for each request; a burst has nothing else, and who listens has one.
    #[must_use]
    pub fn reconnecting(self, reconnects: bool) -> Self {
        let may = matches!(self.kind, Kind::Closed | Kind::Open);
        Self { reconnects: reconnects && may, ..self }
    }

    /// The step for so many clients, measured for `window` when that was asked for.
    pub fn step(&self, clients: usize, window: Option<Duration>) -> Step {
        let least = self.question.least();
        let (window, tail) = match self.kind {
            Kind::Burst => (least, tail(clients as f64)),
            Kind::Closed | Kind::Open | Kind::Room => {
                let window = window.unwrap_or_else(|| self.window(clients));
                (window, tail(self.expected(clients, window)))
            }
        };
        let variant = self.variant.map(str::to_owned);
        let kind = self.kind.word();
        let count = match self.kind {
            Kind::Open => self.rate.map_or(clients as f64, f64::round),
            Kind::Closed | Kind::Burst | Kind::Room => clients as f64,
        };
        let arrivals = match self.arrivals {
            Arrivals::Poisson => None,
            _ if self.kind == Kind::Room => None,
            Arrivals::Fixed => Some("fixed"),
            Arrivals::Ramp => Some("ramp"),
        };
        let words = [variant.as_deref(), arrivals, self.reconnects.then_some("reconnecting")];
        let words: String = words.into_iter().flatten().map(|word| format!(" {word}")).collect();
        let name = format!("{kind}/{count}{words}");
        let level = Level {
            name,
            clients,
            kind: self.kind,
            rate: self.rate,
            arrivals: self.arrivals,
            reconnects: self.reconnects,
            think_ms: self.think.as_secs_f64() * 1e3,
            variant,
            request: self.question.request(),
            least_ms: least.as_secs_f64() * 1e3,
            tail,
            probe: self.probe.map(|_| "GET /plaintext".to_owned()),
        };
        let warmup = match self.kind {
            Kind::Burst => Duration::ZERO,
            Kind::Closed | Kind::Open => ms(40) + least,
            Kind::Room => SECOND,
        };
        Step {
            level,
            question: self.question,
            warmup,
            window,
            probe: self.probe,
            think: self.think,
        }
    }

    /// Long enough for a p99 if that is short, else for a median; for the bystander's p99 where there is one.
    fn window(&self, clients: usize) -> Duration {
        let least = self.question.least();
        if self.kind == Kind::Room {
            return SPOKEN;
        }
        if let Some(interval) = self.probe {
            return (SHORT * 2).max(interval.mul_f64(1.15 * SAMPLES));
        }
        let for_p99 = Duration::from_secs_f64(1.15 * SAMPLES / self.most_rate(clients));
        if for_p99 <= LONG { SHORT.max(for_p99) } else { SHORT.max(least * 3) }
    }

    /// Answers to be expected of a server that adds little.
    fn expected(&self, clients: usize, window: Duration) -> f64 {
        if let (Kind::Room, Some(rate)) = (self.kind, self.rate) {
            return rate * clients as f64 * window.as_secs_f64();
        }
        self.most_rate(clients) * window.as_secs_f64()
    }

    /// The most answers a second, by the question's own meaning. Where nothing is to be waited for, what one client gets
    /// of the slowest machine this was tried on.
    fn most_rate(&self, clients: usize) -> f64 {
        let each = (self.question.least() + self.think).as_secs_f64();
        match (self.rate, self.arrivals) {
            // On average.
            (Some(rate), Arrivals::Ramp) => return rate / 2.0,
            (Some(rate), _) => return rate,
            (None, _) => {}
        }
        if each == 0.0 {
            return 4_000.0;
        }
        let at_once = match self.question {
            Question::OffloadWait(_) => clients.min(OFFLOAD_THREADS),
            Question::Use(one) => one.at_once(clients),
            _ => clients,
        };
        at_once as f64 / each
    }
}

impl Step {
    /// How long it takes, by the plan.
    pub fn takes(&self, has_event_loop: bool, workers: usize) -> Duration {
        let clients = self.level.clients as u32;
        match (self.level.kind, self.question) {
            (Kind::Burst, Question::BlockingWait(time)) if has_event_loop => {
                time * clients.div_ceil(workers as u32) + ms(150)
            }
            // Everybody begins to listen first.
            (Kind::Room, _) => self.warmup + self.window + Duration::from_micros(300) * clients,
            // Measured: a connection, its request and its answer cost about 0.1 ms on both sides together.
            (Kind::Burst, _) => self.window + Duration::from_micros(100) * clients + ms(150),
            _ => self.warmup + self.window + self.question.least() + ms(50),
        }
    }
}

fn tail(samples: f64) -> Tail {
    if samples >= SAMPLES { Tail::P99 } else { Tail::Slowest }
}

fn fan_out(parallel: bool, variant: &'static str) -> Shape {
    let question = Question::GithubUsers { upstream: ms(20), names: FAN_OUT, parallel };
    Shape { variant: Some(variant), ..Shape::new(question, &[1, 16], &[1, 16, 64]) }
}

/// Computing for a third of the time: half of that again is too little for a neighbour to meet it, all of it is overload.
fn work(each: Duration, variant: &'static str) -> Shape {
    Shape {
        variant: Some(variant),
        think: each * 2,
        // Often enough that the bystander has samples for its p99.
        probe: Some(Duration::from_micros(500)),
        ..Shape::new(Question::Work(each), &[1], &[1])
    }
}

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn default_steps() -> Vec<(&'static str, Step)> {
        let steps = |scenario: Scenario| -> Vec<_> {
            let shapes = scenario.shapes.iter();
            shapes
                .flat_map(|shape| shape.levels.iter().map(|&level| shape.step(level, None)))
                .map(|step| (scenario.name, step))
                .collect()
        };
        all().into_iter().flat_map(steps).collect()
    }

    #[test]
    fn a_level_that_shows_a_p99_has_ten_samples_beyond_it() {
        for (scenario, step) in default_steps() {
            let Level { clients, least_ms, kind, tail, .. } = step.level;
            if tail != Tail::P99 || least_ms == 0.0 {
                continue;
            }
            let samples = match kind {
                Kind::Burst => clients as f64,
                Kind::Closed => clients as f64 * step.window.as_secs_f64() * 1e3 / least_ms,
                Kind::Open | Kind::Room => unreachable!("no default level is one"),
            };
            assert!(samples >= SAMPLES, "{scenario} {}: {samples} samples", step.level.name);
        }
    }

    #[test]
    fn a_level_about_waiting_asks_less_than_half_of_what_the_slowest_floor_answers() {
        // The raw responder answers 20,000 a second on the slowest core this was tried on.
        for (scenario, step) in default_steps() {
            if step.level.kind == Kind::Closed && step.level.least_ms > 0.0 {
                let rate = step.level.clients as f64 / step.level.least_ms * 1e3;
                assert!(rate <= 10_000.0, "{scenario} {}: {rate} a second", step.level.name);
            }
        }
    }

    #[test]
    fn levels_are_named_apart_within_their_scenario() {
        let mut names: Vec<_> = default_steps()
            .into_iter()
            .map(|(scenario, step)| (scenario, step.level.name))
            .collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count, "{names:?}");
        assert!(names.contains(&("waiting", "burst/1000".into())), "{names:?}");
        assert!(names.contains(&("fan-out", "closed/16 in turn".into())), "{names:?}");
    }
}
