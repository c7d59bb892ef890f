//! The first path: six lessons, in this order, that say what the rest is about.

use std::time::Duration;

use crate::difference::Difference;
use crate::lesson::case::{Case, Load, get};
use crate::lesson::found::{Found, Judged, of_loops_and_threads};
use crate::lesson::{Chart, Guess, Lesson, Part, Said, Scale};
use crate::question::Question;
use crate::verdict::Verdict;

/// In the order they are best taken.
pub fn lessons() -> Vec<Lesson> {
    vec![OTHERS_GO_ON, WAITING, BLOCKED_LOOP, POOL_LIMIT, LITTLE_CPU, MEMORY]
}

/// All three servers as they come.
pub(super) const THREE: [&str; 3] = ["blocking", "actix", "axum"];

const OTHERS_GO_ON: Lesson = Lesson {
    name: "others-go-on",
    part: Part::Waiting,
    claim: "other requests continue to be served without delay",
    said_by: Said::Article,
    experiment: "200 clients ask for /wait of {unit} at once; a bystander asks for /plaintext every 2 ms.",
    guess: Guess {
        question: "Beside which servers is the bystander held up by those who wait?",
        answers: &[
            "beside threads, not beside event loops",
            "beside a pool of 40 threads alone",
            "beside none",
        ],
    },
    rounds: 3,
    cases: |scale| {
        let (wait, clients) = (scale.units(1.0), scale.either(200, 100));
        ["blocking", "blocking:threads=pool:40", "actix", "axum"]
            .into_iter()
            .map(|who| {
                let waves = if who.contains("pool") { clients as u32 / 40 } else { 1 };
                let load = Load::burst(Question::Wait(wait).ask(""), clients, wait * waves)
                    .beside(Duration::from_millis(2), wait / 4);
                Case::load(who, WAITS, load)
            })
            .collect()
    },
    chart: Chart { figure: "stall_ms", title: "the longest the bystander waited" },
    strip: Some(WAITS),
    judge: |found| {
        let limit = found.unit_s * 1e3 * HELD_UP;
        let free = |who: &str| found.agreed((WAITS, who), "stall_ms", |stall| stall <= limit);
        let verdict = of_loops_and_threads(found, free)?;
        let pool = !free("blocking:threads=pool:40")?;
        Ok(Judged {
            answer: match verdict {
                Verdict::Holds => Some(0),
                Verdict::HoldsForThreadsToo if pool => Some(1),
                Verdict::HoldsForThreadsToo => Some(2),
                _ => None,
            },
            verdict,
            because: format!(
                "The bystander's longest wait: {}. {}",
                found.each(WAITS, "stall_ms"),
                if pool {
                    "A pool that is full holds up everybody, and that is a limit somebody set."
                } else {
                    ""
                }
            ),
        })
    },
    chapter: "waiting.md",
};

const WAITS: &str = "all wait at once";

/// A bystander is held up when it waits for more than this share of what the others wait for.
const HELD_UP: f64 = 0.25;

const WAITING: Lesson = Lesson {
    name: "waiting",
    part: Part::Waiting,
    claim: "async serves more simultaneous users without more hardware",
    said_by: Said::Article,
    experiment: "More and more clients ask for /wait of three times {unit} at once, each once; timed from the first SYN to the last byte.",
    guess: Guess {
        question: "Up to how many waiting clients are threads and event loops alike?",
        answers: &["not even at 100", "to 100", "to 1,000", "to 10,000, the most that is asked"],
    },
    rounds: 2,
    cases: |scale| {
        let wait = scale.units(3.0);
        let levels = scale.either([100, 1_000, 10_000], [20, 200, 1_000]);
        levels
            .into_iter()
            .flat_map(|clients| THREE.map(|who| (who, clients)))
            .map(|(who, clients)| {
                let load = Load::burst(Question::Wait(wait).ask(""), clients, wait);
                Case::load(who, clients.to_string(), load)
            })
            .collect()
    },
    chart: Chart { figure: "span_ms", title: "until the last of all clients had its answer" },
    strip: None,
    judge: |found| by_levels(found, "span_ms"),
    chapter: "waiting.md",
};

