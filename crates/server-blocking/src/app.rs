//! What every handler can reach: limits, counters, the upstream, the files, the offload pool, the drain.

use std::sync::Arc;

use compute::RoundsPerMs;
use contract::Limits;
use http_blocking::{Helpers, Shutdown};
use io_blocking::{Cpu, Files, Github, Rooms, Store};
use metrics::{Gauge, gauge};
use settings::{Answers, Budget, FilesHome, Flags, Telemetry};
use store::Database;

use crate::offload::Offload;

/// One for the process, shared by its threads.
#[derive(Clone)]
pub(crate) struct App(Arc<Parts>);

/// See the fields.
pub(crate) struct Parts {
    /// How long, how large, how many.
    pub(crate) limits: Limits,
    /// Whether `/pitfalls/…` is served.
    pub(crate) pitfalls: bool,
    /// Renders `/metrics`.
    pub(crate) telemetry: Telemetry,
    /// Counts answers by class.
    pub(crate) answers: Answers,
    /// The upstream's one client.
    pub(crate) github: Github,
    /// How much of bodies may be in memory.
    pub(crate) bodies: Budget,
    /// What is stored below `/files`.
    pub(crate) files: Files,
    /// The cores, for what computes.
    pub(crate) cpu: Cpu,
    /// The database.
    pub(crate) store: Store,
    /// Who listens to which room.
    pub(crate) rooms: Rooms,
    /// Threads for what is offloaded.
    pub(crate) offload: Offload,
    /// Threads for the parts of a request.
    pub(crate) helpers: Helpers,
    /// Threads that are none of a connection's, at most.
    pub(crate) beside: usize,
    /// Replies being streamed now.
    pub(crate) streams: Gauge,
    /// How much work makes a millisecond.
    pub(crate) rounds: RoundsPerMs,
    /// Whether this process is ending, and how many requests it still answers.
    pub(crate) drain: Shutdown,
}

impl App {
    /// Sets up what the flags ask for.
    pub(crate) fn new(flags: &Flags) -> anyhow::Result<Self> {
        settings::raise_descriptor_limit();
        let limits = flags.limits();
        let database = Database::new(flags.database(), &flags.data)?;
        let home = FilesHome::claim(&flags.data)?;
        let store = Store::open(&database, &limits)?;
        let drain = Shutdown::new()?;
        let ends = drain.clone();
        let telemetry =
            Telemetry::start(&limits).offload(flags.offload_threads(), flags.offload_queue());
        // They may wait for a permit, too.
        let helpers = Helpers::new(8 * limits.upstream_max);
        Ok(Self(Arc::new(Parts {
            telemetry,
            answers: Answers::new(),
            github: Github::new(flags.github_url(), flags.github_token(), &limits)?,
            rooms: Rooms::new(store.clone(), &limits, move || ends.is_draining()),
            store,
            bodies: Budget::new(limits.body_budget),
            files: Files::new(home.files, home.uploads, limits.files_quota),
            cpu: Cpu::new(flags.cpu_threads(), limits.cpu_queue),
            offload: Offload::new(flags.offload_threads(), flags.offload_queue())?,
            beside: helpers.most() + flags.offload_threads() + flags.cpu_threads(),
            helpers,
            streams: gauge!("http_streams"),
            rounds: flags.rounds_per_ms().map_or_else(RoundsPerMs::measure, RoundsPerMs),
            drain,
            pitfalls: flags.pitfalls,
            limits,
        })))
    }
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
