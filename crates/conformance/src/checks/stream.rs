//! `/stream/{count}`: lines of JSON, one each interval, sent as they are made, for as long as somebody reads.

use std::io::Read;
use std::time::{Duration, Instant};

use super::{Check, Needs, Verdict, each};
use crate::Subject;
use crate::client::Request;

pub(super) const CHECKS: &[Check] = &[
    Check::new("stream sends its lines, all of them and in order", Needs::Address, lines),
    Check::new("stream sends a line each interval, when it is made", Needs::Address, paced),
    Check::new("stream refuses a count or an interval out of bounds", Needs::Address, bad_input),
    Check::new("stream answers HEAD with a head, and makes no line", Needs::Address, head),
    Check::new(
        "stream is in flight to its last byte, and ends when its client leaves",
        Needs::Address,
        left,
    )
    .alone(),
];

fn lines(subject: &Subject) -> Verdict {
    let targets = [
        (0, "/stream/0"),
        (1, "/stream/1"),
        (3, "/stream/3?interval=0.01"),
        (5_000, "/stream/5000?interval=0"),
    ];
    each(targets, |(count, target)| {
        let reply = subject.get_with(target, 200)?;
        let media_type = reply.field("content-type");
        ensure!(media_type == Some(contract::headers::NDJSON), "{target}: is {media_type:?}");
        let wanted: String = (0..count).map(|n| format!("{{\"n\":{n}}}\n")).collect();
        ensure!(reply.text() == wanted, "{target}: its lines are {:?}", reply.text());
        Ok(())
    })
}

fn paced(subject: &Subject) -> Verdict {
    let interval = Duration::from_millis(300);
    let mut connection = subject.connect()?.connection;
    let request = Request::get("/stream/4?interval=0.3").bytes(&subject.host);
    connection.send(&request).map_err(|error| error.to_string())?;
    let mut stream = connection.writer().map_err(|error| error.to_string())?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).map_err(|error| error.to_string())?;
    let (start, mut heard, mut bytes) = (Instant::now(), Vec::new(), [0; 4 << 10]);
    let mut came = Vec::new();
    while came.len() < 4 {
        let count = stream.read(&mut bytes).map_err(|error| format!("a stream: {error}"))?;
        ensure!(count > 0, "the stream ends after {} of 4 lines", came.len());
        heard.extend_from_slice(&bytes[..count]);
        let text = String::from_utf8_lossy(&heard);
        while came.len() < 4 && text.contains(&format!("{{\"n\":{}}}\n", came.len())) {
            came.push(start.elapsed());
        }
    }
    // A line may come late on a busy machine, but never before it is made; and the first does not wait for the last.
    for (at, n) in came.iter().zip(0..) {
        let due = interval * n;
        ensure!(*at + Duration::from_millis(50) >= due, "line {n} came after {at:?}, not {due:?}");
    }
    let apart = came[3].saturating_sub(came[0]);
    ensure!(apart >= interval, "four lines came within {apart:?}: they are not sent when made");
    Ok(())
}

fn bad_input(subject: &Subject) -> Verdict {
    let targets = [
        ("/stream/-1", ["path", "count"]),
        ("/stream/10000001", ["path", "count"]),
        ("/stream/abc", ["path", "count"]),
        ("/stream/1.5", ["path", "count"]),
        ("/stream/99999999999999999999", ["path", "count"]),
        ("/stream/1?interval=61", ["query", "interval"]),
        ("/stream/1?interval=-1", ["query", "interval"]),
        ("/stream/1?interval=x", ["query", "interval"]),
        ("/stream/1?interval=", ["query", "interval"]),
    ];
    each(targets, |(target, wanted)| {
        let problem = subject.problem(target, 422)?;
        let loc = problem.errors.first().map(|error| error.loc.clone()).unwrap_or_default();
        ensure!(loc == wanted, "{target}: loc is {loc:?}");
        Ok(())
    })
}

fn head(subject: &Subject) -> Verdict {
    let reply = subject.ask(&Request::new("HEAD", "/stream/10000000?interval=60"))?.expect(200)?;
    let media_type = reply.field("content-type");
    ensure!(media_type == Some(contract::headers::NDJSON), "it is {media_type:?}");
    ensure!(reply.took < Duration::from_secs(5), "it took {:?}", reply.took);
    Ok(())
}

fn left(subject: &Subject) -> Verdict {
    let until = |what: &str, name: &str, holds: &dyn Fn(f64) -> bool| -> Verdict {
        let seen = subject.metric_until(name, Duration::from_secs(3), holds);
        seen.map(drop).map_err(|error| format!("{what}: {error}"))
    };
    let before = subject.metric("http_streams")?;
    let mut connection = subject.connect()?.connection;
    let request = Request::get("/stream/100000?interval=0.05").bytes(&subject.host);
    connection.send(&request).map_err(|error| error.to_string())?;
    let status = connection.peek_status(Duration::from_secs(3));
    ensure!(status == Some(200), "a stream began with {status:?}");
    until("a stream is open", "http_streams", &|open| open > before)?;
    // The question itself is in flight, too.
    until("a stream is open", "http_in_flight", &|count| count >= 2.0)?;
    drop(connection);
    until("its client has left", "http_streams", &|open| open <= before)?;
    until("its client has left", "http_in_flight", &|count| count < 2.0)
}
