//! One generator thread: an epoll loop that drives all of its clients.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::mem;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::ask::Script;
use crate::connection::{Connection, Phase};
use crate::outcome::GeneratorThread;
use crate::plan::{Cancel, Pace, Plan, Stop};
use crate::poll::{Event, EventFlags, GONE, Poll, TIMER};
use crate::reply::Step;
use crate::run::Counters;
use crate::schedule::Schedule;
use crate::tally::{End, Tally};

/// Connects and first requests between two looks at the replies, so that a burst of thousands does not make its
/// own first answers wait.
const STARTS_AT_ONCE: usize = 64;
/// What a client of a closed loop waits after a failure: a refusing server must not turn the loop into a flood.
const BACK_OFF: u64 = 10_000_000;
/// The longest wait, so that a cancel is seen.
const LONGEST_WAIT: u64 = 50_000_000;
/// One read. Shared by all connections of the thread: a waiting client holds no buffer.
const SCRATCH: usize = 64 * 1024;

pub(crate) struct Generator<'a> {
    plan: &'a Plan,
    script: &'a Script,
    cancel: &'a Cancel,
    counters: &'a Counters,
    /// This thread's number among the generator's.
    thread: usize,
    poll: Poll,
    origin: Instant,
    connections: Vec<Connection>,
    /// Clients that are to ask at a time: the first requests, thinking clients and those that back off.
    due: BinaryHeap<Reverse<(u64, u32)>>,
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

enum Pacing {
    Closed { stop: Stop, think: u64, quota: u64 },
    Open { schedule: Schedule, next: u64, idle: Vec<u32>, queue: VecDeque<u64>, room: usize },
}

impl<'a> Generator<'a> {
    pub(crate) fn new(
        plan: &'a Plan,
        script: &'a Script,
        cancel: &'a Cancel,
        counters: &'a Counters,
        thread: usize,
    ) -> io::Result<Self> {
        let share = |whole: u64| {
            let threads = plan.threads as u64;
            whole / threads + u64::from((thread as u64) < whole % threads)
        };
        let connections = share(plan.connections as u64) as u32;
        let pacing = match plan.pace {
            Pace::Closed { stop, think } => Pacing::Closed {
                stop,
                think: nanos(think),
                quota: if let Stop::Requests(total) = stop { share(total) } else { u64::MAX },
            },
            Pace::Open { arrivals, duration, queue } => Pacing::Open {
                schedule: Schedule::new(arrivals, plan.warmup + duration, thread, plan.threads),
                next: 0,
                // The last is taken first: the same few stay warm.
                idle: (0..connections).rev().collect(),
                queue: VecDeque::new(),
                room: share(queue as u64) as usize,
            },
        };
        Ok(Self {
            plan,
            script,
            cancel,
            counters,
            thread,
            poll: Poll::new()?,
            origin: Instant::now(),
            connections: (0..connections).map(|_| Connection::new()).collect(),
            due: BinaryHeap::new(),
            pacing,
            number: thread as u64,
            measured: 0,
            busy: 0,
            tally: Tally::new(0, u64::MAX),
            request: Vec::new(),
            spare: Vec::new(),
            sweep_at: 0,
        })
    }

