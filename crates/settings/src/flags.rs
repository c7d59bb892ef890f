//! The flags all three servers share; each has an environment variable, so that a container can be told as well.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use contract::{Limits, Seconds};

use crate::Log;

/// What every server can be told.
#[derive(Args, Clone, Debug)]
pub struct Flags {
    /// Address to listen on; port 0 takes a free one, and the first line on stdout tells which
    #[arg(long, env = "WAITLAB_ADDR", default_value = "127.0.0.1:8080")]
    pub addr: SocketAddr,

    /// Where files are kept, and SQLite's database; several servers and workers on one machine may share it
    #[arg(long, env = "WAITLAB_DATA", default_value = "waitlab-data", value_name = "DIR")]
    pub data: PathBuf,

    /// Serve /pitfalls/…: mistakes made on purpose, to be measured
    #[arg(long, env = "WAITLAB_PITFALLS")]
    pub pitfalls: bool,

    /// What to write to stderr
    #[arg(long, env = "WAITLAB_LOG", value_enum, default_value_t)]
    pub log: Log,

    /// Also log a line for each request
    #[arg(long, env = "WAITLAB_ACCESS_LOG")]
    pub access_log: bool,

    #[command(flatten, next_help_heading = "Offload pool (/offload/…, placement=offload)")]
    offload: Offload,

    #[command(flatten, next_help_heading = "Computing (/thumbnail, /seal, /open)")]
    computing: Computing,

    #[command(flatten, next_help_heading = "Upstream (/github-user, /github-users)")]
    upstream: Upstream,

    #[command(flatten, next_help_heading = "Database (/notes, /jobs, /slow-query)")]
    database: DatabaseFlags,

    #[command(flatten, next_help_heading = "Messaging (/rooms)")]
    messaging: Messaging,

    #[command(flatten, next_help_heading = "Limits")]
    limits: LimitFlags,
}

#[derive(Args, Clone, Debug)]
struct Offload {
    /// Threads for blocking calls and computing, in all [default: twice the cores, at least 4]
    #[arg(long, env = "WAITLAB_OFFLOAD_THREADS", value_parser = count(1, MANY_THREADS))]
    offload_threads: Option<usize>,

    /// Calls that may wait for one of those threads; the next is a 503
    #[arg(long, env = "WAITLAB_OFFLOAD_QUEUE", value_parser = count(0, MANY), default_value_t = 1_024)]
    offload_queue: usize,

    /// Rounds of computing that make a millisecond; measured at start when not given, and to be given when
    /// servers are compared
    #[arg(long, env = "WAITLAB_ROUNDS_PER_MS", value_name = "ROUNDS", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    rounds_per_ms: Option<u64>,
}

#[derive(Args, Clone, Debug)]
struct Computing {
    /// How much computes at once, and threads of the pool for it [default: the cores]
    #[arg(long, env = "WAITLAB_CPU_THREADS", value_parser = count(1, MANY_THREADS))]
    cpu_threads: Option<usize>,

    /// How much may wait for its turn to compute; the next is a 503
    #[arg(long, env = "WAITLAB_CPU_QUEUE", value_parser = count(0, MANY), default_value_t = Limits::default().cpu_queue)]
    cpu_queue: usize,
}

#[derive(Args, Clone, Debug)]
struct Upstream {
    /// Where GitHub's API is
    #[arg(long, env = "WAITLAB_GITHUB_URL", default_value = "https://api.github.com")]
    github_url: String,

    /// A token: 5,000 requests an hour instead of 60
    #[arg(long, env = "WAITLAB_GITHUB_TOKEN", hide_env_values = true)]
    github_token: Option<String>,

    /// Calls to the upstream at once
    #[arg(long, env = "WAITLAB_UPSTREAM_MAX", value_parser = count(1, MANY), default_value_t = Limits::default().upstream_max)]
    upstream_max: usize,

    /// To connect to the upstream, in seconds
    #[arg(long, env = "WAITLAB_UPSTREAM_CONNECT", value_parser = seconds, default_value = "1")]
    upstream_connect: Duration,

    /// For the whole call: the wait for a permit, connecting, retries, reading; in seconds
    #[arg(long, env = "WAITLAB_UPSTREAM_TOTAL", value_parser = seconds, default_value = "3")]
    upstream_total: Duration,

    /// The largest answer of the upstream that is read, in bytes; more is a 502
    #[arg(long, env = "WAITLAB_UPSTREAM_BYTES", value_parser = bytes(), default_value_t = Limits::default().upstream_bytes)]
    upstream_bytes: u64,
}

