//! One who speaks on a schedule, and many who listen to replies without an end: how long a message takes to reach each of
//! them, and whether it does.
//!
//! Each message to each listener is a sample of its own, from when it was to be said to when that listener had it; so an
//! answer that is late for the speaker counts for all whom it kept waiting. A message that was acknowledged and did not come
//! by the end of the drain is *lost* to whoever has not got it, and one that came again is *doubled*.
//!
//! One thread does it all, by one clock. What it takes to read so many listeners one after the other is in the latencies,
//! as it would be for as many listeners behind one network card; [`GeneratorThread::busy`](crate::GeneratorThread::busy)
//! says how much that is.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::ask::{Ask, Script};
use crate::connection::{Connection, Phase};
use crate::generator::{LONGEST_WAIT, SCRATCH, STARTS_AT_ONCE, Spent, nanos};
use crate::outcome::{GeneratorThread, Outcome};
use crate::plan::{Cancel, Pace, Plan, Progress};
use crate::poll::{Event, EventFlags, GONE, Poll, TIMER};
use crate::reply::{Malformed, Step};
use crate::run::{Counters, Drive, driven};
use crate::schedule::Schedule;
use crate::tally::{End, Tally};

/// What is said, and how it is told from other messages when it is heard.
#[derive(Clone)]
pub struct Broadcast {
    /// The request by which message `n` is said; its `expect` is what acknowledges it.
    pub say: Say,
    /// The number of the message in what stands between two empty lines, if there is one.
    pub heard: Heard,
}

/// Makes the request of a message.
pub type Say = Arc<dyn Fn(u64) -> Ask + Send + Sync>;
/// Reads the number of a message.
pub type Heard = Arc<dyn Fn(&[u8]) -> Option<u64> + Send + Sync>;

impl fmt::Debug for Broadcast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broadcast").finish_non_exhaustive()
    }
}

/// Runs an open plan whose `asks` is what each of its `connections` listens to, and whose schedule is the speaker's.
///
/// The clock starts when all listen. In the outcome an answer is a message that reached a listener.
///
/// # Errors
/// As [`run`](crate::run()); and when the plan is no open loop of one thread.
pub fn broadcast(
    plan: &Plan,
    broadcast: &Broadcast,
    cancel: &Cancel,
    progress: impl FnMut(&Progress),
) -> io::Result<Outcome> {
    let Pace::Open { arrivals, duration, .. } = plan.pace else {
        return Err(io::Error::other("what is said is said on a schedule: an open loop"));
    };
    if plan.threads != 1 {
        return Err(io::Error::other("one thread speaks and listens, by one clock"));
    }
    driven(plan, cancel, progress, |counters, _| {
        let schedule = Schedule::new(arrivals, plan.warmup + duration, 0, 1);
        Crowd::new(plan, broadcast, cancel, counters, schedule)
    })
}

/// Everybody in the room.
struct Crowd<'a> {
    plan: &'a Plan,
    broadcast: &'a Broadcast,
    cancel: &'a Cancel,
    counters: Arc<Counters>,
    poll: Poll,
    origin: Instant,
    /// What everybody asks who listens.
    listen: Script,
    listeners: Vec<Listener>,
    speaker: Speaker,
    schedule: Schedule,
    /// When the next message is to be said.
    next: u64,
    said: Vec<Said>,
    tally: Tally,
    /// What went wrong before the window was known.
    early: Vec<End>,
}

/// One who listens: its connection, and what it has heard.
struct Listener {
    connection: Connection,
    /// The beginning of what is not yet followed by an empty line.
    text: Vec<u8>,
    /// By number of the message.
    heard: Vec<bool>,
}

/// One who speaks: one message at a time, over one connection.
struct Speaker {
    connection: Connection,
    /// The request that is being sent, and what it is to be answered with.
    script: Option<Script>,
    request: Vec<u8>,
    /// Numbers of messages whose time has come.
    due: VecDeque<usize>,
}

/// A message.
struct Said {
    intended: u64,
    sent: u64,
    acknowledged: bool,
    /// Listeners that have it.
    reached: usize,
}

