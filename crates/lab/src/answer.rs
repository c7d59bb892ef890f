//! The first ten lines: the article's claims, answered by this run.
//!
//! Their shape is fixed, so that two runs can be laid side by side; every figure in them is a median over rounds.

use std::path::Path;

use crate::memory;
use crate::results::{Competitor, Results};
use crate::scenarios::{BLOCKED_LOOP, CPU_CYCLES, FAN_OUT, MORE_USERS, OTHERS_GO_ON, PARALLEL};
use crate::verdict::{self, At, Carried, Inline, Verdict, thousands};
use crate::view::{CPU, FELT, P50, Read, SPAN, STALL};

/// Ten lines.
pub fn lines(results: &Results, folder: &Path) -> Vec<String> {
    let (users, carried) = verdict::more_users(results);
    vec![
        who(results),
        trust(results),
        others_go_on(results),
        claim(MORE_USERS, &users, &carried_in_words(&carried)),
        parallel(results),
        cpu_cycles(results),
        blocked_loop(results),
        so(results, &carried),
        where_to_look(results, folder),
        small_print(results),
    ]
}

/// `waitlab: one API, three ways of waiting (…)`
fn who(results: &Results) -> String {
    let who: Vec<_> = results.subjects().collect();
    let ways: Vec<_> = who.iter().map(|who| format!("{}: {}", who.name, who.waits)).collect();
    let count = match who.len() {
        1 => "one way".to_owned(),
        2 => "two ways".to_owned(),
        3 => "three ways".to_owned(),
        many => format!("{many} ways"),
    };
    format!("waitlab: one API, {count} of waiting ({})", ways.join(" · "))
}

/// `2 cores, split between servers and load: …`
fn trust(results: &Results) -> String {
    let cores = results.machine.cores;
    let cores = if cores == 1 { "1 core".to_owned() } else { format!("{cores} cores") };
    let word = results.cpus.word();
    format!(
        "{cores}, {word} between servers and load: trust ratios, not absolutes. {}",
        passed(results)
    )
}

fn passed(results: &Results) -> String {
    let ours: Vec<&Competitor> =
        results.competitors.iter().filter(|who| who.server.is_some()).collect();
    let failing: Vec<_> = ours
        .iter()
        .filter(|who| !who.failed.is_empty())
        .map(|who| {
            format!("{} failed {} of {}", who.name, who.failed.len(), who.failed.len() + who.passed)
        })
        .collect();
    if !failing.is_empty() {
        return format!("Checks: {}.", failing.join(", "));
    }
    let checks = ours.iter().map(|who| who.passed).max().unwrap_or(0);
    match ours.len() {
        0 => "Nobody was checked.".to_owned(),
        1 => format!("It passed {checks} checks."),
        3 => format!("All three passed {checks} checks."),
        many => format!("All {many} passed {checks} checks."),
    }
}

fn others_go_on(results: &Results) -> String {
    let (verdict, at) = verdict::others_go_on(results);
    let evidence = at.map(|at| {
        let felt = each(results, at, FELT, 1.0, 1);
        let (of, waits) = (felt_as(results, at), thousands(at.1.clients as f64));
        format!("{of} beside {waits} waits: {felt} ms")
    });
    claim(OTHERS_GO_ON, &verdict, &evidence.unwrap_or_default())
}

/// What the bystander's figures are: where it asked too seldom for a p99, its slowest answer stands.
fn felt_as(results: &Results, at: At<'_>) -> &'static str {
    let cells = results.subjects().flat_map(|who| results.cells_at(at.0, &at.1.name, &who.name));
    let probes: Vec<_> = cells.filter_map(|cell| cell.probe.as_ref()).collect();
    let few = probes.iter().filter(|probe| probe.latency.p99_ms.is_none()).count();
    match few {
        0 => "probe p99",
        few if few == probes.len() => "probe's slowest",
        _ => "probe p99 or slowest",
    }
}

fn carried_in_words(carried: &Carried) -> String {
    let alike = match carried.alike {
        Some(clients) => format!("alike to {} at once", thousands(clients as f64)),
        None => "not alike at any level".to_owned(),
    };
    let then = match carried {
        Carried { apart: Some(apart), .. } => {
            let clients = thousands(apart.clients as f64);
            if apart.stopped {
                format!("then {} stopped at {clients} ({})", apart.who, apart.how)
            } else {
                format!("at {clients} {} {}", apart.who, apart.how)
            }
        }
        Carried { unknown: Some(why), .. } => return why.clone(),
        Carried { alike: Some(_), .. } => "no more were asked".to_owned(),
        Carried { .. } => return String::new(),
    };
    format!("{alike}; {then}")
}

fn parallel(results: &Results) -> String {
    let (verdict, at) = verdict::parallel(results);
    let evidence = at.map(|(turn, together)| {
        let of = |at: At<'_>, group: Vec<&Competitor>| {
            let values: Vec<_> = group
                .into_iter()
                .filter_map(|who| verdict::read(results, at, who, P50).ok())
                .collect();
            let worst = values.into_iter().fold(f64::NEG_INFINITY, f64::max);
            if worst.is_finite() { format!("{worst:.0} ms") } else { "–".to_owned() }
        };
        format!(
            "{FAN_OUT} calls of {} ms: {} in turn, {} together, threads {}",
            turn.1.least_ms / f64::from(FAN_OUT),
            of(turn, results.loops()),
            of(together, results.loops()),
            of(together, results.threads()),
        )
    });
    claim(PARALLEL, &verdict, &evidence.unwrap_or_default())
}

