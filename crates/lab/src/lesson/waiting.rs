//! What waiting costs, beyond the first path: CPU, the floor under it, calls within one request, ways to have threads.

use std::time::Duration;

use crate::difference::Difference;
use crate::lesson::case::{Case, Figures, Load, Scene, fresh, plaintext};
use crate::lesson::first::THREE;
use crate::lesson::found::Judged;
use crate::lesson::{Chart, Guess, Lesson, Part, Said};
use crate::question::Question;
use crate::verdict::Verdict;

/// In the order they are best taken.
pub fn lessons() -> Vec<Lesson> {
    vec![CPU_CYCLES, FLOOR, FAN_OUT, WHICH_THREADS, ONE_BUSY_WORKER]
}

const CPU_CYCLES: Lesson = Lesson {
    name: "cpu-cycles",
    part: Part::Waiting,
    claim: "async frees CPU cycles by avoiding idle waits",
    said_by: Said::Article,
    experiment: "Clients ask for /wait of half of {unit} again and again, on connections that stay open.",
    guess: Guess {
        question: "A request that waits takes how much CPU on a thread server?",
        answers: &[
            "less than on an event loop",
            "about as much",
            "more: a thread has to be woken for it",
        ],
    },
    rounds: 5,
    cases: |scale| {
        let (wait, clients) = (scale.units(0.5), scale.either(128, 32));
        let window = scale.units(4.0);
        let case = |who: &str| {
            Case::load(
                who,
                WAITS,
                Load::closed(Question::Wait(wait).ask(""), clients, window, wait),
            )
        };
        THREE.map(case).into()
    },
    chart: Chart { figure: "cpu_us", title: "CPU time for each request that waited" },
    strip: None,
    judge: |found| {
        let mut differences = Vec::new();
        let mut ratios = Vec::new();
        for who in found.loops() {
            let ratio = found.ratio((WAITS, who), (WAITS, "blocking"), "cpu_us")?;
            ratios.push(format!("{who} {} of a thread's", ratio.shown()));
            differences.push(ratio.difference());
        }
        let verdict = if differences.iter().all(|one| *one == Difference::Less) {
            Verdict::Holds
        } else if differences.contains(&Difference::More) {
            Verdict::DoesNotHold
        } else {
            Verdict::NoDifference
        };
        Ok(Judged {
            answer: match verdict {
                Verdict::Holds => Some(2),
                Verdict::NoDifference => Some(1),
                _ => Some(0),
            },
            verdict,
            because: format!(
                "{}. Context switches a request: {}. No server spins while it waits; what differs is the waking.",
                ratios.join(" · "),
                found.each(WAITS, "switches")
            ),
        })
    },
    chapter: "waiting.md",
};

const WAITS: &str = "waits, again and again";

const FLOOR: Lesson = Lesson {
    name: "floor",
    part: Part::Waiting,
    claim: "async is faster",
    said_by: Said::Often,
    experiment: "Clients ask for /plaintext, where nothing is to be waited for, on 1, 8, 64 and 1,024 connections that stay open.",
    guess: Guess {
        question: "Where nothing waits, who answers more requests a second?",
        answers: &[
            "threads",
            "event loops, at every number of connections",
            "event loops, from some number on",
            "nobody by much",
        ],
    },
    rounds: 3,
    cases: |scale| {
        let window = Duration::from_millis(220);
        let levels: &[usize] = scale.either(&[1, 8, 64, 1_024], &[1, 64]);
        let mut cases = Vec::new();
        for clients in levels {
            for who in THREE {
                let load = Load::closed(plaintext(), *clients, window, Duration::ZERO);
                cases.push(Case::load(who, clients.to_string(), load));
            }
        }
        cases
    },
    chart: Chart { figure: "rate_per_s", title: "answers a second" },
    strip: None,
    judge: |found| {
        let mut faster = Vec::new();
        let mut slower = false;
        for level in found.levels() {
            let mut all = true;
            for who in found.loops() {
                let ratio = found.ratio((level, who), (level, "blocking"), "rate_per_s")?;
                all &= ratio.difference() == Difference::More;
                slower |= ratio.difference() == Difference::Less;
            }
            faster.push((level, all));
        }
        let first = faster.iter().position(|(_, faster)| *faster);
        let from = first.filter(|first| faster[*first..].iter().all(|(_, faster)| *faster));
        let below = from.and_then(|from| from.checked_sub(1)).map(|at| faster[at].0);
        let verdict = match (from, below) {
            (Some(_), None) => Verdict::Holds,
            (Some(_), Some(level)) => Verdict::HoldsAbove(level.parse().unwrap_or(0)),
            (None, _) if slower || first.is_some() => Verdict::DoesNotHold,
            (None, _) => Verdict::NoDifference,
        };
        let top = found.levels().last().copied().unwrap_or_default();
        Ok(Judged {
            answer: match verdict {
                Verdict::Holds => Some(1),
                Verdict::HoldsAbove(_) => Some(2),
                Verdict::NoDifference => Some(3),
                _ if slower => Some(0),
                _ => None,
            },
            verdict,
            because: format!("On {top} connections: {}.", found.each(top, "rate_per_s")),
        })
    },
    chapter: "waiting.md",
};

