//! `GET /users/{name}` at GitHub: one call, within one deadline, over one client that all requests share.

use std::mem::take;
use std::sync::Arc;
use std::time::Duration;

use contract::github::{Failed, judge};
use contract::upstream::Upstream;
use contract::{Limits, Problem, Profile, Username};
use http::{HeaderMap, StatusCode};
use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};
use reqwest::{Client, Response};
use tokio::time::{Instant, sleep, timeout_at};

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
    client: Client,
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
    /// A connection is driven by a task of the runtime that made it. Where each worker is a runtime of one thread, a
    /// connection from another worker would answer only when that worker has time: give each worker its own. On one
    /// runtime of many threads, clones do. For each request it is a mistake.
    pub fn apart(&self) -> Self {
        Self { client: client(self.addresses.clone(), &self.limits), ..self.clone() }
    }

    /// The profile of one user.
    ///
    /// Is ready after at most `upstream_total`: the wait for a permit, connecting, retries and reading count together,
    /// so an upstream that sends a byte a second does not hold a task for longer. Dropping it ends the call at once.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 404, 502, 503 or 504.
    pub async fn user(&self, username: &Username) -> Result<Profile, Problem> {
        let deadline = Instant::now() + self.limits.upstream_total;
        let _permit = self.permits.acquire(deadline).await.ok_or(Failed::NoPermit)?;
        let _counted = InFlight::new(&self.meters);
        // One deadline around it all: whatever is awaited in there is dropped when the time is up.
        let answer = timeout_at(deadline, self.ask(username, deadline));
        let answer = answer.await.map_err(|_| Failed::TimedOut)??;
        judge(answer.status, &answer.fields, &answer.body)
    }

    /// The whole answer, whatever it says.
    async fn ask(&self, username: &Username, deadline: Instant) -> Result<Answer, Failed> {
        let url = format!("{}/users/{username}", self.upstream.base);
        let mut tries = 0;
        loop {
            tries += 1;
            let turn = self.addresses.book.turn();
            let (head, connected) = watch(self.send(&url)).await;
            let lost = match head {
                Ok(head) => return self.read(head).await,
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
            sleep(pause).await;
        }
    }

    /// Asks once, up to the last byte of the answer's head.
    async fn send(&self, url: &str) -> Result<Response, Lost> {
        self.meters.requests.increment(1);
        Ok(self.client.get(url).headers(self.upstream.fields.clone()).send().await?)
    }

    /// Reads the body, but no more of it than `upstream_bytes`.
    async fn read(&self, mut head: Response) -> Result<Answer, Failed> {
        let most = self.limits.upstream_bytes;
        if head.content_length().is_some_and(|length| length > most) {
            return Err(Failed::TooLarge);
        }
        let mut body = Vec::new();
        while let Some(part) = head.chunk().await.map_err(Lost::from)? {
            body.extend_from_slice(&part);
            if body.len() as u64 > most {
                return Err(Failed::TooLarge);
            }
        }
        Ok(Answer { status: head.status(), fields: take(head.headers_mut()), body })
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
