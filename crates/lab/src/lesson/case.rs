//! What can be tried on a server, and the figures one trial gives.

use std::collections::BTreeMap;
use std::fmt;
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow};
use conformance::client::{Connection, Request};
use conformance::reply::Reply;
use conformance::{Server, Subject};
use github_stub::Stub;
use load::{Arrivals, Ask, Cancel, Expect, Outcome, Plan, Probe, Stop, Target};

use crate::arena::Running;
use crate::lesson::Scale;
use crate::question::Question;
use crate::results::{Cell, Cpus, Gate, Tail};
use crate::{machine, measure};

/// One server, at one level, and what is done with it.
pub struct Case {
    /// What sets it apart from the lesson's other cases of this server: `200 waits`.
    pub level: String,
    /// The server, as `--servers` names it.
    pub who: String,
    /// Flags it needs beyond that.
    pub flags: Vec<String>,
    /// What is done.
    pub act: Act,
    /// How long that takes.
    pub takes: Duration,
    /// Gates that are what this case is about: they do not make its figures void.
    pub about: &'static [&'static str],
    /// Whether the server has all CPUs: how it uses them is the subject, and the load beside it is light.
    pub everywhere: bool,
    /// Another program that takes part, and must be up to date.
    pub beside: Option<&'static str>,
}

/// What is done with a server.
pub enum Act {
    /// It is put under load.
    Load(Box<Load>),
    /// Something that only this lesson does.
    Own(Box<Own>),
}

/// Does what only one lesson does, and gives its figures.
pub type Own = dyn Fn(&mut Scene<'_>) -> anyhow::Result<Figures>;

/// Named numbers, their unit last in the name: `span_ms`.
pub type Figures = BTreeMap<String, f64>;

/// When each of some requests was sent and answered, in milliseconds since the first was sent.
pub type Strip = Vec<(f64, f64)>;

/// What one trial gave.
#[derive(Clone, Debug, Default)]
pub struct Tried {
    /// Its figures.
    pub figures: Figures,
    /// What is wrong with them.
    pub gates: Vec<Gate>,
    /// Some of its requests, where they all began at once.
    pub strip: Option<Strip>,
}

/// Where something of a lesson's own takes place.
#[derive(Debug)]
pub struct Scene<'a> {
    /// The server, which it may stop.
    pub running: &'a mut Running,
    /// The same, to be asked.
    pub subject: Subject,
    /// What it was started with.
    pub flags: &'a [String],
    /// The upstream.
    pub stub: &'a Stub,
    /// How large the lesson is.
    pub scale: &'a Scale,
    /// Whose CPUs are whose.
    pub cpus: &'a Cpus,
    /// Whether it is to end early.
    pub cancel: &'a Cancel,
}

impl Scene<'_> {
    /// Opens so many connections and sends these bytes on each.
    ///
    /// # Errors
    /// When the server does not take them.
    pub fn begin(&self, count: usize, bytes: &[u8]) -> anyhow::Result<Vec<Connection>> {
        let open = |_| {
            let mut connection = Connection::open(self.subject.addr)?;
            connection.send(bytes)?;
            Ok(connection)
        };
        (0..count).map(open).collect()
    }

    /// Starts another process on the same data: a worker, a replica, or the same server once more.
    ///
    /// # Errors
    /// When it does not start, or the server is a stranger's, whose data nobody knows.
    pub fn another(&self, binary: &str, flags: &[String]) -> anyhow::Result<Server> {
        let data = self.running.data().context("a stranger's data cannot be shared")?;
        let data = data.to_str().context("its folder has a name that is no text")?;
        let binary = conformance::binaries::find(binary)?;
        machine::pin(&self.cpus.servers)?;
        let server = Server::start(&binary, flags, &[("WAITLAB_DATA", data)]);
        machine::pin(&self.cpus.load)?;
        server
    }

    /// Asks, and the answer has this status.
    ///
    /// # Errors
    /// When it has not, or there is none.
    pub fn ask(&self, request: &Request, status: u16) -> anyhow::Result<Reply> {
        let reply = self.subject.ask(request).map_err(anyhow::Error::msg)?;
        reply.expect(status).map_err(anyhow::Error::msg)
    }

    /// A `GET` as bytes.
    pub fn get(&self, target: &str) -> Vec<u8> {
        Request::get(target).bytes(&self.subject.host)
    }

    /// How long until a number that the server tells of itself is no more than this, in milliseconds.
    ///
    /// # Errors
    /// When it is still more after so long.
    pub fn falls(&self, metric: &str, most: f64, patience: Duration) -> anyhow::Result<f64> {
        let fallen = self.subject.metric_until(metric, patience, |now| now <= most);
        let time = fallen.map_err(|error| anyhow!("{error}, not {most}"))?;
        Ok(time.as_secs_f64() * 1e3)
    }
}

