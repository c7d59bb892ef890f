//! What a process tells about itself: `/healthz`, `/readyz`, `/metrics`.

use std::thread;
use std::time::{Duration, Instant};

use super::{Check, Needs, Verdict, each};
use crate::Subject;
use crate::client::Request;

pub(super) const HEALTH: Check = Check::new("healthz and readyz say so", Needs::Address, health);

pub(super) const CHECKS: &[Check] = &[
    HEALTH,
    Check::new("metrics is Prometheus text", Needs::Address, prometheus),
    Check::new("metrics shows every limit", Needs::Address, limits),
    Check::new("metrics counts answers by class", Needs::Address, counts),
    Check::new("metrics tells how many connections are open", Needs::Address, connections).alone(),
    Check::new("metrics tells how many requests are in flight", Needs::Address, in_flight).alone(),
    Check::new("metrics tells of the offload pool, of streams and of lag", Needs::Address, gauges),
    Check::new("metrics shows that an event loop was blocked", Needs::Pitfalls, stalls).alone(),
];

fn health(subject: &Subject) -> Verdict {
    each(
        [("/healthz", r#"{"status":"ok"}"#), ("/readyz", r#"{"status":"ready"}"#)],
        |(target, body)| {
            let reply = subject.get_with(target, 200)?;
            ensure!(reply.text() == body, "{target}: {}", reply.text());
            ensure!(
                reply.field("content-type") == Some("application/json"),
                "{target}: not JSON by its type"
            );
            Ok(())
        },
    )
}

fn prometheus(subject: &Subject) -> Verdict {
    let reply = subject.get_with("/metrics", 200)?;
    let media_type = reply.field("content-type");
    ensure!(media_type == Some("text/plain; version=0.0.4"), "content-type {media_type:?}");
    let text = reply.text();
    ensure!(text.ends_with('\n'), "its last line does not end");
    each(text.lines(), |line| {
        ensure!(is_exposition(line), "this line is not in the text format: {line:?}");
        Ok(())
    })
}

/// A comment, an empty line, or `name{label="value",…} number`.
fn is_exposition(line: &str) -> bool {
    if line.is_empty() || line.starts_with('#') {
        return true;
    }
    let Some((series, value)) = line.rsplit_once(' ') else { return false };
    let number = value.parse::<f64>().is_ok() || matches!(value, "+Inf" | "-Inf" | "NaN");
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let word = |text: &str| {
        !text.is_empty()
            && !text.starts_with(|first: char| first.is_ascii_digit())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:".contains(&byte))
    };
    let Some(labels) = labels.strip_suffix('}') else { return false };
    let labelled = labels.is_empty()
        || labels
            .split("\",")
            .all(|label| label.split_once("=\"").is_some_and(|(name, _)| word(name)));
    number && word(name) && labelled
}

fn limits(subject: &Subject) -> Verdict {
    each(subject.limits.gauges(), |(name, limit)| {
        let shown = subject.metric(name)?;
        ensure!((shown - limit).abs() < 1e-9, "{name} is {shown}, not {limit}");
        Ok(())
    })
}

fn counts(subject: &Subject) -> Verdict {
    let count = |class: &str| -> Result<f64, String> {
        let series = format!("http_responses_total{{class=\"{class}\"}} ");
        let text = subject.get_with("/metrics", 200)?.text();
        let value = text.lines().find_map(|line| line.strip_prefix(series.as_str()));
        value.and_then(|value| value.parse().ok()).ok_or_else(|| format!("/metrics lacks {series}"))
    };
    for (class, target, status) in [("2xx", "/wait/0", 200), ("4xx", "/nope", 404)] {
        let before = count(class)?;
        for _ in 0..5 {
            subject.get_with(target, status)?;
        }
        let counted = count(class)? - before;
        // Others may ask meanwhile.
        ensure!(counted >= 5.0, "five answers of {class} were counted as {counted}");
    }
    Ok(())
}

fn connections(subject: &Subject) -> Verdict {
    let mut open = Vec::new();
    for _ in 0..20 {
        let mut connection = subject.connect()?;
        connection.get("/wait/0")?;
        open.push(connection);
    }
    let counted = subject.metric("http_connections")?;
    ensure!(counted >= 20.0, "20 open connections are counted as {counted}");
    drop(open);
    let gone = |open| open <= counted - 20.0;
    let seen = subject.metric_until("http_connections", Duration::from_secs(3), gone);
    seen.map(drop).map_err(|error| format!("20 of {counted} were closed, and {error}"))
}

fn in_flight(subject: &Subject) -> Verdict {
    let asked = |count: f64| -> Verdict {
        // The question is one of them.
        let is = |seen: f64| (seen - 1.0 - count).abs() < 0.5;
        let seen = subject.metric_until("http_in_flight", Duration::from_secs(3), is);
        seen.map(drop).map_err(|error| format!("with {count} in flight, and this, {error}"))
    };
    let mut waits = Vec::new();
    for _ in 0..10 {
        let mut wait = subject.connect()?.connection;
        let request = Request::get("/wait/1.5").bytes(&subject.host);
        wait.send(&request).map_err(|error| error.to_string())?;
        waits.push(wait);
    }
    asked(10.0)?;
    for wait in &mut waits {
        wait.reply(false, Duration::from_secs(5)).map_err(|error| error.to_string())?;
    }
    // Idle connections are open, and nothing is in flight on them.
    asked(0.0)
}

fn gauges(subject: &Subject) -> Verdict {
    each(["http_streams", "offload_running", "offload_waiting"], |name| {
        subject.metric(name).map(drop)
    })?;
    lag(subject).map(drop)
}

/// Of the event loop, or of the loop that accepts where there is none.
fn lag(subject: &Subject) -> Result<f64, String> {
    let of_loop = subject.metric("event_loop_lag_seconds");
    of_loop.or_else(|missing| subject.metric("accept_lag_seconds").map_err(|_| missing))
}

fn stalls(subject: &Subject) -> Verdict {
    if !subject.has_event_loop {
        return Ok(());
    }
    let blocks: Vec<_> = (0..4).map(|_| "/pitfalls/blocking-wait/1".to_owned()).collect();
    for reply in subject.get_all(&blocks) {
        reply?.expect(200)?;
    }
    // The loop answers first and looks at its timers next.
    let deadline = Instant::now() + Duration::from_secs(3);
    loop {
        let shown = lag(subject)?;
        if shown >= 0.5 {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "blocked for a second, its lag is told as {shown} s");
        thread::sleep(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_format_is_told_from_other_text() {
        for line in ["", "# HELP x y", "a 1", "a_b{c=\"d e\",f=\"}\"} 1.5e3", "up NaN"] {
            assert!(is_exposition(line), "{line}");
        }
        for line in ["a", "a b", "1a 1", "a{b} 1", "<p> 1", "a{b=\"c\" 1"] {
            assert!(!is_exposition(line), "{line}");
        }
    }
}