#[derive(Args, Clone, Debug)]
struct DatabaseFlags {
    /// postgres://USER@HOST/NAME, which replicas and workers share; SQLite in --data if not given
    #[arg(long, env = "WAITLAB_DATABASE", hide_env_values = true, value_name = "URL")]
    database: Option<String>,

    /// Connections to the database at once, besides the one by which /readyz tells whether it answers
    #[arg(long, env = "WAITLAB_POOL", value_parser = count(1, MANY_THREADS), default_value_t = Limits::default().pool)]
    pool: usize,

    /// How long a request waits for one of them, in seconds; then 503
    #[arg(long, env = "WAITLAB_DATABASE_ACQUIRE", value_parser = seconds, default_value = "2")]
    database_acquire: Duration,

    /// How long a statement may take, or wait for the lock of another, in seconds; then 503. On SQLite it bounds the wait
    /// alone: a statement runs on a thread of ours, which nothing interrupts
    #[arg(long, env = "WAITLAB_DATABASE_STATEMENT", value_parser = seconds, default_value = "3")]
    database_statement: Duration,

    /// Jobs that may wait for a worker; the next is a 503
    #[arg(long, env = "WAITLAB_QUEUE", value_parser = count(0, MANY_ROWS), default_value_t = Limits::default().queue)]
    queue: usize,
}

#[derive(Args, Clone, Debug)]
struct Messaging {
    /// Batches that may wait for one subscriber, each of messages that were read at once (1 to 50); who is further
    /// behind is dropped
    #[arg(long, env = "WAITLAB_ROOM_QUEUE", default_value_t = NonZeroUsize::new(Limits::default().room_queue).unwrap_or(NonZeroUsize::MIN))]
    room_queue: NonZeroUsize,

    /// How long nothing may be sent to a subscriber, in seconds; then a comment is
    #[arg(long, env = "WAITLAB_PING", value_parser = seconds, default_value = "15")]
    ping: Duration,
}

/// Times are in seconds (`10`, `0.5`), sizes in bytes.
#[derive(Args, Clone, Debug)]
struct LimitFlags {
    /// The longest wait that may be asked for, in seconds
    #[arg(long, env = "WAITLAB_MAX_WAIT", default_value_t = Limits::default().max_wait)]
    max_wait: Seconds,

    /// Request line and fields together, in bytes; more is a 431
    #[arg(long, env = "WAITLAB_HEAD_BYTES", value_parser = count(256, MANY), default_value_t = Limits::default().head_bytes)]
    head_bytes: usize,

    /// Fields in a head; more is a 431
    #[arg(long, env = "WAITLAB_HEAD_FIELDS", value_parser = count(1, MOST_FIELDS), default_value_t = Limits::default().head_fields)]
    head_fields: usize,

    /// The request line, in bytes; more is a 414
    #[arg(long, env = "WAITLAB_HEAD_LINE", value_parser = count(64, MANY), default_value_t = Limits::default().head_line)]
    head_line: usize,

    /// From the first byte of a head to its last
    #[arg(long, env = "WAITLAB_HEAD_DEADLINE", value_parser = seconds, default_value = "10")]
    head_deadline: Duration,

    /// How long a connection may stay open without a request
    #[arg(long, env = "WAITLAB_IDLE", value_parser = seconds, default_value = "15")]
    idle: Duration,

    /// The longest silence within a body; after it the body must also keep the rate
    #[arg(long, env = "WAITLAB_BODY_IDLE", value_parser = seconds, default_value = "10")]
    body_idle: Duration,

    /// The least bytes a second of a body
    #[arg(long, env = "WAITLAB_BODY_RATE", value_parser = bytes(), default_value_t = Limits::default().body_rate)]
    body_rate: u64,

    /// The largest body of /echo and of JSON, in bytes; more is a 413
    #[arg(long, env = "WAITLAB_BODY_BYTES", value_parser = bytes(), default_value_t = Limits::default().body_bytes)]
    body_bytes: u64,

    /// The largest image and the largest text to seal or open, in bytes; more is a 413
    #[arg(long, env = "WAITLAB_MEDIA_BYTES", value_parser = bytes(), default_value_t = Limits::default().media_bytes)]
    media_bytes: u64,

    /// Bodies that are held in memory as a whole (of /thumbnail, /seal, /open, /jobs, /batches, and JSON), all together, in
    /// bytes; more is a 503
    #[arg(long, env = "WAITLAB_BODY_BUDGET", default_value_t = Limits::default().body_budget)]
    body_budget: u64,

