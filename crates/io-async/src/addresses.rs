//! Where the upstream is: its name is looked up once a minute, not once a call.
//!
//! A connection is tried at one address only, so that a retry is one connection and not one for each address. When an
//! address does not answer, the next call turns to the next one.

use std::iter;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use contract::addresses::{AddressBook, KNOWN_FOR};
use contract::upstream::Upstream;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;
use tokio::time;

use crate::permits::Permits;

/// The one upstream's addresses, and the lookup of them.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    pub(crate) book: Arc<AddressBook>,
    /// One call looks up; who comes meanwhile waits for what it finds.
    looking: Permits,
}

/// The lookup blocks a thread of the runtime's pool, because `getaddrinfo` cannot be awaited.
impl Resolve for Addresses {
    fn resolve(&self, name: Name) -> Resolving {
        let addresses = self.clone();
        Box::pin(async move {
            let address = match addresses.book.known() {
                Some(address) => address,
                None => addresses.look_up(name).await?,
            };
            Ok(Box::new(iter::once(address)) as Addrs)
        })
    }
}

impl Addresses {
    pub(crate) fn new(upstream: &Upstream) -> Self {
        Self { book: Arc::new(AddressBook::new(upstream)), looking: Permits::new(1) }
    }

    /// The address to try, looked up by this call or, meanwhile, by another.
    async fn look_up(&self, name: Name) -> Result<SocketAddr, &'static str> {
        let asked = Instant::now();
        // The call has a deadline of its own, at which this is dropped.
        let until = time::Instant::now() + KNOWN_FOR;
        let _looking = self.looking.acquire(until).await.ok_or("no answer about the host")?;
        if let Some(address) = self.book.found_since(asked) {
            return Ok(address);
        }
        // Port 0 stands for the URL's.
        let found = lookup_host((name.as_str(), 0)).await;
        let found = found.map(|found| found.collect());
        self.book.learn(found).ok_or("no such host")
    }
}
