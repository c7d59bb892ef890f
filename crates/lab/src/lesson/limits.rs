//! Where it ends: limits, clients that leave, deadlines, drains, slow clients, overload, and benchmarks that do not tell.

use std::time::{Duration, Instant};

use anyhow::Context;
use conformance::process::Signal;
use conformance::until;
use load::Probe;

use crate::lesson::case::{Case, Load, Scene, figures, get, ms, plaintext};
use crate::lesson::first::THREE;
use crate::lesson::found::{Judged, of_loops_and_threads};
use crate::lesson::{Chart, Guess, Lesson, Part, Said};
use crate::question::Question;
use crate::verdict::Verdict;

/// In the order they are best taken.
pub fn lessons() -> Vec<Lesson> {
    vec![
        THREAD_LIMIT,
        ABANDONED_WORK,
        DISCONNECT,
        TIMEOUT,
        SHUTDOWN,
        SLOW_CLIENTS,
        OVERLOAD,
        STARVED,
    ]
}

const THREAD_LIMIT: Lesson = Lesson {
    name: "thread-limit",
    part: Part::Limits,
    claim: "threads scale until memory runs out",
    said_by: Said::Often,
    experiment: "Twice as many clients wait each time, our own limit on connections set above them, until a server refuses.",
    guess: Guess {
        question: "16,000 clients wait at once on this machine. Which servers refuse some of them?",
        answers: &["none", "the one with threads", "all of them"],
    },
    rounds: 1,
    cases: |scale| {
        let wait = scale.units(14.0);
        let levels = scale.either(vec![4_000, 8_000, 16_000], vec![500, 1_000]);
        let top = levels[levels.len() - 1];
        let mut cases = Vec::new();
        for who in THREE {
            for clients in &levels {
                // An event loop is asked for the top alone: it is the threads that are on trial.
                if who == "blocking" || *clients == top {
                    let load = Load::burst(Question::Wait(wait).ask(""), *clients, wait);
                    let case = Case::load(who, clients.to_string(), load);
                    cases.push(
                        case.flags(["--connections=32000"])
                            .about(&["errors", "starved", "nothing"]),
                    );
                }
            }
        }
        cases
    },
    chart: Chart { figure: "failed", title: "clients that were refused" },
    strip: None,
    judge: |found| {
        let top = found.levels().last().copied().unwrap_or_default();
        let mut refused = None;
        for level in found.levels() {
            if found.median(level, "blocking", "failed")? > 0.0 {
                refused = Some(level);
                break;
            }
        }
        let loops = found.loops().into_iter().try_fold(false, |any, who| {
            Ok::<_, String>(any || found.median(top, who, "failed")? > 0.0)
        })?;
        let Some(level) = refused else {
            return Err(format!(
                "each server took in all {top}, threads too; to ask for more takes more ports and descriptors than one process has here"
            ));
        };
        let held = found.median(level, "blocking", "held_bytes")?;
        let memory = found.machine.memory_bytes as f64;
        let gates =
            found.trials.iter().filter(|trial| trial.who == "blocking" && trial.level == level);
        let how = gates.flat_map(|trial| &trial.gates).find(|gate| gate.name == "errors");
        let how = how.map(|gate| gate.sentence.as_str()).unwrap_or_default();
        Ok(Judged {
            verdict: if held < memory / 2.0 { Verdict::DoesNotHold } else { Verdict::Holds },
            because: format!(
                "At {level} threads {how}; it held {:.0} MB of the machine's {:.0}. The number of threads a process may have is what ended it.",
                held / 1e6,
                memory / 1e6
            ),
            answer: Some(if loops { 2 } else { 1 }),
        })
    },
    chapter: "too-many.md",
};

