//! How a server starts and ends: its first line, its errors, its drain, its exit codes.

use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use contract::Message;

use crate::checks::Verdict;
use crate::client::{Connection, PATIENCE, Request};
use crate::events::{self, End, Events, Next};
use crate::process::Signal;
use crate::setup::Setup;
use crate::{Server, Subject, until};

/// One sentence about the life of a process.
#[derive(Clone, Copy, Debug)]
pub struct Lifecycle {
    /// The sentence.
    pub name: &'static str,
    /// Starts and stops servers of its own.
    pub run: fn(&Setup) -> Verdict,
}

/// All of them.
pub const LIFECYCLE: &[Lifecycle] = &[
    Lifecycle {
        name: "sigterm lets requests finish, closes the rest at once and exits 0",
        run: drains,
    },
    Lifecycle {
        name: "the first interrupt drains, the second signal ends it at once",
        run: second_signal,
    },
    Lifecycle {
        name: "a drain ends the events of a room by their last chunk, whoever listens",
        run: drains_rooms,
    },
    Lifecycle {
        name: "what was said survives kill -9, and a subscriber goes on where it was",
        run: rooms_survive,
    },
    Lifecycle { name: "hangup does not kill", run: hangup },
    Lifecycle { name: "a panic is logged once, with the request's id", run: logs_a_panic },
    Lifecycle {
        name: "a request is a line of the log only with --access-log, however wrong it is",
        run: logs_requests_when_asked_to,
    },
    Lifecycle {
        name: "without a descriptor left it neither spins nor ends, and serves who is there and who comes when there is one",
        run: out_of_descriptors,
    },
    Lifecycle {
        name: "a port in use, a bad value, or a database or folder it cannot use is told on stderr within two seconds",
        run: bad_start,
    },
];

/// Sends a request and leaves its answer for later.
fn begin(subject: &Subject, target: &str) -> Result<Connection, String> {
    let mut connection = subject.connect()?.connection;
    connection
        .send(&Request::get(target).bytes(&subject.host))
        .map_err(|error| error.to_string())?;
    Ok(connection)
}

/// Waits until so many connections are counted; a connect alone does not mean that the server has it.
fn until_open(subject: &Subject, connections: f64) -> Verdict {
    // The question itself comes on a connection too.
    let are_there = |open| open >= connections + 1.0;
    subject.metric_until("http_connections", Duration::from_secs(5), are_there)?;
    // And heads must have been read; there is no count of those in every state.
    thread::sleep(Duration::from_millis(100));
    Ok(())
}

fn exit(server: Server, code: i32, within: Duration) -> Verdict {
    let mut server = server;
    let exit = server.wait(within).map_err(|error| format!("{error:#}"))?;
    ensure!(exit.code() == Some(code), "exited with {exit}, not {code}; {}", server.output());
    Ok(())
}

fn drains(setup: &Setup) -> Verdict {
    let (mut server, subject) = setup.fresh(&[])?;
    let mut waits = (0..20).map(|_| begin(&subject, "/wait/1.5")).collect::<Result<Vec<_>, _>>()?;
    let mut idle = Vec::new();
    for _ in 0..5 {
        let mut connection = subject.connect()?;
        connection.get("/wait/0")?.expect(200)?;
        idle.push(connection.connection);
    }
    idle.push(subject.connect()?.connection);
    let mut stream = begin(&subject, "/stream/100000?interval=0.05")?;
    let mut half = subject.connect()?.connection;
    half.send(b"GET /wait/0 HTTP/1.1\r\nHo").map_err(|error| error.to_string())?;
    until_open(&subject, 28.0)?;
    let start = Instant::now();
    server.signal(Signal::TERM);
    for (kind, connection) in
        idle.iter_mut().map(|one| ("idle", one)).chain([("half-asked", &mut half)])
    {
        ensure!(
            connection.closed_within(Duration::from_secs(1)),
            "an {kind} connection stays open during the drain"
        );
    }
    ensure!(
        start.elapsed() < Duration::from_secs(1),
        "idle connections were closed after {:?}",
        start.elapsed()
    );
    let late = subject.get("/wait/0");
    ensure!(
        !matches!(&late, Ok(reply) if reply.status != 503),
        "a new connection is served during the drain"
    );
    for wait in &mut waits {
        let reply = wait
            .reply(false, Duration::from_secs(5))
            .map_err(|error| format!("a wait in flight: {error}"))?;
        ensure!(reply.status == 200, "a wait in flight got {}", reply.status);
        ensure!(
            reply.says_close(),
            "a reply during the drain does not say that the connection ends"
        );
    }
    // Whole, by its last chunk: a stream is ended, not cut.
    let reply = stream.reply(false, Duration::from_secs(1));
    reply
        .and_then(|reply| reply.expect(200).map_err(crate::client::Trouble::Failed))
        .map_err(|error| format!("a stream during the drain: {error}"))?;
    exit(server, 0, Duration::from_millis(1_500))
}

