//! What a failure looks like, in each way and each place: what the client sees, and what the log says. The table of the
//! book's page on errors is made from this one, and each row is asked of each server.

use std::thread;
use std::time::{Duration, Instant};

use crate::Server;
use crate::checks::Verdict;
use crate::client::{Connection, PATIENCE, Request, Trouble};
use crate::process::Signal;
use crate::setup::Setup;

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
    /// What goes on behind it, in `server-blocking`.
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
        ..row("late", "task", "the thread works on for nobody", "the task works on for nobody")
    },
    row("error", "forgotten", "nobody ever learns of it", "nobody ever learns of it"),
    Failure {
        told: Told::WithoutId,
        ..row("panic", "forgotten", "the thread has ended", "the task has ended")
    },
    row("late", "forgotten", "it ends when it ends", "it ends when it ends"),
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
    Failure { how, place, seen, told, counted: false, blocking, waits }
}

/// The word by which the log can be searched.
const ID: &str = "the-one-that-fails";

impl Failure {
    /// The row as a sentence.
    pub fn name(&self) -> String {
        let Self { how, place, .. } = self;
        format!("failure: {how} in {place}: {}; {}", self.seen.words(), self.told.words())
    }

    /// Asks a server of its own.
    pub(crate) fn check(&self, setup: &Setup) -> Verdict {
        let (server, subject) = setup.mistaken("--workers=1", &[])?;
        let Self { how, place, .. } = self;
        let target = format!("/pitfalls/failure?how={how}&place={place}");
        let mut connection = subject.connect()?.connection;
        let request = Request::get(&target).field("X-Request-Id", ID).bytes(&subject.host);
        connection.send(&request).map_err(|error| error.to_string())?;
        self.seen_by(&mut connection)?;
        // What was forgotten may fail later, and what is late is late.
        subject.get_with("/wait/0.8", 200)?;
        let counted = subject.metric("http_panics_total")?;
        let expected = if self.counted { 1.0 } else { 0.0 };
        ensure!((counted - expected).abs() < 0.5, "http_panics_total is {counted}");
        self.told_in(server)
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
