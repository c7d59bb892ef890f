//! What the stub counts: connections, requests, names, and what should never have reached it.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use crate::RateLimit;

/// What was counted since the start or the last reset; the body of `GET /stub/stats`. Asking the stub about itself is not
/// counted, neither the request nor a connection that began with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Connections to the stub.
    pub connections: Connections,
    /// Requests on them.
    pub requests: Requests,
    /// How many different names were asked, up to 100,000.
    pub names: u64,
    /// Targets that were not `/users/{name}` with a valid name and nothing behind it, up to the first 64.
    pub unexpected: Vec<String>,
    /// Who followed `redirect-away`.
    pub decoy: Decoy,
}

/// Connections to the stub.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connections {
    /// Accepted.
    pub total: u64,
    /// Open now.
    pub open: u64,
    /// The most that were open at once.
    pub peak: u64,
}

/// Requests to the stub.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requests {
    /// Read whole.
    pub total: u64,
    /// Not yet answered.
    pub in_flight: u64,
    /// The most that were in flight at once.
    pub in_flight_peak: u64,
    /// Without a `User-Agent`.
    pub no_user_agent: u64,
    /// For anything but `/users/{name}` with a valid name.
    pub unexpected: u64,
    /// Refused by `--rate-limit`.
    pub rate_limited: u64,
    /// Answered 304.
    pub not_modified: u64,
    /// Bytes that were no request.
    pub malformed: u64,
}

/// Who came to the decoy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decoy {
    /// Connections accepted.
    pub connections: u64,
    /// Requests read.
    pub requests: u64,
}

/// How often and when one name was asked; the body of `GET /stub/seen?name=`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Requests for it.
    pub count: u64,
    /// The first, in milliseconds since the stub's start or reset.
    pub first_ms: u64,
    /// The last, likewise.
    pub last_ms: u64,
}

/// The books behind [`Stats`], the rate limit's among them.
#[derive(Debug)]
pub(crate) struct Tally {
    since: Instant,
    stats: Stats,
    names: HashMap<String, Seen>,
    last_head: Vec<u8>,
    window: Window,
}

/// The rate limit's window that is open, or the last one.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    ends: u64,
    used: u32,
}

/// Where one request stands with the rate limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quota {
    pub(crate) limit: u32,
    pub(crate) used: u32,
    /// When the window ends, in seconds since 1970.
    pub(crate) reset: u64,
    /// Whether this request is one too many.
    pub(crate) over: bool,
}

/// Past this many names no new one is remembered, and each asking for one counts as its first.
const NAMES: usize = 100_000;

impl Default for Tally {
    fn default() -> Tally {
        Tally {
            since: Instant::now(),
            stats: Stats::default(),
            names: HashMap::new(),
            last_head: Vec::new(),
            window: Window::default(),
        }
    }
}

impl Tally {
    /// Counts a connection, and says whether it raised the peak.
    pub(crate) fn connected(&mut self) -> bool {
        let connections = &mut self.stats.connections;
        connections.total += 1;
        connections.open += 1;
        let raised = connections.open > connections.peak;
        connections.peak += u64::from(raised);
        raised
    }

    pub(crate) fn disconnected(&mut self) {
        self.stats.connections.open -= 1;
    }

    /// Takes back a connection that turns out to ask about the stub itself.
    pub(crate) fn uncount_connection(&mut self, raised_peak: bool) {
        let connections = &mut self.stats.connections;
        connections.open -= 1;
        connections.total = connections.total.saturating_sub(1);
        connections.peak = connections.peak.saturating_sub(u64::from(raised_peak));
    }

    pub(crate) fn asked(&mut self, head: &[u8]) {
        self.last_head.clear();
        self.last_head.extend_from_slice(head);
        let requests = &mut self.stats.requests;
        requests.total += 1;
        requests.in_flight += 1;
        requests.in_flight_peak = requests.in_flight_peak.max(requests.in_flight);
    }

    /// How many were asked so far.
    pub(crate) fn total(&self) -> u64 {
        self.stats.requests.total
    }

    pub(crate) fn answered(&mut self) {
        self.stats.requests.in_flight -= 1;
    }

    /// Which asking for `name` this is, from 1.
    pub(crate) fn named(&mut self, name: &str) -> u64 {
        let now_ms = self.since.elapsed().as_millis() as u64;
        if let Some(seen) = self.names.get_mut(name) {
            seen.count += 1;
            seen.last_ms = now_ms;
            return seen.count;
        }
        if self.names.len() < NAMES {
            self.names
                .insert(name.to_owned(), Seen { count: 1, first_ms: now_ms, last_ms: now_ms });
        }
        1
    }

    pub(crate) fn unexpected(&mut self, target: &str) {
        self.stats.requests.unexpected += 1;
        if self.stats.unexpected.len() < 64 {
            self.stats.unexpected.push(target.to_owned());
        }
    }

    pub(crate) fn no_user_agent(&mut self) {
        self.stats.requests.no_user_agent += 1;
    }

    pub(crate) fn not_modified(&mut self) {
        self.stats.requests.not_modified += 1;
    }

    pub(crate) fn malformed(&mut self) {
        self.stats.requests.malformed += 1;
    }

    pub(crate) fn decoy_connected(&mut self) {
        self.stats.decoy.connections += 1;
    }

    pub(crate) fn decoy_asked(&mut self) {
        self.stats.decoy.requests += 1;
    }

    /// Takes one request out of the open window, opening the next when that one has ended.
    pub(crate) fn spend(&mut self, limit: RateLimit) -> Quota {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        if now.as_secs() >= self.window.ends {
            let ends = now + limit.window + Duration::from_nanos(999_999_999);
            self.window = Window { ends: ends.as_secs(), used: 0 };
        }
        let over = self.window.used >= limit.requests;
        if over {
            self.stats.requests.rate_limited += 1;
        } else {
            self.window.used += 1;
        }
        Quota { limit: limit.requests, used: self.window.used, reset: self.window.ends, over }
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats { names: self.names.len() as u64, ..self.stats.clone() }
    }

    pub(crate) fn seen(&self, name: &str) -> Seen {
        self.names.get(name).copied().unwrap_or_default()
    }

    pub(crate) fn last_head(&self) -> String {
        String::from_utf8_lossy(&self.last_head).into_owned()
    }

    pub(crate) fn reset(&mut self) {
        let (open, in_flight) = (self.stats.connections.open, self.stats.requests.in_flight);
        *self = Tally::default();
        self.stats.connections = Connections { total: 0, open, peak: open };
        self.stats.requests =
            Requests { in_flight, in_flight_peak: in_flight, ..Requests::default() };
    }
}
