//! How connections to the upstream are made and kept: one client, whose idle connections every call may use again.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use contract::Limits;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, NextTimeout, RustlsConnector, TcpConnector, Transport,
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
    let connector = ().chain(TcpConnector::default()).chain(Steps).chain(Connected::default());
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

/// Makes connections that wait in [`Stepped`].
#[derive(Debug)]
struct Steps;

impl<In: Transport> Connector<In> for Steps {
    type Out = Stepped<In>;

    fn connect(
        &self,
        _: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Stepped<In>>, Error> {
        Ok(chained.map(Stepped))
    }
}

/// A connection that waits in steps, so that a deadline is met.
///
/// The kernel rounds a socket's timeout up to its timer wheel, the more coarsely the longer it is: at 250 Hz by up to a
/// quarter of a second from two seconds on, by a thirtieth below (`kernel/time/timer.c`). Only the last step counts.
#[derive(Debug)]
struct Stepped<In>(In);

/// The longest step.
const STEP: Duration = Duration::from_secs(1);

impl<In: Transport> Transport for Stepped<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let began = Instant::now();
        loop {
            let left = timeout.after.saturating_sub(began.elapsed());
            let step = left.min(STEP);
            match self.0.await_input(NextTimeout { after: step.into(), ..timeout }) {
                Err(Error::Timeout(_)) if step < left => {}
                other => return other,
            }
        }
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }
}