const ABANDONED_WORK: Lesson = Lesson {
    name: "abandoned-work",
    part: Part::Limits,
    claim: "unfinished work costs nothing",
    said_by: Said::Often,
    experiment: "Requests that compute 5 ms arrive at half of what a core can do, then at one and a half times that; clients give up after half of {unit}.",
    guess: Guess {
        question: "At 1.5 times capacity, how many answers that somebody still wants come out of a CPU second?",
        answers: &["as many as before", "a good half", "hardly any"],
    },
    rounds: 2,
    cases: |scale| {
        let patience = scale.units(0.5);
        let mut cases = Vec::new();
        for (level, share) in [(HALF, 0.5), (OVER, 1.5)] {
            for who in THREE {
                let load = Load::open(get("/work?cpu_ms=5"), 600, scale.units(9.0), 200.0 * share)
                    .patience(patience);
                cases.push(Case::load(who, level, load).about(&[
                    "errors",
                    "rate-ratio",
                    "starved",
                    "drops",
                    "nothing",
                ]));
            }
        }
        cases
    },
    chart: Chart { figure: "wanted_per_cpu_s", title: "wanted answers for each second of CPU" },
    strip: None,
    judge: |found| {
        let mut worst: f64 = 1.0;
        for who in found.who() {
            let ratio = found.ratio((OVER, who), (HALF, who), "wanted_per_cpu_s")?;
            worst = worst.min(ratio.median);
        }
        let mut lost = Vec::new();
        for who in found.who() {
            let before = found.median(HALF, who, "wanted_per_cpu_s")?;
            lost.push(found.agreed((OVER, who), "wanted_per_cpu_s", |now| now < before * 0.8)?);
        }
        let verdict =
            if lost.contains(&true) { Verdict::DoesNotHold } else { Verdict::HoldsForThreadsToo };
        Ok(Judged {
            verdict,
            because: format!(
                "Wanted answers a CPU second at half the capacity: {}; at one and a half: {}.",
                found.each(HALF, "wanted_per_cpu_s"),
                found.each(OVER, "wanted_per_cpu_s")
            ),
            answer: Some(match worst {
                worst if worst >= 0.8 => 0,
                worst if worst >= 0.3 => 1,
                _ => 2,
            }),
        })
    },
    chapter: "too-many.md",
};

const HALF: &str = "half the capacity";
const OVER: &str = "one and a half times the capacity";

const DISCONNECT: Lesson = Lesson {
    name: "disconnect",
    part: Part::Limits,
    claim: "when the client leaves, the work stops",
    said_by: Said::Issue("https://github.com/fastapi/fastapi/issues/3766"),
    experiment: "40 clients ask for a wait of eight times {unit} and leave after one: how long does the server go on? The same for a call on the offload pool.",
    guess: Guess {
        question: "The client has left. Whose work stops?",
        answers: &["everybody's", "what is awaited, not what blocks a thread", "nobody's"],
    },
    rounds: 1,
    cases: |scale| {
        let unit = scale.unit;
        let mut cases = Vec::new();
        for (level, route, metric, most) in [
            (LEFT, "wait", "http_connections", 1.0),
            (LEFT_OFFLOADED, "offload/wait", "offload_running", 0.0),
        ] {
            for who in THREE {
                let act = move |scene: &mut Scene<'_>| {
                    let target = format!("/{route}/{}", (unit * 8).as_secs_f64());
                    let clients = scene.begin(40, &scene.get(&target))?;
                    std::thread::sleep(unit);
                    drop(clients);
                    let went_on = scene.falls(metric, most, unit * 30)?;
                    Ok(figures([("went_on_ms", went_on)]))
                };
                cases.push(Case::own(who, level, unit * 9, act).flags(["--offload-threads=40"]));
            }
        }
        cases
    },
    chart: Chart { figure: "went_on_ms", title: "how long the server went on for nobody" },
    strip: None,
    judge: |found| {
        let unit = found.unit_s * 1e3;
        let stops =
            |level, who: &str| found.agreed((level, who), "went_on_ms", |time| time <= unit * 3.0);
        let verdict = of_loops_and_threads(found, |who| stops(LEFT, who))?;
        let offloaded = found
            .loops()
            .into_iter()
            .try_fold(true, |all, who| Ok::<_, String>(stops(LEFT_OFFLOADED, who)? && all))?;
        Ok(Judged {
            answer: match (&verdict, offloaded) {
                (Verdict::HoldsForThreadsToo, true) => Some(0),
                (Verdict::Holds, false) => Some(1),
                (Verdict::DoesNotHold, false) => Some(2),
                _ => None,
            },
            verdict,
            because: format!(
                "A wait went on for {}; an offloaded call for {}. A task is dropped where it awaits; a thread that blocks cannot be.",
                found.each(LEFT, "went_on_ms"),
                found.each(LEFT_OFFLOADED, "went_on_ms")
            ),
        })
    },
    chapter: "giving-up.md",
};