/// Up to which number of clients event loops are like threads in a figure, and who has less of it beyond. The answers to
/// the guess are "not even at the first", and then each level.
pub(super) fn by_levels(found: &Found, figure: &str) -> Result<Judged, String> {
    let mut alike = None;
    let mut levels = (0..).zip(found.levels());
    let apart = loop {
        let Some((at, level)) = levels.next() else { break None };
        let mut differences = Vec::new();
        for ours in found.loops() {
            let ratio = found.ratio((level, ours), (level, "blocking"), figure)?;
            differences.push(ratio.difference());
        }
        match (differences.contains(&Difference::Less), differences.contains(&Difference::More)) {
            (false, false) => alike = Some((at, level)),
            (true, false) => break Some(true),
            _ => break Some(false),
        }
    };
    let clients = |level: &str| level.parse::<usize>().unwrap_or(0);
    let top = found.levels().last().copied().unwrap_or_default();
    Ok(Judged {
        verdict: match (apart, alike) {
            (None, _) => Verdict::NoDifference,
            (Some(true), Some((_, level))) => Verdict::HoldsAbove(clients(level)),
            (Some(true), None) => Verdict::Holds,
            (Some(false), _) => Verdict::DoesNotHold,
        },
        because: format!("At {top} clients: {}.", found.each(top, figure)),
        answer: Some(alike.map_or(0, |(at, _)| at + 1)),
    })
}

const BLOCKED_LOOP: Lesson = Lesson {
    name: "blocked-loop",
    part: Part::Mistakes,
    claim: "`async` makes code non-blocking",
    said_by: Said::Issue("https://github.com/fastapi/fastapi/issues/2484"),
    experiment: "20 clients call a handler that blocks its thread for {unit}; a bystander asks for /plaintext.",
    guess: Guess {
        question: "An event loop with one worker: how long until all 20 have their answer?",
        answers: &[
            "as long as one takes",
            "20 times that, and only those 20 wait",
            "20 times that, and the bystander waits with them",
        ],
    },
    rounds: 2,
    cases: |scale| {
        let wait = scale.units(1.0);
        let mut cases = Vec::new();
        for who in [vec!["blocking".to_owned()], scale.loops()].concat() {
            let workers = match who.rsplit_once("workers=") {
                Some((_, workers)) => workers.parse().unwrap_or(1),
                None => 20,
            };
            let turns = 20_u32.div_ceil(workers);
            let ask = Question::BlockingWait(wait).ask("");
            let load =
                Load::burst(ask, 20, wait * turns).beside(Duration::from_millis(2), wait / 4);
            cases.push(Case::load(who, BLOCKING, load).flags(["--pitfalls"]));
        }
        cases
    },
    chart: Chart { figure: "span_ms", title: "until all 20 had their answer" },
    strip: Some(BLOCKING),
    judge: |found| {
        let unit = found.unit_s * 1e3;
        // As many at once as there are workers, so half of the ideal number of turns is beyond doubt.
        let mut queued = Vec::new();
        for who in found.loops() {
            let workers = who.rsplit_once("workers=").and_then(|(_, text)| text.parse().ok());
            let turns = 20.0 / workers.unwrap_or(1.0);
            queued
                .push(found.agreed((BLOCKING, who), "span_ms", |span| span >= unit * turns / 2.0)?);
        }
        let one = found.loops().into_iter().filter(|who| who.ends_with("workers=1"));
        let stalls: Vec<bool> = one
            .map(|who| found.agreed((BLOCKING, who), "stall_ms", |stall| stall >= unit * 2.0))
            .collect::<Result<_, _>>()?;
        let blocking =
            found.agreed((BLOCKING, "blocking"), "span_ms", |span| span <= unit * 4.0)?;
        let all_queued = queued.iter().all(|queued| *queued);
        let all_stall = stalls.iter().all(|stalled| *stalled);
        if !blocking {
            return Err(format!(
                "the control failed: threads took {} for what each does by itself",
                found.each(BLOCKING, "span_ms")
            ));
        }
        Ok(Judged {
            verdict: if all_queued {
                Verdict::DoesNotHold
            } else if queued.contains(&true) {
                return Err("loops disagree".to_owned());
            } else {
                Verdict::Holds
            },
            because: format!(
                "All 20 took {}; the bystander's longest wait: {}.",
                found.each(BLOCKING, "span_ms"),
                found.each(BLOCKING, "stall_ms")
            ),
            answer: Some(match (all_queued, all_stall) {
                (false, _) => 0,
                (true, false) => 1,
                (true, true) => 2,
            }),
        })
    },
    chapter: "blocked-loop.md",
};

const BLOCKING: &str = "20 blocking handlers";