    /// Opens every connection that will open; those that fail are tried again when they are to ask.
    pub(crate) fn preconnect(&mut self) -> io::Result<()> {
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

    /// Runs to the end of the plan. `epoch` is when the clock of all threads starts.
    pub(crate) fn run(mut self, epoch: Instant) -> io::Result<Tally> {
        self.origin = epoch;
        let from = nanos(self.plan.warmup);
        let until = self.plan.duration().map_or(u64::MAX, |duration| from + nanos(duration));
        self.tally = Tally { connects: self.tally.connects, ..Tally::new(from, until) };
        self.first_requests();

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
                self.due.clear();
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
        Ok(self.tally)
    }

    fn now(&self) -> u64 {
        nanos(self.origin.elapsed())
    }

    /// Every client of a closed loop asks at the start, or spread as the plan says.
    fn first_requests(&mut self) {
        match &mut self.pacing {
            Pacing::Open { schedule, next, .. } => {
                *next = schedule.next().expect("a schedule never ends");
            }
            Pacing::Closed { .. } => {
                let (spread, clients) = (nanos(self.plan.spread), self.connections.len() as u64);
                self.due = (0..clients)
                    .map(|client| Reverse((spread / clients * client, client as u32)))
                    .collect();
            }
        }
    }

    /// Starts what is to start by now, a bounded number at a time.
    fn start_due(&mut self, now: u64) {
        for _ in 0..STARTS_AT_ONCE {
            let Some(&Reverse((at, client))) = self.due.peek() else { break };
            if at > now {
                break;
            }
            self.due.pop();
            if self.may_ask(client as usize, now) {
                let now = self.now();
                self.ask(client as usize, now, now);
            }
        }
        while let Some((client, intended)) = self.next_arrival(now) {
            let now = self.now();
            self.ask(client as usize, intended, now);
        }
    }

    /// An open loop's next request and the free connection that takes it, the longest waiting first.
    fn next_arrival(&mut self, now: u64) -> Option<(u32, u64)> {
        let Pacing::Open { schedule, next, idle, queue, room } = &mut self.pacing else {
            return None;
        };
        while *next <= now && *next < self.tally.until {
            if self.tally.in_window(*next) {
                self.tally.scheduled += 1;
                self.tally.lag.saturating_record(now - *next);
            }
            if queue.len() < *room {
                queue.push_back(*next);
            } else if self.tally.in_window(*next) {
                self.tally.dropped += 1;
            }
            *next = schedule.next().expect("a schedule never ends");
        }
        if queue.is_empty() {
            return None;
        }
        let client = idle.pop()?;
        let intended = queue.pop_front().expect("it is not empty");
        Some((client, intended))
    }

    /// How long to wait for events, in nanoseconds, and whether to the microsecond.
    fn next_wait(&self, now: u64) -> (u64, bool) {
        let mut until = (now + LONGEST_WAIT).min(self.sweep_at);
        for edge in [self.tally.from, self.tally.until] {
            if edge > now {
                until = until.min(edge);
            }
        }
        let paced = match &self.pacing {
            Pacing::Closed { .. } => self.due.peek().map_or(u64::MAX, |&Reverse((at, _))| at),
            Pacing::Open { next, .. } if *next < self.tally.until => *next,
            Pacing::Open { .. } => u64::MAX,
        };
        (until.min(paced).saturating_sub(now), paced <= until)
    }

    fn finished(&self, now: u64) -> bool {
        if self.cancel.cancelled() || now > self.tally.until.saturating_add(nanos(self.plan.drain))
        {
            return true;
        }
        let nothing_to_come = match &self.pacing {
            Pacing::Closed { .. } => self.due.is_empty(),
            Pacing::Open { queue, .. } => now >= self.tally.until && queue.is_empty(),
        };
        nothing_to_come && self.busy == 0
    }

    /// Whether this client of a closed loop has a request left.
    fn may_ask(&self, client: usize, now: u64) -> bool {
        match &self.pacing {
            Pacing::Open { .. } => false,
            _ if now >= self.tally.until => false,
            Pacing::Closed { stop: Stop::After(_), .. } => true,
            Pacing::Closed { stop: Stop::Requests(_), quota, .. } => self.measured < *quota,
            Pacing::Closed { stop: Stop::Each(each), .. } => self.connections[client].asked < *each,
        }
    }

    /// Asks the next question on this connection, which is opened when it is not.
    fn ask(&mut self, index: usize, intended: u64, now: u64) {
        let number = self.number;
        self.number += self.plan.threads as u64;
        self.measured += u64::from(now >= self.tally.from);
        self.busy += 1;
        let connection = &mut self.connections[index];
        connection.asked += 1;
        connection.offered |= now >= self.tally.from;
        connection.number = number;
        connection.intended = intended;
        connection.sent = now;
        connection.written = 0;
        connection.received = 0;
        connection.reply.begin(self.script.line(number).bodiless);
        connection.phase = Phase::Sending;
        if connection.stream.is_none()
            && let Err(error) = self.open(index)
        {
            return self.fail(index, now, End::Connect(error));
        }
        // On a socket that is still connecting this writes nothing, and an event tells when it can.
        self.send(index, now);
    }

    fn open(&mut self, index: usize) -> io::Result<()> {
        self.tally.connects += 1;
        let client = index * self.plan.threads + self.thread;
        let connection = &mut self.connections[index];
        connection.open(self.plan.target.addr, client)?;
        let stream = connection.stream.as_ref().expect("it was just opened");
        let token = u64::from(connection.generation) << 32 | index as u64;
        self.poll.watch(stream, token)
    }

    /// Writes what is left of the request.
    fn send(&mut self, index: usize, now: u64) {
        let connection = &mut self.connections[index];
        let line = self.script.line(connection.number);
        self.request.clear();
        line.render_head(connection.number, &mut self.request);
        let (head, body) = (&*self.request, &*line.body);
        let total = head.len() + body.len();
        let mut stream =
            connection.stream.as_ref().expect("a request is sent on an open connection");
        while connection.written < total {
            let result = match connection.written.checked_sub(head.len()) {
                Some(in_body) => stream.write(&body[in_body..]),
                None if body.is_empty() => stream.write(&head[connection.written..]),
                None => {
                    let rest = &head[connection.written..];
                    stream.write_vectored(&[IoSlice::new(rest), IoSlice::new(body)])
                }
            };
            match result {
                Ok(count) => connection.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if connection.written == 0 && connection.replies == 0 => {
                    return self.fail(index, now, End::Connect(error));
                }
                Err(error) => return self.fail(index, now, End::Closed(format!("write: {error}"))),
            }
        }
        connection.phase = Phase::Receiving;
    }

    /// Something happened on a socket.
    fn event(&mut self, event: &Event, scratch: &mut [u8]) {
        let token = event.data.u64();
        if token == TIMER {
            return;
        }
        let (index, generation) = (token as u32 as usize, (token >> 32) as u32);
        let now = self.now();
        let connection = &mut self.connections[index];
        if connection.generation != generation || connection.stream.is_none() {
            return;
        }
        let flags = event.flags;
        match connection.phase {
            Phase::Opening if flags.intersects(EventFlags::ERR | EventFlags::HUP) => {
                connection.close();
            }
            Phase::Opening => connection.phase = Phase::Resting,
            // Bytes nobody asked for, or the end: either way of no more use.
            Phase::Resting if flags.intersects(GONE | EventFlags::IN) => connection.close(),
            Phase::Resting => {}
            Phase::Sending => {
                // A server may answer, and even close, before it has read the whole request.
                if flags.contains(EventFlags::IN) && connection.written > 0 {
                    self.receive(index, flags, now, scratch);
                }
                if self.connections[index].phase == Phase::Sending {
                    self.send(index, now);
                }
            }
            Phase::Receiving if flags.intersects(GONE | EventFlags::IN) => {
                self.receive(index, flags, now, scratch);
            }
            Phase::Receiving => {}
        }
    }

    /// Reads what has arrived.
    fn receive(&mut self, index: usize, flags: EventFlags, now: u64, scratch: &mut [u8]) {
        let connection = &mut self.connections[index];
        let expect = &self.script.line(connection.number).expect;
        let looks = expect.looks_into(connection.number);
        let ended = flags.intersects(GONE);
        loop {
            let mut stream = connection.stream.as_ref().expect("an event came from it");
            let count = match stream.read(scratch) {
                Ok(0) if connection.reply.end() => return self.whole(index, now, true),
                Ok(0) if connection.reply.begun() => {
                    return self.fail(index, now, End::Closed("closed within the reply".into()));
                }
                Ok(0) => {
                    return self.fail(index, now, End::Closed("closed without a reply".into()));
                }
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error)
                    if connection.replies == 0 && error.kind() == ErrorKind::ConnectionRefused =>
                {
                    return self.fail(index, now, End::Connect(error));
                }
                Err(error) => return self.fail(index, now, End::Closed(format!("read: {error}"))),
            };
            self.tally.bytes += count as u64;
            let (received, body) = (&mut connection.received, &mut connection.body);
            let spare = &mut self.spare;
            let step = connection.reply.read(&scratch[..count], |piece| {
                *received += piece.len() as u64;
                if looks {
                    if body.capacity() == 0 {
                        mem::swap(body, spare);
                    }
                    body.extend_from_slice(piece);
                }
            });
            match step {
                Ok(Step::Whole { used }) if used == count => return self.whole(index, now, ended),
                Ok(Step::Whole { .. }) => {
                    return self.fail(index, now, End::Parse("bytes after its end"));
                }
                Err(malformed) => return self.fail(index, now, End::Parse(malformed.0)),
                // A short read emptied the socket, and the next bytes make an event of their own. But the end of
                // the stream may have made this very event.
                Ok(Step::More) if count < scratch.len() && !ended => return,
                Ok(Step::More) => {}
            }
        }
    }