impl fmt::Debug for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(load) => load.fmt(f),
            Self::Own(_) => f.write_str("Own"),
        }
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}: {:?}", self.level, self.who, self.act)
    }
}

impl Case {
    /// A server under load.
    pub fn load(who: impl Into<String>, level: impl Into<String>, load: Load) -> Self {
        let takes = load.takes();
        Self {
            level: level.into(),
            who: who.into(),
            flags: Vec::new(),
            act: Act::Load(Box::new(load)),
            takes,
            about: &[],
            everywhere: false,
            beside: None,
        }
    }

    /// A server with which something of the lesson's own is done, for about so long.
    pub fn own(
        who: impl Into<String>,
        level: impl Into<String>,
        takes: Duration,
        act: impl Fn(&mut Scene<'_>) -> anyhow::Result<Figures> + 'static,
    ) -> Self {
        Self {
            level: level.into(),
            who: who.into(),
            flags: Vec::new(),
            act: Act::Own(Box::new(act)),
            takes,
            about: &[],
            everywhere: false,
            beside: None,
        }
    }

    /// With flags for the server.
    #[must_use]
    pub fn flags(mut self, flags: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.flags.extend(flags.into_iter().map(Into::into));
        self
    }

    /// On all CPUs: its subject is how a server uses them.
    #[must_use]
    pub fn everywhere(mut self) -> Self {
        self.everywhere = true;
        self
    }

    /// With another program of ours, which the experiment starts itself.
    #[must_use]
    pub fn beside(mut self, program: &'static str) -> Self {
        self.beside = Some(program);
        self
    }

    /// These gates are its subject: its figures count all the same.
    #[must_use]
    pub fn about(mut self, gates: &'static [&'static str]) -> Self {
        self.about = gates;
        self
    }

    /// The most clients at once, so that no limit of ours stands below.
    pub fn clients(&self) -> usize {
        match &self.act {
            Act::Load(load) => load.clients,
            Act::Own(_) => 1_000,
        }
    }
}

/// Clients that ask.
#[derive(Clone, Debug)]
pub struct Load {
    ask: Ask,
    clients: usize,
    pace: Pace,
    keep_alive: bool,
    timeout: Duration,
    in_time: Duration,
    think: Duration,
    beside: Option<Beside>,
    first: Option<Request>,
    least: Duration,
}

/// How they ask.
#[derive(Clone, Copy, Debug)]
enum Pace {
    /// All at once, one request each.
    Burst,
    /// Again and again, each when it has its answer.
    Closed(Duration),
    /// On a schedule.
    Open(Duration, f64),
}

/// A bystander: one who asks for something else meanwhile.
#[derive(Clone, Debug)]
struct Beside {
    ask: Ask,
    every: Duration,
    after: Duration,
}

impl Load {
    /// All at once, one request each, on connections that close with the answer. It takes about so long.
    pub fn burst(ask: Ask, clients: usize, least: Duration) -> Self {
        Self { keep_alive: false, ..Self::new(ask, clients, Pace::Burst, least) }
    }

    /// Each asks again when it has its answer, for so long; one request takes at least `least`.
    pub fn closed(ask: Ask, clients: usize, window: Duration, least: Duration) -> Self {
        Self::new(ask, clients, Pace::Closed(window), least)
    }

