//! What a run found, as it stands in `lab-report/results.json`: every cell of every round, with its evidence.
//!
//! Nothing here is a judgement. Verdicts, tables and charts are computed from these types and from nothing else, so
//! that anyone with the file can compute them again.
//!
//! Units stand in the names: `_ms`, `_us`, `_s`, `_bytes`. A number that could not be had is `null`, never 0.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::peers::PEERS;

/// The shape of this file. It grows when a field changes its meaning or goes; a new field does not grow it.
pub const SCHEMA: u32 = 1;

/// The JSON Schema of this file, as `crates/lab/results.schema.json` has it.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Results).to_value()
}

/// Reads a run: its `results.json`, or the folder it lies in.
///
/// # Errors
/// When there is none, or it is none, or one of a later `lab`.
pub fn read(path: &Path) -> anyhow::Result<Results> {
    #[derive(Deserialize)]
    struct Version {
        schema: u32,
    }
    let path = if path.is_dir() { path.join("results.json") } else { path.to_owned() };
    let text = fs::read_to_string(&path).with_context(|| {
        format!("cannot read {} (`cargo lab` writes one into --out)", path.display())
    })?;
    let Version { schema } = serde_json::from_str(&text)
        .with_context(|| format!("{} holds no results", path.display()))?;
    ensure!(
        schema <= SCHEMA,
        "{} is of schema {schema}, and this lab knows up to {SCHEMA}: use the one that wrote it",
        path.display()
    );
    serde_json::from_str(&text).with_context(|| format!("{} holds no results", path.display()))
}

/// A whole run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Results {
    /// [`SCHEMA`] when it was written.
    pub schema: u32,
    /// When the run began, in UTC (RFC 3339).
    pub started: String,
    /// How long it took, from the first server's start to the last one's end.
    pub took_s: f64,
    /// The command line that made it, as typed.
    pub command: Vec<String>,
    /// What picks the order of competitors in each round and the names that are asked for.
    pub seed: u64,
    /// Rounds that were to be made.
    pub rounds: u32,
    /// Whether it was ended from outside: then some cells are missing.
    pub interrupted: bool,
    /// Where it ran.
    pub machine: Machine,
    /// What ran.
    pub versions: Versions,
    /// Which CPUs servers and load had.
    pub cpus: Cpus,
    /// Rounds of computing that make a millisecond here, measured once and given to every server.
    pub rounds_per_ms: u64,
    /// What was true of every cell, in sentences, said once.
    pub notes: Vec<String>,
    /// Who was compared, in the order of every table.
    pub competitors: Vec<Competitor>,
    /// What was asked, in the order of every table.
    pub scenarios: Vec<Scenario>,
    /// What was measured, in the order it was.
    pub cells: Vec<Cell>,
}

/// Where it ran, and what the kernel allows there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// As the CPU calls itself.
    pub cpu: String,
    /// Cores this process may use.
    pub cores: usize,
    /// Memory in all.
    pub memory_bytes: u64,
    /// Kernel name and release.
    pub kernel: String,
    /// The frequency governor, where there is one.
    pub governor: Option<String>,
    /// Runnable tasks over the minute before the run.
    pub load_average: f64,
    /// Limits by name: descriptors, threads, maps, backlog, ports.
    pub limits: BTreeMap<String, u64>,
}

/// What ran.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Versions {
    /// The commit of this repository, when it is one.
    pub commit: Option<String>,
    /// Whether files differed from that commit.
    pub dirty: bool,
    /// `rustc --version`, when it can be asked.
    pub rustc: Option<String>,
    /// How everything was built: `release` or `debug`.
    pub profile: String,
    /// The crates that matter to the result, from the lock file.
    pub crates: BTreeMap<String, String>,
}

/// Which CPUs were whose.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cpus {
    /// The server's.
    pub servers: Vec<usize>,
    /// The generator's, the probe's and the upstream's.
    pub load: Vec<usize>,
    /// Whether the two have hyper-threads of the same core, because there is no second one.
    #[serde(default)]
    pub one_core: bool,
}

impl Cpus {
    /// `split` when nobody has the other's, `split by hyper-thread` when they have the same core, else `shared`.
    pub fn word(&self) -> &'static str {
        let shared = self.servers.iter().any(|cpu| self.load.contains(cpu));
        match (shared, self.one_core) {
            (true, _) => "shared",
            (false, true) => "split by hyper-thread",
            (false, false) => "split",
        }
    }
}

/// A server with its flags, or a stranger's by its address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Competitor {
    /// As typed: `blocking`, `axum:workers=1`, the name of a `--target`.
    pub name: String,
    /// Which server it is: `blocking`, `actix` or `axum`; `None` for a stranger and for a control.
    pub server: Option<String>,
    /// Which bare program it is: `floor`, `bare-threads`, `bare-actix`, `bare-axum`; `None` for a server.
    #[serde(default)]
    pub control: Option<String>,
    /// Flags it was typed with, as the server takes them.
    pub flags: Vec<String>,
    /// How it waits, in a few words.
    pub waits: String,
    /// Contract checks it passed.
    pub passed: usize,
    /// Contract checks it failed, each with what was wrong.
    pub failed: Vec<String>,
    /// Why it was not measured at all, when it was not.
    pub excluded: Option<String>,
}

