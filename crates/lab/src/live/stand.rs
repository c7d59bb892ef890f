//! The three servers side by side, each with its crowd, and what is seen of them: five times a second, and more often when the dial was just turned.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use load::process::{Cpu, Held};
use serde::Serialize;

use super::crowd::{Crowd, Order, Tally};
use super::dial::Dial;
use crate::arena::{Arena, Running};
use crate::competitor::Competitor;

/// Between two looks.
pub const TICK: Duration = Duration::from_millis(200);
/// Between two looks when the dial was just turned: whoever drags a slider watches for what it does.
const SOON: Duration = Duration::from_millis(50);
/// As many looks are taken so soon.
const EAGER: u32 = 10;
/// Throughput and percentiles are those of the looks of so long a time.
const WINDOW: Duration = Duration::from_secs(2);

/// Who runs, and what they are asked.
#[derive(Debug)]
pub struct Stand {
    arena: Arena,
    flags: Vec<String>,
    epoch: Instant,
    set: Mutex<Set>,
    /// Empty until the contract was checked.
    servers: OnceLock<Vec<Server>>,
    /// What is said of the contract.
    checked: Mutex<String>,
    latest: Mutex<Arc<Look>>,
    /// Rings with each look.
    looked: Condvar,
    /// Looks that are still to be taken soon.
    eager: Mutex<u32>,
    /// Rings when the dial was turned.
    turned: Condvar,
}

#[derive(Debug)]
struct Set {
    dial: Dial,
    scenes: u64,
}

#[derive(Debug)]
struct Server {
    who: Competitor,
    running: Mutex<Running>,
    crowd: Crowd,
    past: Mutex<Past>,
}

/// What was seen lately.
#[derive(Debug, Default)]
struct Past {
    ticks: VecDeque<(Duration, Tally)>,
    looked: Option<(Instant, Duration)>,
}

/// One look at all of it, as the page gets it.
#[derive(Debug, Serialize)]
pub struct Look {
    /// Counts the looks.
    number: u64,
    /// Milliseconds since the page's clock began.
    now: f64,
    dial: Dial,
    /// How the checks of the contract go, or went.
    checked: String,
    servers: Vec<Seen>,
}

/// One server at this moment. Times are milliseconds; nothing is said where nothing was measured.
#[derive(Debug, Serialize)]
struct Seen {
    name: String,
    /// Answers a second.
    rate: f64,
    p50: Option<f64>,
    p99: Option<f64>,
    failed: u64,
    in_flight: usize,
    threads: Option<u64>,
    rss_bytes: Option<u64>,
    /// Cores' worth of CPU.
    cpu: Option<f64>,
    /// The innocent route: its slowest answer since the last look.
    probe: Option<f64>,
    /// Sent, answered or null, and whether it was good.
    bars: Vec<(f64, Option<f64>, bool)>,
    /// What it wrote when it ended; only if it has.
    ended: Option<String>,
}

impl Stand {
    /// Nobody runs yet, so that the page can say what is waited for.
    pub fn new(arena: Arena, dial: Dial) -> Self {
        let flags = flags(&arena);
        let look = Look {
            number: 0,
            now: 0.0,
            dial: dial.clone(),
            checked: String::new(),
            servers: Vec::new(),
        };
        Self {
            arena,
            flags,
            epoch: Instant::now(),
            set: Mutex::new(Set { dial, scenes: 0 }),
            servers: OnceLock::new(),
            checked: Mutex::default(),
            latest: Mutex::new(Arc::new(look)),
            looked: Condvar::new(),
            eager: Mutex::new(0),
            turned: Condvar::new(),
        }
    }

    /// Says how the checks of the contract go.
    pub fn says(&self, checked: String) {
        *self.checked.lock().expect(NO_PANIC) = checked;
    }