const POOL_LIMIT: Lesson = Lesson {
    name: "pool-limit",
    part: Part::Mistakes,
    claim: "run_in_executor is the fix",
    said_by: Said::Article,
    experiment: "200 clients call a handler that blocks for half of {unit} on the offload pool, with 6, 40 and 200 threads in it.",
    guess: Guess {
        question: "200 blocking calls on a pool of 6 threads take how long?",
        answers: &["as long as one call", "about 5 times as long", "about 33 times as long"],
    },
    rounds: 2,
    cases: |scale| {
        let wait = scale.units(0.5);
        let clients: u32 = scale.either(200, 60);
        [6, 40, 200]
            .into_iter()
            .flat_map(|pool| THREE.map(|who| (who, pool)))
            .map(|(who, pool)| {
                let ask = Question::OffloadWait(wait).ask("");
                let load = Load::burst(ask, clients as usize, wait * clients.div_ceil(pool));
                let flags = [format!("--offload-threads={pool}")];
                Case::load(who, format!("pool of {pool}"), load).flags(flags)
            })
            .collect()
    },
    chart: Chart { figure: "span_ms", title: "until all had their answer" },
    strip: Some("pool of 40"),
    judge: |found| {
        let clients = if found.short { 60.0 } else { 200.0 };
        let one = found.unit_s * 500.0;
        let mut limits = Vec::new();
        for who in found.who() {
            let turns = |pool: f64| (clients / pool).ceil();
            let least = one * turns(6.0) * 0.9;
            limits.push(found.agreed(("pool of 6", who), "span_ms", |span| span >= least)?);
            let most = one * turns(6.0) * 0.5;
            limits.push(found.agreed(("pool of 200", who), "span_ms", |span| span <= most)?);
        }
        if !limits.iter().all(|limits| *limits) {
            return Err(format!("not as the sizes say: {}", found.each("pool of 6", "span_ms")));
        }
        Ok(Judged {
            verdict: Verdict::DoesNotHold,
            because: format!(
                "The pool is the limit, and a pool as large as the crowd is a thread for each: with 6 threads {}; with 200 {}.",
                found.each("pool of 6", "span_ms"),
                found.each("pool of 200", "span_ms")
            ),
            answer: Some(2),
        })
    },
    chapter: "offload.md",
};

const LITTLE_CPU: Lesson = Lesson {
    name: "little-cpu",
    part: Part::Mistakes,
    claim: "a little CPU inline is harmless",
    said_by: Said::Often,
    experiment: "One client's request computes in the handler, a third of the time; a bystander asks for /plaintext every millisecond.",
    guess: Guess {
        question: "From how much computing in a handler does the neighbour of an event loop feel it?",
        answers: &["from 0.1 ms", "from 1 ms", "from 10 ms", "from 50 ms", "not even then"],
    },
    rounds: 2,
    cases: |scale| {
        let window = Duration::from_millis(scale.either(280, 250));
        let mut cases = Vec::new();
        for (level, micros) in COMPUTING {
            for who in THREE {
                let each = Duration::from_micros(micros);
                let ask = get(format!("/work?cpu_ms={}", each.as_secs_f64() * 1e3));
                // Whoever thinks by chance may think for long: room for some requests all the same.
                let load = Load::closed(ask, 1, window.max(each * 12), each)
                    .think(each * 2)
                    .beside(Duration::from_millis(1), Duration::ZERO);
                cases.push(Case::load(who, level, load));
            }
        }
        cases
    },
    chart: Chart { figure: "stall_ms", title: "the longest the neighbour waited" },
    strip: None,
    judge: |found| {
        let mut felt_from = None;
        for (at, (level, micros)) in COMPUTING.iter().enumerate() {
            let threads = found.figure(level, "blocking", "stall_ms")?;
            let limit = (threads.median() * 2.0).max(*micros as f64 / 1e3 / 2.0);
            let mut felt = true;
            for who in found.loops() {
                // Half of what is computed, and twice what the neighbour of threads feels: the loop is what held it up.
                felt &= found.median(level, who, "stall_ms")? >= limit;
            }
            if felt {
                felt_from.get_or_insert((at, *level));
            } else if let Some((_, from)) = felt_from {
                return Err(format!("no order in it: felt at {from}, not at {level}"));
            }
        }
        let top = COMPUTING[COMPUTING.len() - 1].0;
        let beside = format!("At {top}: {}.", found.each(top, "stall_ms"));
        Ok(match felt_from {
            Some((at, level)) => Judged {
                verdict: Verdict::DoesNotHold,
                because: format!(
                    "A loop's neighbour feels it from {level} on, a thread's does not. {beside}"
                ),
                answer: Some(at),
            },
            None => Judged {
                verdict: Verdict::HoldsForThreadsToo,
                because: format!("No more beside loops than beside threads. {beside}"),
                answer: Some(COMPUTING.len()),
            },
        })
    },
    chapter: "offload.md",
};

/// What one request computes.
const COMPUTING: [(&str, u64); 4] =
    [("0.1 ms", 100), ("1 ms", 1_000), ("10 ms", 10_000), ("50 ms", 50_000)];