    /// The largest file and the largest form of files, in bytes; more is a 413
    #[arg(long, env = "WAITLAB_UPLOAD_BYTES", value_parser = bytes(), default_value_t = Limits::default().upload_bytes)]
    upload_bytes: u64,

    /// All files together, in bytes; more is a 507
    #[arg(long, env = "WAITLAB_FILES_QUOTA", value_parser = bytes(), default_value_t = Limits::default().files_quota)]
    files_quota: u64,

    /// How long a client may not read what is sent to it
    #[arg(long, env = "WAITLAB_WRITE_STALL", value_parser = seconds, default_value = "20")]
    write_stall: Duration,

    /// How long a handler may take, over the wait it was asked for
    #[arg(long, env = "WAITLAB_HANDLER_DEADLINE", value_parser = seconds, default_value = "30")]
    handler_deadline: Duration,

    /// How long a drain waits for requests in flight
    #[arg(long, env = "WAITLAB_DRAIN", value_parser = seconds, default_value = "10")]
    drain: Duration,

    /// Connections open at once; the next is a 503
    #[arg(long, env = "WAITLAB_CONNECTIONS", value_parser = count(1, MANY), default_value_t = Limits::default().connections)]
    connections: usize,
}

impl Flags {
    /// The limits these flags set.
    pub fn limits(&self) -> Limits {
        let Self { limits, upstream, computing, database, messaging, .. } = self;
        Limits {
            max_wait: limits.max_wait,
            head_bytes: limits.head_bytes,
            head_fields: limits.head_fields,
            head_line: limits.head_line,
            head_deadline: limits.head_deadline,
            idle: limits.idle,
            body_idle: limits.body_idle,
            body_rate: limits.body_rate,
            body_bytes: limits.body_bytes,
            media_bytes: limits.media_bytes,
            body_budget: limits.body_budget,
            upload_bytes: limits.upload_bytes,
            files_quota: limits.files_quota,
            write_stall: limits.write_stall,
            handler: limits.handler_deadline,
            drain: limits.drain,
            connections: limits.connections,
            upstream_connect: upstream.upstream_connect,
            upstream_total: upstream.upstream_total,
            upstream_max: upstream.upstream_max,
            upstream_bytes: upstream.upstream_bytes,
            cpu_queue: computing.cpu_queue,
            pool: database.pool,
            database_acquire: database.database_acquire,
            database_statement: database.database_statement,
            queue: database.queue,
            room_queue: messaging.room_queue.get(),
            ping: messaging.ping,
        }
    }

    /// Where PostgreSQL is, if it is to be used.
    pub fn database(&self) -> Option<&str> {
        self.database.database.as_deref().filter(|url| !url.is_empty())
    }

    /// Threads of the offload pool, in all.
    pub fn offload_threads(&self) -> usize {
        self.offload.offload_threads.unwrap_or_else(|| (2 * cores()).max(4))
    }

    /// How much computes at once.
    pub fn cpu_threads(&self) -> usize {
        self.computing.cpu_threads.unwrap_or_else(cores)
    }

    /// Calls that may wait for a thread of the offload pool.
    pub fn offload_queue(&self) -> usize {
        self.offload.offload_queue
    }

    /// Rounds of computing that make a millisecond, if they were given.
    pub fn rounds_per_ms(&self) -> Option<u64> {
        self.offload.rounds_per_ms
    }

    /// Where the upstream is, without a slash at its end.
    pub fn github_url(&self) -> &str {
        self.upstream.github_url.trim_end_matches('/')
    }