    /// Starts the servers with their mistakes to be had, and the clients; once.
    ///
    /// # Errors
    /// When a server cannot be started.
    pub fn start(&self, who: Vec<Competitor>) -> anyhow::Result<()> {
        // Whoever turns the dial now waits, and is obeyed.
        let set = self.set();
        let first = order(&set.dial, set.scenes)?;
        let mut servers = Vec::new();
        for who in who {
            let running = self.arena.start(&who, &self.flags)?;
            let order = Order { addr: running.target.addr, ..first.clone() };
            let crowd =
                Crowd::start(&who.name, self.epoch, order).context("cannot start clients")?;
            servers.push(Server {
                who,
                running: Mutex::new(running),
                crowd,
                past: Mutex::default(),
            });
        }
        ensure!(self.servers.set(servers).is_ok(), "they run already");
        Ok(())
    }

    /// What is set now.
    pub fn dial(&self) -> Dial {
        self.set().dial.clone()
    }

    /// Sets it for all servers at once. One that is stuck in a mistake is started anew when the mistake ends.
    ///
    /// # Errors
    /// When it cannot be set, which changes nothing; or when a server does not come back.
    pub fn turn(&self, dial: Dial) -> anyhow::Result<()> {
        dial.scene()?;
        let mut set = self.set();
        let same = dial.scene == set.dial.scene
            && dial.pitfall == set.dial.pitfall
            && (dial.rate > 0) == (set.dial.rate > 0);
        let stuck = set.dial.pitfall && !same;
        set.scenes += u64::from(!same);
        for server in self.servers() {
            let addr = if stuck { self.anew(server)? } else { server.crowd.order().addr };
            if !same {
                server.crowd.forget();
                *server.past() = Past::default();
            }
            server.crowd.set(Order { addr, ..order(&dial, set.scenes)? });
        }
        set.dial = dial;
        *self.eager.lock().expect(NO_PANIC) = EAGER;
        self.turned.notify_all();
        Ok(())
    }

    /// In place of one whose threads sleep on, whoever waits for them.
    fn anew(&self, server: &Server) -> anyhow::Result<std::net::SocketAddr> {
        let fresh = self.arena.start(&server.who, &self.flags)?;
        let addr = fresh.target.addr;
        // A drain would wait for the mistake: dropped, it is killed.
        drop(std::mem::replace(&mut *server.running(), fresh));
        Ok(addr)
    }

    /// Looks at all servers, then rests until the next look is due; to be called by one thread, however many browsers listen.
    pub fn tick(&self) {
        let dial = self.dial();
        let checked = self.checked.lock().expect(NO_PANIC).clone();
        let servers = self.servers().iter().map(Server::look).collect();
        let now = self.epoch.elapsed().as_secs_f64() * 1e3;
        {
            let mut latest = self.latest.lock().expect(NO_PANIC);
            *latest = Arc::new(Look { number: latest.number + 1, now, dial, checked, servers });
        }
        self.looked.notify_all();
        let eager = self.eager.lock().expect(NO_PANIC);
        let still = |eager: &mut u32| *eager == 0;
        let (mut eager, _) = self.turned.wait_timeout_while(eager, TICK, still).expect(NO_PANIC);
        let soon = *eager > 0;
        *eager = eager.saturating_sub(1);
        drop(eager);
        if soon {
            std::thread::sleep(SOON);
        }
    }

    /// What was seen last.
    pub fn latest(&self) -> Arc<Look> {
        Arc::clone(&self.latest.lock().expect(NO_PANIC))
    }

    /// What is seen after that look, as soon as it is; or that look again, if none comes in time.
    pub fn next(&self, look: &Look) -> Arc<Look> {
        let same = |latest: &mut Arc<Look>| latest.number == look.number;
        let latest = self.latest.lock().expect(NO_PANIC);
        let (latest, _) = self.looked.wait_timeout_while(latest, TICK * 2, same).expect(NO_PANIC);
        Arc::clone(&latest)
    }

    fn servers(&self) -> &[Server] {
        self.servers.get().map_or(&[], Vec::as_slice)
    }

