//! What the article names as good uses of async, and its one bad one: databases, files, streams, growth; computing.

use std::time::{Duration, Instant};

use anyhow::Context;
use conformance::client::{Connection, Request};
use conformance::until;
use load::process::peak_rss;
use load::{Ask, Expect, Probe, Target};

use crate::difference::Difference;
use crate::lesson::case::{Case, Figures, Load, Scene, figures, fresh, get, ms, plaintext};
use crate::lesson::first::{THREE, by_levels};
use crate::lesson::found::Judged;
use crate::lesson::{Chart, Guess, Lesson, Part, Said};
use crate::verdict::Verdict;

/// In the order they are best taken.
pub fn lessons() -> Vec<Lesson> {
    vec![DATABASE, FILES, LONG_LIVED, SCALE, UPLOAD, CPU_BOUND, INNOCENT_BYSTANDER]
}

const DATABASE: Lesson = Lesson {
    name: "database",
    part: Part::Waiting,
    claim: "an async driver makes the database faster",
    said_by: Said::Article,
    experiment: "50 clients at once ask for a query that takes {unit} inside the database, with a pool of 15 connections and with one of 50.",
    guess: Guess {
        question: "50 queries of one unit, 15 connections: who is done first?",
        answers: &[
            "the async servers: a query does not hold a thread",
            "nobody: the connections are the limit",
            "the blocking server",
        ],
    },
    rounds: 3,
    cases: |scale| {
        let wait = scale.units(1.0);
        let mut cases = Vec::new();
        for (level, pool) in [(FIFTEEN, 15), (FIFTY, 50)] {
            for who in THREE {
                let ask = get(format!("/slow-query/{}", wait.as_secs_f64()));
                let load = Load::burst(ask, QUERIES, wait * (QUERIES as u32).div_ceil(pool));
                let flags = [
                    &*format!("--pool={pool}"),
                    "--database-acquire=60",
                    "--database-statement=60",
                ];
                cases.push(Case::load(who, level, load).flags(flags));
            }
        }
        cases
    },
    chart: Chart { figure: "span_ms", title: "until all 50 had their answer" },
    strip: Some(FIFTEEN),
    judge: |found| {
        let turns = found.unit_s * 1e3 * (QUERIES as f64 / 15.0).ceil();
        if !found.all_agree(FIFTEEN, found.who(), "span_ms", |span| span >= turns * 0.9)? {
            let spans = found.each(FIFTEEN, "span_ms");
            return Err(format!("more queries ran at once than there are connections: {spans}"));
        }
        let (difference, ratios) = found.against_threads(FIFTEEN, "span_ms")?;
        Ok(Judged {
            answer: Some(match difference {
                Difference::Less => 0,
                Difference::None => 1,
                Difference::More => 2,
            }),
            verdict: of_less(difference),
            because: format!(
                "With 15 connections {}; with 50: {}. {ratios}. The pool is the limit, and it is the database's.",
                found.each(FIFTEEN, "span_ms"),
                found.each(FIFTY, "span_ms"),
            ),
        })
    },
    chapter: "database.md",
};

const QUERIES: usize = 50;
const FIFTEEN: &str = "15 connections";
const FIFTY: &str = "50 connections";

/// A claim that async has less of something.
fn of_less(difference: Difference) -> Verdict {
    match difference {
        Difference::Less => Verdict::Holds,
        Difference::None => Verdict::NoDifference,
        Difference::More => Verdict::DoesNotHold,
    }
}

