//! What a generator thread itself spends.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::outcome::GeneratorThread;

/// What the calling thread had spent by some moment.
#[derive(Clone, Copy)]
pub(crate) struct Spent {
    at: Instant,
    cpu: Duration,
    delayed: Duration,
}

impl Spent {
    pub(crate) fn now() -> Self {
        let cpu = clock_gettime(ClockId::ThreadCPUTime);
        // "time on CPU, time waiting for one, time slices"; absent on kernels built without it.
        let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        let delayed = schedstat.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
        Self {
            at: Instant::now(),
            cpu: Duration::new(cpu.tv_sec as u64, cpu.tv_nsec as u32),
            delayed: Duration::from_nanos(delayed),
        }
    }

    pub(crate) fn to(self, end: Self) -> GeneratorThread {
        GeneratorThread {
            cpu: end.cpu - self.cpu,
            delayed: end.delayed - self.delayed,
            window: end.at - self.at,
            pinned: None,
        }
    }
}
