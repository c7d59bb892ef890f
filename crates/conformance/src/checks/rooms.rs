//! `/rooms/{room}`: what is said is kept, numbered without a gap, and sent to everybody who listens and keeps up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::scope;
use std::time::{Duration, Instant};

use contract::Message;

use super::{Check, Needs, Verdict, each};
use crate::Subject;
use crate::client::{PATIENCE, Request};
use crate::events::{Block, End, Events, Next, said, saying};

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "rooms send what is said to everybody who listens, in its order",
        Needs::Address,
        to_all,
    ),
    Check::new(
        "a subscriber who comes back with Last-Event-ID gets what it missed, once",
        Needs::Address,
        resumed,
    ),
    Check::new(
        "a subscriber loses nothing while many speak, however often it is cut off",
        Needs::Address,
        restless,
    ),
    Check::new(
        "rooms refuse a bad name, a bad message and a bad Last-Event-ID",
        Needs::Address,
        bad_input,
    ),
    Check::new("rooms give back any text as it was said", Needs::Address, texts),
    Check::new("events answers HEAD with a head, and nobody listens", Needs::Address, head).alone(),
    Check::new(
        "events is in flight to its last byte, and ends when its client leaves",
        Needs::Address,
        left,
    )
    .alone(),
    Check::new("1,000 subscribers of one room get every message", Needs::Address, thousand).alone(),
    Check::new(
        "limits: a subscriber hears a comment after --ping without a message",
        Needs::Narrow,
        ping,
    ),
    Check::new(
        "limits: a subscriber further behind than --room-queue is dropped, and nobody waits for it",
        Needs::Narrow,
        slow,
    )
    .alone(),
];

/// A room where nobody else is.
fn fresh_room() -> String {
    format!("room-{:016x}", fastrand::u64(..))
}

fn events(room: &str) -> String {
    format!("/rooms/{room}/events")
}

fn numbers(messages: &[Message]) -> Vec<i64> {
    messages.iter().map(|message| message.id.0).collect()
}

fn to_all(subject: &Subject) -> Verdict {
    let room = fresh_room();
    let mut listening = (0..3)
        .map(|_| Events::open(subject, &events(&room), None))
        .collect::<Result<Vec<_>, _>>()?;
    let mut elsewhere = Events::open(subject, &events(&fresh_room()), None)?;
    for one in listening.iter_mut().chain([&mut elsewhere]) {
        let place = one.beginning()?;
        ensure!(place == 0, "in a room where nothing was said it begins at {place}");
    }
    let messages = (0..5)
        .map(|n| said(subject, &room, &format!("message {n}")))
        .collect::<Result<Vec<_>, _>>()?;
    ensure!(numbers(&messages) == [1, 2, 3, 4, 5], "they are numbered {:?}", numbers(&messages));
    for one in &mut listening {
        let heard = one.messages(5)?;
        ensure!(heard == messages, "{messages:?} was heard as {heard:?}");
    }
    let heard = elsewhere.next(Duration::from_millis(200))?;
    ensure!(heard == Next::Silence, "in another room somebody heard {heard:?}");
    Ok(())
}

fn resumed(subject: &Subject) -> Verdict {
    let room = fresh_room();
    let mut first = Events::open(subject, &events(&room), None)?;
    let place = first.beginning()?;
    drop(first);
    let messages =
        (0..120).map(|n| said(subject, &room, &format!("{n}"))).collect::<Result<Vec<_>, _>>()?;
    // Where it began is as good as a message, to one that was cut off before the first.
    each([(place, 0), (1, 1), (70, 70), (119, 119), (120, 120)], |(last, had): (i64, usize)| {
        let mut again = Events::open(subject, &events(&room), Some(&last.to_string()))?;
        let place = again.beginning()?;
        ensure!(place == last, "with {last} it begins at {place}");
        let heard = again.messages(messages.len() - had)?;
        ensure!(heard == messages[had..], "after {last} came {:?}", numbers(&heard));
        let more = again.next(Duration::from_millis(100))?;
        ensure!(more == Next::Silence, "after {last} came more: {more:?}");
        Ok(())
    })?;
    // Beyond the last message is as good as the last; and nothing is as good as nothing.
    for last in ["121", "9223372036854775807", "99999999999999999999999", ""] {
        let mut again = Events::open(subject, &events(&room), Some(last))?;
        let place = again.beginning()?;
        ensure!(place == 120, "with {last:?} it begins at {place}");
    }
    Ok(())
}