const LEFT: &str = "a wait";
const LEFT_OFFLOADED: &str = "a call on the offload pool";

const TIMEOUT: Lesson = Lesson {
    name: "timeout",
    part: Part::Limits,
    claim: "a timeout stops the work",
    said_by: Said::Issue("https://github.com/python/cpython/issues/107505"),
    experiment: "A deadline of one {unit} over a wait of six, over a blocking call in the handler, and over one on the offload pool.",
    guess: Guess {
        question: "After one of six units the deadline passes. What has stopped?",
        answers: &["all three", "the wait and the blocking call", "the wait alone"],
    },
    rounds: 1,
    cases: |scale| {
        let unit = scale.unit;
        let mut cases = Vec::new();
        for (level, route) in
            [(WAIT, "wait"), (BLOCKS, "pitfalls/blocking-wait"), (OFFLOADED, "offload/wait")]
        {
            for who in THREE {
                let act = move |scene: &mut Scene<'_>| {
                    let (six, one) = ((unit * 6).as_secs_f64(), unit.as_secs_f64());
                    let target = format!("/{route}/{six}?deadline={one}");
                    let began = Instant::now();
                    let reply = scene.subject.get(&target).map_err(anyhow::Error::msg)?;
                    let answered = ms(began.elapsed());
                    scene.falls("offload_running", 0.0, unit * 30)?;
                    let worked = ms(began.elapsed());
                    Ok(figures([
                        ("answered_ms", answered),
                        ("worked_ms", worked),
                        ("status", f64::from(reply.status)),
                    ]))
                };
                cases.push(Case::own(who, level, unit * 6, act).flags(["--pitfalls"]));
            }
        }
        cases
    },
    chart: Chart { figure: "worked_ms", title: "until nothing worked on it any more" },
    strip: None,
    judge: |found| {
        let unit = found.unit_s * 1e3;
        let stops = |level| {
            found.loops().into_iter().try_fold(true, |all, who| {
                Ok::<_, String>(
                    found.agreed((level, who), "worked_ms", |time| time <= unit * 4.0)? && all,
                )
            })
        };
        let (wait, blocks, offloaded) = (stops(WAIT)?, stops(BLOCKS)?, stops(OFFLOADED)?);
        Ok(Judged {
            verdict: if wait && blocks && offloaded {
                Verdict::Holds
            } else {
                Verdict::DoesNotHold
            },
            because: format!(
                "Nothing worked any more after: the wait {}; the blocking call {}; the offloaded call {}, though answered after {}.",
                found.each(WAIT, "worked_ms"),
                found.each(BLOCKS, "worked_ms"),
                found.each(OFFLOADED, "worked_ms"),
                found.each(OFFLOADED, "answered_ms")
            ),
            answer: match (wait, blocks, offloaded) {
                (true, true, true) => Some(0),
                (true, true, false) => Some(1),
                (true, false, false) => Some(2),
                _ => None,
            },
        })
    },
    chapter: "giving-up.md",
};

const WAIT: &str = "a wait of six";
const BLOCKS: &str = "a blocking call of six";
const OFFLOADED: &str = "an offloaded call of six";

