//! Clients that are slow, idle, or gone.

use std::thread;
use std::time::{Duration, Instant};

use conformance::until;

use crate::crowd::Crowd;
use crate::found::Found;
use crate::stage::Stage;

const MIB: u64 = 1 << 20;

/// F01: heads that never end, a line at a time; also as a connection's second request, where many servers do not look.
pub(crate) fn slow_heads(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    let (clients, deadline) = stage.scaled((1_000, 10.0), (100, 1.0));
    let arena = stage.start(&[&format!("--head-deadline={deadline}")])?;
    let (watch, beside) = (arena.watch()?, arena.beside(50.0));
    for is_second in [false, true] {
        let mut crowd = Crowd::connect(arena.subject.addr, clients)?;
        if is_second {
            crowd.say(b"GET /wait/0 HTTP/1.1\r\nHost: a\r\n\r\n");
            let until = Instant::now() + Duration::from_secs(5);
            crowd.listen_until(until, |crowd| crowd.answered(200) == clients);
            found.all("first requests answered", crowd.answered(200), clients);
            crowd.forget();
        }
        let start = Instant::now();
        crowd.say(b"GET /wait/0 HTTP/1.1\r\nHost: a\r\n");
        let [line, by] = [0.1, 1.2].map(|part| Duration::from_secs_f64(deadline * part));
        // Whoever is closed late is late, and whoever never is, is lost.
        while start.elapsed() < 2 * by && crowd.closed() < clients {
            let next = Instant::now() + line;
            crowd.listen_until(next, |_| false);
            crowd.say(b"X-Slow: yes\r\n");
        }
        let whose = if is_second { "second" } else { "first" };
        found.all(&format!("closed, the {whose} request of a connection"), crowd.closed(), clients);
        let told = crowd.answered_at_all() - crowd.answered(408);
        found.none(&format!("answers but 408 to the {whose}"), told as u64);
        found.within("the last was closed after", crowd.last_closed(start), by);
    }
    found.beside(&beside.stop()?, Duration::from_millis(100));
    found.growth(&watch.stop(), 64 * MIB);
    arena.returns_to_base(found, 64 * MIB)
}

/// F03: clients that ask for a long stream and never read it.
pub(crate) fn slow_readers(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    let (clients, stall) = stage.scaled((200, 20.0), (40, 2.0));
    let arena = stage.start(&[&format!("--write-stall={stall}")])?;
    let (watch, beside) = (arena.watch()?, arena.beside(50.0));
    let mut crowd = Crowd::connect_narrow(arena.subject.addr, clients, Some(4 << 10))?;
    let start = Instant::now();
    crowd.say(b"GET /stream/10000000?interval=0 HTTP/1.1\r\nHost: a\r\n\r\n");
    // Nobody listens, so a close is not heard either: the server says how many it still serves.
    let by = Duration::from_secs_f64(stall + 5.0);
    let (mut most, mut left) = (0.0_f64, arena.metric("http_streams")?);
    while start.elapsed() < 2 * by && (left > 0.0 || most < 1.0) {
        thread::sleep(Duration::from_millis(50));
        left = arena.metric("http_streams")?;
        most = most.max(left);
    }
    let took = start.elapsed();
    found.all("streams begun", most as usize, clients);
    found.all("stalled writers closed", clients - left as usize, clients);
    found.within("the last was closed after", took, by);
    found.at_most("open-stream gauge", left, 0.0, "streams");
    // A stream is counted out a moment before its socket is closed; what a socket tells of its reset it tells once.
    let mut reset = 0;
    let _ = until(Duration::from_secs(1), || {
        reset += crowd.reset();
        reset == clients
    });
    found.all("reset, so that the kernel holds nothing for them", reset, clients);
    found.beside(&beside.stop()?, Duration::from_millis(250));
    found.growth(&watch.stop(), 64 * MIB);
    arena.returns_to_base(found, 64 * MIB)?;
    drop(crowd);
    Ok(())
}