/// Eight speak; one listens all the time, one is cut off again and again.
fn restless(subject: &Subject) -> Verdict {
    const SPEAKERS: usize = 8;
    const EACH: usize = 25;
    let room = fresh_room();
    let mut steady = Events::open(subject, &events(&room), None)?;
    steady.beginning()?;
    let speak = |speaker: usize| {
        (0..EACH).try_for_each(|n| said(subject, &room, &format!("{speaker}/{n}")).map(drop))
    };
    let come_back = || {
        let (mut heard, mut last) = (Vec::new(), 0);
        let deadline = Instant::now() + 3 * PATIENCE;
        while heard.len() < SPEAKERS * EACH {
            ensure!(Instant::now() < deadline, "{} messages came", heard.len());
            let mut listening = Events::open(subject, &events(&room), Some(&last.to_string()))?;
            let place = listening.beginning()?;
            ensure!(place == last, "with {last} it begins at {place}");
            for _ in 0..fastrand::usize(1..20) {
                let Ok(message) = listening.message(Duration::from_millis(300)) else { break };
                last = message.id.0;
                heard.push(message);
            }
        }
        Ok(heard)
    };
    let (spoken, restless) = scope(|threads| {
        let speaking: Vec<_> =
            (0..SPEAKERS).map(|speaker| threads.spawn(move || speak(speaker))).collect();
        let restless = come_back();
        let spoken: Vec<Verdict> =
            speaking.into_iter().map(|one| one.join().expect("asking does not panic")).collect();
        (spoken, restless)
    });
    each(spoken, |verdict| verdict)?;
    let wanted: Vec<i64> = (1..=(SPEAKERS * EACH) as i64).collect();
    let (steady, restless) = (steady.messages(SPEAKERS * EACH)?, restless?);
    ensure!(numbers(&steady) == wanted, "who listened all the time heard {:?}", numbers(&steady));
    ensure!(numbers(&restless) == wanted, "who was cut off heard {:?}", numbers(&restless));
    ensure!(steady == restless, "they heard different things under the same number");
    Ok(())
}