const FAN_OUT: Lesson = Lesson {
    name: "fan-out",
    part: Part::Waiting,
    claim: "I/O in parallel reduces latency",
    said_by: Said::Article,
    experiment: "One request makes five calls to an upstream of {unit}, in turn and together; then 100 clients make 20 calls each at once.",
    guess: Guess {
        question: "Five calls made together take as long as one. What do threads need for that?",
        answers: &[
            "they cannot",
            "a thread for each call, while it lasts",
            "nothing more than tasks need",
        ],
    },
    rounds: 1,
    cases: |scale| {
        let upstream = scale.units(1.0);
        let crowd = scale.either(100, 20);
        let ask =
            |names, parallel| Question::GithubUsers { upstream, names, parallel }.ask(&fresh());
        let mut cases = Vec::new();
        for who in THREE {
            cases.push(Case::load(who, TURN, Load::burst(ask(5, false), 1, upstream * 5)));
            cases.push(Case::load(who, TOGETHER, Load::burst(ask(5, true), 1, upstream)));
            let load = Load::burst(ask(20, true), crowd, upstream * 12);
            cases.push(Case::load(who, CROWD, load));
        }
        cases
    },
    chart: Chart { figure: "span_ms", title: "until the answer" },
    strip: None,
    judge: |found| {
        let mut faster = Vec::new();
        for who in found.who() {
            faster.push(
                found.median(TOGETHER, who, "span_ms")? * 2.0
                    <= found.median(TURN, who, "span_ms")?,
            );
        }
        let verdict = match (faster.iter().all(|faster| *faster), faster.first()) {
            (true, _) => Verdict::HoldsForThreadsToo,
            (false, Some(false)) if faster[1..].iter().all(|faster| *faster) => Verdict::Holds,
            _ => Verdict::DoesNotHold,
        };
        Ok(Judged {
            answer: match verdict {
                Verdict::HoldsForThreadsToo => Some(1),
                Verdict::Holds => Some(0),
                _ => None,
            },
            verdict,
            because: format!(
                "In turn: {}; together: {}. Threads at the peak of the crowd: {}; held: {}.",
                found.each(TURN, "span_ms"),
                found.each(TOGETHER, "span_ms"),
                found.each(CROWD, "threads"),
                found.each(CROWD, "held_bytes")
            ),
        })
    },
    chapter: "fan-out.md",
};

const TURN: &str = "five calls in turn";
const TOGETHER: &str = "five calls together";
const CROWD: &str = "a crowd, twenty calls each";

