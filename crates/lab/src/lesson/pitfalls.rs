//! Mistakes that are served on purpose, each beside its remedy: the library that blocks, the lock, the client, the stream,
//! the task that nobody holds.

use std::time::Duration;

use anyhow::Context;
use conformance::client::Request;
use conformance::process::Signal;
use conformance::until;

use crate::difference::Difference;
use crate::lesson::case::{Case, Figures, Load, Scene, figures, fresh, get};
use crate::lesson::first::THREE;
use crate::lesson::found::Judged;
use crate::lesson::uses::jobs_done;
use crate::lesson::{Chart, Guess, Lesson, Part, Said, Scale};
use crate::verdict::Verdict;

/// In the order they are best taken.
pub fn lessons() -> Vec<Lesson> {
    vec![BLOCKING_LIBRARY, LOCK_ACROSS_AWAIT, CLIENT_REUSE, STREAM_BLOCKED, BACKGROUND]
}

/// The blocking server, and event loops with one worker and one per core.
fn with_loops(scale: &Scale) -> Vec<String> {
    [vec!["blocking".to_owned()], scale.loops()].concat()
}

/// How much goes on at once on a server: as many as ask with threads, as many as there are workers with loops.
fn at_once(who: &str, most: u32) -> u32 {
    who.rsplit_once("workers=").map_or(most, |(_, workers)| workers.parse().unwrap_or(1))
}

const BLOCKING_LIBRARY: Lesson = Lesson {
    name: "blocking-library",
    part: Part::Mistakes,
    claim: "any library is async inside `async fn`",
    said_by: Said::ArticleWarns,
    experiment: "50 clients ask for a user of an upstream that takes a fifth of {unit}: by the async client, and by one that blocks, in the same handler; a bystander asks for /plaintext.",
    guess: Guess {
        question: "50 calls of a library that blocks, on one event loop: how long?",
        answers: &[
            "as long as one call",
            "as long as all of them, one after the other, and only they wait",
            "as long as all of them, and the bystander waits with them",
        ],
    },
    rounds: 2,
    cases: |scale| {
        let upstream = scale.units(0.2);
        let mut cases = Vec::new();
        for who in with_loops(scale) {
            for (level, route) in [(AWAITED, "github-user"), (LIBRARY, "pitfalls/blocking-client")]
            {
                let turns = if level == LIBRARY { CALLS.div_ceil(at_once(&who, CALLS)) } else { 1 };
                let ms = upstream.as_millis();
                let ask = get(format!("/{route}/slow-{ms}ms-{}n{{n}}", fresh()));
                let load = Load::burst(ask, CALLS as usize, upstream * turns)
                    .beside(Duration::from_millis(2), upstream / 4);
                cases.push(Case::load(who.as_str(), level, load).flags(["--pitfalls"]));
            }
        }
        cases
    },
    chart: Chart { figure: "span_ms", title: "until all 50 had their answer" },
    strip: Some(LIBRARY),
    judge: |found| {
        let one = found.unit_s * 200.0;
        let mut queued = Vec::new();
        let mut stalls = true;
        for who in found.loops() {
            let turns = f64::from(CALLS.div_ceil(at_once(who, CALLS)));
            let late = |span: f64| span >= one * turns / 2.0;
            queued.push(found.agreed((LIBRARY, who), "span_ms", late)?);
            if who.ends_with("workers=1") {
                stalls &= found.agreed((LIBRARY, who), "stall_ms", |stall| stall >= one * 5.0)?;
            }
        }
        let fine = |level, all| found.all_agree(level, all, "span_ms", |span| span <= one * 15.0);
        if !(fine(AWAITED, found.who())? && fine(LIBRARY, found.threads())?) {
            return Err(format!(
                "the control failed: awaited, the calls took {}",
                found.each(AWAITED, "span_ms")
            ));
        }
        let all = queued.iter().all(|queued| *queued);
        Ok(Judged {
            verdict: match (all, queued.contains(&true)) {
                (true, _) => Verdict::DoesNotHold,
                (false, true) => return Err("loops disagree".to_owned()),
                (false, false) => Verdict::Holds,
            },
            because: format!(
                "Awaited {}; by a library that blocks {}; the bystander's longest wait beside that: {}.",
                found.each(AWAITED, "span_ms"),
                found.each(LIBRARY, "span_ms"),
                found.each(LIBRARY, "stall_ms")
            ),
            answer: Some(match (all, stalls) {
                (false, _) => 0,
                (true, false) => 1,
                (true, true) => 2,
            }),
        })
    },
    chapter: "blocked-loop.md",
};

