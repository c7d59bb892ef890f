//! What a failure looks like, in each way and each place: what the client sees, and what the log says. The table of the
//! book's page on errors is made from this one, and each row is asked of each server.

use std::thread;
use std::time::{Duration, Instant};

use contract::Failure as Failed;

use crate::checks::Verdict;
use crate::client::{Connection, PATIENCE, Request, Trouble};
use crate::process::Signal;
use crate::setup::Setup;
use crate::{Server, Subject};

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct Failure {
    /// `error`, `panic` or `late`.
    pub how: &'static str,
    /// Where, as `/pitfalls/failure?place=` has it.
    pub place: &'static str,
    /// What the client sees.
    pub seen: Seen,
    /// What the log says.
    pub told: Told,
    /// Whether `http_panics_total` counts it.
    pub counted: bool,
    /// Whether its work goes on when the client has its answer.
    pub goes_on: bool,
    /// What goes on behind it, in `server-blocking`, in words.
    pub blocking: &'static str,
    /// The same in the async servers.
    pub waits: &'static str,
}

/// What a client sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// 200, as if all were well.
    Nothing,
    /// A problem with this status.
    Problem(u16),
    /// 200, and an end before the end.
    Cut,
}

/// What the log says, but for the line that every request may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Nothing.
    Nothing,
    /// One line with the request's id.
    Once,
    /// One line, and nobody can tell of which request.
    WithoutId,
}

/// All rows, in the order of the table.
pub const FAILURES: &[Failure] = &[
    Failure {
        seen: Seen::Problem(502),
        ..row("error", "handler", "the handler has returned", "the handler has returned")
    },
    Failure {
        seen: Seen::Problem(500),
        told: Told::Once,
        counted: true,
        ..row("panic", "handler", "the thread goes on with the next request", "so does the task")
    },
    Failure {
        seen: Seen::Problem(503),
        ..row("late", "handler", "the wait was told how long it may be", "the wait is dropped")
    },
    Failure {
        seen: Seen::Problem(502),
        ..row("error", "task", "the thread has ended", "the task has ended")
    },
    Failure {
        seen: Seen::Problem(500),
        told: Told::Once,
        counted: true,
        ..row("panic", "task", "the thread has ended", "the task has ended")
    },
    Failure {
        seen: Seen::Problem(503),
        goes_on: true,
        ..row("late", "task", "the thread works on for nobody", "the task works on for nobody")
    },
    row("error", "forgotten", "nobody ever learns of it", "nobody ever learns of it"),
    Failure {
        told: Told::WithoutId,
        ..row("panic", "forgotten", "the thread has ended", "the task has ended")
    },
    Failure {
        goes_on: true,
        ..row("late", "forgotten", "it ends when it ends", "it ends when it ends")
    },
    Failure {
        seen: Seen::Problem(502),
        ..row("error", "offload", "the pool's thread is free", "the pool's thread is free")
    },
    Failure {
        seen: Seen::Problem(500),
        told: Told::Once,
        counted: true,
        ..row("panic", "offload", "the pool's thread is free", "the pool's thread is free")
    },
    Failure {
        seen: Seen::Problem(503),
        goes_on: true,
        ..row("late", "offload", "the pool's thread works on", "the pool's thread works on")
    },
    Failure {
        seen: Seen::Problem(502),
        ..row("error", "compute", "the core is free", "the core is free")
    },
    Failure {
        seen: Seen::Problem(500),
        told: Told::Once,
        counted: true,
        ..row("panic", "compute", "the core is free", "the core is free")
    },
    Failure {
        seen: Seen::Problem(503),
        goes_on: true,
        ..row("late", "compute", "it works on, unless it asks", "it works on, unless it asks")
    },
    Failure {
        seen: Seen::Cut,
        told: Told::Once,
        ..row("error", "stream", "the connection is closed", "the connection is closed")
    },
    Failure {
        seen: Seen::Cut,
        told: Told::Once,
        counted: true,
        ..row("panic", "stream", "the connection is closed", "the connection is closed")
    },
    Failure {
        seen: Seen::Cut,
        told: Told::Once,
        ..row("late", "stream", "the connection is closed", "the connection is closed")
    },
];

/// As if all were well, and nothing in the log: what is said otherwise is said above.
const fn row(
    how: &'static str,
    place: &'static str,
    blocking: &'static str,
    waits: &'static str,
) -> Failure {
    let (seen, told) = (Seen::Nothing, Told::Nothing);
    Failure { how, place, seen, told, counted: false, goes_on: false, blocking, waits }
}

/// The word by which the log can be searched.
const ID: &str = "the-one-that-fails";

impl Failure {
    /// The row as a sentence.
    pub fn name(&self) -> String {
        let Self { how, place, .. } = self;
        format!("failure: {how} in {place}: {}; {}", self.seen.words(), self.told.words())
    }

    /// Asks a server of its own; another one when the machine was too busy to look behind the answer in time.
    pub(crate) fn check(&self, setup: &Setup) -> Verdict {
        for _ in 0..5 {
            if self.asked(setup)? {
                return Ok(());
            }
        }
        Err("what goes on behind the answer was never looked at in time".to_owned())
    }