const FILES: Lesson = Lesson {
    name: "files",
    part: Part::Waiting,
    claim: "async suits file handling",
    said_by: Said::Article,
    experiment: "64 clients at once store a file of 1 MiB each, which is synced to the disk; then 64 read one.",
    guess: Guess {
        question: "An event loop cannot wait for a disk. What do the async servers do with 64 files?",
        answers: &[
            "they wait as for sockets, and are done sooner",
            "they hand each call to a thread, and are done no sooner",
            "they hand each call to a thread, and are done later",
        ],
    },
    rounds: 3,
    cases: |scale| {
        let clients = scale.either(64, 16);
        let mut cases = Vec::new();
        for who in THREE {
            let stored = Ask::new("PUT", format!("/files/{}-{{n}}", fresh()))
                .body(vec![7; MIB])
                .expect(Expect::default().status([201]));
            // A sync of each file: measured on a disk of no particular speed.
            let load = Load::burst(stored, clients, Duration::from_millis(8) * clients as u32);
            cases.push(Case::load(who, STORED, load));
        }
        for who in THREE {
            let read = Ask::get("/files/one").expect(Expect::body(load::Body::Length(MIB as u64)));
            let load = Load::burst(read, clients, Duration::from_millis(1) * clients as u32)
                .first(Request::new("PUT", "/files/one").body(vec![7; MIB]));
            cases.push(Case::load(who, READ, load));
        }
        cases
    },
    chart: Chart { figure: "span_ms", title: "until all had stored, or read, their file" },
    strip: None,
    judge: |found| {
        let mut all = Vec::new();
        let mut said = Vec::new();
        for level in [STORED, READ] {
            let (difference, ratios) = found.against_threads(level, "span_ms")?;
            all.push(difference);
            said.push(format!("{level}: {ratios}"));
        }
        let more = all.contains(&Difference::More);
        let less = all.contains(&Difference::Less);
        Ok(Judged {
            verdict: match (less, more) {
                (true, false) => Verdict::Holds,
                (false, false) => Verdict::NoDifference,
                _ => Verdict::DoesNotHold,
            },
            because: format!(
                "{}. Threads at the peak: {}; CPU a file: {}.",
                said.join(". "),
                found.each(STORED, "threads"),
                found.each(STORED, "cpu_us")
            ),
            answer: match (less, more) {
                (true, false) => Some(0),
                (false, false) => Some(1),
                (false, true) => Some(2),
                (true, true) => None,
            },
        })
    },
    chapter: "files.md",
};

const MIB: usize = 1 << 20;
const STORED: &str = "stored";
const READ: &str = "read";

const LONG_LIVED: Lesson = Lesson {
    name: "long-lived",
    part: Part::Waiting,
    claim: "async suits streaming and messaging",
    said_by: Said::Article,
    experiment: "1,000 clients at once, then 5,000, read a stream of three lines, four times {unit} apart.",
    guess: Guess {
        question: "Up to how many open streams do threads keep up with event loops?",
        answers: &["not even 1,000", "1,000", "5,000, the most that is asked"],
    },
    rounds: 1,
    cases: |scale| {
        let interval = scale.units(4.0);
        let mut cases = Vec::new();
        for clients in scale.either([1_000, 5_000], [100, 300]) {
            for who in THREE {
                let ask = get(format!("/stream/3?interval={}", interval.as_secs_f64()));
                let load = Load::burst(ask, clients, interval * 2);
                cases.push(Case::load(who, clients.to_string(), load));
            }
        }
        cases
    },
    chart: Chart { figure: "span_ms", title: "until the last reader had its last line" },
    strip: None,
    judge: |found| {
        let judged = by_levels(found, "span_ms")?;
        let top = found.levels().last().copied().unwrap_or_default();
        let because = format!(
            "{} Threads: {}; held: {}.",
            judged.because,
            found.each(top, "threads"),
            found.each(top, "held_bytes")
        );
        Ok(Judged { because, ..judged })
    },
    chapter: "streaming.md",
};

