//! Where CPU work runs: on the thread that asks, or on one of a pool; either way on no more at once than there are cores.
//!
//! More would only take turns, each with its memory. So many may wait for their turn; the next is refused.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use contract::{Deadline, Problem};
use metrics::{Gauge, describe_gauge, gauge};
use rayon_core::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use rustix::process::nice;
use settings::{Carried, Counted, carried};

use crate::permits::{Permit, Permits};

/// How much the pool's threads give way to the others (nice(2)), which wait most of the time and then must be quick.
const GIVES_WAY: i32 = 10;

/// The cores, as far as computing may have them. A clone is the same.
#[derive(Clone, Debug)]
pub struct Cpu {
    /// A place for each work that runs or waits.
    places: Permits,
    /// A permit for each that runs.
    permits: Permits,
    /// Started by the first work that is offloaded: who never offloads holds no threads.
    pool: Arc<OnceLock<Option<ThreadPool>>>,
    threads: usize,
    meters: Meters,
}

impl Cpu {
    /// A pool of `threads`, and room for `queue` before it.
    pub fn new(threads: usize, queue: usize) -> Self {
        Self {
            places: Permits::new(threads + queue),
            permits: Permits::new(threads),
            pool: Arc::default(),
            threads,
            meters: Meters::new(threads),
        }
    }

    /// Runs the work on this thread, which nobody else waits for.
    ///
    /// # Errors
    ///
    /// When as much waits as may, or its turn does not come in time.
    pub fn inline<T>(
        &self,
        deadline: Deadline,
        work: impl FnOnce(&dyn Fn() -> bool) -> T,
    ) -> Result<T, Problem> {
        let until = Instant::now() + deadline.duration();
        let _turn = self.turn(until)?;
        Ok(work(&|| Instant::now() < until))
    }

    /// Runs the work on a thread of the pool, and blocks this one until its result is there.
    ///
    /// Past the deadline the work ends where it next asks whether to go on: nothing interrupts a thread.
    ///
    /// # Errors
    ///
    /// When as much waits as may, or the deadline passes.
    ///
    /// # Panics
    ///
    /// With what the work panics with, as if it ran here.
    pub fn offload<T: Send + 'static>(
        &self,
        deadline: Deadline,
        work: impl FnOnce(&dyn Fn() -> bool) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let until = Instant::now() + deadline.duration();
        let turn = self.turn(until)?;
        let (result, ready) = sync_channel(1);
        self.pool()?.spawn(move || {
            // First of all that a panic lets go of: whoever learns of it may come at once.
            let turn = turn;
            let done = carried(|| work(&|| Instant::now() < until));
            drop(turn);
            // Nobody waits for it any more when the deadline has passed.
            let _ = result.send(done);
        });
        let left = until.saturating_duration_since(Instant::now());
        let done = ready.recv_timeout(left).map_err(|error| match error {
            RecvTimeoutError::Timeout => Problem::deadline_passed(),
            RecvTimeoutError::Disconnected => Problem::internal(),
        })?;
        Ok(done.unwrap_or_else(Carried::again))
    }

    /// The pool, if its threads can be started.
    fn pool(&self) -> Result<&ThreadPool, Problem> {
        let pool = self.pool.get_or_init(|| start(self.threads).ok());
        pool.as_ref().ok_or_else(Problem::no_thread)
    }

    /// A place at once or not at all, then a permit as soon as one is free.
    fn turn(&self, until: Instant) -> Result<Turn, Problem> {
        let place = self.places.take().ok_or_else(Problem::cpu_full)?;
        let waiting = Counted::new(&self.meters.waiting);
        let permit = self.permits.acquire(until).ok_or_else(Problem::deadline_passed)?;
        drop(waiting);
        Ok(Turn { _permit: permit, _place: place, _running: Counted::new(&self.meters.running) })
    }
}

fn start(threads: usize) -> Result<ThreadPool, ThreadPoolBuildError> {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|n| format!("cpu-{n}"))
        // Of this thread alone, on Linux; without it they are as good as the others.
        .start_handler(|_| {
            let _ = nice(GIVES_WAY);
        })
        .build()
}

/// What work holds while it runs.
struct Turn {
    _permit: Permit,
    _place: Permit,
    _running: Counted,
}

#[derive(Clone, Debug)]
struct Meters {
    running: Gauge,
    waiting: Gauge,
}

impl Meters {
    fn new(threads: usize) -> Self {
        describe_gauge!("cpu_running", "Work computing now");
        describe_gauge!("cpu_waiting", "Work waiting for a core now");
        gauge!("limit_cpu_threads").set(threads as f64);
        let [running, waiting] = [gauge!("cpu_running"), gauge!("cpu_waiting")];
        running.set(0.0);
        waiting.set(0.0);
        Self { running, waiting }
    }
}

#[cfg(test)]
mod tests {
    use std::thread::{scope, sleep};
    use std::time::Duration;

    use contract::Limits;
    use settings::{Log, caught};

    use super::*;

    fn soon() -> Deadline {
        Deadline::default().bounded(&Limits::default(), Duration::ZERO)
    }

    fn at_once() -> Deadline {
        let limits = Limits { handler: Duration::from_millis(50), ..Limits::default() };
        Deadline::default().bounded(&limits, Duration::ZERO)
    }

    #[test]
    fn work_has_a_result_wherever_it_runs() {
        let cpu = Cpu::new(2, 0);
        assert_eq!(cpu.inline(soon(), |_| 1).unwrap(), 1);
        assert_eq!(cpu.offload(soon(), |_| 2).unwrap(), 2);
    }

    #[test]
    fn as_many_run_as_there_are_threads_and_wait_as_the_queue_holds() {
        let cpu = Cpu::new(1, 1);
        let busy = |_: &dyn Fn() -> bool| sleep(Duration::from_millis(300));
        let answers: Vec<_> = scope(|threads| {
            let ask = |n: u64| {
                sleep(Duration::from_millis(40 * n));
                if n == 1 { cpu.inline(soon(), busy) } else { cpu.offload(soon(), busy) }
            };
            let asked: Vec<_> = (0..4).map(|n| threads.spawn(move || ask(n))).collect();
            asked
                .into_iter()
                .map(|one| one.join().unwrap().map_err(|problem| problem.status))
                .collect()
        });
        assert_eq!(answers, [Ok(()), Ok(()), Err(503), Err(503)]);
        assert_eq!(cpu.offload(soon(), |_| 3).unwrap(), 3);
    }

    #[test]
    fn past_the_deadline_work_is_told_to_end() {
        let cpu = Cpu::new(1, 1);
        let until_told = |go_on: &dyn Fn() -> bool| while go_on() {};
        // Either it returns in time or the answer does not wait for it; what counts is that it ends.
        let _ = cpu.offload(at_once(), until_told);
        cpu.inline(soon(), |_| ()).unwrap();
    }

    #[test]
    fn a_panic_is_that_of_who_waits_for_it_and_costs_no_thread() {
        Log::Off.start(false);
        let cpu = Cpu::new(1, 0);
        for _ in 0..3 {
            let answer = caught(|| cpu.offload(soon(), |_| -> u8 { panic!("on purpose") }));
            assert_eq!(answer.unwrap_err().message, "on purpose");
        }
        assert_eq!(cpu.offload(soon(), |_| 4).unwrap(), 4);
    }
}