/// With a drain of half a second.
pub(crate) fn cuts(setup: &Setup, flag: &str) -> Verdict {
    let (mut server, subject) = setup.fresh(&[flag])?;
    let mut wait = begin(&subject, "/wait/30")?;
    until_open(&subject, 1.0)?;
    let start = Instant::now();
    server.signal(Signal::TERM);
    ensure!(wait.closed_within(Duration::from_secs(5)), "a wait of 30 s outlives a drain of 0.5");
    exit(server, 3, Duration::from_secs(2))?;
    ensure!(
        start.elapsed() >= Duration::from_millis(450),
        "the drain ended after {:?}",
        start.elapsed()
    );
    Ok(())
}

fn second_signal(setup: &Setup) -> Verdict {
    let (mut server, subject) = setup.fresh(&[])?;
    let _wait = begin(&subject, "/wait/30")?;
    until_open(&subject, 1.0)?;
    server.signal(Signal::INT);
    // Nothing new is let in: the drain has begun.
    let is_shut = || !matches!(subject.get("/wait/0"), Ok(reply) if reply.status == 200);
    until(Duration::from_secs(3), is_shut).ok_or("an interrupt does not drain")?;
    ensure!(server.ended().is_none(), "an interrupt ended it at once");
    let start = Instant::now();
    server.signal(Signal::TERM);
    server
        .wait(Duration::from_secs(1))
        .map_err(|error| format!("after the second signal: {error:#}"))?;
    ensure!(start.elapsed() < Duration::from_secs(1), "it ended after {:?}", start.elapsed());
    Ok(())
}

fn drains_rooms(setup: &Setup) -> Verdict {
    let (mut server, subject) = setup.fresh(&[])?;
    let mut listening = (0..20)
        .map(|n| Events::open(&subject, &format!("/rooms/room-{}/events", n % 3), None))
        .collect::<Result<Vec<_>, _>>()?;
    for n in 0..3 {
        events::said(&subject, &format!("room-{n}"), "before the drain")?;
    }
    for one in &mut listening {
        one.beginning()?;
        one.message(PATIENCE)?;
    }
    let start = Instant::now();
    server.signal(Signal::TERM);
    for one in &mut listening {
        let next = one.next(Duration::from_secs(1))?;
        ensure!(next == Next::End(End::Whole), "during the drain a subscriber got {next:?}");
    }
    exit(server, 0, Duration::from_millis(1_500))?;
    ensure!(start.elapsed() < Duration::from_secs(2), "the drain took {:?}", start.elapsed());
    Ok(())
}