    /// A reply is whole: checks it, and lets the client go on.
    fn whole(&mut self, index: usize, now: u64, ended: bool) {
        let connection = &mut self.connections[index];
        let expect = &self.script.line(connection.number).expect;
        let status = connection.reply.status();
        let end = if !expect.accepts_status(status) {
            End::Status(status)
        } else if let Err(how) = expect.check_length(connection.received) {
            End::WrongBody(how)
        } else if !expect.looks_into(connection.number) {
            End::Ok
        } else if let Err(how) = expect.check_body(connection.number, &connection.body) {
            End::WrongBody(how)
        } else {
            End::Ok
        };
        self.put_body_back(index);
        let connection = &mut self.connections[index];
        connection.served |= now >= self.tally.from;
        connection.replies = connection.replies.saturating_add(1);
        let unsent = connection.phase == Phase::Sending;
        self.busy -= 1;
        self.tally.end(connection, now, end, self.plan.series);
        connection.phase = Phase::Resting;
        if !self.plan.keep_alive || connection.reply.closes() || ended || unsent {
            connection.close();
        }
        match &mut self.pacing {
            Pacing::Open { idle, .. } => idle.push(index as u32),
            &mut Pacing::Closed { think, .. } => {
                if !self.may_ask(index, now) {
                } else if think > 0 {
                    self.due.push(Reverse((now + think, index as u32)));
                } else {
                    self.ask(index, now, now);
                }
            }
        }
    }

