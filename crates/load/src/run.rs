//! Runs a plan: its threads, its clock, its window, and the sum of what they counted.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity, set_current_timer_slack};

use crate::ask::Script;
use crate::generator::Generator;
use crate::outcome::{Outcome, per_second};
use crate::plan::{Cancel, Pace, Phase, Plan, Progress};
use crate::process::{Sampler, Usage};
use crate::tally::Tally;

/// How often progress is told.
const TOLD_EVERY: Duration = Duration::from_millis(100);
/// How often the watched process's memory is read: often enough to see a burst's peak.
const SAMPLED_EVERY: Duration = Duration::from_millis(50);
/// Descriptors that are not clients: epoll, timers, logs, the caller's own.
const OTHER_DESCRIPTORS: u64 = 64;

/// Runs a plan to its end on threads of its own, and returns when they have ended.
///
/// # Errors
/// When the plan cannot be run here: too few descriptors, a CPU that does not exist, a process that cannot be
/// watched. What the server does wrong is in the outcome, never an error.
pub fn run(plan: &Plan, cancel: &Cancel, progress: impl FnMut(&Progress)) -> io::Result<Outcome> {
    let script = Script::new(&plan.asks, &plan.target.host, plan.keep_alive);
    driven(plan, cancel, progress, |counters, number| {
        Generator::new(plan, &script, cancel, counters, number)
    })
}

/// What one generator thread does.
pub(crate) trait Drive: Send {
    /// Opens connections before the clock starts.
    fn preconnect(&mut self) -> io::Result<()>;

    /// Runs to the end of the plan. `epoch` is when the clock of all threads starts.
    fn run(&mut self, epoch: Instant) -> io::Result<Tally>;
}

/// Runs a plan on threads that are driven by what `driver` makes for each of them.
pub(crate) fn driven<'a, D: Drive>(
    plan: &'a Plan,
    cancel: &'a Cancel,
    progress: impl FnMut(&Progress),
    driver: impl Fn(Arc<Counters>, usize) -> io::Result<D>,
) -> io::Result<Outcome> {
    if plan.threads == 0 || plan.connections < plan.threads {
        return Err(io::Error::other("every generator thread needs a connection"));
    }
    let limit = raise_descriptor_limit()?;
    if plan.connections as u64 + OTHER_DESCRIPTORS > limit {
        let (clients, limit) = (plan.connections, limit);
        let why = format!("{clients} clients need more than the {limit} descriptors allowed here");
        return Err(io::Error::other(why));
    }
    let sampler = plan.watch.map(|pid| Sampler::start(pid, SAMPLED_EVERY)).transpose()?;
    let counters: Vec<_> = (0..plan.threads).map(|_| Arc::new(Counters::default())).collect();
    let mut run =
        Run { plan, cancel, progress, counters: &counters, sampler, usage: None, done: 0 };

    let tallies = thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        let mut threads = Vec::new();
        let mut starts = Vec::new();
        for (number, counters) in counters.iter().enumerate() {
            let (start, started) = mpsc::channel();
            starts.push(start);
            let driver = driver(Arc::clone(counters), number)?;
            let tell = Tell(tell.clone());
            let cpu = plan.cpus.get(number % plan.cpus.len().max(1)).copied();
            let work = move || {
                let mut driver = driver;
                let result = drive(&mut driver, cpu, tell, &started);
                // The connections stay open until the server has been looked at with them.
                let _ = started.recv();
                result
            };
            let name = format!("load-{number}");
            threads.push(thread::Builder::new().name(name).spawn_scoped(scope, work)?);
        }
        drop(tell);
        run.conduct(&told, starts);
        let mut tallies = Vec::new();
        for thread in threads {
            tallies.push(thread.join().expect("a check of a body must not panic")?);
        }
        io::Result::Ok(tallies)
    })?;
    let tallies: Option<Vec<_>> = tallies.into_iter().collect();
    let tallies = tallies.ok_or_else(|| io::Error::other("a generator thread could not start"))?;
    Ok(outcome(plan, tallies, run.usage, cancel.cancelled()))
}

/// What a generator thread tells the one that conducts.
enum Told {
    /// Its connections are open.
    Ready,
    /// It has ended, failed or panicked.
    Done,
}

struct Tell(mpsc::Sender<Told>);

impl Drop for Tell {
    fn drop(&mut self) {
        let _ = self.0.send(Told::Done);
    }
}

/// One generator thread, from its CPU to its tally. `None`: another could not be set up, and none was started.
fn drive(
    driver: &mut impl Drive,
    cpu: Option<usize>,
    tell: Tell,
    started: &mpsc::Receiver<Instant>,
) -> io::Result<Option<Tally>> {
    settle(cpu)?;
    driver.preconnect()?;
    let _ = tell.0.send(Told::Ready);
    let Ok(epoch) = started.recv() else { return Ok(None) };
    let mut tally = driver.run(epoch)?;
    tally.thread.pinned = cpu;
    Ok(Some(tally))
}

/// Raises this process's soft descriptor limit to the hard one, and says what it is.
///
/// # Errors
/// When the kernel refuses, which it does not for a limit at or below the hard one.
pub fn raise_descriptor_limit() -> io::Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
}

/// Pins the calling thread, and lets its timers be exact (the kernel's default is 50 µs late).
fn settle(cpu: Option<usize>) -> io::Result<()> {
    set_current_timer_slack(std::num::NonZeroU64::new(1))?;
    let Some(cpu) = cpu else { return Ok(()) };
    let mut set = CpuSet::new();
    if cpu >= CpuSet::MAX_CPU {
        return Err(io::Error::other(format!("no CPU {cpu}")));
    }
    set.set(cpu);
    sched_setaffinity(None, &set)
        .map_err(|error| io::Error::new(error.kind(), format!("CPU {cpu}: {error}")))
}