const SHUTDOWN: Lesson = Lesson {
    name: "shutdown",
    part: Part::Limits,
    claim: "shutdown just works",
    said_by: Said::Issue("https://github.com/Kludex/uvicorn/pull/3015"),
    experiment: "SIGTERM while 20 requests wait four times {unit}, one reply streams and 10 heads are half sent; with time enough to drain, and with too little.",
    guess: Guess {
        question: "With time enough: how many of the 20 get their answer, and when does the process end?",
        answers: &[
            "all, and it ends with the last of them",
            "all, and it ends at the drain deadline",
            "none: it ends at once",
        ],
    },
    rounds: 1,
    cases: |scale| {
        let unit = scale.unit;
        let mut cases = Vec::new();
        for (level, drain) in [(ENOUGH, unit * 20), (TOO_LITTLE, unit * 2)] {
            for who in THREE {
                let act = move |scene: &mut Scene<'_>| {
                    let waits = scene.get(&format!("/wait/{}", (unit * 4).as_secs_f64()));
                    let mut waits = scene.begin(20, &waits)?;
                    let _half = scene.begin(10, b"GET /wait/0 HTTP/1.1\r\nHo")?;
                    let stream = format!("/stream/1000?interval={}", unit.as_secs_f64());
                    let _stream = scene.begin(1, &scene.get(&stream))?;
                    let there = |count| {
                        scene.subject.metric("http_connections").is_ok_and(|open| open >= count)
                    };
                    until(unit * 3, || there(32.0)).context("the clients are not all there")?;
                    // And their heads must have been read; nothing tells of that.
                    std::thread::sleep(unit / 2);
                    let began = Instant::now();
                    let server = scene.running.server().context("a stranger is not stopped")?;
                    server.signal(Signal::TERM);
                    let exit = server.wait(unit * 60)?;
                    let ended = ms(began.elapsed());
                    let answered = waits
                        .iter_mut()
                        .filter_map(|wait| wait.reply(false, Duration::from_millis(200)).ok())
                        .filter(|reply| reply.status == 200)
                        .count();
                    Ok(figures([
                        ("ended_ms", ended),
                        ("answered", answered as f64),
                        ("exit_code", f64::from(exit.code().unwrap_or(-1))),
                    ]))
                };
                let flags = [format!("--drain={}", drain.as_secs_f64())];
                cases.push(Case::own(who, level, unit * 5, act).flags(flags));
            }
        }
        cases
    },
    chart: Chart { figure: "ended_ms", title: "from SIGTERM to the end of the process" },
    strip: None,
    judge: |found| {
        let unit = found.unit_s * 1e3;
        let works = |who: &str| {
            Ok::<_, String>(
                found.agreed((ENOUGH, who), "answered", |count| count == 20.0)?
                    && found.agreed((ENOUGH, who), "exit_code", |code| code == 0.0)?
                    && found.agreed((ENOUGH, who), "ended_ms", |time| time <= unit * 12.0)?
                    && found.agreed((TOO_LITTLE, who), "exit_code", |code| code == 3.0)?,
            )
        };
        let verdict = of_loops_and_threads(found, works)?;
        Ok(Judged {
            answer: (verdict == Verdict::HoldsForThreadsToo).then_some(0),
            verdict,
            because: format!(
                "With time: answered {}, ended after {}. With too little: answered {}, ended after {} with exit code {}. \
                 It works where somebody has built it: a deadline for the drain, a reply that says goodbye, a head that is not waited for.",
                found.each(ENOUGH, "answered"),
                found.each(ENOUGH, "ended_ms"),
                found.each(TOO_LITTLE, "answered"),
                found.each(TOO_LITTLE, "ended_ms"),
                found.each(TOO_LITTLE, "exit_code")
            ),
        })
    },
    chapter: "shutdown.md",
};

const ENOUGH: &str = "time enough to drain";
const TOO_LITTLE: &str = "too little time";