const SCALE: Lesson = Lesson {
    name: "scale",
    part: Part::Waiting,
    claim: "applications scale effortlessly",
    said_by: Said::Article,
    experiment: "Sealing, and queries of half of {unit} on a pool of four: one worker on all cores, a worker for each core, two replicas on one database.",
    guess: Guess {
        question: "What do a second worker and a second replica give?",
        answers: &[
            "twice as much of both",
            "more sealing, not more queries; a replica brings a pool of its own",
            "more queries, not more sealing",
        ],
    },
    rounds: 1,
    cases: |scale| {
        let (sealing, query) = (scale.units(5.0), scale.units(0.5));
        let cores = scale.cores;
        let mut cases = Vec::new();
        for who in THREE {
            let workers = |count: usize| match who {
                "blocking" => format!("--cpu-threads={count}"),
                _ => format!("--workers={count}"),
            };
            let seals = || Load::closed(seal("inline"), 8, sealing, Duration::ZERO);
            let queries = || {
                let ask = get(format!("/slow-query/{}", query.as_secs_f64()));
                Load::closed(ask, 16, query * 8, query)
            };
            let pool = || ["--pool=4".to_owned(), "--database-acquire=60".to_owned()];
            for (level, load, flags) in [
                (SEALS[0], seals(), vec![workers(1)]),
                (SEALS[1], seals(), vec![workers(cores)]),
                (QUERIES_OF[0], queries(), [&pool()[..], &[workers(1)]].concat()),
                (QUERIES_OF[1], queries(), [&pool()[..], &[workers(cores)]].concat()),
            ] {
                let about = &["generator-crowded", "generator-bound"];
                cases.push(Case::load(who, level, load).flags(flags).everywhere().about(about));
            }
            for (level, load, flags) in [
                (SEALS[2], seals(), vec![workers(1)]),
                (QUERIES_OF[2], queries(), [&pool()[..], &[workers(1)]].concat()),
            ] {
                let takes = load.takes() + Duration::from_millis(120);
                let act = move |scene: &mut Scene<'_>| {
                    let replica = scene.another(&format!("server-{who}"), scene.flags)?;
                    let both = [scene.running.target.clone(), Target::new(replica.addr())];
                    let rate = load.halved().rate_of(&both, scene.cpus, scene.cancel)?;
                    Ok(figures([("rate_per_s", rate)]))
                };
                cases.push(Case::own(who, level, takes, act).flags(flags).everywhere());
            }
        }
        cases
    },
    chart: Chart { figure: "rate_per_s", title: "answers a second" },
    strip: None,
    judge: |found| {
        let gain = |who, levels: [&str; 3], to: usize| -> Result<f64, String> {
            let rate = |level| found.median(level, who, "rate_per_s");
            Ok(rate(levels[to])? / rate(levels[0])?)
        };
        let mut said = Vec::new();
        let mut least = [f64::MAX; 4];
        for who in found.who() {
            let gains = [
                gain(who, SEALS, 1)?,
                gain(who, SEALS, 2)?,
                gain(who, QUERIES_OF, 1)?,
                gain(who, QUERIES_OF, 2)?,
            ];
            said.push(format!(
                "{who}: sealing {:.1} × and {:.1} ×, queries {:.1} × and {:.1} ×",
                gains[0], gains[1], gains[2], gains[3]
            ));
            for (least, gain) in least.iter_mut().zip(gains) {
                *least = least.min(gain);
            }
        }
        let [seals, _, queries, _] = least.map(|gain| gain >= 1.4);
        if !seals {
            return Err(format!(
                "computing itself gained too little from another core here: {}",
                said.join("; ")
            ));
        }
        Ok(Judged {
            verdict: if queries { Verdict::HoldsForThreadsToo } else { Verdict::DoesNotHold },
            because: format!(
                "With a worker for each core, and with two replicas, against one worker: {}. What is shared decides: cores, or the connections to the database.",
                said.join("; ")
            ),
            answer: Some(if queries { 0 } else { 1 }),
        })
    },
    chapter: "beyond.md",
};

const SEALS: [&str; 3] =
    ["sealing, one worker", "sealing, a worker for each core", "sealing, two replicas"];
const QUERIES_OF: [&str; 3] =
    ["queries, one worker", "queries, a worker for each core", "queries, two replicas"];

