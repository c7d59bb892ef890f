//! `/metrics`: what a process tells about itself, in Prometheus text.
//!
//! Counters are looked up once, when a server starts, and not on each request: the look-up costs more than the count.

use contract::Limits;
use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;

/// Renders `/metrics`.
#[derive(Clone)]
pub struct Telemetry {
    handle: PrometheusHandle,
    process: Collector,
}

/// One more on a gauge for as long as it lives.
#[derive(Debug)]
pub struct Counted(Gauge);

/// Requests, counted by the class of their answer.
#[derive(Clone)]
pub struct Answers([Counter; 5]);

impl Telemetry {
    /// Installs the recorder of this process and shows its limits.
    ///
    /// # Panics
    /// If the process has one already: it is called once, by `main`.
    pub fn start(limits: &Limits) -> Self {
        let handle = PrometheusBuilder::new()
            .install_recorder()
            .expect("main installs the only recorder of the process");
        let process = Collector::default();
        process.describe();
        for (name, value) in limits.gauges() {
            gauge!(name).set(value);
        }
        describe_counter!("http_responses_total", "Answers, by the class of their status");
        describe_counter!(
            "http_panics_total",
            "Panics of handlers and of what they started and wait for"
        );
        describe_gauge!("http_connections", "Connections open now");
        describe_gauge!(
            "http_in_flight",
            "Requests whose head is complete and whose answer is not"
        );
        describe_gauge!(
            "event_loop_lag_seconds",
            "How late a timer fired, at most, in the last ten seconds"
        );
        describe_gauge!("http_streams", "Replies being streamed now");
        describe_gauge!("room_subscribers", "Subscribers of rooms now");
        describe_counter!(
            "room_subscribers_dropped_total",
            "Subscribers of rooms that were too far behind"
        );
        describe_gauge!("offload_running", "Calls running on the offload pool now");
        describe_gauge!("offload_waiting", "Calls waiting for a thread of the offload pool now");
        describe_gauge!("failures_running", "What is to fail on purpose and has not ended yet");
        counter!("http_panics_total").absolute(0);
        counter!("room_subscribers_dropped_total").absolute(0);
        for name in [
            "http_connections",
            "http_streams",
            "room_subscribers",
            "offload_running",
            "offload_waiting",
            "failures_running",
        ] {
            gauge!(name).set(0.0);
        }
        Self { handle, process }
    }

    /// Shows the bounds of the offload pool, too.
    #[must_use]
    pub fn offload(self, threads: usize, queue: usize) -> Self {
        gauge!("limit_offload_threads").set(threads as f64);
        gauge!("limit_offload_queue").set(queue as f64);
        self
    }

    /// The text of `/metrics`.
    pub fn render(&self) -> String {
        self.process.collect();
        self.handle.run_upkeep();
        self.handle.render()
    }
}

impl Counted {
    /// Counts one more.
    pub fn new(gauge: &Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

impl Answers {
    /// The counters, looked up; after [`Telemetry::start`].
    pub fn new() -> Self {
        Self(
            ["1xx", "2xx", "3xx", "4xx", "5xx"]
                .map(|class| counter!("http_responses_total", "class" => class)),
        )
    }

    /// Counts one answer.
    pub fn count(&self, status: u16) {
        let class = usize::from(status / 100).clamp(1, 5);
        self.0[class - 1].increment(1);
    }
}

impl Default for Answers {
    fn default() -> Self {
        Self::new()
    }
}