    /// Requests leave at this rate, whatever the server does.
    pub fn open(ask: Ask, clients: usize, window: Duration, rate: f64) -> Self {
        Self::new(ask, clients, Pace::Open(window, rate), Duration::ZERO)
    }

    fn new(ask: Ask, clients: usize, pace: Pace, least: Duration) -> Self {
        Self {
            ask,
            clients,
            pace,
            keep_alive: true,
            timeout: Duration::from_secs(15),
            in_time: Duration::MAX,
            think: Duration::ZERO,
            beside: None,
            first: None,
            least,
        }
    }

    /// The same asked by one client.
    #[must_use]
    pub fn alone(&self) -> Self {
        Self { clients: 1, ..self.clone() }
    }

    /// The same asked by half as many clients.
    #[must_use]
    pub fn halved(&self) -> Self {
        Self { clients: self.clients.div_ceil(2), ..self.clone() }
    }

    /// A connection for each request, instead of one for each client.
    #[must_use]
    pub fn closing(mut self) -> Self {
        self.keep_alive = false;
        self
    }

    /// Clients give up after so long, and close.
    #[must_use]
    pub fn patience(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// An answer counts as in time when it takes no longer than this.
    #[must_use]
    pub fn in_time(mut self, limit: Duration) -> Self {
        self.in_time = limit;
        self
    }

    /// Clients wait so long between an answer and their next question.
    #[must_use]
    pub fn think(mut self, think: Duration) -> Self {
        self.think = think;
        self
    }

    /// With a bystander who asks for `/plaintext` so often, from so long after the start.
    #[must_use]
    pub fn beside(self, every: Duration, after: Duration) -> Self {
        self.beside_by(plaintext(), every, after)
    }

    /// With a bystander who asks for this.
    #[must_use]
    pub fn beside_by(mut self, ask: Ask, every: Duration, after: Duration) -> Self {
        self.beside = Some(Beside { ask, every, after });
        self
    }

    /// After this was asked, and answered well: a file that is there to be sent.
    #[must_use]
    pub fn first(mut self, request: Request) -> Self {
        self.first = Some(request);
        self
    }

    /// How long it takes: measured, a connection with its request and answer costs a tenth of a millisecond on both sides.
    pub fn takes(&self) -> Duration {
        let clients = Duration::from_micros(100) * self.clients as u32;
        match self.pace {
            Pace::Burst => self.least + clients + Duration::from_millis(20),
            Pace::Closed(window) => self.warmup() + window + self.least + clients / 2,
            Pace::Open(window, _) => self.warmup() + window + self.timeout.min(window / 2),
        }
    }

    fn warmup(&self) -> Duration {
        match self.pace {
            Pace::Burst => Duration::ZERO,
            Pace::Closed(_) => Duration::from_millis(40) + self.least,
            Pace::Open(..) => Duration::from_millis(40),
        }
    }

    fn plan(&self, target: Target, pid: Option<u32>, cpus: &Cpus) -> Plan {
        let (ask, clients) = (self.ask.clone(), self.clients);
        let plan = match self.pace {
            Pace::Burst => Plan::closed(target, ask, clients, Stop::Each(1)),
            Pace::Closed(window) => Plan {
                // Clients that wait alike would ask in step for ever.
                spread: self.least,
                pace: load::Pace::Closed { stop: Stop::After(window), think: self.think },
                ..Plan::closed(target, ask, clients, Stop::After(window))
            },
            Pace::Open(window, rate) => {
                Plan::open(target, ask, clients, Arrivals::Poisson { rate, seed: 1 }, window)
            }
        };
        Plan {
            warmup: self.warmup(),
            threads: cpus.load.len().min(clients),
            cpus: cpus.load.clone(),
            timeout: self.timeout,
            drain: self.timeout.min(Duration::from_secs(5)),
            keep_alive: self.keep_alive,
            series: true,
            watch: pid,
            ..plan
        }
    }

    /// Puts a server under this load.
    ///
    /// # Errors
    /// When the generator cannot run here at all.
    pub fn run(
        &self,
        running: &Running,
        cpus: &Cpus,
        cancel: &Cancel,
        tick: impl FnMut(&load::Progress),
    ) -> anyhow::Result<Tried> {
        let (outcome, felt) = self.outcome(running, cpus, cancel, tick)?;
        Ok(tried(&outcome, felt.as_ref(), self.in_time, matches!(self.pace, Pace::Burst)))
    }

    /// The same, request by request; and what the bystander felt.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn outcome(
        &self,
        running: &Running,
        cpus: &Cpus,
        cancel: &Cancel,
        tick: impl FnMut(&load::Progress),
    ) -> anyhow::Result<(Outcome, Option<Outcome>)> {
        if let Some(request) = &self.first {
            let reply = running.subject().ask(request).map_err(anyhow::Error::msg)?;
            anyhow::ensure!(reply.status < 300, "{} answered {}", request.line(), reply.status);
        }
        let plan = self.plan(running.target.clone(), running.pid(), cpus);
        thread::scope(|scope| {
            let beside = self.beside.as_ref().map(|beside| {
                let target = running.target.clone();
                let cpu = cpus.load.first().copied();
                scope.spawn(move || {
                    thread::sleep(beside.after);
                    Probe::start(target, beside.ask.clone(), beside.every, cpu)
                })
            });
            let begun = match (beside, self.beside.as_ref()) {
                // Where clients come and go it is there before them.
                (Some(probe), Some(beside)) if beside.after.is_zero() => {
                    Begun::Now(joined(probe).context("cannot start the bystander")?)
                }
                (Some(probe), _) => Begun::Later(probe),
                (None, _) => Begun::Nobody,
            };
            let outcome = load::run(&plan, cancel, tick).context("cannot load the server")?;
            let probe = match begun {
                Begun::Nobody => None,
                Begun::Now(probe) => Some(probe),
                Begun::Later(probe) => Some(joined(probe).context("cannot start the bystander")?),
            };
            let felt = probe.map(Probe::stop).transpose().context("the bystander failed")?;
            Ok((outcome, felt))
        })
    }
}

