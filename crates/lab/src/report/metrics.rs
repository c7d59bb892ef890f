//! The figures that are charted, each with its unit, its scale, and the levels it means something at.

use super::axis::Axis;
use crate::results::{Cell, Kind, Level, Tail};

/// One figure of a cell.
pub(super) struct Metric {
    /// In ids.
    pub(super) key: &'static str,
    /// As a heading.
    pub(super) title: fn(&[&Level]) -> &'static str,
    /// On the axis and in sentences.
    pub(super) unit: &'static str,
    /// Fits an axis to all of its values.
    pub(super) axis: fn(&[f64]) -> Axis,
    /// Whether it means something there.
    pub(super) at: fn(&Level) -> bool,
    /// Its value in `unit`.
    pub(super) of: fn(&Cell, &Level) -> Option<f64>,
    /// What no value can undercut, whoever answers.
    pub(super) floor: fn(&Level) -> Option<f64>,
}

/// Why nothing is faster than what a request waits for.
pub(super) const WAITED_FOR: &str = "nothing is faster than what is waited for";
/// Why nothing is cheaper than the floor.
pub(super) const AT_THE_FLOOR: &str = "the floor, one epoll loop with its answers ready";

/// All of them, in the order of the page.
pub(super) const ALL: [Metric; 10] = [
    Metric {
        key: "rate",
        title: |_| "Throughput",
        unit: "right answers a second",
        axis: Axis::fitting,
        // An open loop answers as often as it is asked, a burst once: their rates say nothing of a server.
        at: |level| level.kind == Kind::Closed,
        of: |cell, _| Some(cell.rate),
        floor: |_| None,
    },
    Metric {
        key: "burst",
        title: |_| "The whole burst, first SYN to last byte",
        unit: "s",
        axis: |values| Axis::zero(values.iter().copied()),
        at: |level| level.kind == Kind::Burst,
        of: |cell, _| Some(cell.span_s),
        floor: |level| Some(level.least_ms / 1e3),
    },
    Metric {
        key: "p50",
        title: |_| "Latency, median (p50)",
        unit: "ms",
        axis: log,
        at: |_| true,
        of: |cell, _| Some(cell.latency.p50_ms),
        floor: waited_for,
    },
    Metric {
        key: "tail",
        title: |levels| {
            let p99 = levels.iter().filter(|level| level.tail == Tail::P99).count();
            match p99 {
                0 => "Latency, slowest answer",
                all if all == levels.len() => "Latency, p99",
                _ => "Latency, p99 (slowest answer where samples are few)",
            }
        },
        unit: "ms",
        axis: log,
        at: |_| true,
        of: tail,
        floor: waited_for,
    },
    Metric {
        key: "probe",
        title: |_| "A bystander beside the load, p99",
        unit: "ms",
        axis: log,
        at: |level| level.probe.is_some(),
        of: |cell, _| cell.probe.as_ref()?.latency.p99_ms,
        floor: |_| None,
    },
    Metric {
        key: "stall",
        title: |_| "A bystander’s longest stall",
        unit: "ms",
        axis: log,
        at: |level| level.probe.is_some(),
        of: |cell, _| Some(cell.probe.as_ref()?.stall_ms),
        floor: |_| None,
    },
    Metric {
        key: "cpu",
        title: |_| "CPU time of the server for each answer",
        unit: "µs",
        axis: Axis::fitting,
        at: |_| true,
        of: |cell, _| cell.usage.as_ref()?.cpu_us,
        floor: |_| None,
    },
    Metric {
        key: "threads",
        title: |_| "Threads at the peak",
        unit: "threads",
        axis: Axis::fitting,
        at: |_| true,
        of: |cell, _| Some(cell.usage.as_ref()?.threads_peak as f64),
        floor: |_| None,
    },
    Metric {
        key: "rss",
        title: |_| "Memory at the peak, resident (RSS)",
        unit: "MB",
        axis: |values| Axis::zero(values.iter().copied()),
        at: |_| true,
        of: |cell, _| Some(cell.usage.as_ref()?.rss_peak_bytes as f64 / 1e6),
        floor: |_| None,
    },
    Metric {
        key: "kernel",
        title: |_| "Memory at the peak, the kernel’s share",
        unit: "MB",
        axis: |values| Axis::zero(values.iter().copied()),
        at: |_| true,
        of: |cell, _| {
            let usage = cell.usage.as_ref()?;
            Some((usage.page_tables_peak_bytes + usage.kernel_stacks_peak_bytes) as f64 / 1e6)
        },
        floor: |_| None,
    },
];

/// The tail that the level has samples for.
pub(super) fn tail(cell: &Cell, level: &Level) -> Option<f64> {
    match level.tail {
        Tail::P99 => cell.latency.p99_ms,
        Tail::Slowest => Some(cell.latency.max_ms),
    }
}

fn log(values: &[f64]) -> Axis {
    Axis::log(values.iter().copied())
}

fn waited_for(level: &Level) -> Option<f64> {
    (level.least_ms > 0.0).then_some(level.least_ms)
}