const SLOW_CLIENTS: Lesson = Lesson {
    name: "slow-clients",
    part: Part::Limits,
    claim: "slow clients need async",
    said_by: Said::Often,
    experiment: "Clients send a head one byte at a time and never end it; a bystander asks for /plaintext. Heads have a deadline of eight times {unit}.",
    guess: Guess {
        question: "1,000 clients drip their heads. Who else suffers?",
        answers: &[
            "the clients of the thread server",
            "nobody, but the thread server has 1,000 threads more",
            "everybody's clients",
        ],
    },
    rounds: 1,
    cases: |scale| {
        let (unit, count) = (scale.unit, scale.either(1_000, 200));
        let mut cases = Vec::new();
        for (level, drips) in [(QUIET, 0), (DRIP, count)] {
            for who in THREE {
                let act = move |scene: &mut Scene<'_>| {
                    let mut clients =
                        scene.begin(drips, b"GET /wait/0 HTTP/1.1\r\nHost: a\r\nX-Drip: ")?;
                    let (target, cpu) =
                        (scene.running.target.clone(), scene.cpus.load.first().copied());
                    let probe = Probe::start(target, plaintext(), Duration::from_millis(2), cpu)?;
                    let began = Instant::now();
                    while began.elapsed() < unit * 5 {
                        for client in &mut clients {
                            client.send_what_is_taken(b"x");
                        }
                        std::thread::sleep(unit);
                    }
                    let threads =
                        scene.running.pid().and_then(|pid| load::process::Held::by(pid).ok());
                    let felt = probe.stop()?;
                    let left = unit * 20;
                    let mut closed = 0;
                    for client in &mut clients {
                        closed += usize::from(client.closed_within(left));
                    }
                    let felt_ms = felt.percentile(95.0).map_or_else(|| ms(felt.slowest()), ms);
                    let mut all = figures([("felt_ms", felt_ms)]);
                    all.extend(threads.map(|held| ("threads".to_owned(), held.threads as f64)));
                    if drips > 0 {
                        all.insert("closed_share".to_owned(), closed as f64 / drips as f64);
                    }
                    Ok(all)
                };
                let takes = unit * if drips > 0 { 10 } else { 6 };
                let flags = [format!("--head-deadline={}", (unit * 8).as_secs_f64())];
                cases.push(Case::own(who, level, takes, act).flags(flags));
            }
        }
        cases
    },
    chart: Chart { figure: "felt_ms", title: "what the bystander felt, at its 95th percentile" },
    strip: None,
    judge: |found| {
        let unit = found.unit_s * 1e3;
        let suffers = |who: &str| {
            let quiet = found.median(QUIET, who, "felt_ms")?;
            found.agreed((DRIP, who), "felt_ms", |felt| felt > (quiet * 3.0).max(unit / 10.0))
        };
        let threads = suffers("blocking")?;
        let loops = found
            .loops()
            .into_iter()
            .try_fold(false, |any, who| Ok::<_, String>(any || suffers(who)?))?;
        let closed = found.each(DRIP, "closed_share");
        Ok(Judged {
            verdict: if threads && !loops { Verdict::Holds } else { Verdict::DoesNotHold },
            because: format!(
                "The bystander felt {} beside them, {} without. Threads: {}. Closed at the deadline: {closed}. What ends it, in all three, is a deadline for heads.",
                found.each(DRIP, "felt_ms"),
                found.each(QUIET, "felt_ms"),
                found.each(DRIP, "threads")
            ),
            answer: match (threads, loops) {
                (true, false) => Some(0),
                (false, false) => Some(1),
                (true, true) => Some(2),
                (false, true) => None,
            },
        })
    },
    chapter: "slow-clients.md",
};

const QUIET: &str = "nobody drips";
const DRIP: &str = "a crowd drips";

