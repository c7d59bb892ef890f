//! `GET /users/{name}` at GitHub: one call, within one deadline, over one client that all requests share.

use std::io::Read;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use contract::github::{Failed, judge};
use contract::upstream::Upstream;
use contract::{Limits, Problem, Profile, Username};
use http::{HeaderMap, Response, StatusCode};
use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};
use ureq::{Agent, Body};

use crate::BadUpstream;
use crate::addresses::Addresses;
use crate::connect::{client, watch};
use crate::lost::Lost;
use crate::permits::Permits;

/// After the first try; so one call makes three connections at most.
const RETRIES: u32 = 2;

/// GitHub, or what stands in for it.
///
/// A clone is the same client: it shares the idle connections and the permits.
#[derive(Clone, Debug)]
pub struct Github {
    upstream: Arc<Upstream>,
    client: Agent,
    addresses: Addresses,
    permits: Permits,
    limits: Limits,
    meters: Meters,
}

impl Github {
    /// A client for the upstream at `url`, which asks with `token` if there is one.
    ///
    /// Nothing is looked up or connected yet. A metrics recorder has to be installed before.
    ///
    /// # Errors
    ///
    /// When no request can be made from `url` and `token`.
    pub fn new(url: &str, token: Option<&str>, limits: &Limits) -> Result<Self, BadUpstream> {
        let upstream = Upstream::new(url, token)?;
        let addresses = Addresses::new(&upstream);
        Ok(Self {
            upstream: Arc::new(upstream),
            client: client(addresses.clone(), limits),
            addresses,
            permits: Permits::new(limits.upstream_max),
            limits: limits.clone(),
            meters: Meters::new(),
        })
    }

    /// The same upstream under the same permits, over connections of its own: a new client, which has none yet.
    ///
    /// Threads can share one, and clones do. For each request it is a mistake.
    pub fn apart(&self) -> Self {
        Self { client: client(self.addresses.clone(), &self.limits), ..self.clone() }
    }

    /// The profile of one user.
    ///
    /// Blocks the calling thread for at most `upstream_total`: the wait for a permit, connecting, retries and reading
    /// count together, so an upstream that sends a byte a second does not hold a thread for longer.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 404, 502, 503 or 504.
    pub fn user(&self, username: &Username) -> Result<Profile, Problem> {
        let deadline = Instant::now() + self.limits.upstream_total;
        let _permit = self.permits.acquire(deadline).ok_or(Failed::NoPermit)?;
        let _counted = InFlight::new(&self.meters);
        // Nothing can stop a blocked thread from outside: each call in there is handed the deadline.
        let answer = self.ask(username, deadline)?;
        judge(answer.status, &answer.fields, &answer.body)
    }

    /// The whole answer, whatever it says.
    fn ask(&self, username: &Username, deadline: Instant) -> Result<Answer, Failed> {
        let url = format!("{}/users/{username}", self.upstream.base);
        let mut tries = 0;
        loop {
            tries += 1;
            let turn = self.addresses.book.turn();
            let (head, connected) = watch(|| self.send(&url, deadline));
            let lost = match head {
                Ok(head) => return self.read(head),
                Err(lost) => lost,
            };
            if lost.is_of_the_address() {
                self.addresses.book.pass(turn);
            }
            // Jittered, so that the calls which failed together do not all come back together.
            let pause = Duration::from_millis(fastrand::u64(50..150));
            let in_time = Instant::now() + pause < deadline;
            if tries > RETRIES || !in_time || !lost.deserves_another_try(connected) {
                return Err(lost.into());
            }
            thread::sleep(pause);
        }
    }

    /// Asks once, up to the last byte of the answer's head. ureq holds the body to the same deadline.
    fn send(&self, url: &str, deadline: Instant) -> Result<Response<Body>, Lost> {
        self.meters.requests.increment(1);
        let left = deadline.saturating_duration_since(Instant::now());
        let mut request = self.client.get(url).config().timeout_global(Some(left)).build();
        request
            .headers_mut()
            .expect("a request for a URL of ours")
            .extend(self.upstream.fields.clone());
        Ok(request.call()?)
    }

    /// Reads the body, but no more of it than `upstream_bytes`.
    fn read(&self, head: Response<Body>) -> Result<Answer, Failed> {
        let most = self.limits.upstream_bytes;
        let (head, mut rest) = head.into_parts();
        if rest.content_length().is_some_and(|length| length > most) {
            return Err(Failed::TooLarge);
        }
        let mut body = Vec::new();
        rest.as_reader()
            .take(most + 1)
            .read_to_end(&mut body)
            .map_err(|error| Lost::from(ureq::Error::from(error)))?;
        if body.len() as u64 > most {
            return Err(Failed::TooLarge);
        }
        Ok(Answer { status: head.status, fields: head.headers, body })
    }
}

/// What the upstream said.
struct Answer {
    status: StatusCode,
    fields: HeaderMap,
    body: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Meters {
    in_flight: Gauge,
    requests: Counter,
}

impl Meters {
    fn new() -> Self {
        describe_gauge!("upstream_in_flight", "Calls to the upstream that hold a permit now");
        describe_counter!("upstream_requests_total", "Requests sent upstream, retries included");
        Self {
            in_flight: gauge!("upstream_in_flight"),
            requests: counter!("upstream_requests_total"),
        }
    }
}

/// One more call in flight, until it ends in whatever way.
struct InFlight<'a>(&'a Gauge);

impl<'a> InFlight<'a> {
    fn new(meters: &'a Meters) -> Self {
        meters.in_flight.increment(1);
        Self(&meters.in_flight)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}
