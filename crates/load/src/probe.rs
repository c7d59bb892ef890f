//! A light, steady question beside the load: what a bystander feels.

use std::io;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::ask::Ask;
use crate::outcome::Outcome;
use crate::plan::{Arrivals, Cancel, Phase, Plan, Target};
use crate::run::run;

/// One keep-alive connection that asks at a fixed interval, on a thread of its own.
///
/// It is an open loop: when one answer stalls, each question that should have left meanwhile counts with the time
/// it was held up, so a stall of a second at 10 ms is a hundred late answers and not one. It never gives up
/// on an answer before [`Probe::stop`].
#[derive(Debug)]
pub struct Probe {
    cancel: Cancel,
    thread: JoinHandle<io::Result<Outcome>>,
}

impl Probe {
    /// Starts asking, and returns once the connection is there (or has failed to be).
    ///
    /// # Errors
    /// When its thread cannot be started.
    pub fn start(
        target: Target,
        ask: Ask,
        interval: Duration,
        cpu: Option<usize>,
    ) -> io::Result<Self> {
        let arrivals = Arrivals::Fixed { rate: 1.0 / interval.as_secs_f64() };
        let cancel = Cancel::new();
        let plan = Plan {
            series: true,
            timeout: Duration::from_secs(3600),
            // An answer that is late at the end is a stall, not a question asked too late to be heard.
            drain: Duration::from_millis(200),
            cpus: cpu.into_iter().collect(),
            ..Plan::open(target, ask, 1, arrivals, Duration::from_secs(24 * 3600))
        };
        let stop = cancel.clone();
        let (tell, ready) = mpsc::channel();
        let work = move || {
            run(&plan, &stop, |progress| {
                if progress.phase != Phase::Connecting {
                    let _ = tell.send(());
                }
            })
        };
        let thread = thread::Builder::new().name("probe".into()).spawn(work)?;
        // A probe that failed drops its end, and says why when it is stopped.
        let _ = ready.recv();
        Ok(Self { cancel, thread })
    }

    /// Stops asking and says what it felt; its series has each latency with its time since the start.
    ///
    /// # Errors
    /// When the probe could not run.
    pub fn stop(self) -> io::Result<Outcome> {
        self.cancel.finish();
        self.thread.join().expect("the probe does not panic")
    }
}
