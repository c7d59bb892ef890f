//! One generator thread: an epoll loop that drives all of its clients.

mod conversation;
mod pacing;
mod spent;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::ask::Script;
use crate::connection::{Connection, Phase};
use crate::outcome::GeneratorThread;
use crate::plan::{Cancel, Plan};
use crate::poll::Poll;
use crate::run::{Counters, Drive};
use crate::tally::{End, Tally};
use pacing::Pacing;
pub(crate) use pacing::STARTS_AT_ONCE;
pub(crate) use spent::Spent;

/// The longest wait, so that a cancel is seen.
pub(crate) const LONGEST_WAIT: u64 = 50_000_000;
/// One read. Shared by all connections of the thread: a waiting client holds no buffer.
pub(crate) const SCRATCH: usize = 64 * 1024;

pub(crate) struct Generator<'a> {
    plan: &'a Plan,
    script: &'a Script,
    cancel: &'a Cancel,
    counters: Arc<Counters>,
    /// This thread's number among the generator's.
    thread: usize,
    poll: Poll,
    origin: Instant,
    connections: Vec<Connection>,
    pacing: Pacing,
    /// The next request's number; threads take them in turn.
    number: u64,
    /// Requests in the window, for [`Stop::Requests`].
    measured: u64,
    busy: usize,
    tally: Tally,
    request: Vec<u8>,
    /// A body buffer that nobody uses, kept so that looking into bodies allocates nothing.
    spare: Vec<u8>,
    sweep_at: u64,
}

impl<'a> Generator<'a> {
    pub(crate) fn new(
        plan: &'a Plan,
        script: &'a Script,
        cancel: &'a Cancel,
        counters: Arc<Counters>,
        thread: usize,
    ) -> io::Result<Self> {
        let connections = share(plan.connections as u64, thread, plan.threads) as u32;
        Ok(Self {
            plan,
            script,
            cancel,
            counters,
            thread,
            poll: Poll::new()?,
            origin: Instant::now(),
            connections: (0..connections).map(|_| Connection::new()).collect(),
            pacing: Pacing::new(plan, thread, connections),
            number: thread as u64,
            measured: 0,
            busy: 0,
            tally: Tally::new(0, u64::MAX),
            request: Vec::new(),
            spare: Vec::new(),
            sweep_at: 0,
        })
    }
}

impl Drive for Generator<'_> {
    /// Opens every connection that will open, where the plan says so; those that fail are tried again when
    /// they are to ask.
    fn preconnect(&mut self) -> io::Result<()> {
        if !self.plan.preconnect {
            return Ok(());
        }
        let deadline = self.now() + nanos(self.plan.timeout);
        let (mut scratch, mut events) = (vec![0; SCRATCH], Vec::with_capacity(1024));
        let mut opened = 0;
        loop {
            for index in (opened..self.connections.len()).take(STARTS_AT_ONCE) {
                opened = index + 1;
                if self.open(index).is_ok() {
                    self.connections[index].phase = Phase::Opening;
                }
            }
            let opening = |connection: &Connection| connection.phase == Phase::Opening;
            let done = opened == self.connections.len() && !self.connections.iter().any(opening);
            if done || self.cancel.finishing() || self.now() > deadline {
                return Ok(());
            }
            let more = opened < self.connections.len();
            let wait = if more { Duration::ZERO } else { Duration::from_millis(10) };
            self.poll.wait(&mut events, wait, false)?;
            for event in &events {
                self.event(event, &mut scratch);
            }
        }
    }

    fn run(&mut self, epoch: Instant) -> io::Result<Tally> {
        self.origin = epoch;
        let from = nanos(self.plan.warmup);
        let until = self.plan.duration().map_or(u64::MAX, |duration| from + nanos(duration));
        self.tally = Tally { connects: self.tally.connects, ..Tally::new(from, until) };

        let (mut scratch, mut events) = (vec![0; SCRATCH], Vec::with_capacity(1024));
        let (mut window_start, mut window_end) = (None, None);
        let mut now = self.now();
        loop {
            if window_start.is_none() && now >= self.tally.from {
                window_start = Some(Spent::now());
            }
            if self.cancel.finishing() {
                self.tally.until = self.tally.until.min(now);
            }
            if window_end.is_none() && now >= self.tally.until {
                window_end = Some(Spent::now());
                self.pacing.clear_due();
            }
            self.start_due(now);
            self.counters.tell(self.tally.all_ok, self.tally.all_failed);
            if self.finished(now) {
                break;
            }
            let (wait, exact) = self.next_wait(now);
            self.poll.wait(&mut events, Duration::from_nanos(wait), exact)?;
            for event in &events {
                self.event(event, &mut scratch);
            }
            now = self.now();
            if now >= self.sweep_at {
                self.sweep(now);
            }
        }
        self.give_up(now);
        self.tally.until = self.tally.until.min(now);
        let end = window_end.unwrap_or_else(Spent::now);
        self.tally.thread =
            window_start.map_or_else(GeneratorThread::default, |start| start.to(end));
        // A client stuck since the warm-up was offered too.
        let offered = |client: &&Connection| client.offered || client.served || client.busy();
        let offered = self.connections.iter().filter(offered);
        self.tally.offered = offered.clone().count();
        self.tally.never_served = offered.filter(|client| !client.served).count();
        Ok(std::mem::replace(&mut self.tally, Tally::new(0, 0)))
    }
}

impl Generator<'_> {
    fn now(&self) -> u64 {
        nanos(self.origin.elapsed())
    }

    /// How long to wait for events, in nanoseconds, and whether to the microsecond.
    fn next_wait(&self, now: u64) -> (u64, bool) {
        let mut until = (now + LONGEST_WAIT).min(self.sweep_at);
        for edge in [self.tally.from, self.tally.until] {
            if edge > now {
                until = until.min(edge);
            }
        }
        let paced = self.pacing.next(self.tally.until);
        (until.min(paced).saturating_sub(now), paced <= until)
    }

    fn finished(&self, now: u64) -> bool {
        if self.cancel.cancelled() || now > self.tally.until.saturating_add(nanos(self.plan.drain))
        {
            return true;
        }
        self.busy == 0 && self.pacing.is_over(now, self.tally.until)
    }

    /// Gives up requests that have waited too long.
    fn sweep(&mut self, now: u64) {
        let timeout = nanos(self.plan.timeout);
        self.sweep_at = now + (timeout / 20).clamp(1_000_000, LONGEST_WAIT);
        for index in 0..self.connections.len() {
            let connection = &self.connections[index];
            if connection.busy() && now.saturating_sub(connection.sent) >= timeout {
                self.fail(index, now, End::Timeout);
            }
        }
    }

    /// The end: what is still owed counts with the time it has waited.
    fn give_up(&mut self, now: u64) {
        for connection in &self.connections {
            if connection.busy() {
                self.tally.end(connection, now, End::Unanswered, self.plan.series);
            }
        }
        for intended in self.pacing.queued() {
            self.tally.never_left(intended, now, self.plan.series);
        }
    }
}

/// Nanoseconds as they are counted here: five centuries of them fit.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// This thread's share of so many.
fn share(whole: u64, thread: usize, threads: usize) -> u64 {
    let (thread, threads) = (thread as u64, threads as u64);
    whole / threads + u64::from(thread < whole % threads)
}