const CALLS: u32 = 50;
const AWAITED: &str = "awaited";
const LIBRARY: &str = "a library that blocks";

const LOCK_ACROSS_AWAIT: Lesson = Lesson {
    name: "lock-across-await",
    part: Part::Mistakes,
    claim: "a lock is a lock",
    said_by: Said::Often,
    experiment: "20 clients call a handler that holds a lock while it waits half of {unit}, and one that lets it go before; a bystander asks for /plaintext.",
    guess: Guess {
        question: "A lock is held across an await. Which servers make the 20 wait in turn?",
        answers: &["those with an event loop", "all of them", "none"],
    },
    rounds: 2,
    cases: |scale| {
        let wait = scale.units(0.5);
        let mut cases = Vec::new();
        for (level, route, turns) in
            [(HELD, "pitfalls/lock-across-await", 20), (LET_GO, "remedies/lock-across-await", 1)]
        {
            for who in THREE {
                let ask = get(format!("/{route}/{}", wait.as_secs_f64()));
                let load =
                    Load::burst(ask, 20, wait * turns).beside(Duration::from_millis(2), wait / 4);
                cases.push(Case::load(who, level, load).flags(["--pitfalls"]));
            }
        }
        cases
    },
    chart: Chart { figure: "span_ms", title: "until all 20 had their answer" },
    strip: Some(HELD),
    judge: |found| {
        let all = found.unit_s * 1e3 * 0.5 * 20.0;
        let in_turn = |span: f64| span >= all * 0.9;
        let loops = found.all_agree(HELD, found.loops(), "span_ms", in_turn)?;
        let threads = found.all_agree(HELD, found.threads(), "span_ms", in_turn)?;
        if !found.all_agree(LET_GO, found.who(), "span_ms", |span| span <= all / 2.0)? {
            return Err(format!(
                "the control failed: let go, the lock still cost {}",
                found.each(LET_GO, "span_ms")
            ));
        }
        let beside = |span: f64| span < all / 4.0;
        let free = found.all_agree(HELD, found.who(), "stall_ms", beside)?;
        Ok(Judged {
            verdict: if loops == threads && free {
                Verdict::HoldsForThreadsToo
            } else {
                Verdict::DoesNotHold
            },
            because: format!(
                "Held: {}; let go before the wait: {}; the bystander's longest wait beside those that hold it: {}. \
                 It is a lock of the runtime: one of the standard library in its place would stop the worker, and with actix nothing refuses it.",
                found.each(HELD, "span_ms"),
                found.each(LET_GO, "span_ms"),
                found.each(HELD, "stall_ms")
            ),
            answer: match (loops, threads) {
                (true, false) => Some(0),
                (true, true) => Some(1),
                (false, false) => Some(2),
                (false, true) => None,
            },
        })
    },
    chapter: "blocked-loop.md",
};

const HELD: &str = "held across the wait";
const LET_GO: &str = "let go before the wait";

const CLIENT_REUSE: Lesson = Lesson {
    name: "client-reuse",
    part: Part::Mistakes,
    claim: "a client per request is fine",
    said_by: Said::Article,
    experiment: "16 clients ask for users, again and again, of an upstream that answers at once: through one client that all requests share, and through a new one for each.",
    guess: Guess {
        question: "A new client for each request answers what share of what a shared one does?",
        answers: &["about as much", "half", "a tenth or less"],
    },
    rounds: 3,
    cases: |scale| {
        let window = scale.units(4.0);
        let mut cases = Vec::new();
        for (level, route) in [(SHARED, "github-user"), (EACH, "pitfalls/client-per-request")] {
            for who in THREE {
                let takes = window + Duration::from_millis(100);
                let act = move |scene: &mut Scene<'_>| {
                    let ask = get(format!("/{route}/{}n{{n}}", fresh()));
                    let load = Load::closed(ask, 16, window, Duration::ZERO);
                    let before = scene.stub.stats();
                    let (cpus, cancel) = (scene.cpus, scene.cancel);
                    let (outcome, _) = load.outcome(scene.running, cpus, cancel, |_| {})?;
                    let after = scene.stub.stats();
                    let failed = outcome.errors.total();
                    let why = &outcome.errors.examples;
                    anyhow::ensure!(failed == 0, "{failed} requests failed: {why:?}");
                    let calls = after.requests.total - before.requests.total;
                    let opened = after.connections.total - before.connections.total;
                    Ok(figures([
                        ("rate_per_s", outcome.rate()),
                        ("opened_share", opened as f64 / (calls as f64).max(1.0)),
                    ]))
                };
                cases.push(Case::own(who, level, takes, act).flags(["--pitfalls"]));
            }
        }
        cases
    },
    chart: Chart { figure: "rate_per_s", title: "answers a second" },
    strip: None,
    judge: |found| {
        let (mut less, mut shown, mut least) = (Vec::new(), Vec::new(), f64::MAX);
        for who in found.who() {
            let ratio = found.ratio((EACH, who), (SHARED, who), "rate_per_s")?;
            less.push(ratio.that_matters() == Difference::Less);
            shown.push(format!("{who} {}", ratio.shown()));
            least = least.min(ratio.median);
        }
        let all = less.iter().all(|less| *less);
        Ok(Judged {
            verdict: match (all, less.contains(&true)) {
                (_, true) => Verdict::DoesNotHold,
                (_, false) => Verdict::NoDifference,
            },
            because: format!(
                "A client for each against a shared one: {}. Connections opened for each call: {}, shared {}.",
                shown.join(" · "),
                found.each(EACH, "opened_share"),
                found.each(SHARED, "opened_share")
            ),
            answer: Some(match least {
                least if least >= 0.8 => 0,
                least if least >= 0.25 => 1,
                _ => 2,
            }),
        })
    },
    chapter: "upstream.md",
};