    /// A request failed without a whole reply: the connection is lost, the client backs off.
    fn fail(&mut self, index: usize, now: u64, end: End) {
        self.put_body_back(index);
        let connection = &mut self.connections[index];
        self.busy -= 1;
        self.tally.end(connection, now, end, self.plan.series);
        connection.close();
        match &mut self.pacing {
            Pacing::Open { idle, .. } => idle.push(index as u32),
            Pacing::Closed { think, .. } => {
                let again = now + BACK_OFF.max(*think);
                if self.may_ask(index, now) {
                    self.due.push(Reverse((again, index as u32)));
                }
            }
        }
    }

    /// Keeps one body buffer for the next reply; waiting clients hold none.
    fn put_body_back(&mut self, index: usize) {
        let mut body = mem::take(&mut self.connections[index].body);
        if body.capacity() > self.spare.capacity() {
            body.clear();
            self.spare = body;
        }
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
        if let Pacing::Open { queue, .. } = &mut self.pacing {
            for intended in queue.drain(..) {
                self.tally.never_left(intended, now, self.plan.series);
            }
        }
    }
}

/// What the calling thread had spent by some moment.
#[derive(Clone, Copy)]
struct Spent {
    at: Instant,
    cpu: Duration,
    delayed: Duration,
}

impl Spent {
    fn now() -> Self {
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

    fn to(self, end: Self) -> GeneratorThread {
        GeneratorThread {
            cpu: end.cpu - self.cpu,
            delayed: end.delayed - self.delayed,
            window: end.at - self.at,
            pinned: None,
        }
    }
}

/// Nanoseconds as they are counted here: five centuries of them fit.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
