//! What a run is: whom it asks, what, how many at once, how paced and how long.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use crate::ask::Asks;

/// Whom to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Where it listens.
    pub addr: SocketAddr,
    /// What the `Host` field says.
    pub host: String,
}

impl Target {
    /// A server by its address, which is also its `Host`.
    pub fn new(addr: SocketAddr) -> Self {
        Self { addr, host: addr.to_string() }
    }
}

/// A run. Made by [`Plan::closed`] or [`Plan::open`]; the fields are then changed at will.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Whom to ask.
    pub target: Target,
    /// What to ask.
    pub asks: Asks,
    /// When the next request leaves.
    pub pace: Pace,
    /// Clients of a closed loop; in an open loop the most that may be busy at once.
    pub connections: usize,
    /// Generator threads. Connections and rate are divided among them.
    pub threads: usize,
    /// The CPU each generator thread is pinned to, in turn; empty: the scheduler's choice.
    pub cpus: Vec<usize>,
    /// Requests that were to leave before this much time has passed are made and not counted.
    pub warmup: Duration,
    /// A request is given up after this much time, and counts with it.
    pub timeout: Duration,
    /// How long after the end the answers still owed are waited for.
    pub drain: Duration,
    /// One connection for many requests, or a new one for each.
    pub keep_alive: bool,
    /// Opens every connection before the clock starts. Without it latency includes the first connect.
    pub preconnect: bool,
    /// Spreads the first requests of a closed loop over this much time.
    pub spread: Duration,
    /// Keeps every latency with its time, not only their histogram.
    pub series: bool,
    /// The server's process, to be sampled while it is measured.
    pub watch: Option<u32>,
}

impl Plan {
    /// A closed loop: so many clients, each asks again when it has its answer.
    ///
    /// Connections are open before the clock starts, but for [`Stop::Each`]: a burst is timed from the first SYN.
    pub fn closed(target: Target, asks: impl Into<Asks>, connections: usize, stop: Stop) -> Self {
        Self {
            preconnect: !matches!(stop, Stop::Each(_)),
            ..Self::new(
                target,
                asks.into(),
                Pace::Closed { stop, think: Duration::ZERO },
                connections,
            )
        }
    }

    /// An open loop: requests leave on a schedule whatever the server does, over at most so many connections.
    pub fn open(
        target: Target,
        asks: impl Into<Asks>,
        connections: usize,
        arrivals: Arrivals,
        duration: Duration,
    ) -> Self {
        Self::new(
            target,
            asks.into(),
            Pace::Open { arrivals, duration, queue: 1_000_000 },
            connections,
        )
    }

    fn new(target: Target, asks: Asks, pace: Pace, connections: usize) -> Self {
        Self {
            target,
            asks,
            pace,
            connections,
            threads: 1,
            cpus: Vec::new(),
            warmup: Duration::ZERO,
            timeout: Duration::from_secs(10),
            drain: Duration::from_secs(10),
            keep_alive: true,
            preconnect: true,
            spread: Duration::ZERO,
            series: false,
            watch: None,
        }
    }

    /// How long the run measures, when that is known before.
    pub fn duration(&self) -> Option<Duration> {
        match &self.pace {
            Pace::Closed { stop: Stop::After(duration), .. } | Pace::Open { duration, .. } => {
                Some(*duration)
            }
            Pace::Closed { .. } => None,
        }
    }
}

/// When the next request leaves.
#[derive(Clone, Debug)]
pub enum Pace {
    /// When the answer to the last has come.
    Closed {
        /// When it is enough.
        stop: Stop,
        /// What a client waits between an answer and its next request, in the mean: each time another, exponential, so that
        /// clients do not fall in step.
        think: Duration,
    },
    /// When the schedule says.
    Open {
        /// The schedule.
        arrivals: Arrivals,
        /// How long it measures, after the warm-up.
        duration: Duration,
        /// Requests that may wait for a free connection; past that they are dropped, and counted so.
        queue: usize,
    },
}

/// When a closed loop has done enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// After this much time, beyond the warm-up.
    After(Duration),
    /// After so many requests of all clients together.
    Requests(u64),
    /// After so many requests of each client: with 1, the burst.
    Each(u64),
}

/// The schedule of an open loop, in requests a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrivals {
    /// One every 1/rate.
    Fixed {
        /// Requests a second.
        rate: f64,
    },
    /// Independent arrivals: exponential gaps, the same for the same seed and threads.
    Poisson {
        /// Requests a second on average.
        rate: f64,
        /// Of the gaps.
        seed: u64,
    },
    /// A rate that grows or falls evenly from the start of the warm-up to the end.
    Ramp {
        /// Requests a second at the start.
        from: f64,
        /// Requests a second at the end.
        to: f64,
    },
}

/// Ends a run from outside. Clones end the same run.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicU8>);

impl Cancel {
    /// Nothing is cancelled yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// No more requests; the answers still owed are waited for as at a planned end.
    pub fn finish(&self) {
        self.0.fetch_max(1, Ordering::Relaxed);
    }

    /// Ends now, within 0.1 s; what was measured is kept.
    pub fn cancel(&self) {
        self.0.fetch_max(2, Ordering::Relaxed);
    }

    /// Whether [`Cancel::cancel`] was called.
    pub fn cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 2
    }

    /// Whether either was called.
    pub(crate) fn finishing(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

/// How far a run is, told a few times a second.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// Since the clock started.
    pub elapsed: Duration,
    /// From 0 to 1, when the end is known.
    pub fraction: Option<f64>,
    /// Requests answered rightly, the warm-up's too.
    pub answered: u64,
    /// Requests failed, the warm-up's too.
    pub failed: u64,
}

/// What a run is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Opening connections before the clock starts.
    Connecting,
    /// Asking without counting.
    WarmingUp,
    /// Asking and counting.
    Measuring,
    /// Waiting for the answers still owed.
    Draining,
}
