//! The mistakes of `/pitfalls/…`, each beside its remedy: what goes wrong must be seen with the one, and not with the other.
//!
//! A pitfall that nobody can tell from the right route teaches nothing, and a remedy that does not help is another pitfall.
//! So each trial here asks both, on servers of its own: what it does may leave one of no use.

use std::thread;
use std::time::{Duration, Instant};

use contract::jobs::State;
use contract::{Job, Notes};

use crate::checks::Verdict;
use crate::client::Request;
use crate::process::Signal;
use crate::setup::Setup;
use crate::{Server, Subject};

/// One mistake.
#[derive(Clone, Copy, Debug)]
pub struct Mistake {
    /// The operation that makes it.
    pub pitfall: &'static str,
    /// The operation that does the same without it.
    pub remedy: &'static str,
    /// What must be seen, as a sentence.
    pub name: &'static str,
    /// In a blocking server it is no mistake.
    pub only_async: bool,
    /// Asks both.
    pub run: fn(&Setup) -> Verdict,
}

/// All of them.
pub const MISTAKES: &[Mistake] = &[
    Mistake {
        pitfall: "GET /pitfalls/blocking-client/{username}",
        remedy: "GET /github-user/{username}",
        name: "a blocking client lets a worker make one call at a time",
        only_async: true,
        run: blocking_client,
    },
    Mistake {
        pitfall: "GET /pitfalls/client-per-request/{username}",
        remedy: "GET /github-user/{username}",
        name: "a client for each request makes a connection for each",
        only_async: false,
        run: client_per_request,
    },
    Mistake {
        pitfall: "GET /pitfalls/lock-across-await/{seconds}",
        remedy: "GET /remedies/lock-across-await/{seconds}",
        name: "a lock held while waiting makes requests wait in turn",
        only_async: false,
        run: lock_across_await,
    },
    Mistake {
        pitfall: "GET /pitfalls/stream-blocked/{count}",
        remedy: "GET /stream/{count}",
        name: "a stream whose maker blocks lets no other stream go on",
        only_async: true,
        run: stream_blocked,
    },
    Mistake {
        pitfall: "GET /pitfalls/unbounded-offload/{seconds}",
        remedy: "GET /offload/wait/{seconds}",
        name: "offloading without a bound refuses nobody, and takes a thread for each",
        only_async: false,
        run: unbounded_offload,
    },
    Mistake {
        pitfall: "GET /pitfalls/small-pool/{seconds}",
        remedy: "GET /offload/wait/{seconds}",
        name: "waits on the pool for computing go as many at a time as there are cores",
        only_async: false,
        run: small_pool,
    },
    Mistake {
        pitfall: "POST /pitfalls/background/{seconds}",
        remedy: "POST /jobs/wait?seconds=",
        name: "a task in the background is lost with its process, a job is not",
        only_async: false,
        run: background,
    },
    Mistake {
        pitfall: "GET /pitfalls/lost-error",
        remedy: "GET /remedies/lost-error",
        name: "an error in a task that nobody waits for is told to nobody",
        only_async: false,
        run: lost_error,
    },
    Mistake {
        pitfall: "POST /pitfalls/dropped-future/{seconds}",
        remedy: "POST /remedies/dropped-future/{seconds}",
        name: "a client that leaves ends its handler between two steps",
        only_async: true,
        run: dropped_future,
    },
    Mistake {
        pitfall: "PUT /pitfalls/buffered-upload/{name}",
        remedy: "PUT /files/{name}",
        name: "an upload that is gathered takes as much memory as it is long",
        only_async: false,
        run: buffered_upload,
    },
    Mistake {
        pitfall: "GET /pitfalls/timeout/{seconds}?deadline=",
        remedy: "GET /remedies/timeout/{seconds}?deadline=",
        name: "a timeout ends the wait for a thread, and not its work",
        only_async: false,
        run: timeout,
    },
    Mistake {
        pitfall: "GET /github-users?mode=sequential",
        remedy: "GET /github-users?mode=parallel",
        name: "calls that are awaited in turn take as long as all of them",
        only_async: false,
        run: sequential,
    },
    Mistake {
        pitfall: "GET /work?cpu_ms=&placement=inline",
        remedy: "GET /work?cpu_ms=&placement=offload",
        name: "computing in the handler stalls who only wants to pass by",
        only_async: true,
        run: inline,
    },
];

/// One worker, so that one blocked loop is all of them.
const ONE: &str = "--workers=1";

/// All at once, each answered 200; how long it took until the last was.
fn all_at_once(subject: &Subject, targets: &[String]) -> Result<Duration, String> {
    let start = Instant::now();
    for (reply, target) in subject.get_all(targets).into_iter().zip(targets) {
        reply?.expect(200).map_err(|error| format!("{target}: {error}"))?;
    }
    Ok(start.elapsed())
}