    /// Whether all could be seen.
    fn asked(&self, setup: &Setup) -> Result<bool, String> {
        let (server, subject) = setup.mistaken("--workers=1", &[])?;
        let Self { how, place, .. } = self;
        let target = format!("/pitfalls/failure?how={how}&place={place}");
        let mut connection = subject.connect()?.connection;
        subject.get_with("/wait/0", 200)?;
        let threads = subject.metric("process_threads")?;
        let request = Request::get(&target).field("X-Request-Id", ID).bytes(&subject.host);
        let sent = Instant::now();
        connection.send(&request).map_err(|error| error.to_string())?;
        self.seen_by(&mut connection)?;
        if !self.goes_on_as_told(&subject, sent)? {
            return Ok(false);
        }
        // What was forgotten may fail later, and what is late is late.
        subject.get_with("/wait/0.8", 200)?;
        let counted = subject.metric("http_panics_total")?;
        let expected = if self.counted { 1.0 } else { 0.0 };
        ensure!((counted - expected).abs() < 0.5, "http_panics_total is {counted}");
        for gauge in self.gauges() {
            subject.metric_until(gauge, Duration::from_secs(5), |running| running < 0.5)?;
        }
        if self.seen != Seen::Cut {
            // Whoever served it serves the next.
            connection
                .send(&Request::get("/wait/0").bytes(&subject.host))
                .map_err(|error| error.to_string())?;
            connection.reply(false, PATIENCE).map_err(|error| error.to_string())?.expect(200)?;
        }
        if !subject.has_event_loop && ["task", "forgotten"].contains(place) {
            let ended = |now| now <= threads;
            subject.metric_until("process_threads", Duration::from_secs(5), ended)?;
        }
        self.told_in(server)?;
        Ok(true)
    }

    /// Whether its work is still there, now that the client has its answer; false when it was too late to tell.
    fn goes_on_as_told(&self, subject: &Subject, sent: Instant) -> Result<bool, String> {
        loop {
            let mut running = Vec::new();
            for gauge in self.gauges() {
                running.push((*gauge, subject.metric(gauge)?));
            }
            let late = self.how == "late";
            // What is late ends by itself then.
            if late && sent.elapsed() > Failed::TOO_LONG * 4 / 5 {
                return Ok(false);
            }
            if running.iter().all(|(_, value)| (*value > 0.5) == self.goes_on) {
                return Ok(true);
            }
            // A task may not have begun, nor a place have been given back.
            if late && sent.elapsed() > Failed::TOO_LONG * 3 / 5 {
                return Ok(false);
            }
            ensure!(
                sent.elapsed() < PATIENCE,
                "behind the answer its work should go on: {}; {running:?}",
                self.goes_on
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The work itself, and the pool that it is on.
    fn gauges(&self) -> &'static [&'static str] {
        match self.place {
            "offload" => &["failures_running", "offload_running"],
            "compute" => &["failures_running", "cpu_running"],
            _ => &["failures_running"],
        }
    }

    fn seen_by(&self, connection: &mut Connection) -> Verdict {
        let reply = connection.reply(false, PATIENCE);
        match (self.seen, reply) {
            (Seen::Nothing, Ok(reply)) => reply.expect(200).map(drop),
            (Seen::Problem(status), Ok(reply)) => {
                let reply = reply.expect(status)?;
                let after = reply.field("retry-after").is_some();
                ensure!(after == (status == 503), "there is a Retry-After: {after}");
                reply.problem("/pitfalls/failure").map(drop)
            }
            (Seen::Cut, Err(Trouble::Cut(heard))) => {
                ensure!(heard.starts_with("HTTP/1.1 200"), "before the cut came {heard:?}");
                ensure!(heard.contains(r#"{"n":0}"#), "the first line is not in {heard:?}");
                Ok(())
            }
            (seen, reply) => Err(format!("the client should see {}: {reply:?}", seen.words())),
        }
    }

    fn told_in(&self, mut server: Server) -> Verdict {
        server.signal(Signal::TERM);
        // Whole only once it has ended.
        server.wait(Duration::from_secs(5)).map_err(|error| format!("{error:#}"))?;
        let deadline = Instant::now() + Duration::from_secs(1);
        loop {
            let log = server.output();
            let lines = log.lines().filter(|line| line.contains("WARN") || line.contains("ERROR"));
            let lines: Vec<_> = lines.collect();
            let with_id = lines.iter().filter(|line| line.contains(ID)).count();
            let found = match (lines.len(), with_id) {
                (0, 0) => Some(Told::Nothing),
                (1, 1) => Some(Told::Once),
                (1, 0) => Some(Told::WithoutId),
                _ => None,
            };
            if found == Some(self.told) {
                return Ok(());
            }
            let told = self.told.words();
            ensure!(Instant::now() < deadline, "the log should say {told}: {lines:?}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Seen {
    /// As the table says it.
    pub fn words(self) -> String {
        match self {
            Self::Nothing => "200".to_owned(),
            Self::Problem(503) => "503 and `Retry-After`".to_owned(),
            Self::Problem(status) => format!("{status}"),
            Self::Cut => "200, then a cut".to_owned(),
        }
    }
}

impl Told {
    /// As the table says it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Nothing => "nothing in the log",
            Self::Once => "one line with the id",
            Self::WithoutId => "one line without an id",
        }
    }
}

#[cfg(test)]
mod tests {
    use contract::{Limits, QueryParams};

    use super::*;

    #[test]
    fn each_way_and_each_place_has_its_row() {
        let mut rows: Vec<_> = FAILURES.iter().map(|row| (row.place, row.how)).collect();
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(rows.len(), 18);
        for (place, how) in rows {
            let query = format!("how={how}&place={place}");
            contract::Failure::from_query(Some(&query), &Limits::default()).unwrap();
        }
    }
}