fn rooms_survive(setup: &Setup) -> Verdict {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let data = format!("--data={}", folder.path().display());
    let mut kept = Vec::new();
    for round in 0..3 {
        let (mut server, subject) = setup.fresh(&[&data])?;
        let last = kept.last().map_or(0, |message: &Message| message.id.0);
        let mut again = Events::open(&subject, "/rooms/hall/events", Some(&last.to_string()))?;
        let place = again.beginning()?;
        ensure!(place == last, "after {last} a subscriber goes on at {place}");
        let mut all = Events::open(&subject, "/rooms/hall/events", Some("0"))?;
        all.beginning()?;
        let heard = all.messages(kept.len())?;
        ensure!(heard == kept, "of {} messages {} are left", kept.len(), heard.len());
        for n in 0..10 {
            kept.push(events::said(&subject, "hall", &format!("{round}/{n}"))?);
        }
        server.signal(Signal::KILL);
        server.wait(Duration::from_secs(5)).map_err(|error| format!("{error:#}"))?;
    }
    let ids: Vec<i64> = kept.iter().map(|message| message.id.0).collect();
    ensure!(ids == (1..=30).collect::<Vec<_>>(), "they are numbered {ids:?}");
    Ok(())
}

fn hangup(setup: &Setup) -> Verdict {
    let (mut server, subject) = setup.fresh(&[])?;
    for signal in [Signal::HUP, Signal::PIPE] {
        server.signal(signal);
        for _ in 0..5 {
            subject
                .get_with("/wait/0", 200)
                .map_err(|error| format!("after {signal:?}: {error}"))?;
        }
    }
    server.signal(Signal::TERM);
    exit(server, 0, Duration::from_secs(2))
}

fn logs_a_panic(setup: &Setup) -> Verdict {
    let (mut server, subject) = setup.fresh(&["--pitfalls"])?;
    let request = Request::get("/pitfalls/panic").field("X-Request-Id", "asked-to-panic");
    let reply = subject.ask(&request)?.expect(500)?;
    ensure!(reply.field("x-request-id") == Some("asked-to-panic"), "the 500 does not carry the id");
    server.signal(Signal::TERM);
    // Whole only once it has ended.
    server.wait(Duration::from_secs(3)).map_err(|error| format!("{error:#}"))?;
    let deadline = Instant::now() + Duration::from_secs(2);
    loop {
        match server.output().matches("asked-to-panic").count() {
            1 => return Ok(()),
            0 if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
            count => {
                return Err(format!("the id stands in the log {count} times; {}", server.output()));
            }
        }
    }
}

fn logs_requests_when_asked_to(setup: &Setup) -> Verdict {
    const REQUESTS: usize = 30;
    let chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    // What was written is whole once it has ended, and may still be on its way to us.
    let [short, long] = [300, 3_000].map(Duration::from_millis);
    for (flags, asked, patience) in [(&[][..], false, short), (&["--access-log"], true, long)] {
        let (mut server, subject) = setup.fresh(flags)?;
        for _ in 0..REQUESTS {
            subject.get_with("/wait/0", 200)?;
            for bad in ["GE(T / HTTP/1.1\r\n\r\n", &format!("{chunked}x\r\n")] {
                let mut connection = subject.connect()?.connection;
                connection.send_what_is_taken(bad.as_bytes());
                let reply = connection.reply(false, Duration::from_secs(5));
                ensure!(reply.is_ok_and(|reply| reply.status == 400), "{bad:?} is no 400");
            }
        }
        server.signal(Signal::TERM);
        server.wait(Duration::from_secs(5)).map_err(|error| format!("{error:#}"))?;
        let lines = || server.output().lines().count();
        let logged = until(patience, || lines() >= REQUESTS).is_some();
        let lines = lines();
        ensure!(logged == asked, "{lines} lines with {flags:?}; {}", server.output());
    }
    Ok(())
}

