//! Where CPU work runs: in the task that asks, or on a thread of a pool; either way on no more at once than there are cores.
//!
//! More would only take turns, each with its memory. So many may wait for their turn; the next is refused.

use std::sync::{Arc, OnceLock};

use contract::{Deadline, Problem};
use metrics::{Gauge, describe_gauge, gauge};
use rayon_core::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use rustix::process::nice;
use settings::{Carried, Counted, carried};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

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

    /// Runs the work in this task, and so on this worker, which runs no other task until the work is done.
    ///
    /// # Errors
    ///
    /// When as much waits as may, or its turn does not come in time.
    pub async fn inline<T>(
        &self,
        deadline: Deadline,
        work: impl FnOnce(&dyn Fn() -> bool) -> T,
    ) -> Result<T, Problem> {
        let until = Instant::now() + deadline.duration();
        let _turn = self.turn(until).await?;
        Ok(work(&|| Instant::now() < until))
    }

    /// Runs the work on a thread of the pool, and awaits its result.
    ///
    /// Past the deadline, or dropped, the work ends where it next asks whether to go on: nothing interrupts a thread.
    ///
    /// # Errors
    ///
    /// When as much waits as may, or the deadline passes.
    ///
    /// # Panics
    ///
    /// With what the work panics with, as if it ran here.
    pub async fn offload<T: Send + 'static>(
        &self,
        deadline: Deadline,
        work: impl FnOnce(&dyn Fn() -> bool) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let until = Instant::now() + deadline.duration();
        let turn = self.turn(until).await?;
        let (result, ready) = oneshot::channel();
        self.pool()?.spawn(move || {
            // First of all that a panic lets go of: whoever learns of it may come at once.
            let turn = turn;
            let done = carried(|| work(&|| !result.is_closed() && Instant::now() < until));
            drop(turn);
            // Nobody waits for it any more when the deadline has passed, or the client has left.
            let _ = result.send(done);
        });
        let done = timeout_at(until, ready).await.map_err(|_| Problem::deadline_passed())?;
        Ok(done.map_err(|_| Problem::internal())?.unwrap_or_else(Carried::again))
    }

    /// The pool, if its threads can be started.
    fn pool(&self) -> Result<&ThreadPool, Problem> {
        let pool = self.pool.get_or_init(|| start(self.threads).ok());
        pool.as_ref().ok_or_else(Problem::no_thread)
    }

    /// A place at once or not at all, then a permit as soon as one is free.
    async fn turn(&self, until: Instant) -> Result<Turn, Problem> {
        let place = self.places.take().ok_or_else(Problem::cpu_full)?;
        let waiting = Counted::new(&self.meters.waiting);
        let permit = self.permits.acquire(until).await.ok_or_else(Problem::deadline_passed)?;
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
    use std::thread::sleep;
    use std::time::Duration;

    use contract::Limits;
    use settings::{Log, caught_awaiting};
    use tokio::{task, time};

    use super::*;

    fn soon() -> Deadline {
        Deadline::default().bounded(&Limits::default(), Duration::ZERO)
    }

    fn at_once() -> Deadline {
        let limits = Limits { handler: Duration::from_millis(50), ..Limits::default() };
        Deadline::default().bounded(&limits, Duration::ZERO)
    }

    #[tokio::test]
    async fn work_has_a_result_wherever_it_runs() {
        let cpu = Cpu::new(2, 0);
        assert_eq!(cpu.inline(soon(), |_| 1).await.unwrap(), 1);
        assert_eq!(cpu.offload(soon(), |_| 2).await.unwrap(), 2);
    }

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "it sleeps on a thread of the pool")]
    async fn as_many_run_as_there_are_threads_and_wait_as_the_queue_holds() {
        let cpu = Cpu::new(1, 1);
        let mut asked = Vec::new();
        for n in 0..4 {
            let cpu = cpu.clone();
            asked.push(task::spawn(async move {
                time::sleep(Duration::from_millis(40 * n)).await;
                cpu.offload(soon(), |_| sleep(Duration::from_millis(300))).await
            }));
        }
        let mut answers = Vec::new();
        for one in asked {
            answers.push(one.await.unwrap().map_err(|problem| problem.status));
        }
        assert_eq!(answers, [Ok(()), Ok(()), Err(503), Err(503)]);
        assert_eq!(cpu.offload(soon(), |_| 3).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn past_the_deadline_work_is_told_to_end() {
        let cpu = Cpu::new(1, 1);
        let until_told = |go_on: &dyn Fn() -> bool| while go_on() {};
        // Either it returns in time or the answer does not wait for it; what counts is that it ends.
        let _ = cpu.offload(at_once(), until_told).await;
        cpu.inline(soon(), |_| ()).await.unwrap();
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_any_more_is_told_to_end() {
        let cpu = Cpu::new(1, 0);
        let until_told = |go_on: &dyn Fn() -> bool| while go_on() {};
        let dropped = time::timeout(Duration::from_millis(20), cpu.offload(soon(), until_told));
        assert!(dropped.await.is_err());
        // Its thread is free again: a second one could not run beside it.
        let until = Instant::now() + Duration::from_secs(5);
        while cpu.offload(soon(), |_| ()).await.is_err() {
            assert!(Instant::now() < until, "it computes on");
            time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn a_panic_is_that_of_who_waits_for_it_and_costs_no_thread() {
        Log::Off.start(false);
        let cpu = Cpu::new(1, 0);
        for _ in 0..3 {
            let answer = cpu.offload(soon(), |_| -> u8 { panic!("on purpose") });
            assert_eq!(caught_awaiting(answer).await.unwrap_err().message, "on purpose");
        }
        assert_eq!(cpu.offload(soon(), |_| 4).await.unwrap(), 4);
    }
}