impl<'a> Crowd<'a> {
    fn new(
        plan: &'a Plan,
        broadcast: &'a Broadcast,
        cancel: &'a Cancel,
        counters: Arc<Counters>,
        mut schedule: Schedule,
    ) -> io::Result<Self> {
        let listener =
            || Listener { connection: Connection::new(), text: Vec::new(), heard: Vec::new() };
        Ok(Self {
            plan,
            broadcast,
            cancel,
            counters,
            poll: Poll::new()?,
            origin: Instant::now(),
            listen: Script::new(&plan.asks, &plan.target.host, true),
            listeners: (0..plan.connections).map(|_| listener()).collect(),
            speaker: Speaker {
                connection: Connection::new(),
                script: None,
                request: Vec::new(),
                due: VecDeque::new(),
            },
            next: schedule.next().expect("a schedule never ends"),
            schedule,
            said: Vec::new(),
            tally: Tally::new(0, u64::MAX),
            early: Vec::new(),
        })
    }
}

impl Drive for Crowd<'_> {
    /// Until everybody listens, or will not.
    fn preconnect(&mut self) -> io::Result<()> {
        let deadline = self.now() + nanos(self.plan.timeout);
        let (mut scratch, mut events) = (vec![0; SCRATCH], Vec::with_capacity(1024));
        let mut asked = 0;
        loop {
            for index in (asked..self.listeners.len()).take(STARTS_AT_ONCE) {
                asked = index + 1;
                self.listen(index);
            }
            let waits =
                |one: &Listener| one.connection.busy() && one.connection.reply.status() == 0;
            let done = asked == self.listeners.len() && !self.listeners.iter().any(waits);
            if done || self.cancel.finishing() || self.now() > deadline {
                return Ok(());
            }
            let more = asked < self.listeners.len();
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
        let until = from + self.plan.duration().map_or(0, nanos);
        self.tally = Tally { connects: self.tally.connects, ..Tally::new(from, until) };
        for end in mem::take(&mut self.early) {
            self.tally.failed(end);
        }
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
            }
            self.fall_due(now);
            self.speak(now);
            self.counters.tell(self.tally.all_ok, self.tally.all_failed);
            if self.finished(now) {
                break;
            }
            let edges = [self.tally.from, self.tally.until].into_iter().filter(|&edge| edge > now);
            let edge = edges.min().unwrap_or(u64::MAX).min(now + LONGEST_WAIT);
            let wait = self.due_next().min(edge).saturating_sub(now);
            self.poll.wait(&mut events, Duration::from_nanos(wait), true)?;
            for event in &events {
                self.event(event, &mut scratch);
            }
            now = self.now();
        }
        self.miss(now);
        self.tally.until = self.tally.until.min(now);
        let end = window_end.unwrap_or_else(Spent::now);
        self.tally.thread =
            window_start.map_or_else(GeneratorThread::default, |start| start.to(end));
        self.tally.offered = self.listeners.len();
        let deaf = self.listeners.iter().filter(|one| !one.connection.served);
        self.tally.never_served = deaf.count();
        Ok(mem::replace(&mut self.tally, Tally::new(0, 0)))
    }
}

impl Crowd<'_> {
    fn now(&self) -> u64 {
        nanos(self.origin.elapsed())
    }

    /// When the next message is to be said.
    fn due_next(&self) -> u64 {
        if self.next < self.tally.until { self.next } else { u64::MAX }
    }

    /// Messages whose time has come, in the line for the speaker.
    fn fall_due(&mut self, now: u64) {
        while self.next <= now && self.next < self.tally.until {
            if self.tally.in_window(self.next) {
                self.tally.scheduled += self.listeners.len() as u64;
                self.tally.lag.saturating_record(now - self.next);
            }
            self.speaker.due.push_back(self.said.len());
            self.said.push(Said { intended: self.next, sent: 0, acknowledged: false, reached: 0 });
            self.next = self.schedule.next().expect("a schedule never ends");
        }
    }

    fn finished(&self, now: u64) -> bool {
        let (until, drain) = (self.tally.until, nanos(self.plan.drain));
        if self.cancel.cancelled() || now > until.saturating_add(drain) {
            return true;
        }
        let silent = self.speaker.due.is_empty() && !self.speaker.connection.busy();
        let all = |said: &Said| !said.acknowledged || said.reached == self.listeners.len();
        now >= until && silent && self.said.iter().all(all)
    }

    /// The end: what was acknowledged and is not there is lost.
    fn miss(&mut self, now: u64) {
        for (number, said) in self.said.iter().enumerate().filter(|(_, said)| said.acknowledged) {
            for one in &mut self.listeners {
                if one.heard.get(number).copied().unwrap_or_default() {
                    continue;
                }
                (one.connection.intended, one.connection.sent) = (said.intended, said.sent);
                self.tally.end(&one.connection, now, End::Lost(number), self.plan.series);
            }
        }
        let unsaid = self.speaker.due.len() + usize::from(self.speaker.connection.busy());
        for _ in 0..unsaid {
            self.tally.failed(End::Unanswered);
        }
    }

    /// Something happened on a socket: the speaker's comes behind all others.
    fn event(&mut self, event: &Event, scratch: &mut [u8]) {
        let token = event.data.u64();
        if token == TIMER {
            return;
        }
        let (index, generation) = (token as u32 as usize, (token >> 32) as u32);
        let connection = match self.listeners.get(index) {
            Some(listener) => &listener.connection,
            None => &self.speaker.connection,
        };
        if connection.generation != generation || connection.stream.is_none() {
            return;
        }
        let (phase, flags) = (connection.phase, event.flags);
        let ready = flags.intersects(GONE | EventFlags::IN);
        match (index < self.listeners.len(), phase) {
            (true, Phase::Sending) => self.send_to_listen(index),
            (true, Phase::Receiving) if ready => self.hear(index, flags, scratch),
            (false, Phase::Sending) => self.send_to_speak(),
            (false, Phase::Receiving) if ready => self.acknowledge(flags, scratch),
            (false, Phase::Resting) if ready => self.speaker.connection.close(),
            _ => {}
        }
    }
}