impl Competitor {
    /// Whether it is the floor.
    pub fn is_floor(&self) -> bool {
        self.control.as_deref() == Some("floor")
    }

    /// Whether it is the same API in another language: compared with itself, and with nobody else.
    pub fn is_peer(&self) -> bool {
        self.server.is_none() && self.control.is_none() && PEERS.contains(&self.name.as_str())
    }
}

/// One subject: what is asked, and which claim it serves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scenario {
    /// The lesson's name where there is one: `waiting`, `fan-out`.
    pub name: String,
    /// What it shows, in a sentence.
    pub title: String,
    /// The claims it bears on, as quoted in the answer.
    pub claims: Vec<String>,
    /// Flags every server got for it, so that no limit of ours is the subject.
    pub flags: Vec<String>,
    /// What was asked at which level.
    pub levels: Vec<Level>,
}

/// One row of a scenario's table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Level {
    /// What it is called: `closed/64`, `burst/1000`, `closed/16 in turn`. Unique within its scenario.
    pub name: String,
    /// Clients at once; in an open loop the most that may be busy at once.
    pub clients: usize,
    /// How they ask.
    pub kind: Kind,
    /// What a client of a closed loop waits between an answer and its next request.
    pub think_ms: f64,
    /// Requests a second, of an open loop; messages a second, in a room.
    pub rate: Option<f64>,
    /// How an open loop's requests leave.
    #[serde(default)]
    pub arrivals: Arrivals,
    /// Whether each request opens a connection of its own.
    #[serde(default)]
    pub reconnects: bool,
    /// What sets it apart from other rows with as many clients: `in turn`, `above the pool`.
    pub variant: Option<String>,
    /// Method and path; `{n}` is a fresh number in each request.
    pub request: String,
    /// What a request has to wait for by its own meaning, on an idle server: the wait, the upstream's latency.
    pub least_ms: f64,
    /// Which tail the run has samples for.
    pub tail: Tail,
    /// What the probe beside it asks, when there is one.
    pub probe: Option<String>,
}

/// How clients ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Each asks again when it has its answer, for a while, on connections opened before.
    #[default]
    Closed,
    /// All at once, one request each, connecting included.
    Burst,
    /// Requests leave on a schedule, whatever the server does.
    Open,
    /// One speaks on a schedule, and the clients listen: an answer is a message that reached one of them.
    Room,
}

impl Kind {
    /// The word it goes by in names and tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Burst => "burst",
            Self::Open => "open",
            Self::Room => "room",
        }
    }
}

/// When the requests of an open loop leave.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Arrivals {
    /// Independent of each other, as users are: exponential gaps
    #[default]
    Poisson,
    /// One every 1/rate
    Fixed,
    /// From nothing evenly up to the rate
    Ramp,
}

/// The tail of the latencies that a row shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tail {
    /// At least ten samples lie beyond it.
    P99,
    /// Too few samples for a p99 by design: the slowest of them.
    #[default]
    Slowest,
}

/// One competitor at one level in one round.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cell {
    /// [`Scenario::name`].
    pub scenario: String,
    /// [`Level::name`].
    pub level: String,
    /// [`Competitor::name`].
    pub competitor: String,
    /// From 1.
    pub round: u32,
    /// Seconds since the run began.
    pub at_s: f64,
    /// What is wrong with it. One that is `void` makes every number of the cell unusable.
    pub gates: Vec<Gate>,
    /// Right answers a second, within the window.
    pub rate: f64,
    /// Right answers, of the requests that left within the window.
    pub ok: u64,
    /// Requests that failed, by how: `timeout`, `closed`, `status 503`, …
    pub errors: BTreeMap<String, u64>,
    /// The first few failures, in words.
    pub examples: Vec<String>,
    /// The window, in seconds.
    pub window_s: f64,
    /// From the first request (for a burst: the first SYN) to the last byte.
    pub span_s: f64,
    /// From when a request was to leave to its last byte.
    pub latency: Latency,
    /// The same requests from when they left: what a generator tells that does not count how long they were held up
    /// before. `None` in a closed loop, where the two are one.
    #[serde(default)]
    pub service: Option<Latency>,
    /// How late the generator itself was with each scheduled request, at p99.
    #[serde(default)]
    pub lag_ms: Option<f64>,
    /// What the server's process spent and held; `None` for a stranger's.
    pub usage: Option<Usage>,
    /// What a bystander felt meanwhile.
    pub probe: Option<Probe>,
    /// Mean number of clients that waited.
    pub waiting: f64,
    /// Mean number of clients on the way to a right answer (rate × latency).
    pub in_flight: f64,
    /// Clients that never got an answer.
    pub never_served: usize,
    /// The busiest generator thread: the share of the window in which it ran or stood in line for its CPU.
    pub generator_busy: f64,
    /// CPU time of the generator for each answer.
    pub generator_us: Option<f64>,
    /// All latencies as an HDR V2 histogram in nanoseconds, beside this file.
    pub histogram: Option<String>,
    /// The same for `service`.
    #[serde(default)]
    pub service_histogram: Option<String>,
}