impl Load {
    /// Answers a second of several servers that are under this load at once, together.
    ///
    /// # Errors
    /// When the generator cannot run here at all, or something went wrong that makes the number void.
    pub fn rate_of(&self, all: &[Target], cpus: &Cpus, cancel: &Cancel) -> anyhow::Result<f64> {
        let outcomes = thread::scope(|scope| {
            let load = |target: &Target| {
                let plan = self.plan(target.clone(), None, cpus);
                scope.spawn(move || load::run(&plan, cancel, |_| {}))
            };
            let begun: Vec<_> = all.iter().map(load).collect();
            let joined = begun.into_iter().map(|one| one.join().expect("a load does not panic"));
            joined.collect::<Result<Vec<_>, _>>()
        })?;
        for outcome in &outcomes {
            let failed = outcome.errors.total();
            anyhow::ensure!(failed == 0, "{failed} requests failed: {:?}", outcome.errors.examples);
        }
        Ok(outcomes.iter().map(Outcome::rate).sum())
    }
}

/// Where the bystander is.
enum Begun<'scope> {
    Nobody,
    Now(Probe),
    Later(thread::ScopedJoinHandle<'scope, std::io::Result<Probe>>),
}

fn joined(probe: thread::ScopedJoinHandle<'_, std::io::Result<Probe>>) -> std::io::Result<Probe> {
    probe.join().expect("starting a probe does not panic")
}