const PASSPHRASE: &str = "correct horse battery";

/// Data encryption, whose key takes tens of milliseconds of CPU time.
fn seal(placement: &str) -> Ask {
    Ask::post(format!("/seal?placement={placement}"), *b"a text")
        .field("X-Passphrase", PASSPHRASE)
        .expect(Expect::default())
}

const UPLOAD: Lesson = Lesson {
    name: "upload",
    part: Part::Mistakes,
    claim: "uploads stream by themselves",
    said_by: Said::Issue("https://github.com/fastapi/fastapi/issues/58"),
    experiment: "One client sends 256 MiB: to a handler that writes what comes to the disk, and to one that asks for the whole body first.",
    guess: Guess {
        question: "A body of 256 MiB: how much more memory does the server take?",
        answers: &[
            "hardly any, in both handlers",
            "hardly any where it is streamed, all of it where it is asked for whole",
            "all of it, in both",
        ],
    },
    rounds: 1,
    cases: |scale| {
        let mib = scale.either(256, 64);
        let mut cases = Vec::new();
        for (level, method, target) in
            [(STREAMED, "PUT", "/files/large"), (WHOLE, "POST", "/thumbnail")]
        {
            for who in THREE {
                let act = move |scene: &mut Scene<'_>| {
                    let pid = scene.running.pid().context("a stranger's memory is not told")?;
                    let before = peak_rss(pid)?;
                    let mut client = Connection::open(scene.subject.addr)?;
                    let (host, length) = (&scene.subject.host, mib * MIB);
                    client.send(
                        format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n")
                            .as_bytes(),
                    )?;
                    let chunk = vec![7; MIB];
                    for _ in 0..mib {
                        client.send(&chunk)?;
                    }
                    // Not an image, and that is found out at its end.
                    let reply = client.reply(false, Duration::from_secs(60))?;
                    let grown = peak_rss(pid)?.saturating_sub(before);
                    Ok(figures([
                        ("grown_bytes", grown as f64),
                        ("share", grown as f64 / length as f64),
                        ("status", f64::from(reply.status)),
                    ]))
                };
                let takes =
                    Duration::from_millis(if level == STREAMED { 6 } else { 2 }) * mib as u32;
                let flags = ["--media-bytes=1073741824", "--handler-deadline=120"];
                cases.push(Case::own(who, level, takes, act).flags(flags));
            }
        }
        cases
    },
    chart: Chart { figure: "grown_bytes", title: "memory at the peak, over what it was before" },
    strip: None,
    judge: |found| {
        let taken =
            |level, is_so: fn(f64) -> bool| found.all_agree(level, found.who(), "share", is_so);
        let (streams, holds) =
            (taken(STREAMED, |share| share < 0.25)?, taken(WHOLE, |share| share > 0.75)?);
        Ok(Judged {
            verdict: match (streams, holds) {
                (true, false) => Verdict::HoldsForThreadsToo,
                _ => Verdict::DoesNotHold,
            },
            because: format!(
                "Streamed: {}; asked for whole: {}. It is the handler that decides, in each of the three.",
                found.each(STREAMED, "grown_bytes"),
                found.each(WHOLE, "grown_bytes")
            ),
            answer: match (streams, holds) {
                (true, false) => Some(0),
                (true, true) => Some(1),
                (false, true) => Some(2),
                (false, false) => None,
            },
        })
    },
    chapter: "files.md",
};

const STREAMED: &str = "streamed to a file";
const WHOLE: &str = "asked for whole";

