//! The cost model: what was calibrated of each server, and what follows from it for a service.

use serde::{Deserialize, Serialize};

use super::network::{Network, Steady};
use crate::results::Machine;

/// What a short run found here, kept in a file so that it need not be repeated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// 1.
    pub schema: u32,
    /// When, in UTC (RFC 3339).
    pub started: String,
    /// Where.
    pub machine: Machine,
    /// Of which commit, and how it was built.
    pub commit: Option<String>,
    /// See `commit`.
    pub profile: String,
    /// Cores the servers had.
    pub cores: usize,
    /// Rounds of computing that make a millisecond.
    pub rounds_per_ms: u64,
    /// Threads a process may have here, and the limit that says so.
    pub thread_cap: u64,
    /// See `thread_cap`.
    pub thread_cap_by: String,
    /// The most clients at once that were held.
    pub most_clients: u64,
    /// Cells that could not be used.
    pub void: Vec<String>,
    /// The three.
    pub servers: Vec<Costs>,
}

/// What one server costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Costs {
    /// `blocking`, `actix` or `axum`.
    pub name: String,
    /// Time of a core for a request that waits, with its switches and timers, at full load.
    pub wait_us: f64,
    /// The same for one whose wait is on the offload pool.
    pub pooled_us: f64,
    /// What a place of the pool is held beyond the wait.
    pub hold_us: f64,
    /// Time of a core that a millisecond of computing takes, in milliseconds.
    pub computing: f64,
    /// Memory held without clients: resident, page tables, kernel stacks.
    pub base_bytes: f64,
    /// And for each client that waits.
    pub client_bytes: f64,
    /// Whether each client takes a thread.
    pub thread_each: bool,
}

/// A service, with every quantity known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asked {
    /// Requests a second, or so many at once.
    pub load: Load,
    /// What a request waits for, in seconds, where there is always room.
    pub wait_s: f64,
    /// What it waits for holding a place of the pool.
    pub held_s: f64,
    /// What it computes, in seconds.
    pub cpu_s: f64,
    /// Cores.
    pub cores: f64,
    /// Places of the pool.
    pub pool: Option<u64>,
    /// Bytes it may have.
    pub memory_bytes: Option<f64>,
    /// What p99 is wanted, in seconds.
    pub p99_s: Option<f64>,
    /// Connections that are open and ask nothing.
    pub long_lived: f64,
}

/// How much is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Load {
    /// Requests a second, by chance.
    Rate(f64),
    /// Requests at once: each is followed by another.
    InFlight(f64),
}

/// What is scarce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Cores.
    Cpu,
    /// Places of the pool.
    Pool,
    /// What it waits for takes longer than the answer may.
    Upstream,
    /// Threads of a process.
    Threads,
    /// Memory.
    Memory,
}

impl Limit {
    /// As the answer names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Pool => "pool",
            Self::Upstream => "upstream",
            Self::Threads => "threads",
            Self::Memory => "memory",
        }
    }

    /// The lesson behind it.
    pub fn lesson(self) -> &'static str {
        match self {
            Self::Cpu => "cpu-bound",
            Self::Pool => "pool-limit",
            Self::Upstream => "fan-out",
            Self::Threads => "thread-limit",
            Self::Memory => "memory",
        }
    }
}

/// What the model says of one server.
#[derive(Clone, Debug, PartialEq)]
pub struct Predicted {
    /// Its name.
    pub name: String,
    /// The most answers a second.
    pub capacity: f64,
    /// How it runs under the load; none when that is more than it can do.
    pub steady: Option<Steady>,
    /// Threads it needs.
    pub threads: f64,
    /// Memory it holds.
    pub bytes: f64,
    /// What is met first, as the load grows.
    pub first: Limit,
    /// How many times what is needed there is of that: below 1 it does not do.
    pub margin: f64,
}

impl Predicted {
    /// Whether it does what is wanted.
    pub fn fits(&self) -> bool {
        self.margin >= 1.0
    }
}

/// Threads of a server beside those of its clients.
const OTHER_THREADS: f64 = 16.0;
/// A margin above this is no different from another above it.
pub const AMPLE: f64 = 10.0;

impl Costs {
    /// The service on this server, as a network.
    pub fn network(&self, asked: &Asked) -> Network {
        let own_us = if asked.pool.is_some() { self.pooled_us } else { self.wait_us };
        let pool = asked.pool.map(|places| (asked.held_s + self.hold_us / 1e6, places));
        Network {
            wait_s: asked.wait_s + if pool.is_some() { 0.0 } else { asked.held_s },
            cpu_s: (own_us / 1e6 + asked.cpu_s * self.computing).max(1e-9),
            cores: asked.cores,
            pool: pool.filter(|(hold_s, _)| *hold_s > 0.0),
        }
    }

    /// Memory with so many connections.
    pub fn bytes(&self, connections: f64) -> f64 {
        self.base_bytes + self.client_bytes * connections
    }

    /// What the model says.
    pub fn predict(&self, asked: &Asked, thread_cap: f64) -> Predicted {
        let network = self.network(asked);
        let (steady, rate) = match asked.load {
            Load::Rate(rate) => (network.open(rate), rate),
            // What they would ask if none had to queue.
            Load::InFlight(count) => {
                (Some(network.closed(count as u64, 0.0)), count / network.own_s())
            }
        };
        // Without an end of the queue there is no in-flight: what its own time makes is the least.
        let in_flight = match asked.load {
            Load::InFlight(count) => count,
            Load::Rate(rate) => steady.map_or(rate * network.own_s(), |steady| steady.in_flight),
        };
        let connections = in_flight + asked.long_lived;
        let threads = OTHER_THREADS + if self.thread_each { connections } else { asked.cores };
        let bytes = self.bytes(connections);
        let busiest = match network.pool {
            Some((hold_s, places)) if places as f64 / hold_s < network.cores / network.cpu_s => {
                Limit::Pool
            }
            _ => Limit::Cpu,
        };
        let mut margins =
            vec![(busiest, network.capacity() / rate), (Limit::Threads, thread_cap / threads)];
        if let Some(has) = asked.memory_bytes {
            margins.push((Limit::Memory, has / bytes));
        }
        if let Some(wanted) = asked.p99_s {
            let own = (Limit::Upstream, wanted / network.own_s().max(1e-9));
            let tail = steady.map_or(0.0, |steady| wanted / steady.p99_s);
            // A tail beyond a request's own time is a queue, and the queue is at what is busiest.
            margins.push(if own.1 < 1.0 && asked.wait_s + asked.held_s > asked.cpu_s {
                own
            } else {
                (busiest, tail)
            });
        }
        let (first, margin) =
            margins.into_iter().min_by(|a, b| a.1.total_cmp(&b.1)).expect("there are two at least");
        Predicted {
            name: self.name.clone(),
            capacity: network.capacity(),
            steady,
            threads,
            bytes,
            first,
            margin,
        }
    }
}