fn cpu_cycles(results: &Results) -> String {
    let (verdict, at) = verdict::cpu_cycles(results);
    let evidence = at.map(|at| {
        let cpu = each(results, at, CPU, 1.0, 0);
        format!("CPU a wait {cpu} µs; memory {}", memory_of_each(results))
    });
    claim(CPU_CYCLES, &verdict, &evidence.unwrap_or_default())
}

/// What one more waiting client makes each server hold, user and kernel: a slope over the levels.
fn memory_of_each(results: &Results) -> String {
    let slopes = results.subjects().map(|who| {
        memory_slope(results, who).map_or("–".to_owned(), |bytes| format!("{:.1}", bytes / 1e3))
    });
    format!("{} KB", slopes.collect::<Vec<_>>().join(" · "))
}

/// Bytes a waiting client, over the levels of `waiting`.
pub fn memory_slope(results: &Results, who: &Competitor) -> Option<f64> {
    memory::held(results, results.scenario("waiting")?, who)
}

fn blocked_loop(results: &Results) -> String {
    let (verdict, at) = verdict::blocked_loop(results);
    let evidence = at.map(|at| {
        let spans = each(results, at, SPAN, 1e-3, 1);
        let stalls = results
            .loops()
            .into_iter()
            .filter_map(|who| verdict::read(results, at, who, STALL).ok());
        let stall = stalls.fold(f64::NEG_INFINITY, f64::max);
        let stall =
            if stall.is_finite() { format!("{:.1} s", stall / 1e3) } else { "–".to_owned() };
        let time = at.1.least_ms / 1e3;
        format!("{} blocking waits of {time} s: {spans} s; probe stalled {stall}", at.1.clients)
    });
    claim(BLOCKED_LOOP, &verdict, &evidence.unwrap_or_default())
}

/// `So: to 1,000 requests in flight choose by code, above it by …; above 1 ms of CPU a request, offload.`
fn so(results: &Results, carried: &Carried) -> String {
    let in_flight = match carried {
        Carried { alike: Some(alike), apart, unknown } => {
            let above = match (apart, unknown) {
                (Some(apart), _) => {
                    let clients = thousands(apart.clients as f64);
                    format!("by load: at {clients} {} {}", apart.who, apart.how)
                }
                (None, Some(_)) => "it cannot tell".to_owned(),
                (None, None) => "nothing was asked".to_owned(),
            };
            format!(
                "to {} requests in flight choose by code, above it {above}",
                thousands(*alike as f64)
            )
        }
        Carried { apart: Some(apart), .. } => {
            format!("at {} in flight {} {}", thousands(apart.clients as f64), apart.who, apart.how)
        }
        Carried { .. } => "cannot tell to how many requests in flight they are alike".to_owned(),
    };
    let cpu = match verdict::inline(results) {
        Inline::Above(ms) => format!("above {ms} ms of CPU a request, offload"),
        Inline::Even(ms) => format!("from {ms} ms of CPU a request or less, offload"),
        Inline::Harmless(ms) => format!("to {ms} ms of CPU a request no need to offload"),
        Inline::CannotTell(why) => format!("CPU a request: cannot tell ({why})"),
    };
    format!("So: {in_flight}; {cpu}.")
}

fn where_to_look(results: &Results, folder: &Path) -> String {
    format!(
        "Report {} · why: cargo lab lesson {} · your service: cargo lab choose --help",
        folder.join("report.html").display(),
        lesson(results),
    )
}

/// The lesson behind the first claim that holds of async alone; of waiting, where none does.
pub fn lesson(results: &Results) -> &'static str {
    let claims = [
        (verdict::others_go_on(results).0, "others-go-on"),
        (verdict::more_users(results).0, "waiting"),
        (verdict::parallel(results).0, "fan-out"),
        (verdict::cpu_cycles(results).0, "cpu-cycles"),
        (verdict::blocked_loop(results).0, "blocked-loop"),
    ];
    let of_async = |verdict: &Verdict| matches!(verdict, Verdict::Holds | Verdict::HoldsAbove(_));
    let found = claims.into_iter().find(|(verdict, _)| of_async(verdict));
    found.map_or("waiting", |(_, lesson)| lesson)
}

fn small_print(results: &Results) -> String {
    let void = results.void_cells();
    let cells = if void == 1 { "1 void cell".to_owned() } else { format!("{void} void cells") };
    let rounds = match results.rounds {
        1 => "one round, no median".to_owned(),
        rounds => format!("median of {rounds} rounds"),
    };
    let interrupted = if results.interrupted { "; interrupted, so some are missing" } else { "" };
    format!("(each number: {rounds}; {cells} not used: see the report{interrupted})")
}

fn claim(words: &str, verdict: &Verdict, evidence: &str) -> String {
    let quoted = format!("\"{words}\"");
    // A reason is as long as it has to be, and stands last.
    match verdict {
        Verdict::CannotTell(_) => format!("{quoted:<46} {verdict}"),
        _ => format!("{quoted:<46} {:<26}  {evidence}", verdict.to_string()),
    }
}

/// One figure of everybody but the controls, in their order.
fn each(results: &Results, at: At<'_>, figure: Read, scale: f64, decimals: usize) -> String {
    let read = |who: &Competitor| results.figure((at.0, &at.1.name), &who.name, figure);
    let shown = results.subjects().map(|who| match read(who) {
        Ok(figure) => format!("{:.decimals$}", figure.median() * scale),
        Err(_) => "–".to_owned(),
    });
    shown.collect::<Vec<_>>().join(" · ")
}