const SHARED: &str = "one client for all";
const EACH: &str = "a client for each";

const STREAM_BLOCKED: Lesson = Lesson {
    name: "stream-blocked",
    part: Part::Mistakes,
    claim: "a generator always streams",
    said_by: Said::Issue("https://github.com/fastapi/fastapi/issues/14680"),
    experiment: "Five clients read a stream of five lines, a quarter of {unit} apart, whose maker awaits between two lines, and one whose maker sleeps; a bystander asks for /plaintext.",
    guess: Guess {
        question: "On one event loop, the maker sleeps between two lines. When do the five have their streams?",
        answers: &[
            "together, a line at a time",
            "one after the other, and the bystander goes on",
            "one after the other, and the bystander waits",
        ],
    },
    rounds: 2,
    cases: |scale| {
        let interval = scale.units(0.25);
        let mut cases = Vec::new();
        for (level, route) in [(YIELDS, "stream"), (SLEEPS, "pitfalls/stream-blocked")] {
            for who in with_loops(scale) {
                let turns = if level == SLEEPS { 5_u32.div_ceil(at_once(&who, 5)) } else { 1 };
                let ask = get(format!("/{route}/5?interval={}", interval.as_secs_f64()));
                let load = Load::burst(ask, 5, interval * 4 * turns)
                    .beside(Duration::from_millis(2), interval / 2);
                cases.push(Case::load(who, level, load).flags(["--pitfalls"]));
            }
        }
        cases
    },
    chart: Chart { figure: "span_ms", title: "until all five had their stream" },
    strip: Some(SLEEPS),
    judge: |found| {
        let one = found.unit_s * 1e3;
        let single: Vec<_> =
            found.loops().into_iter().filter(|who| who.ends_with("workers=1")).collect();
        let in_turn =
            found.all_agree(SLEEPS, single.clone(), "span_ms", |span| span >= one * 4.0)?;
        let stalls = found.all_agree(SLEEPS, single, "stall_ms", |stall| stall >= one)?;
        let fine = |level, all| found.all_agree(level, all, "span_ms", |span| span <= one * 3.0);
        if !(fine(YIELDS, found.who())? && fine(SLEEPS, found.threads())?) {
            return Err(format!(
                "the control failed: where the maker awaits it took {}",
                found.each(YIELDS, "span_ms")
            ));
        }
        Ok(Judged {
            verdict: if in_turn { Verdict::DoesNotHold } else { Verdict::Holds },
            because: format!(
                "Where the maker awaits: {}; where it sleeps: {}, and the bystander's longest wait is {}.",
                found.each(YIELDS, "span_ms"),
                found.each(SLEEPS, "span_ms"),
                found.each(SLEEPS, "stall_ms")
            ),
            answer: Some(match (in_turn, stalls) {
                (false, _) => 0,
                (true, false) => 1,
                (true, true) => 2,
            }),
        })
    },
    chapter: "streaming.md",
};

const YIELDS: &str = "the maker awaits";
const SLEEPS: &str = "the maker sleeps";

