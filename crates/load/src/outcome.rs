//! What a run found.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::process::Usage;

/// Counts of durations in nanoseconds, to three digits.
pub type Histogram = hdrhistogram::Histogram<u64>;

/// What a run found. Durations in the histograms are nanoseconds.
///
/// Failed requests and timeouts stay in the histograms with the time they waited; a request whose answer had not
/// come at the end of the drain stays in with what it had waited by then, and counts as `unanswered`.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Every measured request, from when it was to leave to the last byte. In a closed loop it leaves when it
    /// is to; on a connection not yet open the connect is included.
    pub latency: Histogram,
    /// The same requests from when they left.
    pub service: Histogram,
    /// How late the generator itself was with each scheduled request; empty in a closed loop.
    pub lag: Histogram,
    /// Requests answered rightly, of those that were to leave in the window.
    pub ok: u64,
    /// Requests that failed, of those that were to leave in the window.
    pub errors: Errors,
    /// Right answers that arrived within the window, whenever they were asked for: what [`Outcome::rate`] divides.
    pub answered_in_window: u64,
    /// Bytes read within the run.
    pub bytes: u64,
    /// The window. For [`crate::Stop::Requests`] and [`crate::Stop::Each`] from the first request to the last byte.
    pub window: Duration,
    /// From the first request (its SYN, when connections were not open before) to the last byte of the last answer.
    pub span: Duration,
    /// Clients that had a question in the window.
    pub connections_offered: usize,
    /// Of those, the clients that got no answer from the window's start to the end of the drain.
    pub never_served: usize,
    /// Mean number of clients that waited, over the window.
    pub waiting: f64,
    /// Mean number of clients that waited for what became a right answer: rate × latency, of Little's law. Where
    /// nobody starves and nothing fails it equals `waiting`.
    pub in_flight: f64,
    /// Connections opened, the first of each client included.
    pub connects: u64,
    /// An open loop's requests that were to leave in the window, a second; `None` in a closed loop.
    pub intended_rate: Option<f64>,
    /// Requests for which there was no room to wait. They have no latency and are in no histogram.
    pub dropped: u64,
    /// What each generator thread spent in the window.
    pub generator: Vec<GeneratorThread>,
    /// Each latency with its time, in the order of completion, when the plan asked for it.
    pub series: Vec<Sample>,
    /// What the watched process spent, when the plan named one.
    pub usage: Option<Usage>,
    /// Whether the run was cancelled before its end.
    pub cancelled: bool,
}

impl Outcome {
    /// Right answers a second, within the window.
    pub fn rate(&self) -> f64 {
        per_second(self.answered_in_window, self.window)
    }

    /// Requests measured, failed ones included.
    pub fn requests(&self) -> u64 {
        self.latency.len()
    }

    /// This percentile (50.0, 99.0, 99.9) of latency, or `None` when fewer than ten samples lie beyond it.
    pub fn percentile(&self, percentile: f64) -> Option<Duration> {
        let beyond = self.latency.len() as f64 * (100.0 - percentile) / 100.0;
        // Rounding must not cost the ten-thousandth sample its p99.9.
        (beyond >= 10.0 - 1e-6)
            .then(|| Duration::from_nanos(self.latency.value_at_quantile(percentile / 100.0)))
    }

    /// The largest latency.
    pub fn slowest(&self) -> Duration {
        Duration::from_nanos(self.latency.max())
    }

    /// CPU time of the watched process for each answer within the window.
    pub fn cpu_per_request(&self) -> Option<Duration> {
        let usage = self.usage.as_ref()?;
        let answers = u32::try_from(self.answered_in_window).ok().filter(|&answers| answers > 0)?;
        Some(usage.cpu / answers)
    }

    /// Context switches of the watched process for each answer: voluntary, involuntary.
    pub fn switches_per_request(&self) -> Option<(f64, f64)> {
        let usage = self.usage.as_ref()?;
        let answers = self.rate() * usage.switches_window.as_secs_f64();
        let switches = usage.switches;
        (answers > 0.0)
            .then(|| (switches.voluntary as f64 / answers, switches.involuntary as f64 / answers))
    }

    /// CPU time of the generator for each answer within the window.
    pub fn generator_cpu_per_request(&self) -> Option<Duration> {
        let cpu: Duration = self.generator.iter().map(|thread| thread.cpu).sum();
        let answers = u32::try_from(self.answered_in_window).ok().filter(|&answers| answers > 0)?;
        Some(cpu / answers)
    }
}

/// Requests that failed, by how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Errors {
    /// No connection could be made.
    pub connect: u64,
    /// No answer in the plan's time.
    pub timeout: u64,
    /// The connection ended before the answer was whole.
    pub closed: u64,
    /// The answer was not HTTP.
    pub parse: u64,
    /// The answer had another length or meaning than expected.
    pub wrong_body: u64,
    /// No answer by the end of the drain.
    pub unanswered: u64,
    /// Messages that were acknowledged and did not reach a listener: one for each listener.
    pub lost: u64,
    /// Messages that reached a listener again.
    pub doubled: u64,
    /// Whole answers with a status that was not expected, by status.
    pub status: BTreeMap<u16, u64>,
    /// The first few, in words.
    pub examples: Vec<String>,
}

impl Errors {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.connect
            + self.timeout
            + self.closed
            + self.parse
            + self.wrong_body
            + self.unanswered
            + self.lost
            + self.doubled
            + self.status.values().sum::<u64>()
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.connect += other.connect;
        self.timeout += other.timeout;
        self.closed += other.closed;
        self.parse += other.parse;
        self.wrong_body += other.wrong_body;
        self.unanswered += other.unanswered;
        self.lost += other.lost;
        self.doubled += other.doubled;
        for (status, count) in other.status {
            *self.status.entry(status).or_default() += count;
        }
        for example in other.examples {
            self.example(|| example);
        }
    }

    /// Keeps the first few different ones.
    pub(crate) fn example(&mut self, words: impl FnOnce() -> String) {
        if self.examples.len() >= 5 {
            return;
        }
        let words = words();
        if !self.examples.contains(&words) {
            self.examples.push(words);
        }
    }
}

/// What one generator thread spent in the window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GeneratorThread {
    /// CPU time.
    pub cpu: Duration,
    /// Time it was ready to run and something else held its CPU (`/proc/…/schedstat`).
    pub delayed: Duration,
    /// The window, as this thread saw it.
    pub window: Duration,
    /// Where it was pinned.
    pub pinned: Option<usize>,
}

impl GeneratorThread {
    /// The share of the window in which it ran or was ready to run: near 1, it is the limit.
    pub fn busy(&self) -> f64 {
        share(self.cpu + self.delayed, self.window)
    }

    /// The share of the window in which something else held its CPU.
    pub fn crowded(&self) -> f64 {
        share(self.delayed, self.window)
    }
}

/// One latency with its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When the request was to leave, since the window began.
    pub at: Duration,
    /// From then to the last byte, or to when it was given up.
    pub latency: Duration,
    /// Whether the answer was right.
    pub ok: bool,
}

pub(crate) fn share(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() { 0.0 } else { part.as_secs_f64() / whole.as_secs_f64() }
}

pub(crate) fn per_second(count: u64, window: Duration) -> f64 {
    if window.is_zero() { 0.0 } else { count as f64 / window.as_secs_f64() }
}
