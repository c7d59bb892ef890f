//! How long, how large, how many: every limit of the servers, with its default and its reason.
//!
//! Each is a flag and an environment variable of all three servers, and a gauge named `limit_…` in `/metrics`.

use std::time::Duration;

use crate::Seconds;

/// Every limit, alike in the three servers.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// The longest wait that may be asked for.
    pub max_wait: Seconds,
    /// The request line and fields together, in bytes; more is a 431.
    pub head_bytes: usize,
    /// How many fields a head may hold; more is a 431.
    pub head_fields: usize,
    /// The request line, in bytes; more is a 414.
    pub head_line: usize,
    /// From the first byte of a head to its last, on every request of a connection.
    pub head_deadline: Duration,
    /// How long a connection may stay open without a request.
    pub idle: Duration,
    /// The longest silence within a body.
    pub body_idle: Duration,
    /// The least bytes a second of a body, once it has taken longer than `body_idle`.
    pub body_rate: u64,
    /// The largest body of `/echo` and of JSON, in bytes.
    pub body_bytes: u64,
    /// The largest image, and the largest text to seal or open, in bytes.
    pub media_bytes: u64,
    /// Bytes of bodies that are held in memory as a whole at once, in all; more is a 503.
    pub body_budget: u64,
    /// The largest file, and the largest form of files, in bytes.
    pub upload_bytes: u64,
    /// All files together, in bytes; more is a 507.
    pub files_quota: u64,
    /// How long a write may make no progress because the client does not read.
    pub write_stall: Duration,
    /// How long a handler may take over the wait it was asked for, from the last byte of the request to the head of the reply.
    pub handler: Duration,
    /// How long a drain waits for requests in flight.
    pub drain: Duration,
    /// Connections open at once; more are answered 503 and closed.
    pub connections: usize,
    /// From the first attempt to connect.
    pub upstream_connect: Duration,
    /// The whole call to the upstream: the wait for a permit, connecting, retries, reading.
    pub upstream_total: Duration,
    /// Calls to the upstream at once.
    pub upstream_max: usize,
    /// The largest answer of the upstream that is read, in bytes.
    pub upstream_bytes: u64,
    /// Connections to the database at once; as many as SQLAlchemy opens.
    pub pool: usize,
    /// How long a request waits for one of them.
    pub database_acquire: Duration,
    /// How long a statement may take, or wait for the lock of another; on SQLite, wait for it.
    pub database_statement: Duration,
    /// Jobs that may wait for a worker; more are a 503.
    pub queue: usize,
    /// CPU work that may wait for a core; more is a 503.
    pub cpu_queue: usize,
    /// What may wait for one subscriber of a room, in batches: messages that were read at once, one to 50. Who is further
    /// behind is dropped.
    pub room_queue: usize,
    /// How long nothing may be sent to a subscriber; then it is sent a comment.
    pub ping: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_wait: Seconds::whole(60),
            head_bytes: 64 << 10,
            head_fields: 96,
            head_line: 16 << 10,
            head_deadline: Duration::from_secs(10),
            idle: Duration::from_secs(15),
            body_idle: Duration::from_secs(10),
            body_rate: 1 << 10,
            body_bytes: 1 << 20,
            media_bytes: 16 << 20,
            body_budget: 256 << 20,
            upload_bytes: 1 << 30,
            files_quota: 10 << 30,
            write_stall: Duration::from_secs(20),
            handler: Duration::from_secs(30),
            drain: Duration::from_secs(10),
            connections: 12_000,
            upstream_connect: Duration::from_secs(1),
            upstream_total: Duration::from_secs(3),
            upstream_max: 256,
            upstream_bytes: 1 << 20,
            pool: 15,
            database_acquire: Duration::from_secs(2),
            database_statement: Duration::from_secs(3),
            queue: 10_000,
            cpu_queue: 64,
            room_queue: 256,
            ping: Duration::from_secs(15),
        }
    }
}

impl Limits {
    /// Each limit as `/metrics` shows it: a name and a number in base units (seconds, bytes, counts).
    pub fn gauges(&self) -> [(&'static str, f64); 28] {
        let seconds = |duration: Duration| duration.as_secs_f64();
        [
            ("limit_max_wait_seconds", seconds(self.max_wait.duration())),
            ("limit_head_bytes", self.head_bytes as f64),
            ("limit_head_fields", self.head_fields as f64),
            ("limit_head_line_bytes", self.head_line as f64),
            ("limit_head_deadline_seconds", seconds(self.head_deadline)),
            ("limit_idle_seconds", seconds(self.idle)),
            ("limit_body_idle_seconds", seconds(self.body_idle)),
            ("limit_body_rate_bytes_per_second", self.body_rate as f64),
            ("limit_body_bytes", self.body_bytes as f64),
            ("limit_media_bytes", self.media_bytes as f64),
            ("limit_body_budget_bytes", self.body_budget as f64),
            ("limit_upload_bytes", self.upload_bytes as f64),
            ("limit_files_quota_bytes", self.files_quota as f64),
            ("limit_write_stall_seconds", seconds(self.write_stall)),
            ("limit_handler_seconds", seconds(self.handler)),
            ("limit_drain_seconds", seconds(self.drain)),
            ("limit_connections", self.connections as f64),
            ("limit_upstream_connect_seconds", seconds(self.upstream_connect)),
            ("limit_upstream_total_seconds", seconds(self.upstream_total)),
            ("limit_upstream_max", self.upstream_max as f64),
            ("limit_upstream_bytes", self.upstream_bytes as f64),
            ("limit_database_pool", self.pool as f64),
            ("limit_database_acquire_seconds", seconds(self.database_acquire)),
            ("limit_database_statement_seconds", seconds(self.database_statement)),
            ("limit_queue", self.queue as f64),
            ("limit_cpu_queue", self.cpu_queue as f64),
            ("limit_room_queue", self.room_queue as f64),
            ("limit_ping_seconds", seconds(self.ping)),
        ]
    }
}