fn out_of_descriptors(setup: &Setup) -> Verdict {
    let (mut server, subject) = setup.with_descriptors(128)?;
    let mut before = subject.connect()?;
    before.get("/wait/0")?.expect(200)?;
    // The kernel accepts for it; whoever comes late waits in its queue.
    let crowd = (0..200).map(|_| subject.connect()).collect::<Result<Vec<_>, _>>()?;
    thread::sleep(Duration::from_millis(300));
    let (cpu, start) = (cpu(&server)?, Instant::now());
    for _ in 0..4 {
        thread::sleep(Duration::from_millis(500));
        before.get("/wait/0")?.expect(200)?;
    }
    let share = (self::cpu(&server)? - cpu).as_secs_f64() / start.elapsed().as_secs_f64();
    ensure!(share <= 0.05, "full, it spins: {:.0} % of a core", share * 100.0);
    drop(crowd);
    let (room, mut served) = (Instant::now(), 0);
    while served < 5 {
        ensure!(server.ended().is_none(), "it ended; {}", server.output());
        match subject.get("/wait/0") {
            Ok(reply) if reply.status == 200 => served += 1,
            other if room.elapsed() >= Duration::from_secs(3) => {
                return Err(format!("with room again: {other:?}"));
            }
            _ => thread::sleep(Duration::from_millis(20)),
        }
    }
    let lines = server.output().lines().count();
    ensure!(lines <= 20, "it logged {lines} lines about it");
    Ok(())
}

/// The CPU time of a process so far, in all its threads.
fn cpu(server: &Server) -> Result<Duration, String> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.pid()))
        .map_err(|error| error.to_string())?;
    // proc(5): behind the name, which may hold anything, utime and stime are the 12th and 13th field.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: u64 = fields.split_whitespace().skip(11).take(2).flat_map(str::parse::<u64>).sum();
    Ok(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}

/// SQLite's file with a table `notes` that is not ours.
const NOTES_OF_ANOTHER: &[u8] = include_bytes!("../cases/databases/notes-of-another.db");

/// A folder in which there is one file.
fn scratch(name: &str, content: &[u8]) -> Result<tempfile::TempDir, String> {
    let made = tempfile::tempdir().and_then(|folder| {
        std::fs::write(folder.path().join(name), content)?;
        Ok(folder)
    });
    made.map_err(|error| error.to_string())
}

fn bad_start(setup: &Setup) -> Verdict {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    // A listener that shares its port could be joined by another; this one does not share.
    let addr = taken.local_addr().map_err(|error| error.to_string())?.to_string();
    // A table of the same name, and a file where a folder should be: each is somebody's data, and none is touched.
    let (alien, blocked) = (scratch("waitlab.db", NOTES_OF_ANOTHER)?, scratch("uploads", b"")?);
    let [alien, blocked] =
        [&alien, &blocked].map(|folder| format!("--data={}", folder.path().display()));
    let attempts: [&[&str]; 11] = [
        &["--addr", &addr],
        &["--addr", "127.0.0.1:0", &alien],
        &["--addr", "127.0.0.1:0", &blocked],
        &["--addr", "127.0.0.1:0", "--database", "postgres://127.0.0.1:1/nothing"],
        &["--addr", "127.0.0.1:0", "--database", "mysql://127.0.0.1/waitlab"],
        &["--addr", "nowhere"],
        &["--addr", "127.0.0.1:0", "--drain", "soon"],
        &["--addr", "127.0.0.1:0", "--data", "/dev/null/data"],
        &["--addr", "127.0.0.1:0", "--no-such-flag"],
        // A number that the framework would panic at; in the server without workers it is no flag.
        &["--addr", "127.0.0.1:0", "--workers", "100000"],
        &["--addr", "127.0.0.1:0", "--github-url", "not a url"],
    ];
    for arguments in attempts {
        let child = setup
            .command(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.map_err(|error| error.to_string())?;
        let deadline = Instant::now() + Duration::from_secs(2);
        while child.try_wait().map_err(|error| error.to_string())?.is_none() {
            if Instant::now() >= deadline {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{arguments:?}: it runs"));
            }
            thread::sleep(Duration::from_millis(5));
        }
        let output = child.wait_with_output().map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(!output.status.success(), "{arguments:?}: exited with success");
        ensure!(!said.trim().is_empty(), "{arguments:?}: stderr is empty");
        ensure!(!said.contains("panicked at"), "{arguments:?}: it panicked: {said}");
        ensure!(
            output.stdout.is_empty(),
            "{arguments:?}: stdout says {:?}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
    Ok(())
}