const OVERLOAD: Lesson = Lesson {
    name: "overload",
    part: Part::Limits,
    claim: "async absorbs spikes",
    said_by: Said::Often,
    experiment: "Three times as much computing is asked for as one pool thread can do, on a schedule; with room for 1,024 calls before the pool, and with room for 4.",
    guess: Guess {
        question: "Three times too much arrives. Which queue gives more answers within {unit}?",
        answers: &[
            "the long one: nothing is refused",
            "the short one: what is refused costs nothing",
            "no difference",
        ],
    },
    rounds: 1,
    cases: |scale| {
        let mut cases = Vec::new();
        for (level, queue) in [(LONG, 1_024), (SHORT, 4)] {
            for who in THREE {
                let ask = get("/work?cpu_ms=5&placement=offload");
                let load = Load::open(ask, 1_000, scale.units(12.0), 600.0)
                    .patience(scale.units(10.0))
                    .in_time(scale.units(1.0));
                let flags = ["--offload-threads=1".to_owned(), format!("--offload-queue={queue}")];
                // actix gives each worker a pool of its own, so one worker.
                let who = if who == "actix" { "actix:workers=1" } else { who };
                cases.push(Case::load(who, level, load).flags(flags).about(&[
                    "errors",
                    "rate-ratio",
                    "starved",
                    "drops",
                    "nothing",
                ]));
            }
        }
        cases
    },
    chart: Chart { figure: "in_time_share", title: "requests answered in time" },
    strip: None,
    judge: |found| {
        let mut absorbed = Vec::new();
        let mut shed = Vec::new();
        for who in found.who() {
            let long = found.median(LONG, who, "in_time_share")?;
            absorbed.push(long > 0.5);
            shed.push(found.median(SHORT, who, "in_time_share")? > long * 1.25);
        }
        let all_shed = shed.iter().all(|shed| *shed);
        Ok(Judged {
            verdict: if absorbed.iter().all(|good| *good) {
                Verdict::HoldsForThreadsToo
            } else {
                Verdict::DoesNotHold
            },
            because: format!(
                "In time with the long queue: {}; with the short one: {}. Nothing absorbs what exceeds the capacity; it can be refused early or answered late.",
                found.each(LONG, "in_time_share"),
                found.each(SHORT, "in_time_share")
            ),
            answer: if all_shed {
                Some(1)
            } else if shed.contains(&true) {
                None
            } else {
                Some(2)
            },
        })
    },
    chapter: "too-many.md",
};

const LONG: &str = "room for 1,024 before the pool";
const SHORT: &str = "room for 4 before the pool";

const STARVED: Lesson = Lesson {
    name: "starved",
    part: Part::Limits,
    claim: "my benchmark would have told me",
    said_by: Said::Issue("https://github.com/basho/basho_bench/issues/183"),
    experiment: "64 clients keep their connections, 16 threads own one each; asked in a closed loop, then the same clients on a schedule.",
    guess: Guess {
        question: "A closed loop reports the median of those who are served. What did the clients feel?",
        answers: &["the same", "ten times that or more", "it cannot be known"],
    },
    rounds: 2,
    cases: |scale| {
        let wait = scale.units(0.2);
        let mut cases = Vec::new();
        for who in ["blocking", "blocking:threads=pool:16"] {
            let ask = || Question::Wait(wait).ask("");
            let window = scale.units(6.0);
            let about = &["starved", "errors", "rate-ratio", "drops"];
            let served = Load::closed(ask(), 64, window, wait).patience(scale.units(20.0));
            cases.push(Case::load(who, REPORTED, served).about(about));
            // Half as much again as 16 threads can do; a thread for each client can.
            let rate = 24.0 / wait.as_secs_f64();
            let felt = Load::open(ask(), 64, window, rate).patience(scale.units(20.0));
            cases.push(Case::load(who, FELT, felt).about(about));
        }
        cases
    },
    chart: Chart { figure: "served_p50_ms", title: "the median of answers that came" },
    strip: None,
    judge: |found| {
        let pool = "blocking:threads=pool:16";
        let reported = found.median(REPORTED, pool, "served_p50_ms")?;
        let felt = found.figure(FELT, pool, "p50_ms")?.median();
        let control = found.ratio((FELT, "blocking"), (REPORTED, "blocking"), "p50_ms")?;
        let ten = felt >= reported * 10.0;
        Ok(Judged {
            verdict: if felt >= reported * 3.0 { Verdict::DoesNotHold } else { Verdict::Holds },
            because: format!(
                "Reported by those who were served: {}; felt on a schedule that a thread for each client keeps: {}. With a thread for each client the two agree ({}).",
                found.each(REPORTED, "served_p50_ms"),
                found.each(FELT, "p50_ms"),
                control.shown()
            ),
            answer: Some(usize::from(ten)),
        })
    },
    chapter: "method.md",
};

const REPORTED: &str = "a closed loop";
const FELT: &str = "on a schedule";
