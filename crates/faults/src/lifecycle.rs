//! Starting, ending, and staying.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use conformance::lifecycle::LIFECYCLE;
use conformance::process::Signal;
use conformance::setup::Setup;
use conformance::until;
use load::{Arrivals, Ask, Asks, Cancel, Plan, Target};

use crate::crowd::Crowd;
use crate::found::Found;
use crate::stage::{Holds, Stage};

/// F32: SIGTERM amid waits, uploads, streams, idle connections and half a head each.
pub(crate) fn terminated(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    let (waits, wait) = stage.scaled((100, 3), (30, 2));
    let mut arena = stage.start(&[])?;
    let addr = arena.subject.addr;
    let mut waiting = Crowd::connect(addr, waits)?;
    let mut streaming = Crowd::connect(addr, 5)?;
    let mut listening = Crowd::connect(addr, 5)?;
    let mut uploading = Crowd::connect(addr, 5)?;
    let mut idle = Crowd::connect(addr, 50)?;
    let mut half = Crowd::connect(addr, 5)?;
    idle.say(b"GET /wait/0 HTTP/1.1\r\nHost: a\r\n\r\n");
    let soon = Instant::now() + Duration::from_secs(5);
    idle.listen_until(soon, |crowd| crowd.answered(200) == 50);
    streaming.say(b"GET /stream/10000000?interval=0.05 HTTP/1.1\r\nHost: a\r\n\r\n");
    streaming.listen_until(soon, |crowd| crowd.answered(200) == 5);
    listening.say(b"GET /rooms/hall/events HTTP/1.1\r\nHost: a\r\n\r\n");
    listening.listen_until(soon, |crowd| crowd.answered(200) == 5);
    let half_a_file = [b'x'; 10_000];
    for (number, client) in uploading.0.iter_mut().enumerate() {
        let head = format!("PUT /files/{number} HTTP/1.1\r\nHost: a\r\nContent-Length: 20000");
        client.say(format!("{head}\r\n\r\n").as_bytes());
    }
    uploading.say(&half_a_file);
    half.say(b"GET /wait/0 HTTP/1.1\r\nHo");
    waiting.say(format!("GET /wait/{wait} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
    // All heads must have been read, also of who asks for the count, and the half ones be there.
    let (busy, open) = ((waits + 10 + 1) as f64, (waits + 65 + 1) as f64);
    let read = || {
        arena.metric("http_in_flight").is_ok_and(|count| count >= busy)
            && arena.metric("http_connections").is_ok_and(|count| count >= open)
    };
    found.holds(
        "all of them are there",
        until(Duration::from_secs(10), read).is_some(),
        "some are not",
    );
    // Half a head is counted when its connection is accepted, a moment before it is read.
    thread::sleep(Duration::from_millis(100));

    let start = Instant::now();
    arena.server.signal(Signal::TERM);
    let (in_the_end, at_once) = (start + Duration::from_secs(5), Duration::from_millis(500));
    idle.listen_until(in_the_end, |crowd| crowd.closed() == 50);
    half.listen_until(in_the_end, |crowd| crowd.closed() == 5);
    found.all("idle connections closed", idle.closed(), 50);
    found.all("incomplete heads closed", half.closed(), 5);
    let last = idle.last_closed(start).max(half.last_closed(start));
    found.within("the last of them after", last, at_once);
    found.holds("no new connection is served", !is_served(&arena.subject), "it is");
    uploading.say(&half_a_file);
    let longest = Duration::from_secs(wait);
    // As long as a drain may take.
    let in_the_end = start + Duration::from_secs(10);
    waiting.listen_until(in_the_end, |crowd| crowd.closed() == waits);
    streaming.listen_until(in_the_end, |crowd| crowd.closed() == 5);
    found.all("waits answered", waiting.answered(200), waits);
    uploading.listen_until(in_the_end, |crowd| crowd.closed() == 5);
    found.all("uploads stored", uploading.answered(201), 5);
    found.all("streams ended by their last chunk", streaming.ended(b"0\r\n\r\n"), 5);
    listening
        .listen_until(Instant::now() + Duration::from_millis(100), |crowd| crowd.closed() == 5);
    found.all("events ended by their last chunk", listening.ended(b"0\r\n\r\n"), 5);
    let exit = arena.server.wait(Duration::from_secs(12))?;
    // The waits were asked a little before the signal.
    found.within("exit after the signal", start.elapsed(), longest + Duration::from_millis(500));
    found.holds("exit code 0", exit.code() == Some(0), exit);
    Ok(())
}

fn is_served(subject: &conformance::Subject) -> bool {
    matches!(subject.get("/wait/0"), Ok(reply) if reply.status != 503)
}

/// F36: what keeps a server from starting is told, and it does not half start.
pub(crate) fn bad_starts(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    let rule = LIFECYCLE.iter().find(|life| life.name.starts_with("a port in use, a bad value"));
    let rule = rule.ok_or_else(|| anyhow!("the rule is gone"))?;
    found.verdict(rule.name, (rule.run)(&Setup::new(&stage.binary)));
    Ok(())
}

/// F37: a mix of everything for ten minutes, and nothing grows.
pub(crate) fn soak(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    let (minutes, settling) = stage.scaled((10.0, 2.0), (1.0, 0.3));
    let [whole, settling] = [minutes, settling].map(|time| Duration::from_secs_f64(60.0 * time));
    let (arena, _stub) = stage.start_with_stub(&[])?;
    let mix = Asks::mix([
        Ask::get("/plaintext").weight(3),
        Ask::get("/wait/0.01").weight(3),
        Ask::get(format!("/github-user/soak{}-{{n}}", stage.seed)).weight(1),
        Ask::post("/echo", [b'x'; 2_000]).weight(1),
        Ask::get("/stream/5?interval=0.001").weight(1),
        Ask::get("/work?wait=0.001&cpu_ms=0.1").weight(1),
    ]);
    let arrivals = Arrivals::Poisson { rate: 500.0, seed: stage.seed };
    let plan = Plan::open(Target::new(arena.subject.addr), mix, 64, arrivals, whole);
    let running = thread::spawn(move || load::run(&plan, &Cancel::new(), |_| {}));
    thread::sleep(settling);
    let pid = arena.server.pid();
    let (mut held, start) = (vec![Holds::of(pid)?], Instant::now());
    while !running.is_finished() && start.elapsed() < whole - settling - Duration::from_secs(2) {
        thread::sleep(Duration::from_secs(1));
        held.push(Holds::of(pid)?);
    }
    let outcome = running.join().map_err(|_| anyhow!("the generator panicked"))??;
    let (first, last) = (median(&held[..held.len() / 5 + 1]), median(&held[held.len() * 4 / 5..]));
    let grown = (last.rss_bytes as f64 / first.rss_bytes as f64 - 1.0) * 100.0;
    found.at_most("RSS growth after it settled", grown, 5.0, "%");
    let apart = last.descriptors.abs_diff(first.descriptors);
    found.at_most("descriptors apart", apart as f64, 3.0, "descriptors");
    found.at_most("threads apart", last.threads.abs_diff(first.threads) as f64, 3.0, "threads");
    found.beside(&outcome, Duration::from_millis(50));
    arena.returns_to_base(found, 64 << 20)
}

/// The middle of each, over some readings: one may fall on a burst.
fn median(held: &[Holds]) -> Holds {
    let middle = |of: fn(&Holds) -> u64| {
        let mut values: Vec<_> = held.iter().map(of).collect();
        values.sort_unstable();
        values[values.len() / 2]
    };
    Holds {
        threads: middle(|holds| holds.threads),
        descriptors: middle(|holds| holds.descriptors),
        rss_bytes: middle(|holds| holds.rss_bytes),
    }
}