    /// The token for the upstream, if there is one.
    pub fn github_token(&self) -> Option<&str> {
        self.upstream.github_token.as_deref().filter(|token| !token.is_empty())
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// More than any machine serves, and so few that nothing overflows: a mistyped count is told at the start.
const MANY: u64 = 1_000_000;

/// More rows than a table of jobs is good for.
const MANY_ROWS: u64 = 1_000_000_000;

/// More threads, or connections to a database, than help anybody.
const MANY_THREADS: u64 = 10_000;

/// The most that all three can read: http-blocking reads them into an array.
const MOST_FIELDS: u64 = 128;

/// A number of something, so many at least and at most.
pub fn count(least: u64, most: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(least..=most)
}

/// Up to a PiB.
fn bytes() -> RangedU64ValueParser<u64> {
    RangedU64ValueParser::new().range(0..=1 << 50)
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse::<Seconds>().map(Seconds::duration)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Server {
        #[command(flatten)]
        flags: Flags,
    }

    #[test]
    fn the_flags_default_to_the_limits_of_the_contract() {
        let server = Server::try_parse_from(["server"]).unwrap();
        assert_eq!(server.flags.limits(), Limits::default());
    }

    /// The limits as the contract states them: the flag without its dashes, the gauge without `limit_`, the default in
    /// seconds, bytes or counts.
    const LIMITS: [(&str, &str, f64); 28] = [
        ("max-wait", "max_wait_seconds", 60.0),
        ("head-bytes", "head_bytes", 65_536.0),
        ("head-fields", "head_fields", 96.0),
        ("head-line", "head_line_bytes", 16_384.0),
        ("head-deadline", "head_deadline_seconds", 10.0),
        ("idle", "idle_seconds", 15.0),
        ("body-idle", "body_idle_seconds", 10.0),
        ("body-rate", "body_rate_bytes_per_second", 1_024.0),
        ("body-bytes", "body_bytes", 1_048_576.0),
        ("media-bytes", "media_bytes", 16_777_216.0),
        ("body-budget", "body_budget_bytes", 268_435_456.0),
        ("upload-bytes", "upload_bytes", 1_073_741_824.0),
        ("files-quota", "files_quota_bytes", 10_737_418_240.0),
        ("write-stall", "write_stall_seconds", 20.0),
        ("handler-deadline", "handler_seconds", 30.0),
        ("drain", "drain_seconds", 10.0),
        ("connections", "connections", 12_000.0),
        ("upstream-connect", "upstream_connect_seconds", 1.0),
        ("upstream-total", "upstream_total_seconds", 3.0),
        ("upstream-max", "upstream_max", 256.0),
        ("upstream-bytes", "upstream_bytes", 1_048_576.0),
        ("pool", "database_pool", 15.0),
        ("database-acquire", "database_acquire_seconds", 2.0),
        ("database-statement", "database_statement_seconds", 3.0),
        ("queue", "queue", 10_000.0),
        ("cpu-queue", "cpu_queue", 64.0),
        ("room-queue", "room_queue", 256.0),
        ("ping", "ping_seconds", 15.0),
    ];

    #[test]
    fn each_limit_has_its_default_a_variable_and_a_gauge_that_its_flag_alone_moves() {
        let gauges =
            |asked: &[&str]| Server::try_parse_from(asked).unwrap().flags.limits().gauges();
        let defaults = gauges(&["server"]);
        assert_eq!(LIMITS.map(|(_, gauge, default)| (format!("limit_{gauge}"), default)), {
            defaults.map(|(name, value)| (name.to_owned(), value))
        });
        let command = Flags::augment_args(clap::Command::new("server"));
        for (at, (flag, ..)) in LIMITS.iter().enumerate() {
            let told = command.get_arguments().find(|one| one.get_long() == Some(flag));
            let variable = told.and_then(clap::Arg::get_env).unwrap_or_default();
            let named = format!("WAITLAB_{}", flag.replace('-', "_").to_uppercase());
            assert_eq!(variable.to_string_lossy(), named, "--{flag}");
            // Within the range of its flag, and no default.
            let more = if *flag == "head-bytes" { 300.0 } else { 100.0 };
            let mut expected = defaults;
            expected[at].1 = more;
            assert_eq!(gauges(&["server", &format!("--{flag}={more}")]), expected, "--{flag}");
        }
    }

    #[test]
    fn a_count_that_nothing_can_hold_is_refused_in_one_line() {
        for (flag, value) in [
            ("--upstream-max", "4611686018427387904"),
            ("--upstream-max", "0"),
            ("--connections", "0"),
            ("--offload-queue", "18446744073709551615"),
            ("--offload-queue", "500000000"),
            ("--offload-threads", "0"),
            ("--cpu-queue", "-1"),
            ("--head-fields", "129"),
            ("--body-bytes", "18446744073709551615"),
        ] {
            let asked = ["server".to_owned(), format!("{flag}={value}")];
            let error = Server::try_parse_from(asked).err().expect(flag).to_string();
            let line = error.lines().next().unwrap();
            assert!(line.contains(flag) && line.contains(value), "{line}");
        }
    }

    #[test]
    fn a_bad_time_is_refused_with_what_to_write_instead() {
        let error =
            Server::try_parse_from(["server", "--drain", "soon"]).err().unwrap().to_string();
        assert!(error.contains("such as 60 or 0.5"), "{error}");
    }
}
