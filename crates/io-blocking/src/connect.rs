//! How connections to the upstream are made and kept: one client, whose idle connections every call may use again.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use contract::Limits;
use ureq::unversioned::transport::{
    ConnectionDetails, Connector, RustlsConnector, TcpConnector, Transport,
};
use ureq::{Agent, Error};

use crate::addresses::Addresses;

/// How long a connection is kept with nothing to do.
const IDLE: Duration = Duration::from_secs(15);

/// A client for the one upstream, that goes nowhere else: no redirects, no proxies, no cookies.
///
/// TLS is rustls with ring and Mozilla's roots, so that no certificate of the machine is needed.
pub(crate) fn client(addresses: Addresses, limits: &Limits) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .accept_encoding("")
        .no_delay(true)
        .timeout_resolve(Some(limits.upstream_connect))
        .timeout_connect(Some(limits.upstream_connect))
        .max_idle_connections(limits.upstream_max)
        .max_idle_connections_per_host(limits.upstream_max)
        .max_idle_age(IDLE)
        .build();
    let connector = ().chain(TcpConnector::default()).chain(Connected::default());
    Agent::with_parts(config, connector, addresses)
}

thread_local! {
    static CONNECTED: Cell<bool> = const { Cell::new(false) };
}

/// Makes one call, and tells whether a connection was made for it; if none was, it used an idle one.
pub(crate) fn watch<T>(call: impl FnOnce() -> T) -> (T, bool) {
    CONNECTED.set(false);
    let outcome = call();
    (outcome, CONNECTED.get())
}

/// Notes on this thread that it has connected, then does what rustls has to.
#[derive(Debug, Default)]
struct Connected(RustlsConnector);

impl<In: Transport> Connector<In> for Connected {
    type Out = <RustlsConnector as Connector<In>>::Out;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        CONNECTED.set(true);
        // A call with a deadline of its own counts as one with a TLS setting of its own, and would read the roots anew.
        let details = ConnectionDetails {
            uri: details.uri,
            addrs: details.addrs.clone(),
            resolver: details.resolver,
            config: details.config,
            request_level: false,
            now: details.now,
            timeout: details.timeout,
            current_time: Arc::clone(&details.current_time),
            run_connector: Arc::clone(&details.run_connector),
            register_shutdown: Arc::clone(&details.register_shutdown),
        };
        self.0.connect(&details, chained)
    }
}