/// The same so many times; the shortest, since a busy machine only ever makes it longer.
fn at_best(subject: &Subject, targets: &[String]) -> Result<Duration, String> {
    let mut best = all_at_once(subject, targets)?;
    for _ in 0..2 {
        best = best.min(all_at_once(subject, targets)?);
    }
    Ok(best)
}

fn times(count: usize, target: impl Fn(usize) -> String) -> Vec<String> {
    (0..count).map(target).collect()
}

/// `count` requests of `each` took about as long as all of them in turn.
fn in_turn(what: &str, took: Duration, count: u32, each: Duration) -> Verdict {
    // The first may have begun before the clock did, and a timer may be early by its tick.
    let least = each * (count - 1);
    ensure!(took >= least, "{count} × {each:?} of {what} took {took:?}, less than in turn");
    Ok(())
}

/// They took much less than that.
fn together(what: &str, took: Duration, count: u32, each: Duration) -> Verdict {
    let most = each * count / 2;
    ensure!(took < most, "{count} × {each:?} of {what} took {took:?}, as if in turn");
    Ok(())
}

fn blocking_client(setup: &Setup) -> Verdict {
    let (_server, subject) = setup.mistaken(ONE, &[])?;
    let (count, each) = (10, Duration::from_millis(200));
    let asked = |route: &str| times(count, |n| format!("/{route}/slow-200ms-{n}"));
    let took = at_best(&subject, &asked("github-user"))?;
    together("github-user", took, 10, each)?;
    let pitfall = asked("pitfalls/blocking-client");
    if !subject.has_event_loop {
        return together("a blocking client", at_best(&subject, &pitfall)?, 10, each);
    }
    in_turn("a blocking client", all_at_once(&subject, &pitfall)?, 10, each)?;
    let lag = subject.metric("event_loop_lag_seconds")?;
    ensure!(lag >= 0.15, "a loop that was blocked for 0.2 s shows a lag of {lag} s");
    Ok(())
}

fn client_per_request(setup: &Setup) -> Verdict {
    let (_server, subject) = setup.mistaken(ONE, &[])?;
    let stub = subject.stub()?;
    let made = |route: &str| -> Result<u64, String> {
        let before = stub.stats().connections.total;
        for n in 0..10 {
            subject.get_with(&format!("/{route}/octocat-{n}"), 200)?;
        }
        Ok(stub.stats().connections.total - before)
    };
    let shared = made("github-user")?;
    ensure!(shared <= 2, "ten calls in turn of one client made {shared} connections");
    let own = made("pitfalls/client-per-request")?;
    ensure!(own == 10, "ten clients made {own} connections");
    Ok(())
}

fn lock_across_await(setup: &Setup) -> Verdict {
    let (_server, subject) = setup.mistaken("--workers=2", &[])?;
    let each = Duration::from_millis(200);
    let asked = |route: &str| times(8, |_| format!("/{route}/lock-across-await/0.2"));
    in_turn("a held lock", all_at_once(&subject, &asked("pitfalls"))?, 8, each)?;
    together("its remedy", at_best(&subject, &asked("remedies"))?, 8, each)
}

fn stream_blocked(setup: &Setup) -> Verdict {
    let (_server, subject) = setup.mistaken(ONE, &[])?;
    // Five lines are four pauses.
    let each = Duration::from_millis(400);
    let asked = |route: &str| times(5, |_| format!("/{route}/5?interval=0.1"));
    together("stream", at_best(&subject, &asked("stream"))?, 5, each)?;
    let pitfall = asked("pitfalls/stream-blocked");
    if subject.has_event_loop {
        return in_turn("a blocked stream", all_at_once(&subject, &pitfall)?, 5, each);
    }
    together("a stream that blocks its own thread", at_best(&subject, &pitfall)?, 5, each)
}

fn unbounded_offload(setup: &Setup) -> Verdict {
    let (_server, subject) = setup.mistaken(ONE, &["--offload-threads=2", "--offload-queue=2"])?;
    let asked = |route: &str| times(40, |_| format!("/{route}/0.5"));
    let before = subject.metric("process_threads")?;
    let most = thread::scope(|scope| {
        let asking = scope.spawn(|| all_at_once(&subject, &asked("pitfalls/unbounded-offload")));
        let mut most: f64 = 0.0;
        while !asking.is_finished() {
            most = most.max(subject.metric("process_threads")?);
        }
        asking.join().expect("asking does not panic").map(|_| most)
    })?;
    ensure!(most - before >= 38.0, "forty calls took {} threads", most - before);
    let replies = subject.get_all(&asked("offload/wait"));
    let replies = replies.into_iter().collect::<Result<Vec<_>, _>>()?;
    let count = |status| replies.iter().filter(|reply| reply.status == status).count();
    // Two run, two wait; on a busy machine some come when the first are done.
    ensure!(count(503) >= 20 && count(200) + count(503) == 40, "{} were refused", count(503));
    Ok(())
}