const BACKGROUND: Lesson = Lesson {
    name: "background",
    part: Part::Limits,
    claim: "a background task is a queue",
    said_by: Said::Issue("https://github.com/fastapi/fastapi/issues/2210"),
    experiment: "20 pieces of work of three times {unit} are accepted; then kill -9, and all is started again. Once as tasks of the server's process, once as jobs of a worker that is killed as well.",
    guess: Guess {
        question: "20 pieces of work were accepted with a 202, and the process is killed. How many are done in the end?",
        answers: &["all, both ways", "none of the tasks, all of the jobs", "none, both ways"],
    },
    rounds: 1,
    cases: |scale| {
        let unit = scale.unit;
        let mut cases = Vec::new();
        for who in THREE {
            let act = move |scene: &mut Scene<'_>| killed_with_tasks(scene, who, unit);
            cases.push(Case::own(who, TASKS, unit * 6, act).flags(["--pitfalls"]));
            let act = move |scene: &mut Scene<'_>| killed_with_jobs(scene, who, unit);
            let takes = LEASE + unit * 8;
            cases.push(Case::own(who, JOBS, takes, act).beside("worker"));
        }
        cases
    },
    chart: Chart { figure: "done", title: "done in the end, of 20 that were accepted" },
    strip: None,
    judge: |found| {
        let all = |level| found.all_agree(level, found.who(), "done", |done| done == ACCEPTED);
        let none = found.all_agree(TASKS, found.who(), "done", |done| done == 0.0)?;
        let (tasks, jobs) = (all(TASKS)?, all(JOBS)?);
        if !jobs {
            return Err(format!("jobs were lost as well: {}", found.each(JOBS, "done")));
        }
        Ok(Judged {
            verdict: if tasks { Verdict::HoldsForThreadsToo } else { Verdict::DoesNotHold },
            because: format!(
                "Tasks of the process: {} of 20; jobs: {}. A 202 is a promise, and only what is kept elsewhere survives the process.",
                found.each(TASKS, "done"),
                found.each(JOBS, "done")
            ),
            answer: match (tasks, none) {
                (true, _) => Some(0),
                (false, true) => Some(1),
                (false, false) => None,
            },
        })
    },
    chapter: "jobs.md",
};

const ACCEPTED: f64 = 20.0;
const TASKS: &str = "tasks of the process";
const JOBS: &str = "jobs of a worker";
/// How long a worker that was killed keeps others from its jobs: as short as it can be told.
const LEASE: Duration = Duration::from_secs(1);

fn killed_with_tasks(scene: &mut Scene<'_>, who: &str, unit: Duration) -> anyhow::Result<Figures> {
    let target = format!("/pitfalls/background/{}", (unit * 3).as_secs_f64());
    for _ in 0..ACCEPTED as u32 {
        scene.ask(&Request::new("POST", &target), 202)?;
    }
    killed(scene)?;
    let again = scene.another(&format!("server-{who}"), scene.flags)?;
    let subject = conformance::Subject::at(again.addr());
    // What goes on is done by then; what is lost stays so.
    std::thread::sleep(unit * 4);
    let notes = subject.get_with("/notes?limit=100", 200).map_err(anyhow::Error::msg)?;
    let done = notes.text().matches("done in the background").count();
    Ok(figures([("done", done as f64)]))
}

fn killed_with_jobs(scene: &mut Scene<'_>, who: &str, unit: Duration) -> anyhow::Result<Figures> {
    let lease = LEASE.as_secs_f64();
    let flags = [
        "--poll=0.02".to_owned(),
        "--jobs=20".to_owned(),
        format!("--lease={lease}"),
        format!("--heartbeat={}", lease / 4.0),
        "--log=off".to_owned(),
    ];
    let mut worker = scene.another("worker", &flags)?;
    let target = format!("/jobs/wait?seconds={}", (unit * 3).as_secs_f64());
    for _ in 0..ACCEPTED as u32 {
        scene.ask(&Request::new("POST", &target), 202)?;
    }
    worker.signal(Signal::KILL);
    worker.wait(Duration::from_secs(5))?;
    killed(scene)?;
    let again = scene.another(&format!("server-{who}"), scene.flags)?;
    let _worker = scene.another("worker", &flags)?;
    scene.subject = conformance::Subject::at(again.addr());
    let all = || jobs_done(scene) >= ACCEPTED as usize;
    until(LEASE * 10 + unit * 10, all).context("not all jobs were done")?;
    Ok(figures([("done", jobs_done(scene) as f64)]))
}

/// The server is killed, and its data stays.
fn killed(scene: &mut Scene<'_>) -> anyhow::Result<()> {
    let server = scene.running.server().context("a stranger is not killed")?;
    server.signal(Signal::KILL);
    server.wait(Duration::from_secs(5))?;
    Ok(())
}
