//! The mistakes of `/pitfalls/…`, each beside its remedy: what goes wrong must be seen with the one, and not with the other.
//!
//! A pitfall that nobody can tell from the right route teaches nothing, and a remedy that does not help is another pitfall.
//! So each trial here asks both, on servers of its own: what it does may leave one of no use. What it counts on the way is
//! what the mistake costs: `cargo lab mistakes` tells it.

use std::thread;
use std::time::{Duration, Instant};

use contract::jobs::State;
use contract::{Job, Notes};

use crate::checks::Verdict;
use crate::client::Request;
use crate::process::Signal;
use crate::setup::Setup;
use crate::{Server, Subject, until};

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
    /// What is counted of both, in words that a number follows.
    pub counted: &'static str,
    /// In what: `ms`, `bytes`, or nothing where things are counted.
    pub unit: &'static str,
    /// Asks both.
    pub run: fn(&Setup) -> Result<Seen, String>,
}

/// What was counted: what the mistake costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// With the mistake.
    pub pitfall: f64,
    /// With its remedy.
    pub remedy: f64,
}

impl Seen {
    fn times(pitfall: Duration, remedy: Duration) -> Self {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        Self { pitfall: ms(pitfall), remedy: ms(remedy) }
    }
}

/// All of them.
pub const MISTAKES: &[Mistake] = &[
    Mistake {
        pitfall: "GET /pitfalls/blocking-wait/{seconds}",
        remedy: "GET /wait/{seconds}",
        name: "a wait that blocks its worker makes everybody on it wait in turn",
        only_async: true,
        counted: "until eight waits of 200 ms, all at once, are over",
        unit: "ms",
        run: blocking_wait,
    },
    Mistake {
        pitfall: "GET /pitfalls/blocking-client/{username}",
        remedy: "GET /github-user/{username}",
        name: "a blocking client lets a worker make one call at a time",
        only_async: true,
        counted: "until ten calls of 200 ms, all at once, have their answers",
        unit: "ms",
        run: blocking_client,
    },
    Mistake {
        pitfall: "GET /pitfalls/client-per-request/{username}",
        remedy: "GET /github-user/{username}",
        name: "a client for each request makes a connection for each",
        only_async: false,
        counted: "connections made for ten calls, one after the other",
        unit: "",
        run: client_per_request,
    },
    Mistake {
        pitfall: "GET /pitfalls/lock-across-await/{seconds}",
        remedy: "GET /remedies/lock-across-await/{seconds}",
        name: "a lock held while waiting makes requests wait in turn",
        only_async: false,
        counted: "until eight waits of 200 ms, all at once, are over",
        unit: "ms",
        run: lock_across_await,
    },
    Mistake {
        pitfall: "GET /pitfalls/stream-blocked/{count}",
        remedy: "GET /stream/{count}",
        name: "a stream whose maker blocks lets no other stream go on",
        only_async: true,
        counted: "until five streams of 400 ms, all at once, are over",
        unit: "ms",
        run: stream_blocked,
    },
    Mistake {
        pitfall: "GET /pitfalls/unbounded-offload/{seconds}",
        remedy: "GET /offload/wait/{seconds}",
        name: "offloading without a bound refuses nobody, and takes a thread for each",
        only_async: false,
        counted: "threads started for forty calls at once",
        unit: "",
        run: unbounded_offload,
    },
    Mistake {
        pitfall: "GET /pitfalls/small-pool/{seconds}",
        remedy: "GET /offload/wait/{seconds}",
        name: "waits on the pool for computing go as many at a time as there are cores",
        only_async: false,
        counted: "until eight waits of 300 ms, all at once, are over",
        unit: "ms",
        run: small_pool,
    },
    Mistake {
        pitfall: "POST /pitfalls/background/{seconds}",
        remedy: "POST /jobs/wait?seconds=",
        name: "a task in the background is lost with its process, a job is not",
        only_async: false,
        counted: "lost of what was promised, at a kill and at a drain",
        unit: "",
        run: background,
    },
    Mistake {
        pitfall: "GET /pitfalls/lost-error",
        remedy: "GET /remedies/lost-error",
        name: "an error in a task that nobody waits for is told to nobody",
        only_async: false,
        counted: "told of one error: client and log together",
        unit: "",
        run: lost_error,
    },
    Mistake {
        pitfall: "POST /pitfalls/dropped-future/{seconds}",
        remedy: "POST /remedies/dropped-future/{seconds}",
        name: "a client that leaves ends its handler between two steps",
        only_async: true,
        counted: "second steps done of one, when the client has left after the first",
        unit: "",
        run: dropped_future,
    },
    Mistake {
        pitfall: "PUT /pitfalls/buffered-upload/{name}",
        remedy: "PUT /files/{name}",
        name: "an upload that is gathered takes as much memory as it is long",
        only_async: false,
        counted: "memory taken for an upload of 64 MiB",
        unit: "bytes",
        run: buffered_upload,
    },
    Mistake {
        pitfall: "GET /pitfalls/timeout/{seconds}?deadline=",
        remedy: "GET /remedies/timeout/{seconds}?deadline=",
        name: "a timeout ends the wait for a thread, and not its work",
        only_async: false,
        counted: "how long the thread is still held when the client has its 503",
        unit: "ms",
        run: timeout,
    },
    Mistake {
        pitfall: "GET /github-users?mode=sequential",
        remedy: "GET /github-users?mode=parallel",
        name: "calls that are awaited in turn take as long as all of them",
        only_async: false,
        counted: "until eight calls of 100 ms, for one request, have their answers",
        unit: "ms",
        run: sequential,
    },
    Mistake {
        pitfall: "GET /work?cpu_ms=&placement=inline",
        remedy: "GET /work?cpu_ms=&placement=offload",
        name: "computing in the handler stalls who only wants to pass by",
        only_async: true,
        counted: "what a bystander waits beside 600 ms of computing",
        unit: "ms",
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

fn blocking_wait(setup: &Setup) -> Result<Seen, String> {
    let (_server, subject) = setup.mistaken(ONE, &[])?;
    let each = Duration::from_millis(200);
    let asked = |route: &str| times(8, |_| format!("/{route}/0.2"));
    let remedy = at_best(&subject, &asked("wait"))?;
    together("wait", remedy, 8, each)?;
    let pitfall = asked("pitfalls/blocking-wait");
    if subject.has_event_loop {
        let took = all_at_once(&subject, &pitfall)?;
        in_turn("a wait that blocks", took, 8, each)?;
        return Ok(Seen::times(took, remedy));
    }
    let took = at_best(&subject, &pitfall)?;
    together("a wait that blocks its own thread", took, 8, each)?;
    Ok(Seen::times(took, remedy))
}

fn blocking_client(setup: &Setup) -> Result<Seen, String> {
    let (_server, subject) = setup.mistaken(ONE, &[])?;
    let (count, each) = (10, Duration::from_millis(200));
    let asked = |route: &str| times(count, |n| format!("/{route}/slow-200ms-{n}"));
    let remedy = at_best(&subject, &asked("github-user"))?;
    together("github-user", remedy, 10, each)?;
    let pitfall = asked("pitfalls/blocking-client");
    if !subject.has_event_loop {
        let took = at_best(&subject, &pitfall)?;
        together("a blocking client", took, 10, each)?;
        return Ok(Seen::times(took, remedy));
    }
    let took = all_at_once(&subject, &pitfall)?;
    in_turn("a blocking client", took, 10, each)?;
    let lag = subject.metric("event_loop_lag_seconds")?;
    ensure!(lag >= 0.15, "a loop that was blocked for 0.2 s shows a lag of {lag} s");
    Ok(Seen::times(took, remedy))
}

fn client_per_request(setup: &Setup) -> Result<Seen, String> {
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
    Ok(Seen { pitfall: own as f64, remedy: shared as f64 })
}

fn lock_across_await(setup: &Setup) -> Result<Seen, String> {
    let (_server, subject) = setup.mistaken("--workers=2", &[])?;
    let each = Duration::from_millis(200);
    let asked = |route: &str| times(8, |_| format!("/{route}/lock-across-await/0.2"));
    let pitfall = all_at_once(&subject, &asked("pitfalls"))?;
    in_turn("a held lock", pitfall, 8, each)?;
    let remedy = at_best(&subject, &asked("remedies"))?;
    together("its remedy", remedy, 8, each)?;
    Ok(Seen::times(pitfall, remedy))
}

fn stream_blocked(setup: &Setup) -> Result<Seen, String> {
    let (_server, subject) = setup.mistaken(ONE, &[])?;
    // Five lines are four pauses.
    let each = Duration::from_millis(400);
    let asked = |route: &str| times(5, |_| format!("/{route}/5?interval=0.1"));
    let remedy = at_best(&subject, &asked("stream"))?;
    together("stream", remedy, 5, each)?;
    let pitfall = asked("pitfalls/stream-blocked");
    if subject.has_event_loop {
        let took = all_at_once(&subject, &pitfall)?;
        in_turn("a blocked stream", took, 5, each)?;
        return Ok(Seen::times(took, remedy));
    }
    let took = at_best(&subject, &pitfall)?;
    together("a stream that blocks its own thread", took, 5, each)?;
    Ok(Seen::times(took, remedy))
}

fn unbounded_offload(setup: &Setup) -> Result<Seen, String> {
    // What forty calls are answered, and how many threads there are more than before. A server for each: the threads
    // that one has left would be there for the other.
    let ask = |route: &str| -> Result<(Vec<u16>, f64), String> {
        let (_server, subject) =
            setup.mistaken(ONE, &["--offload-threads=2", "--offload-queue=2"])?;
        let asked = times(40, |_| format!("/{route}/0.5"));
        let before = subject.metric("process_threads")?;
        thread::scope(|scope| {
            let asking = scope.spawn(|| subject.get_all(&asked));
            let mut most = before;
            while !asking.is_finished() {
                most = most.max(subject.metric("process_threads")?);
            }
            let replies = asking.join().expect("asking does not panic").into_iter();
            let statuses: Result<_, _> = replies.map(|reply| Ok(reply?.status)).collect();
            statuses.map(|statuses| (statuses, most - before))
        })
    };
    let (replies, bounded) = ask("offload/wait")?;
    let count = |replies: &[u16], status| replies.iter().filter(|one| **one == status).count();
    let (served, refused) = (count(&replies, 200), count(&replies, 503));
    // Two run, two wait; on a busy machine some come when the first are done.
    ensure!(refused >= 20 && served + refused == 40, "{refused} were refused");
    let (replies, unbounded) = ask("pitfalls/unbounded-offload")?;
    ensure!(count(&replies, 200) == 40, "forty calls were answered {replies:?}");
    ensure!(unbounded >= 38.0, "forty calls took {unbounded} threads");
    Ok(Seen { pitfall: unbounded, remedy: bounded })
}

fn small_pool(setup: &Setup) -> Result<Seen, String> {
    let (_server, subject) = setup.mistaken(ONE, &["--cpu-threads=2", "--offload-threads=8"])?;
    let asked = |route: &str| times(8, |_| format!("/{route}/0.3"));
    // Two at a time, so four times.
    let each = Duration::from_millis(300);
    let took = all_at_once(&subject, &asked("pitfalls/small-pool"))?;
    in_turn("a pool of two", took, 4, each)?;
    let remedy = at_best(&subject, &asked("offload/wait"))?;
    together("a pool of eight", remedy, 4, each)?;
    Ok(Seen::times(took, remedy))
}

fn background(setup: &Setup) -> Result<Seen, String> {
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
    comes("the note of a task that was left alone", || notes(&subject) == Ok(1))?;
    promise(&subject, "1.5")?;
    let job = subject.ask(&Request::new("POST", "/jobs/wait?seconds=0.5"))?.expect(202)?;
    let job: Job = serde_json::from_slice(&job.body).map_err(|error| error.to_string())?;
    end(server, Signal::KILL)?;

    // Of so many promises, how many tasks have left no note, and whether the job is still there to be done.
    let lost = |subject: &Subject, promised: usize| -> Result<(usize, usize), String> {
        let found = subject.get_with(&job.location(), 200)?;
        let found: Job = serde_json::from_slice(&found.body).map_err(|error| error.to_string())?;
        let kept = found.state == State::Queued;
        Ok((promised.saturating_sub(notes(subject)?), usize::from(!kept)))
    };
    let (server, subject) = start()?;
    subject.get_with("/wait/2", 200)?;
    let (tasks, jobs) = lost(&subject, 2)?;
    ensure!(tasks == 1, "a task outlived the process that was killed");
    ensure!(jobs == 0, "the job that was accepted is lost at a kill");
    promise(&subject, "1")?;
    // Politely is no better: a drain waits for requests, and this one has been answered.
    end(server, Signal::TERM)?;

    let (_server, subject) = start()?;
    subject.get_with("/wait/1.2", 200)?;
    let (tasks, jobs) = lost(&subject, 3)?;
    ensure!(tasks == 2, "a drain waited for a task that nobody holds");
    ensure!(jobs == 0, "the job that was accepted is lost at a drain");
    Ok(Seen { pitfall: tasks as f64, remedy: jobs as f64 })
}

fn end(mut server: Server, signal: Signal) -> Verdict {
    server.signal(signal);
    server.wait(Duration::from_secs(5)).map(drop).map_err(|error| format!("{error:#}"))
}

fn lost_error(setup: &Setup) -> Result<Seen, String> {
    // How often the error is told: to the client, and in each line of the log that somebody should read. A server for
    // each, since a line may not say whose it is.
    let told = |route: &str| -> Result<usize, String> {
        let (mut server, subject) = setup.mistaken(ONE, &[])?;
        let reply = subject.get(&format!("/{route}/lost-error"))?;
        // What nobody waits for has ended too.
        subject.get_with("/wait/0.3", 200)?;
        server.signal(Signal::TERM);
        server.wait(Duration::from_secs(5)).map_err(|error| format!("{error:#}"))?;
        let log = server.output();
        let is_told =
            |line: &&str| ["WARN", "ERROR", "on purpose"].iter().any(|word| line.contains(word));
        Ok(usize::from(reply.status != 200) + log.lines().filter(is_told).count())
    };
    let (remedy, pitfall) = (told("remedies")?, told("pitfalls")?);
    ensure!(remedy == 1, "the error that is waited for was told {remedy} times");
    ensure!(pitfall == 0, "the error that nobody waits for was told {pitfall} times after all");
    Ok(Seen { pitfall: pitfall as f64, remedy: remedy as f64 })
}

fn dropped_future(setup: &Setup) -> Result<Seen, String> {
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
        comes("the first step", || count("taken") == Ok(nth))?;
        let before = count("given")?;
        drop(client);
        subject.get_with("/wait/1", 200)?;
        Ok(count("given")? > before)
    };
    ensure!(is_given("remedies", 1)?, "the second step did not come, with the remedy");
    match (is_given("pitfalls", 2)?, subject.has_event_loop) {
        (false, true) => Ok(Seen { pitfall: 0.0, remedy: 1.0 }),
        (true, false) => Ok(Seen { pitfall: 1.0, remedy: 1.0 }),
        (true, true) => Err("the second step came though the client had left".to_owned()),
        (false, false) => Err("a thread ended because its client had left".to_owned()),
    }
}

fn buffered_upload(setup: &Setup) -> Result<Seen, String> {
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
    // What a stream takes is less than what comes and goes beside it.
    Ok(Seen { pitfall: buffered * MIB, remedy: streamed.max(0.0) * MIB })
}

fn timeout(setup: &Setup) -> Result<Seen, String> {
    let (_server, subject) = setup.mistaken(ONE, &["--offload-threads=1"])?;
    // When the one thread of the pool is free again, after the client has had its 503.
    let held = |route: &str| -> Result<Duration, String> {
        subject.get_with(&format!("/{route}/timeout/2?deadline=0.2"), 503)?;
        subject.metric_until("offload_running", Duration::from_secs(5), |running| running < 0.5)
    };
    let told = held("remedies")?;
    ensure!(told < Duration::from_secs(1), "work that asks went on for {told:?}");
    let deaf = held("pitfalls")?;
    ensure!(
        deaf > Duration::from_millis(1_500),
        "work that does not ask went on for {deaf:?} only"
    );
    Ok(Seen::times(deaf, told))
}

fn sequential(setup: &Setup) -> Result<Seen, String> {
    let (_server, subject) = setup.mistaken(ONE, &[])?;
    let each = Duration::from_millis(100);
    let names: Vec<_> = (0..8).map(|n| format!("username=slow-100ms-{n}")).collect();
    let asked = |mode: &str| [format!("/github-users?{}&mode={mode}", names.join("&"))];
    let pitfall = all_at_once(&subject, &asked("sequential"))?;
    in_turn("calls in turn", pitfall, 8, each)?;
    let remedy = at_best(&subject, &asked("parallel"))?;
    together("calls together", remedy, 8, each)?;
    Ok(Seen::times(pitfall, remedy))
}

fn inline(setup: &Setup) -> Result<Seen, String> {
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
    // From the shortest to the longest of three.
    let stalls = |placement: &str| -> Result<Vec<Duration>, String> {
        let mut stalls = (0..3).map(|_| stall(placement)).collect::<Result<Vec<_>, _>>()?;
        stalls.sort_unstable();
        Ok(stalls)
    };
    let (least, most) = (Duration::from_millis(200), Duration::from_millis(150));
    let offloaded = stalls("offload")?;
    ensure!(offloaded[0] < most, "beside offloaded work it took {offloaded:?}");
    let inlined = stalls("inline")?;
    if subject.has_event_loop {
        ensure!(inlined[0] > least, "beside inline work it took {inlined:?}");
    } else {
        ensure!(inlined[0] < most, "beside a thread that computes it took {inlined:?}");
    }
    Ok(Seen::times(inlined[1], offloaded[1]))
}

/// Waits for it, for five seconds.
fn comes(what: &str, holds: impl Fn() -> bool) -> Verdict {
    let came = until(Duration::from_secs(5), holds);
    came.map(drop).ok_or_else(|| format!("it does not come: {what}"))
}