/// F04: thousands of connections that asked once and stay; and one more than there may be.
pub(crate) fn idle_connections(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    let (clients, idle) = stage.scaled((10_000, 15.0), (500, 2.0));
    let arena = stage.start(&[&format!("--idle={idle}")])?;
    let (watch, beside) = (arena.watch()?, arena.beside(200.0));
    let mut crowd = Crowd::connect(arena.subject.addr, clients)?;
    crowd.say(b"GET /wait/0 HTTP/1.1\r\nHost: a\r\n\r\n");
    let until = Instant::now() + Duration::from_secs(30);
    crowd.listen_until(until, |crowd| crowd.answered(200) == clients);
    found.all("answered at all", crowd.answered(200), clients);
    let open = arena.metric("http_connections")? as usize;
    crowd.listen();
    // The server's count holds the traffic beside as well.
    found.all("open at once", open.min(clients - crowd.closed()), clients);
    let asked = Instant::now();
    let by = Duration::from_secs_f64(idle + 5.0);
    crowd.listen_until(asked + 2 * by, |crowd| crowd.closed() == clients);
    found.all("closed when idle", crowd.closed(), clients);
    found.within("the last was closed after", crowd.last_closed(asked), by);
    found.beside(&beside.stop()?, Duration::from_millis(100));
    let usage = watch.stop();
    found.bytes("RSS at most", usage.peak.rss_bytes, 300 * MIB);
    // An allocator keeps much of what so many took; whether it grows is the soak's question.
    arena.returns_to_base(found, 256 * MIB)?;
    over_the_limit(stage, found)
}

fn over_the_limit(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    let (most, over) = (60, 20);
    let arena = stage.start(&[&format!("--connections={most}")])?;
    let mut inside = Crowd::connect(arena.subject.addr, most)?;
    inside.say(b"GET /wait/0 HTTP/1.1\r\nHost: a\r\n\r\n");
    let until = Instant::now() + Duration::from_secs(5);
    inside.listen_until(until, |crowd| crowd.answered(200) == most);
    found.all("served up to --connections", inside.answered(200), most);
    // Whoever is told to close when it is nearly full has left room, which is taken again.
    inside.listen();
    let (room, start) = (inside.closed(), Instant::now());
    let mut outside = Crowd::connect(arena.subject.addr, over + room)?;
    let refused = |crowd: &Crowd| {
        crowd
            .0
            .iter()
            .filter(|client| client.closed.is_some() || client.status() == Some(503))
            .count()
    };
    outside.listen_until(start + Duration::from_secs(10), |crowd| refused(crowd) >= over);
    found.all("over --connections refused", refused(&outside).min(over), over);
    found.within("the last was refused after", start.elapsed(), Duration::from_secs(1));
    Ok(())
}

/// F05: clients that are reset in the middle of an answer.
pub(crate) fn vanishing_clients(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    let clients = stage.scaled(250, 50);
    let arena = stage.start(&[])?;
    let beside = arena.beside(50.0);
    let mut waits = Crowd::connect(arena.subject.addr, clients)?;
    let mut streams = Crowd::connect(arena.subject.addr, clients)?;
    waits.say(b"GET /wait/3 HTTP/1.1\r\nHost: a\r\n\r\n");
    streams.say(b"GET /stream/10000?interval=0.01 HTTP/1.1\r\nHost: a\r\n\r\n");
    thread::sleep(Duration::from_millis(100));
    // Who vanishes before it has been heard proves nothing.
    let busy = || {
        arena.metric("http_streams").is_ok_and(|count| count as usize == clients)
            && arena.metric("http_in_flight").is_ok_and(|count| count as usize > 2 * clients)
    };
    found.holds(
        "all are in mid answer",
        until(Duration::from_millis(2_500), busy).is_some(),
        "some are not",
    );
    waits.vanish()?;
    streams.vanish()?;
    // While the server finds out, others are served.
    thread::sleep(Duration::from_secs(2));
    found.beside(&beside.stop()?, Duration::from_millis(100));
    arena.returns_to_base(found, 64 * MIB)?;
    found.none("streams still counted", arena.metric("http_streams")? as u64);
    found.none("panics", arena.metric("http_panics_total")? as u64);
    found.none("panics in the log", arena.panics_logged());
    Ok(())
}
