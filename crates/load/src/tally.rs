//! What one generator thread counts. Threads share nothing while they run; tallies are added up at the end.

use std::time::Duration;

use crate::connection::Connection;
use crate::outcome::{Errors, GeneratorThread, Histogram, Sample};

/// How one request ended.
pub(crate) enum End {
    Ok,
    Connect(std::io::Error),
    Timeout,
    Closed(String),
    Parse(&'static str),
    WrongBody(String),
    Status(u16),
    Unanswered,
    /// A message that was acknowledged, and did not reach a listener.
    Lost(usize),
    /// A message that reached a listener again.
    Doubled(usize),
}

pub(crate) struct Tally {
    pub(crate) latency: Histogram,
    pub(crate) service: Histogram,
    pub(crate) lag: Histogram,
    pub(crate) ok: u64,
    pub(crate) errors: Errors,
    pub(crate) answered_in_window: u64,
    /// Requests of the schedule within the window.
    pub(crate) scheduled: u64,
    pub(crate) dropped: u64,
    pub(crate) bytes: u64,
    pub(crate) connects: u64,
    /// Of all requests, the nanoseconds from sending to the end that lie in the window; and of those answered rightly.
    pub(crate) waited_ns: u128,
    pub(crate) served_ns: u128,
    pub(crate) first_sent: u64,
    pub(crate) last_byte: u64,
    pub(crate) series: Vec<Sample>,
    pub(crate) offered: usize,
    pub(crate) never_served: usize,
    pub(crate) thread: GeneratorThread,
    /// The window, in nanoseconds of the run's clock. Its end is far away until it is known.
    pub(crate) from: u64,
    pub(crate) until: u64,
    /// All answers and failures, the warm-up's too: what progress tells.
    pub(crate) all_ok: u64,
    pub(crate) all_failed: u64,
}

impl Tally {
    pub(crate) fn new(from: u64, until: u64) -> Self {
        Self {
            latency: histogram(),
            service: histogram(),
            lag: histogram(),
            ok: 0,
            errors: Errors::default(),
            answered_in_window: 0,
            scheduled: 0,
            dropped: 0,
            bytes: 0,
            connects: 0,
            waited_ns: 0,
            served_ns: 0,
            first_sent: u64::MAX,
            last_byte: 0,
            series: Vec::new(),
            offered: 0,
            never_served: 0,
            thread: GeneratorThread::default(),
            from,
            until,
            all_ok: 0,
            all_failed: 0,
        }
    }

    pub(crate) fn in_window(&self, at: u64) -> bool {
        (self.from..self.until).contains(&at)
    }

    /// One request ended.
    pub(crate) fn end(&mut self, connection: &Connection, now: u64, end: End, series: bool) {
        let ok = matches!(end, End::Ok);
        let (from, until) = (connection.sent.max(self.from), now.min(self.until));
        let waited = u128::from(until.saturating_sub(from));
        self.waited_ns += waited;
        if ok {
            self.all_ok += 1;
            self.answered_in_window += u64::from(self.in_window(now));
            self.served_ns += waited;
        } else {
            self.all_failed += 1;
        }
        self.last_byte = self.last_byte.max(now);
        if !self.in_window(connection.intended) {
            return;
        }
        self.first_sent = self.first_sent.min(connection.sent);
        self.ok += u64::from(ok);
        self.service.saturating_record(now.saturating_sub(connection.sent));
        self.waited(connection.intended, now, ok, series);
        self.count(end, now.saturating_sub(connection.intended));
    }

    /// Something failed that has no latency.
    pub(crate) fn failed(&mut self, end: End) {
        self.all_failed += 1;
        self.count(end, 0);
    }

    /// A scheduled request that never left.
    pub(crate) fn never_left(&mut self, intended: u64, now: u64, series: bool) {
        self.all_failed += 1;
        if self.in_window(intended) {
            self.waited(intended, now, false, series);
            self.count(End::Unanswered, now.saturating_sub(intended));
        }
    }

    fn waited(&mut self, intended: u64, now: u64, ok: bool, series: bool) {
        let latency = now.saturating_sub(intended);
        self.latency.saturating_record(latency);
        if series {
            let at = Duration::from_nanos(intended - self.from);
            self.series.push(Sample { at, latency: Duration::from_nanos(latency), ok });
        }
    }

    fn count(&mut self, end: End, waited: u64) {
        let errors = &mut self.errors;
        match end {
            End::Ok => {}
            End::Connect(error) => {
                errors.connect += 1;
                errors.example(|| format!("connect: {error}"));
            }
            End::Timeout => {
                errors.timeout += 1;
                let seconds = Duration::from_nanos(waited).as_secs_f64();
                errors.example(|| format!("no answer within {seconds:.1} s"));
            }
            End::Closed(how) => {
                errors.closed += 1;
                errors.example(|| how);
            }
            End::Parse(how) => {
                errors.parse += 1;
                errors.example(|| format!("not a reply: {how}"));
            }
            End::WrongBody(how) => {
                errors.wrong_body += 1;
                errors.example(|| how);
            }
            End::Status(status) => {
                *errors.status.entry(status).or_default() += 1;
                errors.example(|| format!("status {status}"));
            }
            End::Unanswered => errors.unanswered += 1,
            End::Lost(number) => {
                errors.lost += 1;
                errors.example(|| format!("message {number} did not come"));
            }
            End::Doubled(number) => {
                errors.doubled += 1;
                errors.example(|| format!("message {number} came again"));
            }
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        for (ours, theirs) in [
            (&mut self.latency, &other.latency),
            (&mut self.service, &other.service),
            (&mut self.lag, &other.lag),
        ] {
            ours.add(theirs).expect("all histograms have the same bounds");
        }
        self.ok += other.ok;
        self.errors.add(other.errors);
        self.answered_in_window += other.answered_in_window;
        self.scheduled += other.scheduled;
        self.dropped += other.dropped;
        self.bytes += other.bytes;
        self.connects += other.connects;
        self.waited_ns += other.waited_ns;
        self.served_ns += other.served_ns;
        self.first_sent = self.first_sent.min(other.first_sent);
        self.last_byte = self.last_byte.max(other.last_byte);
        self.series.extend(other.series);
        self.offered += other.offered;
        self.never_served += other.never_served;
        self.until = self.until.max(other.until);
        self.all_ok += other.all_ok;
        self.all_failed += other.all_failed;
    }
}

/// One nanosecond to one hour, to three digits: a quarter of a megabyte, so one a thread and never one a connection.
pub(crate) fn histogram() -> Histogram {
    Histogram::new_with_bounds(1, 3_600_000_000_000, 3).expect("the bounds are valid")
}
