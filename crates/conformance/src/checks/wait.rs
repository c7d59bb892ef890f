//! `/wait/{seconds}`: what FastAPI takes and says, our bounds and decimals, and that waits do not queue.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::{Check, Needs, Verdict, each, each_at_once};
use crate::client::Request;
use crate::{Subject, shape};

pub(super) const CHECKS: &[Check] = &[
    Check::new("wait answers the article's sentence after that time", Needs::Address, sentence),
    Check::new("wait prints whole seconds in canonical form", Needs::Address, canonical),
    Check::new("wait takes and refuses the integers that FastAPI does", Needs::Address, vectors),
    Check::new("wait refuses what is no number in FastAPI's words", Needs::Address, words),
    Check::new("wait refuses a negative duration", Needs::Address, negative),
    Check::new("wait refuses more than the longest wait, at once", Needs::Address, too_long),
    Check::new("wait takes decimals and prints them shortest", Needs::Address, decimals),
    Check::new(
        "wait decodes its segment once, and a slash in it is another path",
        Needs::Address,
        decoding,
    ),
    Check::new("wait ignores a query it does not know", Needs::Address, unknown_query),
    Check::new("wait answers 503 with Retry-After at its deadline", Needs::Address, deadline)
        .alone(),
    Check::new("wait refuses a deadline that is no time", Needs::Address, bad_deadline),
    Check::new("256 waits at once take about as long as one", Needs::Address, waits_do_not_queue)
        .alone(),
];

fn message(subject: &Subject, target: &str, seconds: &str) -> Verdict {
    let reply = subject.get_with(target, 200)?;
    let expected = format!("{{\"message\":\"Waited for {seconds} seconds!\"}}");
    ensure!(reply.text() == expected, "{target}: {} is not {expected}", reply.text());
    let media_type = reply.field("content-type");
    ensure!(media_type == Some("application/json"), "{target}: content-type {media_type:?}");
    Ok(())
}

fn refused(subject: &Subject, text: &str, kind: &str, msg: &str) -> Verdict {
    let target = format!("/wait/{}", utf8_percent_encode(text, NON_ALPHANUMERIC));
    let problem = subject.problem(&target, 422)?;
    let [error] = &problem.errors[..] else {
        return Err(format!("{target}: {} errors, not one", problem.errors.len()));
    };
    ensure!(error.loc == ["path", "seconds"], "{target}: loc is {:?}", error.loc);
    ensure!(error.kind == kind, "{target}: type is {}, not {kind}", error.kind);
    ensure!(error.msg == msg, "{target}: msg is {:?}, not {msg:?}", error.msg);
    ensure!(error.input.as_deref() == Some(text), "{target}: input is {:?}", error.input);
    Ok(())
}

fn sentence(subject: &Subject) -> Verdict {
    message(subject, "/wait/0", "0")?;
    let reply = subject.get_with("/wait/1", 200)?;
    ensure!(reply.text() == r#"{"message":"Waited for 1 seconds!"}"#, "{}", reply.text());
    ensure!(reply.took >= Duration::from_millis(995), "/wait/1 answered after {:?}", reply.took);
    ensure!(reply.took <= Duration::from_secs(5), "/wait/1 answered after {:?}", reply.took);
    Ok(())
}

fn canonical(subject: &Subject) -> Verdict {
    each_at_once(["+1", "01", "%201%20", "1.0", "%31", "%2B1", "0_1"], |text| {
        message(subject, &format!("/wait/{text}"), "1")
    })?;
    each(["-0", "+0", "0.0", "0_0", "000", "%090%0A", "%C2%A00"], |text| {
        message(subject, &format!("/wait/{text}"), "0")
    })
}

#[derive(Deserialize)]
struct Vector {
    r#in: String,
    ok: Option<String>,
    err: Option<String>,
}

/// What FastAPI 0.165 said of each text when it was asked.
fn recorded() -> Vec<Vector> {
    serde_json::from_str(include_str!("../../cases/fastapi-int-vectors.json"))
        .expect("the recorded answers are JSON")
}

const NOT_AN_INTEGER: &str =
    "Input should be a valid integer, unable to parse string as an integer";
const TOO_MANY_DIGITS: &str = "Unable to parse input string as an integer, exceeded maximum size";

fn vectors(subject: &Subject) -> Verdict {
    let most = subject.limits.max_wait;
    each(recorded(), |Vector { r#in, ok, err }| {
        // `9*4300` stands for 4,300 nines.
        let text = match r#in.split_once('*') {
            Some((unit, times)) => unit.repeat(times.parse().unwrap_or_default()),
            None => r#in,
        };
        // An empty segment is no segment, and 1.5 is one of our decimals.
        if text.is_empty() || contract::Seconds::parse_decimal(&text).is_some() && ok.is_none() {
            return Ok(());
        }
        match (ok, err.as_deref()) {
            (Some(number), _) => accepted(subject, &text, &number, most),
            (None, Some("int_parsing_size")) => {
                refused(subject, &text, "int_parsing_size", TOO_MANY_DIGITS)
            }
            (None, _) => refused(subject, &text, "int_parsing", NOT_AN_INTEGER),
        }
    })
}