fn small_pool(setup: &Setup) -> Verdict {
    let (_server, subject) = setup.mistaken(ONE, &["--cpu-threads=2", "--offload-threads=8"])?;
    let asked = |route: &str| times(8, |_| format!("/{route}/0.3"));
    // Two at a time, so four times.
    let each = Duration::from_millis(300);
    let took = all_at_once(&subject, &asked("pitfalls/small-pool"))?;
    in_turn("a pool of two", took, 4, each)?;
    together("a pool of eight", at_best(&subject, &asked("offload/wait"))?, 4, each)
}

fn background(setup: &Setup) -> Verdict {
    let data = tempfile::tempdir().map_err(|error| error.to_string())?;
    let data = format!("--data={}", data.path().display());
    let start = || setup.mistaken(ONE, &[&data]);
    let notes = |subject: &Subject| -> Result<usize, String> {
        let reply = subject.get_with("/notes", 200)?;
        let notes: Notes = serde_json::from_slice(&reply.body).map_err(|e| e.to_string())?;
        Ok(notes.notes.len())
    };
    let promise = |subject: &Subject, seconds: &str| -> Verdict {
        let request = Request::new("POST", &format!("/pitfalls/background/{seconds}"));
        subject.ask(&request)?.expect(202).map(drop)
    };
    let (server, subject) = start()?;
    promise(&subject, "0")?;
    until("the note of a task that was left alone", || Ok(notes(&subject)? == 1))?;
    promise(&subject, "1.5")?;
    let job = subject.ask(&Request::new("POST", "/jobs/wait?seconds=0.5"))?.expect(202)?;
    let job: Job = serde_json::from_slice(&job.body).map_err(|error| error.to_string())?;
    end(server, Signal::KILL)?;

    let (server, subject) = start()?;
    subject.get_with("/wait/2", 200)?;
    ensure!(notes(&subject)? == 1, "a task outlived the process that was killed");
    let found = subject.get_with(&job.location(), 200)?;
    let found: Job = serde_json::from_slice(&found.body).map_err(|error| error.to_string())?;
    ensure!(found.state == State::Queued, "the job that was accepted is {found:?}");
    promise(&subject, "1")?;
    // Politely is no better: a drain waits for requests, and this one has been answered.
    end(server, Signal::TERM)?;

    let (_server, subject) = start()?;
    subject.get_with("/wait/1.2", 200)?;
    ensure!(notes(&subject)? == 1, "a drain waited for a task that nobody holds");
    Ok(())
}

fn end(mut server: Server, signal: Signal) -> Verdict {
    server.signal(signal);
    server.wait(Duration::from_secs(5)).map(drop).map_err(|error| format!("{error:#}"))
}

fn lost_error(setup: &Setup) -> Verdict {
    let (mut server, subject) = setup.mistaken(ONE, &[])?;
    subject.get_with("/pitfalls/lost-error", 200)?;
    subject.problem("/remedies/lost-error", 502)?;
    server.signal(Signal::TERM);
    server.wait(Duration::from_secs(5)).map_err(|error| format!("{error:#}"))?;
    let log = server.output();
    ensure!(!log.contains("on purpose"), "it was told after all: {log}");
    Ok(())
}

