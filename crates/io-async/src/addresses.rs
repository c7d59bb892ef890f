//! Where the upstream is: its name is looked up once a minute, not once a call.
//!
//! A connection is tried at one address only, so that a retry is one connection and not one for each address. When an
//! address does not answer, the next call turns to the next one.

use std::iter;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use contract::upstream::Upstream;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;
use tokio::time;

use crate::permits::Permits;

/// GitHub's own records live for 60 s.
const KNOWN_FOR: Duration = Duration::from_secs(60);

/// The one upstream's addresses.
#[derive(Clone, Debug)]
pub(crate) struct Addresses(Arc<Book>);

#[derive(Debug)]
struct Book {
    /// Which address is tried, modulo how many there are.
    turn: AtomicUsize,
    known: Mutex<Known>,
    /// One call looks up; who comes meanwhile waits for what it finds.
    looking: Permits,
}

#[derive(Debug)]
struct Known {
    addresses: Vec<SocketAddr>,
    /// `None` for a number that is no name and never changes.
    until: Option<Instant>,
    /// When they were found.
    found: Option<Instant>,
}

/// The lookup blocks a thread of the runtime's pool, because `getaddrinfo` cannot be awaited.
impl Resolve for Addresses {
    fn resolve(&self, name: Name) -> Resolving {
        let addresses = self.clone();
        Box::pin(async move {
            let address = match addresses.known() {
                Some(address) => address,
                None => addresses.look_up(name).await?,
            };
            Ok(Box::new(iter::once(address)) as Addrs)
        })
    }
}

impl Addresses {
    /// The address to try, looked up by this call or, meanwhile, by another.
    async fn look_up(&self, name: Name) -> Result<SocketAddr, &'static str> {
        let asked = Instant::now();
        // The call has a deadline of its own, at which this is dropped.
        let until = time::Instant::now() + KNOWN_FOR;
        let _looking = self.0.looking.acquire(until).await.ok_or("no answer about the host")?;
        if let Some(address) = self.found_since(asked) {
            return Ok(address);
        }
        // Port 0 stands for the URL's.
        let found = lookup_host((name.as_str(), 0)).await;
        let found = found.map(|found| found.collect());
        self.learn(found).ok_or("no such host")
    }

    pub(crate) fn new(upstream: &Upstream) -> Self {
        let number = upstream.host.parse::<IpAddr>().ok();
        let known = Known {
            addresses: number.map(|ip| (ip, upstream.port).into()).into_iter().collect(),
            until: number.is_none().then(Instant::now),
            found: None,
        };
        let looking = Permits::new(1);
        Self(Arc::new(Book { turn: AtomicUsize::new(0), known: Mutex::new(known), looking }))
    }

    /// Which address a call that begins now will try.
    pub(crate) fn turn(&self) -> usize {
        self.0.turn.load(Ordering::Relaxed)
    }

    /// The address of that `turn` did not answer. Of many calls that found out together, one turns the page.
    pub(crate) fn pass(&self, turn: usize) {
        let next = turn.wrapping_add(1);
        let _ = self.0.turn.compare_exchange(turn, next, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The address to try, unless it is this caller's part to look it up.
    fn known(&self) -> Option<SocketAddr> {
        let mut known = self.lock();
        let stale = known.until.is_some_and(|until| until <= Instant::now());
        if stale && !known.addresses.is_empty() {
            // Whoever comes meanwhile makes do with the old ones.
            known.until = Some(Instant::now() + KNOWN_FOR);
        }
        if stale { None } else { self.pick(&known.addresses) }
    }

    /// The address to try, if another call has found it since.
    fn found_since(&self, asked: Instant) -> Option<SocketAddr> {
        let known = self.lock();
        if known.found? >= asked { self.pick(&known.addresses) } else { None }
    }

    /// Writes down what was found; when that is nothing, the old addresses are better.
    fn learn<E>(&self, found: Result<Vec<SocketAddr>, E>) -> Option<SocketAddr> {
        let mut known = self.lock();
        if let Ok(found) = found
            && !found.is_empty()
        {
            known.addresses = found;
            known.until = Some(Instant::now() + KNOWN_FOR);
            known.found = Some(Instant::now());
        }
        self.pick(&known.addresses)
    }

    fn pick(&self, addresses: &[SocketAddr]) -> Option<SocketAddr> {
        let turn = self.turn().checked_rem(addresses.len())?;
        Some(addresses[turn])
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(url: &str) -> Addresses {
        Addresses::new(&Upstream::new(url, None).unwrap())
    }

    fn found(texts: &[&str]) -> Result<Vec<SocketAddr>, ()> {
        Ok(texts.iter().map(|text| text.parse().unwrap()).collect())
    }

    #[test]
    fn a_number_is_never_looked_up() {
        let addresses = addresses("http://[::1]:8000");
        assert_eq!(addresses.known(), Some("[::1]:8000".parse().unwrap()));
    }

    #[test]
    fn a_name_is_looked_up_once() {
        let addresses = addresses("http://localhost:8000");
        assert_eq!(addresses.known(), None);
        let first = addresses.learn(found(&["127.0.0.1:8000"]));
        assert_eq!(addresses.known(), first);
        assert_eq!(addresses.learn(Err(())), first);
    }

    #[test]
    fn who_waited_for_a_look_up_takes_what_it_found() {
        let addresses = addresses("http://localhost:8000");
        let asked = Instant::now();
        assert_eq!(addresses.found_since(asked), None);
        let found = addresses.learn(found(&["127.0.0.1:8000"]));
        assert_eq!(addresses.found_since(asked), found);
    }

    #[test]
    fn an_address_that_does_not_answer_gives_way_to_the_next_once() {
        let addresses = addresses("http://localhost:8000");
        let first = addresses.learn(found(&["[::1]:8000", "127.0.0.1:8000"]));
        let turn = addresses.turn();
        addresses.pass(turn);
        addresses.pass(turn);
        assert_ne!(addresses.known(), first);
        addresses.pass(addresses.turn());
        assert_eq!(addresses.known(), first);
    }
}
