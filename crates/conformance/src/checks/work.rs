//! `/work`: some waiting, then some computing, in the handler or on the offload pool.

use std::time::Duration;

use contract::Worked;

use super::{Check, Needs, Verdict, each};
use crate::Subject;

pub(super) const CHECKS: &[Check] = &[
    Check::new("work waits and computes as told, wherever it computes", Needs::Address, as_told),
    Check::new("work computes for about the time asked", Needs::Address, takes_time).alone(),
    Check::new("work refuses what is out of bounds or no number", Needs::Address, bad_input),
];

fn ask(subject: &Subject, target: &str) -> Result<(Worked, Duration), String> {
    let reply = subject.get_with(target, 200)?;
    let worked: Worked = serde_json::from_slice(&reply.body)
        .map_err(|error| format!("{target}: not the contract's ({error}): {}", reply.text()))?;
    Ok((worked, reply.took))
}

fn as_told(subject: &Subject) -> Verdict {
    let targets = [
        "/work",
        "/work?cpu_ms=0.5",
        "/work?wait=0.12&cpu_ms=0.5",
        "/work?wait=0.1&cpu_ms=2&placement=offload",
    ];
    each(targets, |target| {
        let (worked, took) = ask(subject, target)?;
        let told = |key: &str| -> f64 {
            let value = target.split(['?', '&']).find_map(|pair| pair.strip_prefix(key));
            value.and_then(|value| value.parse().ok()).unwrap_or(0.0)
        };
        let (wait_ms, cpu_ms) = (told("wait=") * 1e3, told("cpu_ms="));
        ensure!(
            (worked.waited_ms - wait_ms).abs() < 1e-6,
            "{target}: waited_ms {}",
            worked.waited_ms
        );
        ensure!((worked.cpu_ms - cpu_ms).abs() < 1e-6, "{target}: cpu_ms {}", worked.cpu_ms);
        let word =
            worked.result.len() == 16 && worked.result.bytes().all(|b| b.is_ascii_hexdigit());
        ensure!(word, "{target}: result {:?}", worked.result);
        ensure!(took.as_secs_f64() * 1e3 >= wait_ms - 5.0, "{target}: answered after {took:?}");
        Ok(())
    })?;
    let result = |placement: &str| -> Result<String, String> {
        Ok(ask(subject, &format!("/work?cpu_ms=1&placement={placement}"))?.0.result)
    };
    ensure!(result("inline")? == result("offload")?, "the result depends on the placement");
    Ok(())
}

fn takes_time(subject: &Subject) -> Verdict {
    // Calibrated for an idle core: on a busy one it takes longer, but a fast one may not skip the work.
    for placement in ["inline", "offload"] {
        let (_, took) = ask(subject, &format!("/work?cpu_ms=100&placement={placement}"))?;
        let range = Duration::from_millis(30)..=Duration::from_secs(3);
        ensure!(range.contains(&took), "100 ms of computing {placement} took {took:?}");
    }
    Ok(())
}

fn bad_input(subject: &Subject) -> Verdict {
    let queries = [
        ("wait=61", "wait"),
        ("wait=-1", "wait"),
        ("wait=NaN", "wait"),
        ("cpu_ms=-1", "cpu_ms"),
        ("cpu_ms=1001", "cpu_ms"),
        ("cpu_ms=10001&placement=offload", "cpu_ms"),
        ("cpu_ms=1e3", "cpu_ms"),
        ("cpu_ms=", "cpu_ms"),
        ("placement=here", "placement"),
        ("wait=inf&cpu_ms=1", "wait"),
    ];
    each(queries, |(query, name)| {
        let target = format!("/work?{query}");
        let problem = subject.problem(&target, 422)?;
        let loc = problem.errors.first().map(|error| error.loc.clone()).unwrap_or_default();
        ensure!(loc == ["query", name], "{target}: loc is {loc:?}");
        Ok(())
    })
}