/// `text` is this number: within our bounds it is waited for, outside it is refused by the bound it breaks.
fn accepted(subject: &Subject, text: &str, number: &str, most: contract::Seconds) -> Verdict {
    if number.starts_with('-') {
        let msg = "Input should be greater than or equal to 0";
        return refused(subject, text, "greater_than_equal", msg);
    }
    let target = format!("/wait/{}", utf8_percent_encode(text, NON_ALPHANUMERIC));
    match number.parse::<u64>() {
        Ok(0) => message(subject, &target, "0"),
        // Accepted, and cut short by a deadline of no time at all: nobody waits through all of these.
        Ok(seconds) if contract::Seconds::whole(seconds) <= most => {
            subject.problem(&format!("{target}?deadline=0"), 503).map(drop)
        }
        _ => {
            let msg = format!("Input should be less than or equal to {most}");
            refused(subject, text, "less_than_equal", &msg)
        }
    }
}

fn words(subject: &Subject) -> Verdict {
    let texts = [
        "abc",
        "NaN",
        "nan",
        "inf",
        "-inf",
        "Infinity",
        "1e3",
        "1e308",
        "0x1",
        "true",
        "null",
        "1,5",
        "1.",
        ".5",
        "-0.5",
        "+0.5",
        "1.1234567890",
        "1 000",
        "--1",
        " ",
        "١",
        "１",
        "½",
        "1;a=1",
        "\u{0}",
        "'",
        "\"",
        "<b>",
        "😀",
        "{seconds}",
    ];
    each(texts, |text| refused(subject, text, "int_parsing", NOT_AN_INTEGER))?;
    refused(subject, &"9".repeat(5_000), "int_parsing_size", TOO_MANY_DIGITS)
}

fn negative(subject: &Subject) -> Verdict {
    each(["-1", "-99999999999", "-1_0", " -2 ", "-1.0"], |text| {
        refused(subject, text, "greater_than_equal", "Input should be greater than or equal to 0")
    })
}

fn too_long(subject: &Subject) -> Verdict {
    let most = subject.limits.max_wait;
    let msg = format!("Input should be less than or equal to {most}");
    let above = most.duration().as_secs() + 1;
    let texts = [
        above.to_string(),
        format!("{}.000000001", above - 1),
        "99999999999".into(),
        "18446744073709551617".into(),
        "9".repeat(4_300),
        "99999999999999999999.5".into(),
    ];
    each(texts, |text| refused(subject, &text, "less_than_equal", &msg))
}

fn decimals(subject: &Subject) -> Verdict {
    let texts = [
        ("0.3", "0.3"),
        ("0.10", "0.1"),
        ("00.05", "0.05"),
        ("0.000000001", "0.000000001"),
        ("0.250000000", "0.25"),
        ("%30%2E1", "0.1"),
    ];
    each_at_once(texts, |(text, seconds)| message(subject, &format!("/wait/{text}"), seconds))?;
    let reply = subject.get_with("/wait/0.3", 200)?;
    ensure!(reply.took >= Duration::from_millis(295), "/wait/0.3 answered after {:?}", reply.took);
    Ok(())
}

fn decoding(subject: &Subject) -> Verdict {
    each(["/wait/1%2F2", "/wait/%2F", "/wait/0%2f", "/wait/..%2F0"], |target| {
        subject.problem(target, 404).map(drop)
    })?;
    refused(subject, "%31", "int_parsing", NOT_AN_INTEGER)?;
    let problem = subject.problem("/wait/%FF", 422)?;
    let input = problem.errors.first().and_then(|error| error.input.clone());
    ensure!(input.as_deref() == Some("\u{FFFD}"), "/wait/%FF: input is {input:?}");
    Ok(())
}

fn unknown_query(subject: &Subject) -> Verdict {
    each(
        ["/wait/0?x=1", "/wait/0?", "/wait/0?deadline=1", "/wait/0?%zz=%&&=&deadline=5"],
        |target| message(subject, target, "0"),
    )
}

fn deadline(subject: &Subject) -> Verdict {
    each(
        [("/wait/5?deadline=0.3", 300), ("/wait/5?deadline=2&deadline=0.2", 200)],
        |(target, ms)| {
            let reply = subject.get_with(target, 503)?;
            let (least, most) = (Duration::from_millis(ms - 5), Duration::from_millis(ms + 500));
            ensure!(
                (least..most).contains(&reply.took),
                "{target} answered after {:?}",
                reply.took
            );
            let after = reply.field("retry-after").and_then(|value| value.parse::<u64>().ok());
            ensure!(after.is_some_and(|after| after >= 1), "{target}: Retry-After is {after:?}");
            reply.problem("/wait/5").map(drop)
        },
    )
}

fn bad_deadline(subject: &Subject) -> Verdict {
    each(["abc", "-1", "NaN", "1e3", "", "61"], |text| {
        let target = format!("/wait/0?deadline={text}");
        let problem = subject.problem(&target, 422)?;
        let loc = problem.errors.first().map(|error| error.loc.clone()).unwrap_or_default();
        ensure!(loc == ["query", "deadline"], "{target}: loc is {loc:?}");
        Ok(())
    })?;
    let reply = subject.ask(&Request::get("/wait/0?deadline=0.5"))?;
    reply.expect(200).map(drop)
}

fn waits_do_not_queue(subject: &Subject) -> Verdict {
    shape::check(subject, "/wait").map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recorded_answers_are_whole() {
        let recorded = recorded();
        assert!(recorded.len() > 60);
        assert!(recorded.iter().all(|vector| vector.ok.is_some() != vector.err.is_some()));
    }
}