impl Cell {
    /// Whether its numbers must not be used.
    pub fn is_void(&self) -> bool {
        self.gates.iter().any(|gate| gate.void)
    }

    /// Why its numbers must not be used, if they must not.
    pub fn why_void(&self) -> Option<&Gate> {
        self.gates.iter().find(|gate| gate.void)
    }

    /// Requests that failed.
    pub fn failed(&self) -> u64 {
        self.errors.values().sum()
    }
}

/// A reason not to use a number, or to read it with care.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gate {
    /// Which: `starved`, `generator-bound`, …
    pub name: String,
    /// Whether the cell must not be used; otherwise it is a caution.
    pub void: bool,
    /// What is wrong, with its figures.
    pub sentence: String,
}

impl Gate {
    /// Whether it tells of the server, and not of the measurement: what failed is then found, not missing.
    pub fn is_the_servers(&self) -> bool {
        self.void
            && ["nothing", "lost", "starved", "errors", "crashed"].contains(&self.name.as_str())
    }
}

/// Latencies, in milliseconds. Failed requests are in, with the time they waited.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// How many.
    pub samples: u64,
    /// Their mean.
    pub mean_ms: f64,
    /// The fastest.
    pub min_ms: f64,
    /// The median.
    pub p50_ms: f64,
    /// `None`, as the next two, when fewer than ten samples lie beyond it.
    pub p90_ms: Option<f64>,
    /// See `p90_ms`.
    pub p99_ms: Option<f64>,
    /// See `p90_ms`.
    pub p999_ms: Option<f64>,
    /// The slowest.
    pub max_ms: f64,
    /// Their distribution, for a chart: share of requests, and the latency that share stays under.
    pub curve: Vec<(f64, f64)>,
}

/// What the server's process spent within the window and held.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// CPU time for each right answer.
    pub cpu_us: Option<f64>,
    /// The share of that spent in user mode, where ticks of 10 ms can tell.
    pub user_share: Option<f64>,
    /// Cores busy on average.
    pub cores_busy: f64,
    /// Threads before the level began.
    pub threads_base: u64,
    /// The most threads seen.
    pub threads_peak: u64,
    /// Times a thread gave up its CPU to wait, for each right answer.
    pub voluntary_switches: Option<f64>,
    /// Times a thread lost its CPU to another, for each right answer.
    pub involuntary_switches: Option<f64>,
    /// Resident memory before the level began.
    pub rss_base_bytes: u64,
    /// The most resident memory seen.
    pub rss_peak_bytes: u64,
    /// Page tables, before and at most: the kernel's, and not in RSS.
    pub page_tables_base_bytes: u64,
    /// See `page_tables_base_bytes`.
    pub page_tables_peak_bytes: u64,
    /// Kernel stacks at most: threads × 16 KiB.
    pub kernel_stacks_peak_bytes: u64,
    /// How much the whole machine's kernel stacks grew meanwhile, to check the line above.
    pub machine_kernel_stacks_bytes: i64,
    /// How much the whole machine's slab grew meanwhile: sockets on both sides of the loopback, files, tasks.
    pub machine_slab_bytes: i64,
    /// How much the whole machine's socket buffers grew meanwhile.
    pub machine_socket_buffers_bytes: i64,
}

impl Usage {
    /// The most that user and kernel held for this process: RSS, page tables, kernel stacks.
    pub fn held_peak_bytes(&self) -> u64 {
        self.rss_peak_bytes + self.page_tables_peak_bytes + self.kernel_stacks_peak_bytes
    }
}

/// What one steady question beside the load felt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Probe {
    /// Its latencies, from when each question was to leave: a stall counts for every question it held up.
    pub latency: Latency,
    /// The longest stall: the slowest answer.
    pub stall_ms: f64,
    /// Questions that failed.
    pub failed: u64,
    /// How late the probe itself was, at its 99th percentile: what it cannot see below.
    pub lag_ms: f64,
    /// What it felt over time: seconds since the level began, and the slowest latency in milliseconds there.
    pub series: Vec<(f64, f64)>,
}

impl Probe {
    /// Whether it was itself too late for what it felt to be the server's doing.
    pub fn is_late(&self) -> bool {
        let felt = self.latency.p99_ms.unwrap_or(self.latency.max_ms);
        self.lag_ms > 5.0 && self.lag_ms > felt / 4.0
    }
}