const MEMORY: Lesson = Lesson {
    name: "memory",
    part: Part::Waiting,
    claim: "threads cost far more memory",
    said_by: Said::Often,
    experiment: "Clients wait at once, three numbers of them; what one more makes the server hold, user and kernel, is the slope.",
    guess: Guess {
        question: "One more waiting client makes a thread server hold how much more than an event loop?",
        answers: &[
            "about as much",
            "more, but less than twice what one of the loops needs",
            "2 to 10 times as much, against each",
            "over 10 times as much",
        ],
    },
    rounds: 2,
    cases: |scale| {
        let wait = scale.units(4.0);
        LEVELS(scale)
            .into_iter()
            .flat_map(|clients| THREE.map(|who| (who, clients)))
            .map(|(who, clients)| {
                let load = Load::burst(Question::Wait(wait).ask(""), clients, wait);
                Case::load(who, clients.to_string(), load)
            })
            .collect()
    },
    chart: Chart { figure: "grown_bytes", title: "what the server held more than before" },
    strip: None,
    judge: |found| {
        let mut slopes = Vec::new();
        for who in found.who() {
            slopes.push((who, slope(found, who)?));
        }
        let of = |name: &str| slopes.iter().find(|(who, _)| *who == name).map(|(_, slope)| slope);
        let threads = of("blocking").ok_or("no thread server was tried")?;
        let mut times = Vec::new();
        for who in found.loops() {
            let ours = of(who).ok_or("no event loop was tried")?;
            if ours.iter().chain(threads).any(|slope| *slope <= 0.0) {
                return Err("memory did not grow with the clients".to_owned());
            }
            let ratios: Vec<f64> =
                threads.iter().zip(ours).map(|(theirs, ours)| theirs / ours).collect();
            times.push((who, ratios));
        }
        let kb = |slope: &[f64]| slope.iter().sum::<f64>() / slope.len() as f64 / 1e3;
        let each: Vec<_> =
            slopes.iter().map(|(who, slope)| format!("{who} {:.1} KB", kb(slope))).collect();
        // Far more than tasks is far more than each of the loops has.
        let every = |is_so: fn(f64) -> bool| {
            times.iter().all(|(_, times)| times.iter().all(|time| is_so(*time)))
        };
        let some = |is_so: fn(f64) -> bool| {
            times.iter().any(|(_, times)| times.iter().all(|time| is_so(*time)))
        };
        let shown: Vec<_> =
            times.iter().map(|(who, times)| format!("{} of {who}", range(times))).collect();
        let verdict = match () {
            () if every(|time| time >= FAR) => Verdict::Holds,
            () if every(|time| time <= 1.1) => Verdict::NoDifference,
            () if some(|time| time < FAR) => Verdict::DoesNotHold,
            () => return Err(format!("rounds disagree on {FAR} ×: {}", shown.join(" · "))),
        };
        Ok(Judged {
            answer: Some(match verdict {
                Verdict::NoDifference => 0,
                Verdict::Holds if every(|time| time > 10.0) => 3,
                Verdict::Holds => 2,
                _ => 1,
            }),
            verdict,
            because: format!(
                "One more waiting client: {}. A thread takes {}; far more is {FAR} × of each and over.",
                each.join(" · "),
                shown.join(" · ")
            ),
        })
    },
    chapter: "waiting.md",
};

/// What counts as far more.
const FAR: f64 = 2.0;

/// `1.79 to 1.81 ×`, or one number.
fn range(times: &[f64]) -> String {
    let least = times.iter().copied().fold(f64::MAX, f64::min);
    let most = times.iter().copied().fold(0.0, f64::max);
    match (format!("{least:.2}"), format!("{most:.2}")) {
        (least, most) if least == most => format!("{least} ×"),
        (least, most) => format!("{least} to {most} ×"),
    }
}

/// How many wait at once.
const LEVELS: fn(&Scale) -> [usize; 3] = |scale| scale.either([500, 1_000, 2_000], [100, 300, 600]);

/// Bytes a client, of each round: least squares over the levels.
fn slope(found: &Found, who: &str) -> Result<Vec<f64>, String> {
    let mut figures = Vec::new();
    for level in found.levels() {
        let clients: f64 = level.parse().map_err(|_| format!("{level} is no number"))?;
        figures.push((clients, found.figure(level, who, "grown_bytes")?));
    }
    let rounds = figures.first().map_or(0, |(_, figure)| figure.rounds.len());
    (0..rounds)
        .map(|round| {
            let points: Vec<(f64, f64)> = figures
                .iter()
                .filter_map(|(x, figure)| Some((*x, figure.rounds.get(round)?.1)))
                .collect();
            let count = points.len() as f64;
            let (mean_x, mean_y) = points
                .iter()
                .fold((0.0, 0.0), |(sum_x, sum_y), (x, y)| (sum_x + x / count, sum_y + y / count));
            let (mut above, mut below) = (0.0, 0.0);
            for (x, y) in points {
                above += (x - mean_x) * (y - mean_y);
                below += (x - mean_x).powi(2);
            }
            (below > 0.0).then(|| above / below).ok_or_else(|| format!("{who}: too few levels"))
        })
        .collect()
}
