//! One lesson's experiment: rounds, turns, servers that come and go, and at the end a verdict.

use std::time::{Duration, Instant};

use load::Cancel;

use crate::arena::Arena;
use crate::competitor::Competitor;
use crate::lesson::case::{Act, Case, Scene, Tried};
use crate::lesson::found::{Drawn, Found, Judged, SCHEMA, Trial};
use crate::lesson::{Lesson, Scale};
use crate::progress::Progress;
use crate::results::Gate;
use crate::verdict::Verdict;
use crate::{machine, peers};

/// Gates that tell of the machine and the generator, not of the server.
const OURS: [&str; 4] = ["generator-crowded", "generator-bound", "schedule-lag", "probe"];

/// Starting a server, and stopping it; measured.
pub const STARTING: Duration = Duration::from_millis(90);

/// Runs a lesson's cases, judges, and tells all of it.
///
/// # Errors
/// When it was ended from outside, or nothing could be tried at all.
pub fn run(
    lesson: &Lesson,
    scale: &Scale,
    arena: &Arena,
    peers: &[String],
    cancel: &Cancel,
    progress: &mut Progress,
) -> anyhow::Result<Found> {
    let began = Instant::now();
    let mut found = Found {
        schema: SCHEMA,
        lesson: lesson.name.to_owned(),
        claim: lesson.claim.to_owned(),
        said_by: lesson.said_by.words(),
        experiment: lesson.experiment(scale),
        unit_s: scale.unit.as_secs_f64(),
        short: scale.short,
        rounds: scale.rounds(lesson),
        started: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        machine: machine::machine(),
        versions: machine::versions(),
        cpus: arena.cpus.clone(),
        ..Found::default()
    };
    // Whoever asks is pinned to the CPUs of the load, and the machine has more.
    found.machine.cores = found.cores();
    for round in 1..=found.rounds {
        let mut cases = with_peers(lesson, (lesson.cases)(scale), peers);
        let mut turns: Vec<usize> = (0..cases.len()).collect();
        // Nobody is always the first.
        turns.rotate_left((round as usize - 1) % cases.len());
        let mut trials: Vec<Option<Trial>> = cases.iter().map(|_| None).collect();
        for turn in turns {
            anyhow::ensure!(!cancel.cancelled(), "interrupted");
            let case = &mut cases[turn];
            let what = format!(
                "{} · round {round} of {} · {} · {}",
                lesson.name, found.rounds, case.who, case.level
            );
            progress.begins(&what, case.takes + STARTING);
            let tried = tried(case, scale, arena, cancel, progress, &what);
            if let (1, Some(requests)) = (round, tried.strip.clone()) {
                let (level, who) = (case.level.clone(), case.who.clone());
                found.strips.push(Drawn { level, who, requests });
            }
            trials[turn] = Some(Trial {
                level: case.level.clone(),
                who: case.who.clone(),
                round,
                figures: tried.figures,
                gates: tried.gates,
            });
        }
        found.trials.extend(trials.into_iter().flatten());
    }
    anyhow::ensure!(!cancel.cancelled(), "interrupted");
    found.took_s = began.elapsed().as_secs_f64();
    let Judged { verdict, because, answer } = judged(lesson, &found);
    found.verdict = verdict.to_string();
    found.because = because;
    found.answer = answer;
    Ok(found)
}

/// What peers can take part in: what one event loop is asked, and the same with one client, for a peer is compared with
/// itself alone.
fn with_peers(lesson: &Lesson, mut cases: Vec<Case>, peers: &[String]) -> Vec<Case> {
    if !peers::LESSONS.contains(&lesson.name) {
        return cases;
    }
    let mut theirs = Vec::new();
    for case in &cases {
        let Act::Load(load) = &case.act else { continue };
        // One client beside one client would be compared with itself.
        if !["axum", "axum:workers=1"].contains(&case.who.as_str()) || case.clients() == 1 {
            continue;
        }
        // One loop beside one loop.
        let one = case.who.ends_with("workers=1").then(|| "--workers=1".to_owned());
        for peer in peers {
            let flags = || case.flags.iter().chain(&one).cloned();
            theirs.push(Case::load(peer, &case.level, (**load).clone()).flags(flags()));
            theirs.push(Case::load(peer, alone(&case.level), load.alone()).flags(flags()));
        }
    }
    cases.extend(theirs);
    cases
}

/// The level at which a peer is asked by one client.
pub fn alone(level: &str) -> String {
    format!("{level}, one client")
}

/// What the lesson makes of its figures; what they lack, when they say nothing. A peer stands beside and is not judged.
fn judged(lesson: &Lesson, found: &Found) -> Judged {
    let is_ours = |trial: &&Trial| !peers::PEERS.contains(&trial.who.as_str());
    let trials = found.trials.iter().filter(is_ours).cloned().collect();
    let ours = Found { trials, ..found.clone() };
    (lesson.judge)(&ours).unwrap_or_else(|why| Judged {
        verdict: Verdict::CannotTell(why),
        because: String::new(),
        answer: None,
    })
}

/// One case: a server started for it alone, tried, stopped. What goes wrong is a gate of the trial.
fn tried(
    case: &Case,
    scale: &Scale,
    arena: &Arena,
    cancel: &Cancel,
    progress: &Progress,
    what: &str,
) -> Tried {
    let mut tried =
        attempt(case, scale, arena, cancel, progress, what).unwrap_or_else(|error| Tried {
            gates: vec![Gate { name: "failed".into(), void: true, sentence: format!("{error:#}") }],
            ..Tried::default()
        });
    for gate in &mut tried.gates {
        gate.void &= !case.about.contains(&gate.name.as_str());
        // A shape stands out of a busy machine, too.
        gate.void &= !(scale.short && OURS.contains(&gate.name.as_str()));
    }
    tried
}

fn attempt(
    case: &Case,
    scale: &Scale,
    arena: &Arena,
    cancel: &Cancel,
    progress: &Progress,
    what: &str,
) -> anyhow::Result<Tried> {
    let mut flags = arena.roomy(case.clients());
    let name_of = |flag: &str| flag.split('=').next().unwrap_or_default().to_owned();
    flags.retain(|flag| !case.flags.iter().any(|other| name_of(other) == name_of(flag)));
    flags.extend(case.flags.iter().cloned());
    for flag in &mut flags {
        *flag = flag.replace("{upstream-port}", &arena.stub.addr().port().to_string());
    }
    let mut cpus = arena.cpus.clone();
    if case.everywhere {
        cpus.servers = machine::allowed_cpus();
    }
    let mut running = if peers::PEERS.contains(&case.who.as_str()) {
        arena.peer(&case.who, &flags)?
    } else {
        arena.start_on(&cpus.servers, &case.who.parse::<Competitor>()?, &flags)?
    };
    let tried = match &case.act {
        Act::Load(load) => load.run(&running, &cpus, cancel, |told| {
            progress.tick(what, told.elapsed);
        }),
        Act::Own(act) => {
            let subject = running.subject();
            let (flags, stub) = (flags.as_slice(), &arena.stub);
            let (cpus, running) = (&cpus, &mut running);
            let mut scene = Scene { running, subject, flags, stub, scale, cpus, cancel };
            let figures = act(&mut scene)?;
            Ok(Tried { figures, ..Tried::default() })
        }
    };
    let crashed = running.crashed().filter(|_| matches!(case.act, Act::Load(_)));
    running.stop();
    let mut tried = tried?;
    if let Some(how) = crashed {
        tried.gates.insert(0, Gate { name: "crashed".into(), void: true, sentence: how });
    }
    Ok(tried)
}
