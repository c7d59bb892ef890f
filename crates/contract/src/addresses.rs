//! Where the upstream's name led to: which addresses, until when that holds, and which of them is next.
//!
//! Looking up, and waiting for who does, is written in `io-blocking` and `io-async`: there it differs.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::upstream::Upstream;

/// GitHub's own records live for 60 s.
pub const KNOWN_FOR: Duration = Duration::from_secs(60);

/// The one upstream's addresses.
#[derive(Debug)]
pub struct AddressBook {
    /// Which address is tried, modulo how many there are.
    turn: AtomicUsize,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    addresses: Vec<SocketAddr>,
    /// `None` for a number that is no name and never changes.
    until: Option<Instant>,
    /// When they were found.
    found: Option<Instant>,
}

impl AddressBook {
    /// Nothing is known yet, unless the host is a number.
    pub fn new(upstream: &Upstream) -> Self {
        let number = upstream.host.parse::<IpAddr>().ok();
        let known = Known {
            addresses: number.map(|ip| (ip, upstream.port).into()).into_iter().collect(),
            until: number.is_none().then(Instant::now),
            found: None,
        };
        Self { turn: AtomicUsize::new(0), known: Mutex::new(known) }
    }

    /// Which address a call that begins now will try.
    pub fn turn(&self) -> usize {
        self.turn.load(Ordering::Relaxed)
    }

    /// The address of that `turn` did not answer. Of many calls that found out together, one turns the page.
    pub fn pass(&self, turn: usize) {
        let next = turn.wrapping_add(1);
        let _ = self.turn.compare_exchange(turn, next, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The address to try, unless it is this caller's part to look it up.
    pub fn known(&self) -> Option<SocketAddr> {
        let mut known = self.lock();
        let stale = known.until.is_some_and(|until| until <= Instant::now());
        if stale && !known.addresses.is_empty() {
            // Whoever comes meanwhile makes do with the old ones.
            known.until = Some(Instant::now() + KNOWN_FOR);
        }
        if stale { None } else { self.pick(&known.addresses) }
    }

    /// The address to try, if another call has found it since.
    pub fn found_since(&self, asked: Instant) -> Option<SocketAddr> {
        let known = self.lock();
        if known.found? >= asked { self.pick(&known.addresses) } else { None }
    }

    /// Writes down what was found; when that is nothing, the old addresses are better.
    pub fn learn<E>(&self, found: Result<Vec<SocketAddr>, E>) -> Option<SocketAddr> {
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
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(url: &str) -> AddressBook {
        AddressBook::new(&Upstream::new(url, None).unwrap())
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