/// Those who listen.
impl Crowd<'_> {
    fn listen(&mut self, index: usize) {
        self.tally.connects += 1;
        let connection = &mut self.listeners[index].connection;
        connection.number = index as u64;
        connection.phase = Phase::Sending;
        let opened = connection.open(self.plan.target.addr, index);
        let watched = opened.and_then(|()| watch(&self.poll, connection, index));
        match watched {
            Ok(()) => self.send_to_listen(index),
            Err(error) => self.leave(index, End::Connect(error)),
        }
    }

    fn send_to_listen(&mut self, index: usize) {
        let connection = &mut self.listeners[index].connection;
        let mut request = Vec::new();
        let line = self.listen.line(connection.number);
        line.render_head(connection.number, &mut request);
        request.extend_from_slice(&line.body);
        match write(connection, &request) {
            Ok(true) => connection.phase = Phase::Receiving,
            Ok(false) => {}
            Err(error) => self.leave(index, End::Connect(error)),
        }
    }

    /// Reads what has arrived, and notes each message in it.
    fn hear(&mut self, index: usize, flags: EventFlags, scratch: &mut [u8]) {
        let ended = flags.intersects(GONE);
        loop {
            let Listener { connection, text, .. } = &mut self.listeners[index];
            let mut stream = connection.stream.as_ref().expect("an event came from it");
            let count = match stream.read(scratch) {
                Ok(0) => return self.leave(index, gone("a listener’s reply was cut")),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return self.leave(index, End::Closed(format!("read: {error}"))),
            };
            self.tally.bytes += count as u64;
            let step =
                connection.reply.read(&scratch[..count], |piece| text.extend_from_slice(piece));
            let status = connection.reply.status();
            if status != 0 && !self.listen.line(connection.number).expect.accepts_status(status) {
                return self.leave(index, End::Status(status));
            }
            self.note(index);
            match step {
                Ok(Step::More) if count < scratch.len() && !ended => return,
                Ok(Step::More) => {}
                Ok(Step::Whole { .. }) => {
                    return self.leave(index, gone("a listener’s reply was ended"));
                }
                Err(Malformed(how)) => return self.leave(index, End::Parse(how)),
            }
        }
    }

    /// Notes the messages that are whole.
    fn note(&mut self, index: usize) {
        let now = self.now();
        let one = &mut self.listeners[index];
        let mut read = 0;
        while let Some(length) = memchr::memmem::find(&one.text[read..], b"\n\n") {
            let number = (self.broadcast.heard)(&one.text[read..read + length]);
            read += length + 2;
            let Some(number) = number.and_then(|number| usize::try_from(number).ok()) else {
                continue;
            };
            let Some(said) = self.said.get_mut(number) else { continue };
            one.heard.resize(one.heard.len().max(number + 1), false);
            if mem::replace(&mut one.heard[number], true) {
                self.tally.failed(End::Doubled(number));
                continue;
            }
            said.reached += 1;
            one.connection.served |= now >= self.tally.from;
            (one.connection.intended, one.connection.sent) = (said.intended, said.sent);
            self.tally.end(&one.connection, now, End::Ok, self.plan.series);
        }
        one.text.drain(..read);
    }

    /// Listens no more, for this reason.
    fn leave(&mut self, index: usize, end: End) {
        self.listeners[index].connection.close();
        self.failed(end);
    }

    fn failed(&mut self, end: End) {
        // Before the clock starts nothing is counted yet.
        if self.tally.until == u64::MAX { self.early.push(end) } else { self.tally.failed(end) }
    }
}

