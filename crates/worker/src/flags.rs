//! What a worker can be told; each flag has an environment variable.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::ensure;
use clap::Parser;
use contract::{Limits, Seconds};
use settings::Log;
use store::{CannotOpen, Database};

/// Takes background jobs and runs them: thumbnails, sealing, waits
///
/// The first line on stdout tells the address of /healthz, /readyz and /metrics. Several may run on one database. SIGTERM
/// or Ctrl-C drains: no job is begun, those that run may finish, the others are put back for the next worker. A second
/// signal ends it at once, and kill -9 loses nothing: after its lease the job is run again.
#[derive(Clone, Debug, Parser)]
#[command(
    version,
    args_override_self = true,
    after_help = "Try: cargo run --release -p server-axum    and in another terminal\n     \
                  curl -X POST 'http://127.0.0.1:8080/jobs/wait?seconds=1'\n\n\
                  Exit codes: 0 drained; 1 it could not start; 2 bad arguments; 3 a job could be neither finished nor put back."
)]
pub struct Flags {
    /// Address of /healthz, /readyz and /metrics; port 0 takes a free one, and the first line on stdout tells which
    #[arg(long, env = "WAITLAB_ADDR", default_value = "127.0.0.1:0")]
    pub(crate) addr: SocketAddr,

    /// postgres://USER@HOST/NAME; SQLite in --data if not given. The same as the servers'
    #[arg(long, env = "WAITLAB_DATABASE", hide_env_values = true)]
    database: Option<String>,

    /// The folder of SQLite's file. The same as the servers'
    #[arg(long, env = "WAITLAB_DATA", default_value = "waitlab-data")]
    data: PathBuf,

    /// Jobs at once [default: one a core]
    #[arg(long, env = "WAITLAB_JOBS")]
    jobs: Option<NonZeroUsize>,

    /// How long a job is this worker's without a sign of life, in seconds
    #[arg(long, env = "WAITLAB_LEASE", default_value = "5")]
    lease: Seconds,

    /// How often it gives one, in seconds
    #[arg(long, env = "WAITLAB_HEARTBEAT", default_value = "1")]
    heartbeat: Seconds,

    /// How often a job is begun before it has failed for good
    #[arg(long, env = "WAITLAB_ATTEMPTS", default_value_t = 5, value_parser = clap::value_parser!(i32).range(1..=100))]
    attempts: i32,

    /// How long one attempt may take, in seconds
    #[arg(long, env = "WAITLAB_TIME_LIMIT", default_value = "120")]
    time_limit: Seconds,

    /// The pause before the second attempt, in seconds; it doubles, up to a minute, and is spread by chance
    #[arg(long, env = "WAITLAB_BACKOFF", default_value = "1")]
    backoff: Seconds,

    /// How often an empty queue is looked at, in seconds
    #[arg(long, env = "WAITLAB_POLL", default_value = "0.2")]
    poll: Seconds,

    /// How long the result of a job is kept, in seconds
    #[arg(long, env = "WAITLAB_KEEP", default_value = "3600")]
    keep: Seconds,

    /// How long a drain waits for the jobs that run, in seconds
    #[arg(long, env = "WAITLAB_DRAIN", default_value = "10")]
    drain: Seconds,

    /// What to write to stderr
    #[arg(long, env = "WAITLAB_LOG", value_enum, default_value_t)]
    pub(crate) log: Log,
}

/// On what terms jobs are run.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) jobs: usize,
    pub(crate) lease: Duration,
    pub(crate) heartbeat: Duration,
    pub(crate) attempts: i32,
    pub(crate) time_limit: Duration,
    pub(crate) backoff: Duration,
    pub(crate) poll: Duration,
    pub(crate) keep: Duration,
}

impl Flags {
    /// A heartbeat must come before the lease is over, or every job is lost while it runs.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let (lease, heartbeat) = (self.lease, self.heartbeat);
        ensure!(
            heartbeat.duration() * 2 <= lease.duration() && !heartbeat.duration().is_zero(),
            "--heartbeat {heartbeat} has to be more than 0 and at most half of --lease {lease}"
        );
        Ok(())
    }

    /// Where the jobs are.
    pub(crate) fn database(&self) -> Result<Database, CannotOpen> {
        Database::new(self.database.as_deref(), &self.data)
    }

    /// A connection for each job, one for the heartbeat, one for who asks whether all is well.
    pub(crate) fn limits(&self) -> Limits {
        Limits { pool: self.at_once() + 2, ..Limits::default() }
    }

    pub(crate) fn terms(&self) -> Terms {
        Terms {
            jobs: self.at_once(),
            lease: self.lease.duration(),
            heartbeat: self.heartbeat.duration(),
            attempts: self.attempts,
            time_limit: self.time_limit.duration(),
            backoff: self.backoff.duration(),
            poll: self.poll.duration().max(Duration::from_millis(1)),
            keep: self.keep.duration(),
        }
    }

    pub(crate) fn drain(&self) -> Duration {
        self.drain.duration()
    }

    fn at_once(&self) -> usize {
        self.jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get)
    }
}