/// What a generator thread tells while it runs.
#[derive(Default)]
pub(crate) struct Counters {
    answered: AtomicU64,
    failed: AtomicU64,
}

impl Counters {
    pub(crate) fn tell(&self, answered: u64, failed: u64) {
        self.answered.store(answered, Ordering::Relaxed);
        self.failed.store(failed, Ordering::Relaxed);
    }
}

/// The calling thread's part of a run: the clock, the window of the watched process, and progress.
struct Run<'a, P> {
    plan: &'a Plan,
    cancel: &'a Cancel,
    progress: P,
    counters: &'a [Arc<Counters>],
    sampler: Option<Sampler>,
    usage: Option<Usage>,
    /// Threads that have ended.
    done: usize,
}

impl<P: FnMut(&Progress)> Run<'_, P> {
    /// Starts all threads at one moment, stays until the last is done, and then lets them close their connections
    /// by dropping `starts`.
    fn conduct(&mut self, told: &mpsc::Receiver<Told>, starts: Vec<mpsc::Sender<Instant>>) {
        let mut ready = 0;
        while ready < starts.len() {
            match told.recv_timeout(TOLD_EVERY) {
                Ok(Told::Ready) => ready += 1,
                // It failed before it was ready; the rest are not started.
                Ok(Told::Done) => return,
                Err(_) => self.tell(Phase::Connecting, Duration::ZERO),
            }
        }
        let warmup = self.plan.warmup;
        if warmup.is_zero() {
            self.sample(Sampler::begin_switches);
            self.sample(Sampler::begin);
        }
        let epoch = Instant::now();
        for start in &starts {
            start.send(epoch).expect("a thread that is ready waits for its start");
        }
        if !warmup.is_zero() {
            let over = self.attend(told, epoch, Some(warmup / 2), Phase::WarmingUp);
            self.sample(Sampler::begin_switches);
            if over || self.attend(told, epoch, Some(warmup), Phase::WarmingUp) {
                return;
            }
            self.sample(Sampler::begin);
        }
        let end = self.plan.duration().map(|duration| warmup + duration);
        let over = self.attend(told, epoch, end, Phase::Measuring);
        self.usage = self.sampler.take().map(Sampler::stop);
        if !over {
            self.attend(told, epoch, None, Phase::Draining);
        }
    }

    fn sample(&mut self, what: fn(&mut Sampler)) {
        if let Some(sampler) = &mut self.sampler {
            what(sampler);
        }
    }

    /// Tells progress until this time, or until the threads have ended: then true.
    fn attend(
        &mut self,
        told: &mpsc::Receiver<Told>,
        epoch: Instant,
        until: Option<Duration>,
        phase: Phase,
    ) -> bool {
        loop {
            let elapsed = epoch.elapsed();
            let left = until.map_or(TOLD_EVERY, |until| until.saturating_sub(elapsed));
            if left.is_zero() {
                return false;
            }
            match told.recv_timeout(left.min(TOLD_EVERY)) {
                Ok(_) => self.done += 1,
                Err(_) => self.tell(phase, epoch.elapsed()),
            }
            if self.done == self.plan.threads {
                return true;
            }
            if self.cancel.finishing() && phase == Phase::Measuring {
                return false;
            }
        }
    }

    fn tell(&mut self, phase: Phase, elapsed: Duration) {
        let sum = |read: fn(&Counters) -> &AtomicU64| {
            self.counters.iter().map(|counters| read(counters).load(Ordering::Relaxed)).sum()
        };
        let whole = self.plan.duration().map(|duration| self.plan.warmup + duration);
        let fraction = whole.map(|whole| (elapsed.as_secs_f64() / whole.as_secs_f64()).min(1.0));
        let answered = sum(|counters| &counters.answered);
        let failed = sum(|counters| &counters.failed);
        (self.progress)(&Progress { phase, elapsed, fraction, answered, failed });
    }
}

/// Adds up what the threads counted.
fn outcome(plan: &Plan, tallies: Vec<Tally>, usage: Option<Usage>, cancelled: bool) -> Outcome {
    let generator = tallies.iter().map(|tally| tally.thread).collect();
    let sum = tallies.into_iter().reduce(|mut sum, tally| {
        sum.add(tally);
        sum
    });
    let mut sum = sum.expect("there is at least one thread");
    let span = Duration::from_nanos(sum.last_byte.saturating_sub(sum.first_sent));
    let window = match plan.duration() {
        Some(_) => Duration::from_nanos(sum.until.saturating_sub(sum.from)),
        None => span,
    };
    sum.series.sort_by_key(|sample| sample.at + sample.latency);
    let mean = |nanos: u128| nanos as f64 / (window.as_nanos() as f64).max(1.0);
    Outcome {
        latency: sum.latency,
        service: sum.service,
        lag: sum.lag,
        ok: sum.ok,
        errors: sum.errors,
        answered_in_window: sum.answered_in_window,
        bytes: sum.bytes,
        window,
        span,
        connections_offered: sum.offered,
        never_served: sum.never_served,
        waiting: mean(sum.waited_ns),
        in_flight: mean(sum.served_ns),
        connects: sum.connects,
        intended_rate: matches!(plan.pace, Pace::Open { .. })
            .then(|| per_second(sum.scheduled, window)),
        dropped: sum.dropped,
        generator,
        series: sum.series,
        usage,
        cancelled,
    }
}
