//! Who asks next and when: the two loops.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::{Generator, nanos, share};
use crate::ask::scatter;
use crate::plan::{Pace, Plan, Stop};
use crate::schedule::{Schedule, exponential};

/// Connects and first requests between two looks at the replies, so that a burst of thousands does not make its
/// own first answers wait.
pub(crate) const STARTS_AT_ONCE: usize = 64;
/// What a client of a closed loop waits after a failure: a refusing server must not turn the loop into a flood.
const BACK_OFF: u64 = 10_000_000;

/// The state of one thread's loop. Times are nanoseconds of the run's clock.
pub(super) enum Pacing {
    Closed(Closed),
    Open(Open),
}

pub(super) struct Closed {
    stop: Stop,
    /// The mean.
    think: u64,
    /// Which times of thinking are this thread's, and how many it has had.
    seed: u64,
    thought: u64,
    /// This thread's share of [`Stop::Requests`].
    quota: u64,
    /// Clients that ask at a time: the first requests, those that think and those that back off.
    due: BinaryHeap<Reverse<(u64, u32)>>,
}

pub(super) struct Open {
    schedule: Schedule,
    /// When the next request is to leave.
    next: u64,
    /// Connections nobody uses.
    idle: Vec<u32>,
    /// When the requests that wait for a connection were to leave.
    queue: VecDeque<u64>,
    /// How many may.
    room: usize,
}

impl Closed {
    /// How long a client thinks now. Of clients that all think for the same time those that met once at a busy server meet
    /// there for ever: they wait together and ask together, and the server is idle in between.
    fn thinks(&mut self) -> u64 {
        self.thought += 1;
        (self.think as f64 * exponential(self.seed, self.thought)) as u64
    }
}

impl Pacing {
    pub(super) fn new(plan: &Plan, thread: usize, connections: u32) -> Self {
        let share = |whole| share(whole, thread, plan.threads);
        match plan.pace {
            Pace::Closed { stop, think } => {
                let step = nanos(plan.spread) / u64::from(connections);
                Self::Closed(Closed {
                    stop,
                    think: nanos(think),
                    seed: scatter(thread as u64),
                    thought: 0,
                    quota: if let Stop::Requests(total) = stop { share(total) } else { u64::MAX },
                    due: (0..connections).map(|at| Reverse((step * u64::from(at), at))).collect(),
                })
            }
            Pace::Open { arrivals, duration, queue } => {
                let total = plan.warmup + duration;
                let mut schedule = Schedule::new(arrivals, total, thread, plan.threads);
                Self::Open(Open {
                    next: schedule.next().expect("a schedule never ends"),
                    schedule,
                    // The last is taken first: the same few stay warm.
                    idle: (0..connections).rev().collect(),
                    queue: VecDeque::new(),
                    room: share(queue as u64) as usize,
                })
            }
        }
    }

    /// When the next request is to leave.
    pub(super) fn next(&self, until: u64) -> u64 {
        match self {
            Self::Closed(closed) => closed.due.peek().map_or(u64::MAX, |&Reverse((at, _))| at),
            Self::Open(open) if open.next < until => open.next,
            Self::Open(_) => u64::MAX,
        }
    }

    /// Whether nobody will ask any more, once those who wait have their answers.
    pub(super) fn is_over(&self, now: u64, until: u64) -> bool {
        match self {
            Self::Closed(closed) => closed.due.is_empty(),
            Self::Open(open) => now >= until && open.queue.is_empty(),
        }
    }

    /// The window is over: clients of a closed loop that think or back off ask no more.
    pub(super) fn clear_due(&mut self) {
        if let Self::Closed(closed) = self {
            closed.due.clear();
        }
    }

    /// When the requests that still wait for a connection were to leave.
    pub(super) fn queued(&mut self) -> VecDeque<u64> {
        match self {
            Self::Closed(_) => VecDeque::new(),
            Self::Open(open) => std::mem::take(&mut open.queue),
        }
    }
}

impl Generator<'_> {
    /// Starts what is to start by now.
    pub(super) fn start_due(&mut self, now: u64) {
        for _ in 0..STARTS_AT_ONCE {
            let Some(client) = self.next_due(now) else { break };
            if self.may_ask(client, now) {
                let now = self.now();
                self.ask(client, now, now);
            }
        }
        while let Some((client, intended)) = self.next_arrival(now) {
            let now = self.now();
            self.ask(client, intended, now);
        }
    }

    /// The next client of a closed loop whose time has come.
    fn next_due(&mut self, now: u64) -> Option<usize> {
        let Pacing::Closed(closed) = &mut self.pacing else { return None };
        let &Reverse((at, client)) = closed.due.peek()?;
        if at > now {
            return None;
        }
        closed.due.pop();
        Some(client as usize)
    }

    /// An open loop's next request and the free connection that takes it, the longest waiting first.
    fn next_arrival(&mut self, now: u64) -> Option<(usize, u64)> {
        let Pacing::Open(open) = &mut self.pacing else { return None };
        while open.next <= now && open.next < self.tally.until {
            let counts = self.tally.in_window(open.next);
            if counts {
                self.tally.scheduled += 1;
                self.tally.lag.saturating_record(now - open.next);
            }
            if open.queue.len() < open.room {
                open.queue.push_back(open.next);
            } else {
                self.tally.dropped += u64::from(counts);
            }
            open.next = open.schedule.next().expect("a schedule never ends");
        }
        if open.queue.is_empty() {
            return None;
        }
        let client = open.idle.pop()?;
        let intended = open.queue.pop_front().expect("it is not empty");
        Some((client as usize, intended))
    }

    /// Whether this client of a closed loop has a request left.
    fn may_ask(&self, client: usize, now: u64) -> bool {
        let Pacing::Closed(closed) = &self.pacing else { return false };
        now < self.tally.until
            && match closed.stop {
                Stop::After(_) => true,
                Stop::Requests(_) => self.measured < closed.quota,
                Stop::Each(each) => self.connections[client].asked < each,
            }
    }

    /// This client has its answer: whether it asks again at once.
    pub(super) fn next_after_answer(&mut self, client: usize, now: u64) -> bool {
        let may_ask = self.may_ask(client, now);
        match &mut self.pacing {
            Pacing::Open(open) => {
                open.idle.push(client as u32);
                false
            }
            Pacing::Closed(closed) if may_ask && closed.think > 0 => {
                let again = now + closed.thinks();
                closed.due.push(Reverse((again, client as u32)));
                false
            }
            Pacing::Closed(_) => may_ask,
        }
    }

    /// This client's request failed: it asks again after a pause.
    pub(super) fn next_after_failure(&mut self, client: usize, now: u64) {
        let may_ask = self.may_ask(client, now);
        match &mut self.pacing {
            Pacing::Open(open) => open.idle.push(client as u32),
            Pacing::Closed(closed) if may_ask => {
                let again = now + closed.thinks().max(BACK_OFF);
                closed.due.push(Reverse((again, client as u32)));
            }
            Pacing::Closed(_) => {}
        }
    }
}
