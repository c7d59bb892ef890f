//! What every handler can reach: limits, counters, the upstream, the files, the offload pool, the drain.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use compute::RoundsPerMs;
use contract::Limits;
use http_async::{Clocks, Drain};
use io_async::{Cpu, Files, Github, Rooms, Store};
use metrics::{Gauge, gauge};
use settings::{Answers, Budget, FilesHome, Flags, Telemetry};
use store::Database;

use crate::offload::Offload;

/// One for each worker; its parts are shared by the process, but for the two that belong to a worker's runtime.
#[derive(Clone)]
pub(crate) struct App(Arc<Parts>);

/// See the fields.
#[derive(Clone)]
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
    /// The same by a library that blocks, with `--pitfalls`.
    pub(crate) blocking_library: Option<io_blocking::Github>,
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
    /// Threads for what must not run on a worker.
    pub(crate) offload: Offload,
    /// Replies being streamed now.
    pub(crate) streams: Gauge,
    /// How much work makes a millisecond.
    pub(crate) rounds: RoundsPerMs,
    /// Whether this process is ending, and how many requests it still answers.
    pub(crate) drain: Drain,
    /// Which of the workers this is.
    pub(crate) worker: usize,
    /// Workers started so far.
    started: Arc<AtomicUsize>,
}

impl App {
    /// Sets up what the flags ask for.
    pub(crate) fn new(flags: &Flags) -> anyhow::Result<Self> {
        settings::raise_descriptor_limit();
        let limits = flags.limits();
        let database = Database::new(flags.database(), &flags.data)?;
        let home = FilesHome::claim(&flags.data)?;
        let (upstream, token) = (flags.github_url(), flags.github_token());
        let blocking_library = || io_blocking::Github::new(upstream, token, &limits);
        let store = Store::open(&database, &limits)?;
        Ok(Self(Arc::new(Parts {
            telemetry: Telemetry::start(&limits)
                .offload(flags.offload_threads(), flags.offload_queue()),
            answers: Answers::new(),
            github: Github::new(upstream, token, &limits)?,
            blocking_library: flags.pitfalls.then(blocking_library).transpose()?,
            rooms: Rooms::new(store.clone(), &limits),
            store,
            bodies: Budget::new(limits.body_budget),
            files: Files::new(home.files, home.uploads, limits.files_quota),
            cpu: Cpu::new(flags.cpu_threads(), limits.cpu_queue),
            offload: Offload::new(flags.offload_threads(), flags.offload_queue()),
            streams: gauge!("http_streams"),
            rounds: flags.rounds_per_ms().map_or_else(RoundsPerMs::measure, RoundsPerMs),
            drain: Drain::new(clocks(&limits), limits.connections),
            pitfalls: flags.pitfalls,
            worker: 0,
            started: Arc::default(),
            limits,
        })))
    }

    /// The same app for one of `workers` workers: connections to the upstream live in the runtime that opened them,
    /// and so do the threads of `web::block`, which are divided among the workers.
    pub(crate) fn for_worker(&self, workers: NonZeroUsize) -> Self {
        let index = self.started.fetch_add(1, Ordering::Relaxed) % workers.get();
        let parts = Parts {
            github: self.github.apart(),
            offload: self.offload.share(index, workers.get()),
            worker: index,
            ..Parts::clone(&self.0)
        };
        Self(Arc::new(parts))
    }
}

fn clocks(limits: &Limits) -> Clocks {
    Clocks {
        idle: limits.idle,
        head: limits.head_deadline,
        write_stall: limits.write_stall,
        head_line: limits.head_line,
        head_bytes: limits.head_bytes,
    }
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
