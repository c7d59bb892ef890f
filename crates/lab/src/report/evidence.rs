//! What a reader needs to doubt the numbers, or to make them again.

use super::gates;
use super::plan;
use super::text::{bytes, count, escape, number};
use crate::results::{Cell, Results};

/// The section.
pub(super) fn html(results: &Results) -> String {
    let (facts, notes, checks) = (facts(results), notes(results), checks(results));
    let (plan, gates, cells) = (plan::html(results), gates_table(results), cells(results));
    format!(
        r#"<section id="evidence" aria-labelledby="evidence-h">
<h2 id="evidence-h">Evidence</h2>
{notes}
<h3>Where and how</h3>
<dl class="facts">{facts}</dl>
<h3>Checked before it was timed</h3>
{checks}
<h3>The plan</h3>
{plan}
<h3>The gates: when a number is not one</h3>
{gates}
<h3>Every cell of every round</h3>
{cells}
</section>"#
    )
}

fn notes(results: &Results) -> String {
    let mut notes = results.notes.clone();
    for name in gates::everywhere(results) {
        let mut gates = results.cells.iter().flat_map(|cell| &cell.gates);
        if let Some(gate) = gates.find(|gate| gate.name == name) {
            notes.push(format!("Of every cell, {name}: {}", gate.sentence));
        }
    }
    if results.interrupted {
        notes.push("The run was ended from outside: cells are missing.".into());
    }
    if results.versions.profile == "debug" {
        notes.push("Everything was built without optimisation: these are not the numbers of a release build.".into());
    }
    if notes.is_empty() {
        return String::new();
    }
    let items = notes.iter().map(|note| format!("<li>{}</li>", escape(note)));
    format!(r#"<ul class="notes">{}</ul>"#, items.collect::<String>())
}

fn facts(results: &Results) -> String {
    let Results { machine, versions, cpus, .. } = results;
    let list = |all: &[usize]| all.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    let limits = machine.limits.iter().map(|(name, limit)| format!("{name} {}", count(*limit)));
    let crates = versions.crates.iter().map(|(name, version)| format!("{name} {version}"));
    let commit = match &versions.commit {
        Some(commit) if versions.dirty => format!("{commit}, with changes that are in no commit"),
        Some(commit) => commit.clone(),
        None => "not known".into(),
    };
    let facts = [
        (
            "Machine",
            format!(
                "{}, {} cores, {}",
                machine.cpu,
                machine.cores,
                bytes(machine.memory_bytes as f64)
            ),
        ),
        ("Kernel", machine.kernel.clone()),
        (
            "CPUs",
            format!("servers {}; load {}: {}", list(&cpus.servers), list(&cpus.load), cpus.word()),
        ),
        (
            "Frequency governor",
            machine.governor.clone().unwrap_or_else(|| "none to be seen".into()),
        ),
        ("Load average before", number(machine.load_average)),
        ("Limits", limits.collect::<Vec<_>>().join(" · ")),
        ("Command", results.command.join(" ")),
        ("Seed", results.seed.to_string()),
        ("Started, took", format!("{}, {} s", results.started, number(results.took_s))),
        ("Rounds", results.rounds.to_string()),
        ("Commit", commit),
        (
            "Compiler",
            format!(
                "{}, profile {}",
                versions.rustc.as_deref().unwrap_or("not known"),
                versions.profile
            ),
        ),
        ("Crates", crates.collect::<Vec<_>>().join(" · ")),
        (
            "Computing",
            format!(
                "{} rounds make a millisecond here, for every server",
                count(results.rounds_per_ms)
            ),
        ),
    ];
    let given = facts.into_iter().filter(|(_, fact)| !fact.is_empty());
    given
        .map(|(name, fact)| format!("<div><dt>{name}</dt><dd>{}</dd></div>", escape(&fact)))
        .collect()
}

fn checks(results: &Results) -> String {
    let rows = results.competitors.iter().map(|who| {
        let failed: String =
            who.failed.iter().map(|why| format!("<li>{}</li>", escape(why))).collect();
        let failed = if failed.is_empty() { "none".into() } else { format!("<ul>{failed}</ul>") };
        let out = who.excluded.as_deref().unwrap_or("measured");
        let flags = if who.flags.is_empty() { "as it comes".into() } else { who.flags.join(" ") };
        format!(
            r#"<tr><th scope="row">{}</th><td class="text">{}</td><td class="text">{}</td><td>{}</td><td class="text">{failed}</td><td class="text">{}</td></tr>"#,
            escape(&who.name),
            escape(&who.waits),
            escape(&flags),
            if who.control.is_some() { "not asked".to_owned() } else { who.passed.to_string() },
            escape(out)
        )
    });
    format!(
        r#"<div class="table" role="region" aria-label="Contract checks" tabindex="0"><table>
<caption>A server of ours that fails a check is not timed, unless told to. It is asked as it starts by default: a competitor's flags are not judged. A stranger or a peer may keep part of the contract: what it fails is listed, and it is timed. Every reply under load is checked, of all of them.</caption>
<thead><tr><th scope="col">competitor</th><th scope="col" class="text">how it waits</th><th scope="col" class="text">flags</th><th scope="col">checks passed</th><th scope="col" class="text">failed</th><th scope="col" class="text">so</th></tr></thead>
<tbody>{}</tbody></table></div>"#,
        rows.collect::<String>()
    )
}

fn gates_table(results: &Results) -> String {
    let rows = gates::counted(results).into_iter().map(|(name, meaning, void, caution)| {
        format!(
            r#"<tr><th scope="row">{}</th><td class="text">{meaning}</td><td>{void}</td><td>{caution}</td></tr>"#,
            escape(&name)
        )
    });
    format!(
        r#"<div class="table" role="region" aria-label="Gates" tabindex="0"><table>
<caption>A void cell is drawn hollow, below all numbers, and its sentence takes the place of its numbers; a caution stands beside them</caption>
<thead><tr><th scope="col">gate</th><th scope="col" class="text">what it means</th><th scope="col">cells void</th><th scope="col">cells with a caution</th></tr></thead>
<tbody>{}</tbody></table></div>"#,
        rows.collect::<String>()
    )
}

fn cells(results: &Results) -> String {
    let rows: String = results.cells.iter().map(cell).collect();
    format!(
        r#"<details><summary>{} cells, in the order they were measured</summary>
<div class="table" role="region" aria-label="Every cell" tabindex="0"><table class="raw">
<caption>Raw latencies are beside this page, as HDR V2 histograms in nanoseconds</caption>
<thead><tr><th scope="col">at</th><th scope="col">round</th><th scope="col" class="text">scenario</th><th scope="col" class="text">level</th><th scope="col" class="text">competitor</th><th scope="col">answers</th><th scope="col">answers/s</th><th scope="col">p50 ms</th><th scope="col">p99 ms</th><th scope="col">slowest ms</th><th scope="col">failed</th><th scope="col">generator busy</th><th scope="col" class="text">gates</th></tr></thead>
<tbody>{rows}</tbody></table></div></details>"#,
        results.cells.len()
    )
}

fn cell(cell: &Cell) -> String {
    let names = [&cell.scenario, &cell.level, &cell.competitor];
    let names: String =
        names.iter().map(|name| format!(r#"<td class="text">{}</td>"#, escape(name))).collect();
    let head = format!("<td>{} s</td><td>{}</td>{names}", number(cell.at_s), cell.round);
    if let Some(gate) = cell.why_void() {
        let why = escape(&format!("void, {}: {}", gate.name, gate.sentence));
        return format!(r#"<tr class="void">{head}<td class="text" colspan="8">{why}</td></tr>"#);
    }
    let latency = &cell.latency;
    let gates: Vec<_> = cell.gates.iter().map(|gate| gate.name.as_str()).collect();
    format!(
        r#"<tr>{head}<td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{} %</td><td class="text">{}</td></tr>"#,
        count(cell.ok),
        number(cell.rate),
        number(latency.p50_ms),
        latency.p99_ms.map_or_else(|| "–".into(), number),
        number(latency.max_ms),
        count(cell.failed()),
        number(cell.generator_busy * 100.0),
        escape(&gates.join(", "))
    )
}