    fn set(&self) -> MutexGuard<'_, Set> {
        self.set.lock().expect(NO_PANIC)
    }
}

impl Server {
    fn look(&self) -> Seen {
        let (pid, ended) = {
            let mut running = self.running();
            (running.pid(), running.crashed())
        };
        let (tally, in_flight, bars) = self.crowd.look();
        let (probe, failed) = (tally.probe, tally.failed);
        let mut past = self.past();
        let now = Instant::now();
        let spent = pid.and_then(|pid| Cpu::of(pid).ok()).map(|cpu| cpu.total);
        let cpu = past.looked.zip(spent).map(|((at, before), spent)| {
            spent.saturating_sub(before).as_secs_f64() / (now - at).as_secs_f64().max(1e-3)
        });
        let since = past.looked.map_or(TICK, |(at, _)| now - at);
        past.looked = Some((now, spent.unwrap_or_default()));
        past.ticks.push_back((since, tally));
        let mut span: Duration = past.ticks.iter().map(|(since, _)| *since).sum();
        while span > WINDOW {
            span -= past.ticks.pop_front().map_or(span, |(since, _)| since);
        }
        let held = pid.and_then(|pid| Held::by(pid).ok());
        let (rate, p50, p99) = past.sum();
        Seen {
            name: self.who.name.clone(),
            rate,
            p50,
            p99,
            failed,
            in_flight,
            threads: held.map(|held| held.threads),
            rss_bytes: held.map(|held| held.rss_bytes),
            cpu,
            probe,
            bars: bars.iter().map(|bar| (bar.sent, bar.done, bar.ok)).collect(),
            ended,
        }
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().expect(NO_PANIC)
    }

    fn past(&self) -> MutexGuard<'_, Past> {
        self.past.lock().expect(NO_PANIC)
    }
}

impl Past {
    /// Answers a second, and percentiles in milliseconds.
    fn sum(&self) -> (f64, Option<f64>, Option<f64>) {
        let mut latency: Option<Histogram<u64>> = None;
        let (mut answered, mut span) = (0, Duration::ZERO);
        for (since, tally) in &self.ticks {
            answered += tally.answered;
            span += *since;
            match &mut latency {
                Some(sum) => sum.add(&tally.latency).expect("all have the same bounds"),
                None => latency = Some(tally.latency.clone()),
            }
        }
        let latency = latency.filter(|latency| !latency.is_empty());
        let at = |quantile| {
            latency.as_ref().map(|latency| latency.value_at_quantile(quantile) as f64 / 1e3)
        };
        (answered as f64 / span.as_secs_f64().max(1e-3), at(0.5), at(0.99))
    }
}

const NO_PANIC: &str = "no code panics while it holds the lock";

fn order(dial: &Dial, scene_number: u64) -> anyhow::Result<Order> {
    let scene = dial.scene()?;
    let path = match scene.mistake {
        Some(mistake) if dial.pitfall => mistake.path,
        _ => scene.path,
    };
    Ok(Order {
        addr: ([127, 0, 0, 1], 0).into(),
        path,
        clients: dial.clients,
        rate: dial.rate,
        rest: Duration::from_millis(scene.rest_ms),
        scene: scene_number,
    })
}

/// Every limit of ours above what the sliders can ask for, but for the pool that one scene is about.
fn flags(arena: &Arena) -> Vec<String> {
    vec![
        "--log=off".to_owned(),
        "--pitfalls".to_owned(),
        format!("--github-url={}", arena.stub.url()),
        format!("--rounds-per-ms={}", arena.rounds_per_ms),
        "--upstream-max=8192".to_owned(),
        "--upstream-connect=5".to_owned(),
        "--upstream-total=20".to_owned(),
        "--offload-threads=8".to_owned(),
        "--offload-queue=2048".to_owned(),
        "--handler-deadline=3600".to_owned(),
    ]
}

/// All of them, for whoever shares it between threads.
pub type Shared = Arc<Stand>;