fn bad_input(subject: &Subject) -> Verdict {
    let long = "a".repeat(65);
    each(["a%20b", "a.b", "%C3%BC", "%00", "a;b", long.as_str()], |name| {
        let problem = subject.problem(&events(name), 422)?;
        ensure!(problem.errors[0].loc == ["path", "room"], "{name}: {problem:?}");
        let refused = subject.ask(&saying(name, "x"))?.expect(422)?;
        refused.problem(&format!("/rooms/{name}/messages")).map(drop)
    })?;
    let room = fresh_room();
    let path = format!("/rooms/{room}/messages");
    let post = |kind: &str, body: &str| {
        subject.ask(&Request::new("POST", &path).field("Content-Type", kind).body(body))
    };
    let (most, more) = ("é".repeat(4_000), "é".repeat(4_001));
    for (body, status) in [
        (r#"{"text":""}"#.to_owned(), 422),
        (r#"{"text":7}"#.to_owned(), 422),
        (r#"{"text":"\u0000"}"#.to_owned(), 422),
        (r#"{"text":"\ud800"}"#.to_owned(), 422),
        (r#"{"text":"#.to_owned(), 422),
        ("{}".to_owned(), 422),
        ("[]".to_owned(), 422),
        (String::new(), 422),
        (format!(r#"{{"text":"{more}"}}"#), 422),
        (format!(r#"{{"text":"{most}"}}"#), 201),
        ("a".repeat(2 << 20), 413),
    ] {
        let reply = post("application/json", &body)?;
        let shown: String = body.chars().take(40).collect();
        ensure!(reply.status == status, "{shown:?}: {}", reply.status);
        if status != 201 {
            reply.problem(&path)?;
        }
    }
    post("text/plain", r#"{"text":"x"}"#)?.expect(415)?.problem(&path)?;
    each(["-1", "x", "1.5", "0x10", "1,2", "1;2", "'", "\u{e9}"], |last| {
        let request = Request::get(&events(&room)).field("Last-Event-ID", last);
        let problem = subject.ask(&request)?.expect(422)?.problem(&events(&room))?;
        ensure!(problem.errors[0].loc == ["header", "last-event-id"], "{last}: {problem:?}");
        Ok(())
    })?;
    for (method, path, allow) in [("GET", &path, "POST"), ("POST", &events(&room), "GET")] {
        let reply = subject.ask(&Request::new(method, path))?.expect(405)?;
        let allowed = reply.field("allow").unwrap_or_default();
        ensure!(allowed.contains(allow), "{method} {path}: Allow is {allowed:?}");
    }
    each(["/rooms", "/rooms/a", "/rooms/a/events/", "/rooms/a/b/events"], |target| {
        subject.problem(target, 404).map(drop)
    })
}

fn texts(subject: &Subject) -> Verdict {
    let room = fresh_room();
    let mut listening = Events::open(subject, &events(&room), None)?;
    listening.beginning()?;
    let long = "👩‍👩‍👧".repeat(500);
    let hostile =
        ["one\r\ntwo", "\n\ndata: forged\n\n", "id: 99\n\n", ":", "\u{2028}\u{7f}", &long];
    for text in hostile {
        let kept = said(subject, &room, text)?;
        let heard = listening.message(PATIENCE)?;
        ensure!(kept == heard && heard.text == text, "{text:?} came as {heard:?}");
    }
    Ok(())
}

fn head(subject: &Subject) -> Verdict {
    let before = subject.metric("room_subscribers")?;
    let reply = subject.ask(&Request::new("HEAD", &events(&fresh_room())))?.expect(200)?;
    let media_type = reply.field("content-type");
    ensure!(media_type == Some(contract::headers::EVENTS), "it is {media_type:?}");
    ensure!(reply.took < Duration::from_secs(5), "it took {:?}", reply.took);
    gauge(subject, "after HEAD", "room_subscribers", |open| open <= before)
}

/// Waits for a figure of `/metrics`.
fn gauge(subject: &Subject, when: &str, name: &str, holds: impl Fn(f64) -> bool) -> Verdict {
    let seen = subject.metric_until(name, Duration::from_secs(5), holds);
    seen.map(drop).map_err(|error| format!("{when} {error}"))
}

/// A figure of `/metrics` once those who were there before have left; what it is then, if some stay.
fn settled(subject: &Subject, name: &str) -> Result<f64, String> {
    let _ = subject.metric_until(name, Duration::from_secs(2), |value| value < 1.0);
    subject.metric(name)
}

fn left(subject: &Subject) -> Verdict {
    let names = ["room_subscribers", "http_streams"];
    let before = names.map(|name| settled(subject, name));
    let listening = Events::open(subject, &events(&fresh_room()), None)?;
    for (name, before) in names.iter().zip(&before) {
        let before = before.clone()?;
        gauge(subject, "while one listens", name, |open| open > before)?;
    }
    // The question itself is in flight, too.
    gauge(subject, "while one listens", "http_in_flight", |count| count >= 2.0)?;
    drop(listening);
    for (name, before) in names.iter().zip(before) {
        let before = before?;
        gauge(subject, "when it has left", name, |open| open <= before)?;
    }
    gauge(subject, "when it has left", "http_in_flight", |count| count < 2.0)
}

fn thousand(subject: &Subject) -> Verdict {
    const SUBSCRIBERS: usize = 1_000;
    const MESSAGES: usize = 10;
    raise_descriptor_limit();
    let room = fresh_room();
    // A few connects at a time: a backlog is shorter than a thousand.
    let mut listening = Vec::with_capacity(SUBSCRIBERS);
    while listening.len() < SUBSCRIBERS {
        let asked = (0..50)
            .map(|_| Events::begin(subject, &events(&room), None, None))
            .collect::<Result<Vec<_>, _>>()?;
        for one in asked {
            listening.push(one.begun()?);
        }
    }
    for one in &mut listening {
        one.beginning()?;
    }
    let messages = (0..MESSAGES)
        .map(|n| said(subject, &room, &format!("{n}")))
        .collect::<Result<Vec<_>, _>>()?;
    for (nth, one) in listening.iter_mut().enumerate() {
        let heard = one.messages(MESSAGES).map_err(|error| format!("subscriber {nth}: {error}"))?;
        ensure!(heard == messages, "subscriber {nth} heard {:?}", numbers(&heard));
    }
    Ok(())
}

/// A thousand connections are more than a process may have before it asks.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // Without it the connections that are too many fail, and say so.
    let _ = setrlimit(
        Resource::Nofile,
        rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum },
    );
}

fn ping(subject: &Subject) -> Verdict {
    let mut listening = Events::open(subject, &events(&fresh_room()), None)?;
    listening.beginning()?;
    let began = Instant::now();
    for _ in 0..2 {
        let heard = listening.next(subject.limits.ping + Duration::from_secs(3))?;
        let comment = Block { comment: true, ..Block::default() };
        ensure!(heard == Next::Block(comment), "instead of a comment came {heard:?}");
    }
    let took = began.elapsed();
    ensure!(took >= subject.limits.ping, "two comments came within {took:?}");
    Ok(())
}

/// One does not read. Another does, and gets everything at once.
fn slow(subject: &Subject) -> Verdict {
    // Where messages come slowly, on a busy machine, its stall may end it before its queue is full.
    for _ in 0..5 {
        if is_dropped(subject)? {
            return Ok(());
        }
    }
    Err("one that does not read is ended by its stall, and not because its queue is full"
        .to_owned())
}

/// Whether it was, and not ended by its stall before.
fn is_dropped(subject: &Subject) -> Result<bool, String> {
    /// More than fit any socket's buffers, in such small segments.
    const MOST: usize = 3_000;
    let room = fresh_room();
    let mut stalled = Events::open_narrow(subject, &events(&room))?;
    let mut steady = Events::open(subject, &events(&room), None)?;
    steady.beginning()?;
    let dropped = || subject.metric("room_subscribers_dropped_total");
    let before = dropped()?;
    let text = "x".repeat(800);
    let over = AtomicBool::new(false);
    let (spoken, heard) = scope(|threads| {
        let listening = threads.spawn(|| {
            let (mut heard, mut longest) = (Vec::new(), Duration::ZERO);
            while !over.load(Ordering::Relaxed) {
                match steady.message(Duration::from_millis(200)) {
                    Ok(message) => {
                        let now = contract::Timestamp::from(std::time::SystemTime::now());
                        let late = (now.0 - message.created_at.0).max(0).unsigned_abs();
                        longest = longest.max(Duration::from_millis(late));
                        heard.push(message.id.0);
                    }
                    Err(error) if error.contains("Silence") => {}
                    Err(error) => return Err(error),
                }
            }
            Ok((heard, longest, steady))
        });
        let speak = || {
            for count in 1..=MOST {
                said(subject, &room, &text)?;
                let is_reset = stalled.is_reset();
                if (is_reset || count % 20 == 0) && dropped()? > before {
                    return Ok(Some(count));
                }
                if is_reset {
                    return Ok(None);
                }
            }
            Err(format!("one that does not read is not dropped after {MOST} messages"))
        };
        let spoken: Result<Option<usize>, String> = speak();
        over.store(true, Ordering::Relaxed);
        (spoken, listening.join().expect("listening does not panic"))
    });
    let (mut heard, longest, mut steady) = heard?;
    let Some(spoken) = spoken? else { return Ok(false) };
    while heard.len() < spoken {
        heard.push(steady.message(PATIENCE)?.id.0);
    }
    let wanted: Vec<i64> = (1..=spoken as i64).collect();
    ensure!(heard == wanted, "who kept up heard {heard:?}");
    ensure!(longest < subject.limits.write_stall, "who kept up waited for {longest:?}");
    // What is left in the buffers, and then the end.
    let mut last = 0;
    loop {
        match stalled.next(subject.limits.write_stall + PATIENCE)? {
            Next::Block(Block { id: Some(id), .. }) => last = id.parse().unwrap_or(last),
            Next::Block(_) => {}
            Next::End(End::Whole | End::Cut) => break,
            Next::Silence => return Err("one that was dropped is still connected".to_owned()),
        }
    }
    ensure!(last < spoken as i64, "one that did not read got all {spoken} messages");
    Ok(true)
}
