//! What goes wrong, beyond the first path, and who notices: the compiler, the client, the log, or nobody.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::difference::Difference;
use crate::lesson::case::{Case, Figures, Load, Scene, figures, get};
use crate::lesson::first::THREE;
use crate::lesson::found::{Found, Judged};
use crate::lesson::{Chart, Guess, Lesson, Part, Said};
use crate::verdict::Verdict;

/// In the order they are best taken.
pub fn lessons() -> Vec<Lesson> {
    vec![OFFLOAD_COST, LOST_ERRORS, COMPILER]
}

const OFFLOAD_COST: Lesson = Lesson {
    name: "offload-cost",
    part: Part::Mistakes,
    claim: "offloading is free",
    said_by: Said::Often,
    experiment: "A handler that computes a hundredth of a millisecond, in the handler and on the offload pool, on 16 connections.",
    guess: Guess {
        question: "A trivial handler, offloaded, takes how much CPU?",
        answers: &["no more that matters", "up to twice as much", "more than twice as much"],
    },
    rounds: 3,
    cases: |_| {
        let mut cases = Vec::new();
        for (level, placement) in [(INLINE, "inline"), (OFFLOADED, "offload")] {
            for who in THREE {
                let ask = get(format!("/work?cpu_ms=0.01&placement={placement}"));
                let load = Load::closed(ask, 16, Duration::from_millis(350), Duration::ZERO);
                cases.push(Case::load(who, level, load));
            }
        }
        cases
    },
    chart: Chart { figure: "cpu_us", title: "CPU time for each request" },
    strip: None,
    judge: |found| {
        let (mut more, mut shown, mut most) = (Vec::new(), Vec::new(), 0.0_f64);
        for who in found.who() {
            let ratio = found.ratio((OFFLOADED, who), (INLINE, who), "cpu_us")?;
            more.push(ratio.difference() == Difference::More);
            shown.push(format!("{who} {}", ratio.shown()));
            most = most.max(ratio.median);
        }
        Ok(Judged {
            verdict: match (more.iter().all(|more| *more), more.contains(&true)) {
                (true, _) | (false, true) => Verdict::DoesNotHold,
                (false, false) => Verdict::NoDifference,
            },
            because: format!("Offloaded against inline: {}.", shown.join(" · ")),
            answer: Some(match (more.contains(&true), most) {
                (false, _) => 0,
                (true, most) if most <= 2.0 => 1,
                _ => 2,
            }),
        })
    },
    chapter: "offload.md",
};

const INLINE: &str = "in the handler";
const OFFLOADED: &str = "on the pool";

const LOST_ERRORS: Lesson = Lesson {
    name: "lost-errors",
    part: Part::Mistakes,
    claim: "errors will show up",
    said_by: Said::ArticleWarns,
    experiment: "A handler panics; a task fails and nobody holds its handle; a task fails and its handler waits for it: what the client sees, what the log says, and whether the server answers the next request.",
    guess: Guess {
        question: "Which of the three failures does the client or the log tell of?",
        answers: &[
            "all three",
            "the panic and the task that is waited for",
            "the panic alone",
            "none: the process ends",
        ],
    },
    rounds: 1,
    cases: |_| {
        let mut cases = Vec::new();
        for (level, target) in FAILURES {
            for who in THREE {
                let act = move |scene: &mut Scene<'_>| told_of(scene, target);
                let case = Case::own(who, level, Duration::from_millis(600), act);
                cases.push(case.flags(["--pitfalls", "--log=text"]));
            }
        }
        cases
    },
    chart: Chart { figure: "status", title: "what the client saw" },
    strip: None,
    judge: |found| {
        let shows = |level| -> Result<bool, String> {
            let mut all = true;
            for who in found.who() {
                all &= found.agreed((level, who), "next_status", |status| status == 200.0)?
                    && found.agreed((level, who), "told", |told| told == 1.0)?;
            }
            Ok(all)
        };
        let [panic, forgotten, waited] =
            [shows(FAILURES[0].0)?, shows(FAILURES[1].0)?, shows(FAILURES[2].0)?];
        let told = FAILURES.map(|(level, _)| {
            format!(
                "{level}: {}, lines {}",
                found.each(level, "status"),
                found.each(level, "lines")
            )
        });
        Ok(Judged {
            verdict: if panic && forgotten && waited {
                Verdict::HoldsForThreadsToo
            } else {
                Verdict::DoesNotHold
            },
            because: format!("What the client saw, and lines in the log. {}.", told.join(". ")),
            answer: match (panic, forgotten, waited) {
                (true, true, true) => Some(0),
                (true, false, true) => Some(1),
                (true, false, false) => Some(2),
                _ => None,
            },
        })
    },
    chapter: "pitfalls.md",
};

const FAILURES: [(&str, &str); 3] = [
    ("a handler panics", "/pitfalls/panic"),
    ("a task fails and is forgotten", "/pitfalls/lost-error"),
    ("a task fails and is waited for", "/remedies/lost-error"),
];

/// What the client and the log tell of a failure: told is 1 when either does.
fn told_of(scene: &mut Scene<'_>, target: &str) -> anyhow::Result<Figures> {
    // What a server says of its start is not of the failure, and comes when it likes.
    let before = settled(scene, 0)?;
    let reply = scene.subject.get(target).map_err(anyhow::Error::msg)?;
    let lines = settled(scene, before + 1)?.saturating_sub(before);
    let next = scene.subject.get_with("/plaintext", 200).map_err(anyhow::Error::msg)?;
    let told = reply.status >= 500 || lines > 0;
    Ok(figures([
        ("status", f64::from(reply.status)),
        ("lines", lines as f64),
        ("told", f64::from(u8::from(told))),
        ("next_status", f64::from(next.status)),
    ]))
}