const CPU_BOUND: Lesson = Lesson {
    name: "cpu-bound",
    part: Part::Mistakes,
    claim: "async speeds up CPU work",
    said_by: Said::ArticleWarns,
    experiment: "12 clients have a text sealed, which is computing: in the handler, on the pool for it, in the worker; a bystander asks for /plaintext.",
    guess: Guess {
        question: "Sealing in the handler of an event loop: what does it change?",
        answers: &[
            "it is done sooner than with threads",
            "it takes as long, and the bystander waits for it",
            "it takes as long, and nobody notices",
        ],
    },
    rounds: 3,
    cases: |_| {
        let each = Duration::from_millis(22);
        let mut cases = Vec::new();
        for (level, placement) in [(INLINE, "inline"), (OFFLOADED, "offload")] {
            for who in THREE {
                let load = Load::burst(seal(placement), TEXTS, each * TEXTS as u32)
                    .beside(Duration::from_millis(2), Duration::from_millis(20));
                cases.push(Case::load(who, level, load));
            }
        }
        for who in THREE {
            let takes = each * TEXTS as u32 + Duration::from_millis(150);
            cases.push(Case::own(who, WORKER, takes, sealed_by_a_worker).beside("worker"));
        }
        cases
    },
    chart: Chart { figure: "stall_ms", title: "the longest the bystander waited" },
    strip: None,
    judge: |found| {
        let (difference, ratios) = found.against_threads(INLINE, "span_ms")?;
        let mut waits = true;
        for who in found.loops() {
            let half = found.median(INLINE, who, "span_ms")? / 2.0;
            waits &= found.agreed((INLINE, who), "stall_ms", |stall| stall >= half)?;
        }
        Ok(Judged {
            verdict: of_less(difference),
            because: format!(
                "Until all were sealed: {}; {ratios}. The bystander's longest wait: in the handler {}; on the pool {}; in the worker {}.",
                found.each(INLINE, "span_ms"),
                found.each(INLINE, "stall_ms"),
                found.each(OFFLOADED, "stall_ms"),
                found.each(WORKER, "stall_ms")
            ),
            answer: match (difference, waits) {
                (Difference::Less, _) => Some(0),
                (Difference::None, true) => Some(1),
                (Difference::None, false) => Some(2),
                (Difference::More, _) => None,
            },
        })
    },
    chapter: "jobs.md",
};

const TEXTS: usize = 12;
const INLINE: &str = "in the handler";
const OFFLOADED: &str = "on the pool for computing";
const WORKER: &str = "in the worker";

/// The same texts as jobs: accepted at once, sealed in another process.
fn sealed_by_a_worker(scene: &mut Scene<'_>) -> anyhow::Result<Figures> {
    let _worker = scene.another("worker", &["--poll=0.02".to_owned(), "--log=off".to_owned()])?;
    let (target, cpu) = (scene.running.target.clone(), scene.cpus.load.first().copied());
    let probe = Probe::start(target, plaintext(), Duration::from_millis(2), cpu)?;
    let began = Instant::now();
    for _ in 0..TEXTS {
        let job =
            Request::new("POST", "/jobs/seal").field("X-Passphrase", PASSPHRASE).body("a text");
        scene.ask(&job, 202)?;
    }
    let done = || jobs_done(scene) >= TEXTS;
    until(Duration::from_secs(20), done).context("the worker does not get done")?;
    let span = began.elapsed();
    let felt = probe.stop()?;
    Ok(figures([("span_ms", ms(span)), ("stall_ms", ms(felt.slowest()))]))
}

