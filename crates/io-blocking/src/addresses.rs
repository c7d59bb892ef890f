//! Where the upstream is: its name is looked up once a minute, not once a call.
//!
//! A connection is tried at one address only, so that a retry is one connection and not one for each address. When an
//! address does not answer, the next call turns to the next one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use contract::addresses::{AddressBook, KNOWN_FOR};
use contract::upstream::Upstream;
use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use crate::permits::Permits;

/// The one upstream's addresses, and the lookup of them.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    pub(crate) book: Arc<AddressBook>,
    /// One call looks up; who comes meanwhile waits for what it finds.
    looking: Permits,
}

/// The lookup blocks a thread of its own, because `getaddrinfo` knows no deadline.
impl Resolver for Addresses {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let address = match self.book.known() {
            Some(address) => address,
            None => self.look_up(uri, config, timeout)?,
        };
        let mut one = self.empty();
        one.push(address);
        Ok(one)
    }
}

impl Addresses {
    pub(crate) fn new(upstream: &Upstream) -> Self {
        Self { book: Arc::new(AddressBook::new(upstream)), looking: Permits::new(1) }
    }

    /// The address to try, looked up by this call or, meanwhile, by another.
    fn look_up(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<SocketAddr, Error> {
        let asked = Instant::now();
        let until = asked + (*timeout.after).min(KNOWN_FOR);
        let _looking = self.looking.acquire(until).ok_or(Error::Timeout(timeout.reason))?;
        if let Some(address) = self.book.found_since(asked) {
            return Ok(address);
        }
        let left = until.saturating_duration_since(Instant::now());
        let timeout = NextTimeout { after: left.into(), ..timeout };
        let found = DefaultResolver::default().resolve(uri, config, timeout);
        let why = match &found {
            Err(Error::Timeout(which)) => Error::Timeout(*which),
            _ => Error::HostNotFound,
        };
        let found = found.map(|found| found.iter().copied().collect());
        self.book.learn(found).ok_or(why)
    }
}