fn dropped_future(setup: &Setup) -> Verdict {
    let (_server, subject) = setup.mistaken(ONE, &[])?;
    let count = |step: &str| -> Result<usize, String> {
        let reply = subject.get_with("/notes?limit=100", 200)?;
        Ok(reply.text().matches(&format!(r#""title":"{step}""#)).count())
    };
    // Leaves when the first step is done, and says whether the second ever is.
    let is_given = |route: &str, nth: usize| -> Result<bool, String> {
        let mut client = subject.connect()?.connection;
        let request = Request::new("POST", &format!("/{route}/dropped-future/0.4"));
        client.send(&request.bytes(&subject.host)).map_err(|error| error.to_string())?;
        until("the first step", || Ok(count("taken")? == nth))?;
        let before = count("given")?;
        drop(client);
        subject.get_with("/wait/1", 200)?;
        Ok(count("given")? > before)
    };
    ensure!(is_given("remedies", 1)?, "the second step did not come, with the remedy");
    match (is_given("pitfalls", 2)?, subject.has_event_loop) {
        (false, true) | (true, false) => Ok(()),
        (true, true) => Err("the second step came though the client had left".to_owned()),
        (false, false) => Err("a thread ended because its client had left".to_owned()),
    }
}

fn buffered_upload(setup: &Setup) -> Verdict {
    const MIB: f64 = 1_048_576.0;
    const LENGTH: usize = 64 << 20;
    let (_server, subject) = setup.mistaken(ONE, &[])?;
    let growth = |target: &str| -> Result<f64, String> {
        let request = Request::new("PUT", target).body(vec![b'x'; LENGTH]);
        let before = subject.metric("process_resident_memory_bytes")?;
        let most = thread::scope(|scope| {
            let sent = scope.spawn(|| subject.ask_within(&request, Duration::from_secs(60)));
            let mut most: f64 = 0.0;
            while !sent.is_finished() {
                most = most.max(subject.metric("process_resident_memory_bytes")?);
            }
            sent.join().expect("sending does not panic")?.expect(201)?;
            Ok::<_, String>(most)
        })?;
        Ok((most - before) / MIB)
    };
    // First, or it would find the memory that the other has left.
    let streamed = growth("/files/streamed")?;
    ensure!(streamed < 32.0, "64 MiB, streamed, took {streamed:.0} MiB");
    let buffered = growth("/pitfalls/buffered-upload/buffered")?;
    ensure!(buffered >= 48.0, "64 MiB, buffered, took {buffered:.0} MiB");
    Ok(())
}

fn timeout(setup: &Setup) -> Verdict {
    let (_server, subject) = setup.mistaken(ONE, &["--offload-threads=1"])?;
    // When the one thread of the pool is free again, after the client has had its 503.
    let held = |route: &str| -> Result<Duration, String> {
        subject.get_with(&format!("/{route}/timeout/2?deadline=0.2"), 503)?;
        let start = Instant::now();
        until("the end of the work", || Ok(subject.metric("offload_running")? < 0.5))?;
        Ok(start.elapsed())
    };
    let told = held("remedies")?;
    ensure!(told < Duration::from_secs(1), "work that asks went on for {told:?}");
    let deaf = held("pitfalls")?;
    ensure!(
        deaf > Duration::from_millis(1_500),
        "work that does not ask went on for {deaf:?} only"
    );
    Ok(())
}

fn sequential(setup: &Setup) -> Verdict {
    let (_server, subject) = setup.mistaken(ONE, &[])?;
    let each = Duration::from_millis(100);
    let names: Vec<_> = (0..8).map(|n| format!("username=slow-100ms-{n}")).collect();
    let asked = |mode: &str| [format!("/github-users?{}&mode={mode}", names.join("&"))];
    in_turn("calls in turn", all_at_once(&subject, &asked("sequential"))?, 8, each)?;
    together("calls together", at_best(&subject, &asked("parallel"))?, 8, each)
}

fn inline(setup: &Setup) -> Verdict {
    let (_server, subject) = setup.mistaken(ONE, &["--offload-threads=1"])?;
    let stall = |placement: &str| -> Result<Duration, String> {
        let target = format!("/work?cpu_ms=600&placement={placement}");
        let mut busy = subject.connect()?.connection;
        let request = Request::get(&target).bytes(&subject.host);
        busy.send(&request).map_err(|error| error.to_string())?;
        // A head start: the one who passes by comes while it computes.
        thread::sleep(Duration::from_millis(50));
        let took = subject.get_with("/plaintext", 200)?.took;
        let reply = busy.reply(false, Duration::from_secs(10));
        reply.map_err(|error| error.to_string())?.expect(200)?;
        Ok(took)
    };
    let stalls = |placement: &str| -> Result<Vec<Duration>, String> {
        (0..3).map(|_| stall(placement)).collect()
    };
    let quickest = |stalls: Vec<Duration>| stalls.into_iter().min().unwrap_or_default();
    let (least, most) = (Duration::from_millis(200), Duration::from_millis(150));
    let offloaded = quickest(stalls("offload")?);
    ensure!(offloaded < most, "beside offloaded work it took {offloaded:?}");
    let inlined = stalls("inline")?;
    if subject.has_event_loop {
        ensure!(inlined.iter().all(|took| *took > least), "beside inline work it took {inlined:?}");
        return Ok(());
    }
    let inlined = quickest(inlined);
    ensure!(inlined < most, "beside a thread that computes it took {inlined:?}");
    Ok(())
}

/// Asks again and again, for five seconds.
fn until(what: &str, holds: impl Fn() -> Result<bool, String>) -> Verdict {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !holds()? {
        ensure!(Instant::now() < deadline, "it does not come: {what}");
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