/// The one who speaks.
impl Crowd<'_> {
    /// Says the next message whose time has come, when the one before has its answer; gives up on one that has none.
    fn speak(&mut self, now: u64) {
        let connection = &self.speaker.connection;
        if connection.busy() {
            if now.saturating_sub(connection.sent) >= nanos(self.plan.timeout) {
                self.fall_silent(End::Timeout);
            }
            return;
        }
        let Some(number) = self.speaker.due.pop_front() else { return };
        let ask = (self.broadcast.say)(number as u64);
        let script = Script::new(&ask.into(), &self.plan.target.host, true);
        let Speaker { connection, request, .. } = &mut self.speaker;
        request.clear();
        let line = script.line(number as u64);
        line.render_head(number as u64, request);
        request.extend_from_slice(&line.body);
        self.said[number].sent = now;
        connection.reply.begin(line.bodiless);
        (connection.number, connection.sent) = (number as u64, now);
        (connection.written, connection.received) = (0, 0);
        connection.phase = Phase::Sending;
        self.speaker.script = Some(script);
        if self.speaker.connection.stream.is_none() {
            self.tally.connects += 1;
            let index = self.listeners.len();
            let connection = &mut self.speaker.connection;
            let opened = connection.open(self.plan.target.addr, index);
            if let Err(error) = opened.and_then(|()| watch(&self.poll, connection, index)) {
                return self.fall_silent(End::Connect(error));
            }
        }
        self.send_to_speak();
    }

    fn send_to_speak(&mut self) {
        let Speaker { connection, request, .. } = &mut self.speaker;
        match write(connection, request) {
            Ok(true) => connection.phase = Phase::Receiving,
            Ok(false) => {}
            Err(error) => self.fall_silent(End::Closed(format!("write: {error}"))),
        }
    }

    /// Reads what has arrived of the answer.
    fn acknowledge(&mut self, flags: EventFlags, scratch: &mut [u8]) {
        let ended = flags.intersects(GONE);
        loop {
            let connection = &mut self.speaker.connection;
            let mut stream = connection.stream.as_ref().expect("an event came from it");
            let count = match stream.read(scratch) {
                Ok(0) => return self.fall_silent(gone("a message’s answer was cut")),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return self.fall_silent(End::Closed(format!("read: {error}"))),
            };
            let body = &mut connection.body;
            let step =
                connection.reply.read(&scratch[..count], |piece| body.extend_from_slice(piece));
            match step {
                Ok(Step::Whole { .. }) => return self.answered(ended),
                Ok(Step::More) if count < scratch.len() && !ended => return,
                Ok(Step::More) => {}
                Err(Malformed(how)) => return self.fall_silent(End::Parse(how)),
            }
        }
    }

    fn answered(&mut self, ended: bool) {
        let Speaker { connection, script, .. } = &mut self.speaker;
        let (number, body) = (connection.number, mem::take(&mut connection.body));
        let script = script.take().expect("it was set before the request was sent");
        let (status, expect) = (connection.reply.status(), &script.line(number).expect);
        connection.phase = Phase::Resting;
        if connection.reply.closes() || ended {
            connection.close();
        }
        if !expect.accepts_status(status) {
            self.tally.failed(End::Status(status));
        } else if let Err(how) = expect.check_body(number, &body) {
            self.tally.failed(End::WrongBody(how));
        } else {
            self.said[number as usize].acknowledged = true;
        }
    }

    /// A message has no answer: whether it was kept, nobody knows, so nobody is to have heard it.
    fn fall_silent(&mut self, end: End) {
        self.speaker.connection.close();
        self.speaker.connection.body.clear();
        self.tally.failed(end);
    }
}

fn gone(how: &str) -> End {
    End::Closed(how.to_owned())
}

fn watch(poll: &Poll, connection: &Connection, index: usize) -> io::Result<()> {
    let stream = connection.stream.as_ref().expect("it was just opened");
    poll.watch(stream, u64::from(connection.generation) << 32 | index as u64)
}

/// Writes what is left of a request, and says whether that was all. A socket that is still connecting takes nothing.
fn write(connection: &mut Connection, request: &[u8]) -> io::Result<bool> {
    let mut stream = connection.stream.as_ref().expect("a request is sent on an open connection");
    while connection.written < request.len() {
        match stream.write(&request[connection.written..]) {
            Ok(count) => connection.written += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}
