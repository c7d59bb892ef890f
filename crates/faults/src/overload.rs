//! More than there is room for: work, descriptors, threads.

use std::thread::{self, available_parallelism};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use load::{Arrivals, Ask, Cancel, Outcome, Plan, Stop, Target};

use crate::crowd::Crowd;
use crate::found::Found;
use crate::stage::{Arena, Stage};

/// F07: three times as much to compute as the cores can.
pub(crate) fn more_work_than_cores(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    const PATH: &str = "/work?cpu_ms=50&placement=offload";
    const QUEUE: u32 = 16;
    let cores = available_parallelism().map_or(1, |cores| cores.get() as u32);
    let (threads, queue) =
        (format!("--offload-threads={cores}"), format!("--offload-queue={QUEUE}"));
    let arena = stage.start(&[&threads, &queue])?;
    let target = || Target::new(arena.server.addr());
    let ran = |plan: &Plan| load::run(plan, &Cancel::new(), |_| {});
    let alone = ran(&Plan::closed(target(), Ask::get(PATH), 1, Stop::Requests(20)))?;
    let unloaded = Duration::from_nanos(alone.latency.value_at_quantile(0.5));
    let measured = Stop::After(Duration::from_secs(2));
    let capacity = ran(&Plan::closed(target(), Ask::get(PATH), cores as usize, measured))?.rate();

    let healthz = arena.asking("/healthz", 20.0);
    let length = Duration::from_secs(stage.scaled(30, 4));
    let arrivals = Arrivals::Fixed { rate: 3.0 * capacity };
    let mut plan = Plan::open(target(), Ask::get(PATH), 128, arrivals, length);
    plan.series = true;
    let burst = ran(&plan)?;
    let accepted = p99(&burst, true);
    // Whoever is taken last waits for all that wait before, at the pace of cores that all compute, as measured just now: two
    // may be one core's threads, and what asks runs on them too.
    let bound = unloaded * 2 + Duration::from_secs_f64(f64::from(QUEUE) / capacity);
    found.within("accepted p99", accepted, bound);
    let refused = burst.errors.status.get(&503).copied().unwrap_or_default();
    let others = burst.errors.total() - refused;
    found.none("answered otherwise than 200 or 503", others + burst.dropped);
    found.holds("some of it refused", refused > 0, "none");
    found.within("503 p99", p99(&burst, false), Duration::from_millis(100));
    found.beside(&healthz.stop()?, Duration::from_millis(250));

    let (start, mut in_turn) = (Instant::now(), 0);
    while in_turn < 10 && start.elapsed() < Duration::from_secs(5) {
        let served = arena.subject.get(PATH).is_ok_and(|reply| reply.status == 200);
        in_turn = if served { in_turn + 1 } else { 0 };
    }
    found.all("served in turn within 5 s after the burst", in_turn, 10);
    stage.idle_pool();
    arena.returns_to_base(found, 32 << 20)
}

/// Of the answers that were right, or of the others.
fn p99(burst: &Outcome, right: bool) -> Duration {
    let of = burst.series.iter().filter(|sample| sample.ok == right);
    let mut times: Vec<_> = of.map(|sample| sample.latency).collect();
    times.sort_unstable();
    times.get(times.len() * 99 / 100).copied().unwrap_or_default()
}

/// F09: more connections than the process may have descriptors.
pub(crate) fn descriptors_exhausted(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    let (clients, hold) = stage.scaled((400, 10), (200, 3));
    let mut arena = stage.start_under("--nofile=128", &[])?;
    let mut before = arena.subject.connect().map_err(|error| anyhow!(error))?;
    before.get("/wait/0").map_err(|error| anyhow!(error))?;
    let crowd = Crowd::connect(arena.subject.addr, clients)?;
    thread::sleep(Duration::from_millis(500));
    let (start, cpu) = (Instant::now(), arena.cpu()?);
    let held = arena.holds()?.descriptors;
    found.holds("no descriptor is left", held >= 120, format!("it has {held} of 128"));
    let mut served = 0;
    for _ in 0..hold {
        served += usize::from(before.get("/wait/0").is_ok_and(|reply| reply.status == 200));
        thread::sleep(Duration::from_secs(1));
    }
    let share = (arena.cpu()? - cpu).as_secs_f64() / start.elapsed().as_secs_f64() * 100.0;
    found.at_most("CPU while full", share, 5.0, "%");
    found.all("answers on an open connection, one a second", served, hold);
    drop(crowd);
    drop(before);
    recovers(&mut arena, found, Duration::from_secs(3));
    let lines = arena.server.output().lines().count();
    found.at_most("log", lines as f64, 100.0, "lines");
    arena.returns_to_base(found, 64 << 20)
}

/// F11: no more threads, because of the address space, and because of the user's limit.
pub(crate) fn threads_exhausted(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    let arena = stage.start_under("--as=314572800", &[])?;
    no_more_threads("with 300 MiB of address space", "RLIMIT_AS", arena, found)?;
    match stage.start_as_nobody("--nproc=80", &[])? {
        Some(arena) => no_more_threads("with --nproc=80", "RLIMIT_NPROC", arena, found),
        None => {
            found.holds("--nproc=80: not run, as it takes root to be somebody else", true, "");
            Ok(())
        }
    }
}

fn no_more_threads(
    how: &str,
    limit: &str,
    mut arena: Arena,
    found: &mut Found,
) -> anyhow::Result<()> {
    let waits = 300;
    // A server that gives each connection a thread says how many it can have, and why.
    let cap = connections_bound_by(&arena.server.output(), limit).unwrap_or(waits);
    let mut crowd = Crowd::connect(arena.subject.addr, waits)?;
    crowd.say(b"GET /wait/3 HTTP/1.1\r\nHost: a\r\n\r\n");
    let until = Instant::now() + Duration::from_secs(30);
    crowd.listen_until(until, |crowd| crowd.done() == waits);
    let (right, refused) = (crowd.answered(200), crowd.answered(503));
    found.all(&format!("answered 200 or 503 {how}"), right + refused, waits);
    found.all(&format!("of them 200, as many as it can hold {how}"), right, cap.min(waits));
    drop(crowd);
    recovers(&mut arena, found, Duration::from_secs(3));
    found.none("panics in the log", arena.panics_logged());
    arena.returns_to_base(found, 64 << 20)
}

/// How many connections the log says there may be, if it says that this limit decides.
fn connections_bound_by(log: &str, limit: &str) -> Option<usize> {
    let line = log.lines().find(|line| line.contains(limit))?;
    let count = line.split("connections=").nth(1)?;
    count.split(|one: char| !one.is_ascii_digit()).next()?.parse().ok()
}

/// It lives, and five new clients are answered.
fn recovers(arena: &mut Arena, found: &mut Found, within: Duration) {
    let ended = arena.server.ended();
    let how = ended.map(|exit| exit.to_string()).unwrap_or_default();
    found.holds("alive", ended.is_none(), how);
    let start = Instant::now();
    let mut right = 0;
    while right < 5 && start.elapsed() < 5 * within {
        match arena.subject.get("/wait/0") {
            Ok(reply) if reply.status == 200 => right += 1,
            _ => thread::sleep(Duration::from_millis(20)),
        }
    }
    found.all("fresh requests answered", right, 5);
    found.within("the last of them after", start.elapsed(), within);
}