/// How many lines the log has once it is quiet. Those that are still to come have their time to.
fn settled(scene: &mut Scene<'_>, expected: usize) -> anyhow::Result<usize> {
    const QUIET: Duration = Duration::from_millis(100);
    let began = Instant::now();
    let mut lines = 0;
    loop {
        let server = scene.running.server().context("a stranger's log cannot be read")?;
        let now = server.output().lines().filter(|line| *line != "it wrote nothing").count();
        let waited = began.elapsed();
        if waited >= QUIET && now == lines && (now >= expected || waited >= 4 * QUIET) {
            return Ok(now);
        }
        lines = now;
        std::thread::sleep(QUIET);
    }
}

const COMPILER: Lesson = Lesson {
    name: "compiler",
    part: Part::Mistakes,
    claim: "the compiler catches async mistakes",
    said_by: Said::Often,
    experiment: "Four mistakes in a handler, given to the compiler with the axum and the actix-web that the servers are built with.",
    guess: Guess {
        question: "How many of the four does the compiler refuse, in an axum handler?",
        answers: &["all four", "two; it warns of one, and says nothing of one", "none"],
    },
    rounds: 1,
    cases: |_| {
        let mut cases = Vec::new();
        for (level, body) in MISTAKES {
            for who in ["actix", "axum"] {
                let act = move |_: &mut Scene<'_>| {
                    let says = compiled(who, body)?;
                    Ok(figures([("says", says)]))
                };
                cases.push(Case::own(who, level, Duration::from_millis(900), act));
            }
        }
        cases
    },
    chart: Chart {
        figure: "says",
        title: "what the compiler says: nothing 0, a warning 1, an error 2",
    },
    strip: None,
    judge: |found| {
        let says = |who: &str| -> Result<Vec<f64>, String> {
            MISTAKES.iter().map(|(level, _)| found.median(level, who, "says")).collect()
        };
        let (actix, axum) = (says("actix")?, says("axum")?);
        let caught = |says: &[f64]| says.iter().all(|says| *says == 2.0);
        Ok(Judged {
            verdict: if caught(&axum) && caught(&actix) {
                Verdict::Holds
            } else {
                Verdict::DoesNotHold
            },
            because: told(found, &actix, &axum),
            answer: match axum.iter().filter(|says| **says == 2.0).count() {
                4 => Some(0),
                2 => Some(1),
                0 => Some(2),
                _ => None,
            },
        })
    },
    chapter: "servers.md",
};

fn told(_: &Found, actix: &[f64], axum: &[f64]) -> String {
    let word = |says: f64| match says {
        0.0 => "silence",
        1.0 => "a warning",
        _ => "an error",
    };
    let rows = MISTAKES.iter().zip(actix.iter().zip(axum));
    let rows = rows.map(|((mistake, _), (actix, axum))| {
        format!("{mistake}: actix {}, axum {}", word(*actix), word(*axum))
    });
    rows.collect::<Vec<_>>().join("; ") + "."
}

/// The body of an `async fn` that answers a text. `sleep` is the runtime's.
const MISTAKES: [(&str, &str); 4] = [
    ("a forgotten await", "sleep(Duration::from_millis(1)); \"done\""),
    (
        "a lock held across an await",
        "let lock = std::sync::Mutex::new(0); let mut held = lock.lock().unwrap(); \
         sleep(Duration::from_millis(1)).await; *held += 1; \"done\"",
    ),
    (
        "an Rc held across an await",
        "let shared = std::rc::Rc::new(\"done\"); sleep(Duration::from_millis(1)).await; *shared",
    ),
    ("a blocking sleep", "std::thread::sleep(Duration::from_millis(1)); \"done\""),
];

/// What the compiler says of a handler with this body: nothing, a warning, an error.
fn compiled(who: &str, body: &str) -> anyhow::Result<f64> {
    let frame = match who {
        "axum" => include_str!("compiler/axum.rs.txt"),
        _ => include_str!("compiler/actix.rs.txt"),
    };
    let libraries = conformance::binaries::libraries(&format!("server-{who}"))?;
    let folder = std::env::temp_dir().join(format!("waitlab-compiler-{}", std::process::id()));
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let source = folder.join("handler.rs");
    fs::write(&source, frame.replace("BODY", body))?;
    let says = rustc(&source, &folder, &libraries);
    let _ = fs::remove_dir_all(&folder);
    says
}

fn rustc(
    source: &Path,
    folder: &Path,
    libraries: &BTreeMap<String, PathBuf>,
) -> anyhow::Result<f64> {
    let mut command = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    command.args(["--edition=2024", "--crate-type=lib", "--emit=metadata", "--error-format=short"]);
    command.arg("--out-dir").arg(folder).arg(source);
    for name in ["axum", "actix_web", "tokio"] {
        if let Some(path) = libraries.get(name) {
            command.arg("--extern").arg(format!("{name}={}", path.display()));
            if let Some(beside) = path.parent() {
                command.arg("-L").arg(format!("dependency={}", beside.display()));
            }
        }
    }
    let output = command.output().context("cannot run rustc")?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        return Ok(if said.contains("warning") { 1.0 } else { 0.0 });
    }
    // Refused for another reason than the mistake, it would tell nothing.
    let is_send = said.contains("Send") || said.contains("Handler");
    anyhow::ensure!(is_send, "the example does not compile for a reason of its own: {said}");
    Ok(2.0)
}