/// How many jobs have ended well.
pub(super) fn jobs_done(scene: &Scene<'_>) -> usize {
    let page = scene.subject.get("/jobs?state=done&limit=100");
    page.map_or(0, |reply| reply.text().matches(r#""state":"done""#).count())
}

const INNOCENT_BYSTANDER: Lesson = Lesson {
    name: "innocent-bystander",
    part: Part::Mistakes,
    claim: "only the slow route suffers",
    said_by: Said::Issue("https://github.com/hyperium/hyper/issues/1570"),
    experiment: "600 blocking calls of five times {unit}; a bystander reads a small file, another makes a first call to an upstream by its name. With the calls on the runtime's own pool, as it comes, and with an offload pool of 40 threads.",
    guess: Guess {
        question: "The pool is full of sleeping calls. Who waits for them, though nobody asked it to offload anything?",
        answers: &[
            "nobody",
            "who reads a file, and who looks up a name",
            "everybody, /plaintext too",
        ],
    },
    rounds: 1,
    cases: |scale| {
        let wait = scale.units(5.0);
        let mut cases = Vec::new();
        for (level, route) in [(FULL, "pitfalls/unbounded-offload"), (APART, "offload/wait")] {
            for who in ["blocking", "actix:workers=1", "axum:workers=1"] {
                // The runtime's pool has 512 threads for whatever comes, and those of the offload pool.
                let load = Load::burst(get(format!("/{route}/{}", wait.as_secs_f64())), 600, wait)
                    .first(Request::new("PUT", "/files/small").body("a small file"))
                    .patience(wait * 2)
                    .beside_by(get("/files/small"), Duration::from_millis(5), wait / 5);
                let act = move |scene: &mut Scene<'_>| bystanders(scene, &load, wait);
                let flags = [
                    "--pitfalls",
                    "--offload-threads=40",
                    "--github-url=http://localhost:{upstream-port}",
                ];
                cases.push(Case::own(who, level, wait * 3, act).flags(flags));
            }
        }
        cases
    },
    chart: Chart { figure: "stall_ms", title: "the longest that who reads a small file waited" },
    strip: None,
    judge: |found| {
        let limit = found.unit_s * 1e3 * 2.0;
        let held_up = |level, all: Vec<&str>, figure| {
            found.all_agree(level, all, figure, |time| time >= limit)
        };
        let free = |level, all: Vec<&str>, figure| {
            found.all_agree(level, all, figure, |time| time < limit)
        };
        if !free(APART, found.who(), "stall_ms")? {
            return Err(format!(
                "the control failed: apart from the pool the bystander waited {}",
                found.each(APART, "stall_ms")
            ));
        }
        let file = held_up(FULL, found.loops(), "stall_ms")?;
        let name = held_up(FULL, found.loops(), "named_ms")?;
        let threads = free(FULL, found.threads(), "stall_ms")?;
        Ok(Judged {
            verdict: match (file, threads) {
                (true, _) => Verdict::DoesNotHold,
                (false, true) => Verdict::HoldsForThreadsToo,
                (false, false) => Verdict::Holds,
            },
            because: format!(
                "The file came after {} beside calls without a bound, after {} beside a pool of 40. The first call by name: {}, and {}. \
                 The runtime reads files and looks up names on the threads that its blocking calls have; a bound on those keeps some free.",
                found.each(FULL, "stall_ms"),
                found.each(APART, "stall_ms"),
                found.each(FULL, "named_ms"),
                found.each(APART, "named_ms")
            ),
            answer: match (file, name) {
                (true, true) => Some(1),
                (false, false) => Some(0),
                _ => None,
            },
        })
    },
    chapter: "files.md#the-innocent-bystander",
};

const FULL: &str = "without a bound";
const APART: &str = "a pool of 40";

/// Who reads a file beside the load, and who calls an upstream for the first time in the midst of it.
fn bystanders(scene: &mut Scene<'_>, load: &Load, wait: Duration) -> anyhow::Result<Figures> {
    let (subject, running) = (&scene.subject, &*scene.running);
    let (cpus, cancel) = (scene.cpus, scene.cancel);
    let named = format!("/github-user/{}", fresh());
    std::thread::scope(|scope| {
        let called = scope.spawn(move || {
            std::thread::sleep(wait / 2);
            let began = Instant::now();
            let reply = subject.get_with(&named, 200).map_err(anyhow::Error::msg);
            reply.map(|_| began.elapsed())
        });
        let (_, felt) = load.outcome(running, cpus, cancel, |_| {})?;
        let felt = felt.context("nobody stood beside")?;
        let called = called.join().expect("asking does not panic")?;
        Ok(figures([("stall_ms", ms(felt.slowest())), ("named_ms", ms(called))]))
    })
}