/// The figures of a load, by their names.
fn tried(outcome: &Outcome, felt: Option<&Outcome>, in_time: Duration, is_burst: bool) -> Tried {
    let mut cell = measure::found(outcome, Tail::Slowest);
    if let Some(felt) = felt {
        let probe = measure::probed(felt);
        let late = probe.is_late();
        let gates = measure::probe_gates(felt).into_iter();
        cell.gates.extend(gates.map(|gate| Gate { void: gate.void || late, ..gate }));
        cell.probe = Some(probe);
    }
    let mut figures = of_cell(&cell);
    let in_time = outcome.series.iter().filter(|one| one.ok && one.latency <= in_time).count();
    figures.insert("in_time_share".into(), in_time as f64 / (outcome.series.len() as f64).max(1.0));
    let mut served: Vec<_> =
        outcome.series.iter().filter(|one| one.ok).map(|one| one.latency).collect();
    served.sort();
    if let Some(middle) = served.get(served.len() / 2) {
        figures.insert("served_p50_ms".into(), middle.as_secs_f64() * 1e3);
    }
    if let Some(cpu) = figures.get("cpu_s").filter(|cpu| **cpu > 0.0) {
        figures.insert("wanted_per_cpu_s".into(), in_time as f64 / cpu);
    }
    Tried { figures, gates: cell.gates, strip: is_burst.then(|| strip(outcome)) }
}

/// Sixty of the requests, evenly taken, in the order they were answered.
fn strip(outcome: &Outcome) -> Strip {
    const SHOWN: usize = 60;
    let sent_and_answered = |sample: &load::Sample| (ms(sample.at), ms(sample.at + sample.latency));
    let mut all: Strip = outcome.series.iter().map(sent_and_answered).collect();
    all.sort_by(|one, other| one.1.total_cmp(&other.1));
    let count = all.len().min(SHOWN);
    (0..count).map(|at| all[(at + 1) * all.len() / count - 1]).collect()
}

fn of_cell(cell: &Cell) -> Figures {
    let latency = &cell.latency;
    let mut figures = Figures::new();
    let mut put = |name: &str, value: Option<f64>| {
        if let Some(value) = value {
            figures.insert(name.to_owned(), value);
        }
    };
    put("rate_per_s", Some(cell.rate));
    put("answered", Some(cell.ok as f64));
    put("failed", Some(cell.failed() as f64));
    put("never_served", Some(cell.never_served as f64));
    // Of those who waited, the share that waited for nothing: Little's law.
    let unserved = 1.0 - cell.in_flight / cell.waiting.max(1e-9);
    put("unserved_share", (cell.waiting > 0.0).then(|| unserved.max(0.0)));
    put("span_ms", Some(cell.span_s * 1e3));
    put("p50_ms", Some(latency.p50_ms));
    put("p99_ms", latency.p99_ms);
    put("slowest_ms", Some(latency.max_ms));
    if let Some(usage) = &cell.usage {
        let held_base = usage.rss_base_bytes
            + usage.page_tables_base_bytes
            + usage.threads_base * load::process::KERNEL_STACK;
        put("cpu_us", usage.cpu_us);
        put("cpu_s", Some(usage.cores_busy * cell.window_s));
        put("threads", Some(usage.threads_peak as f64));
        put("rss_bytes", Some(usage.rss_peak_bytes as f64));
        put("held_bytes", Some(usage.held_peak_bytes() as f64));
        put("grown_bytes", Some(usage.held_peak_bytes().saturating_sub(held_base) as f64));
        let switches = usage.voluntary_switches.zip(usage.involuntary_switches);
        put("switches", switches.map(|(own, forced)| own + forced));
    }
    if let Some(probe) = &cell.probe {
        put("felt_ms", Some(probe.latency.p99_ms.unwrap_or(probe.latency.max_ms)));
        put("felt_p50_ms", Some(probe.latency.p50_ms));
        put("stall_ms", Some(probe.stall_ms));
    }
    figures
}

/// Figures by their names.
pub fn figures<const N: usize>(all: [(&str, f64); N]) -> Figures {
    all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A time as a figure.
pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// `/plaintext`, and what it answers.
pub fn plaintext() -> Ask {
    Question::Plaintext.ask("")
}

/// A route that answers 200 when asked so.
pub fn get(target: impl Into<String>) -> Ask {
    Ask::get(target).expect(Expect::default())
}

/// A part of a name that no other load of this process asks for.
pub fn fresh() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{:x}l{:x}", NEXT.fetch_add(1, Ordering::Relaxed), std::process::id() & 0xfff)
}