const WHICH_THREADS: Lesson = Lesson {
    name: "which-threads",
    part: Part::Waiting,
    claim: "thread-per-request is one design",
    said_by: Said::Often,
    experiment: "/plaintext from servers with a thread for each connection, a thread for each request, and 40 threads; on connections that stay open and on new ones.",
    guess: Guess {
        question: "100 clients keep their connections open, and 40 threads own one connection each. How many clients are served?",
        answers: &["all, a little slower", "all, in turn", "40; the others never"],
    },
    rounds: 2,
    cases: |scale| {
        let window = Duration::from_millis(250);
        let crowd = scale.either(1_000, 100);
        let mut cases = Vec::new();
        for (level, clients, closes) in
            [(ONE, 1, false), (KEPT, 100, false), (CLOSED, 100, true), (MANY, crowd, false)]
        {
            for who in DESIGNS {
                let load = Load::closed(plaintext(), clients, window, Duration::ZERO)
                    .patience(Duration::from_millis(400));
                let load = if closes { load.closing() } else { load };
                cases.push(Case::load(who, level, load).about(&[
                    "starved",
                    "errors",
                    "generator-bound",
                ]));
            }
        }
        cases
    },
    chart: Chart { figure: "unserved_share", title: "clients that wait and get nothing" },
    strip: None,
    judge: |found| {
        let starved = found.agreed((KEPT, DESIGNS[2]), "unserved_share", |share| share >= 0.3)?;
        let served = found.agreed((KEPT, DESIGNS[0]), "unserved_share", |share| share < 0.1)?;
        let each = found.ratio((KEPT, DESIGNS[1]), (KEPT, DESIGNS[0]), "rate_per_s")?;
        let differ = (starved && served) || each.difference() != Difference::None;
        Ok(Judged {
            verdict: if differ { Verdict::DoesNotHold } else { Verdict::Holds },
            because: format!(
                "Of 100 clients that stay on their connections, so many were never served: {}. A thread for each request answers {} of what a thread for each connection does.",
                found.each(KEPT, "unserved_share"),
                each.shown()
            ),
            answer: Some(if starved { 2 } else { 0 }),
        })
    },
    chapter: "waiting.md",
};

const DESIGNS: [&str; 3] = ["blocking", "blocking:threads=request", "blocking:threads=pool:40"];
const ONE: &str = "1 client that stays";
const KEPT: &str = "100 clients that stay";
const CLOSED: &str = "100 clients, a connection each time";
const MANY: &str = "many clients that stay";

const ONE_BUSY_WORKER: Lesson = Lesson {
    name: "one-busy-worker",
    part: Part::Waiting,
    claim: "actix and axum wait alike",
    said_by: Said::Often,
    experiment: "On two workers one handler blocks for twice {unit}; 64 clients go on asking for /plaintext, each on its own connection.",
    guess: Guess {
        question: "One of two workers is blocked. How many of the other clients stand still?",
        answers: &[
            "none",
            "half of them on actix, few on axum",
            "half of them on both",
            "all of them",
        ],
    },
    rounds: 3,
    cases: |scale| {
        let unit = scale.unit;
        let case = |who: &str| {
            let act = move |scene: &mut Scene<'_>| {
                let load =
                    Load::closed(plaintext(), CLIENTS, unit * 5, Duration::ZERO).think(unit / 10);
                let target = format!("/pitfalls/blocking-wait/{}", (unit * 2).as_secs_f64());
                let (subject, running) = (&scene.subject, &*scene.running);
                let (cpus, cancel) = (scene.cpus, scene.cancel);
                let (outcome, _) = std::thread::scope(|scope| {
                    scope.spawn(move || {
                        std::thread::sleep(unit);
                        subject.get(&target)
                    });
                    load.outcome(running, cpus, cancel, |_| {})
                })?;
                let stalled = outcome.series.iter().filter(|one| one.latency >= unit / 2).count();
                let share = stalled as f64 / CLIENTS as f64;
                let longest = outcome.slowest().as_secs_f64() * 1e3;
                Ok(Figures::from([
                    ("stalled_share".to_owned(), share.min(1.0)),
                    ("longest_ms".to_owned(), longest),
                ]))
            };
            Case::own(who, BESIDE, unit * 5 + Duration::from_millis(60), act).flags(["--pitfalls"])
        };
        ["blocking", "actix:workers=2", "axum:workers=2"].map(case).into()
    },
    chart: Chart { figure: "stalled_share", title: "clients that stood still" },
    strip: None,
    judge: |found| {
        let many = |who| found.agreed((BESIDE, who), "stalled_share", |share| share >= 0.25);
        let (actix, axum) = (many("actix:workers=2")?, many("axum:workers=2")?);
        let alike = actix == axum;
        Ok(Judged {
            verdict: if alike { Verdict::Holds } else { Verdict::DoesNotHold },
            because: format!(
                "Stood still: {}; the longest: {}.",
                found.each(BESIDE, "stalled_share"),
                found.each(BESIDE, "longest_ms")
            ),
            answer: match (actix, axum) {
                (true, false) => Some(1),
                (true, true) => Some(2),
                (false, false) => Some(0),
                (false, true) => None,
            },
        })
    },
    chapter: "blocked-loop.md",
};

const BESIDE: &str = "beside one that blocks";
const CLIENTS: usize = 64;
