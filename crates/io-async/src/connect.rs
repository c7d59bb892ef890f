//! How connections to the upstream are made and kept: one client, whose idle connections every call may use again.

use std::cell::Cell;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use contract::Limits;
use reqwest::{Client, redirect, retry};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use tokio::task_local;
use tower::util::MapResponseLayer;

use crate::addresses::Addresses;

/// How long a connection is kept with nothing to do.
const IDLE: Duration = Duration::from_secs(15);

/// A client for the one upstream, that goes nowhere else: no redirects, no proxies, no cookies.
///
/// TLS is rustls with ring and Mozilla's roots, so that no certificate of the machine is needed.
pub(crate) fn client(addresses: Addresses, limits: &Limits) -> Client {
    Client::builder()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .no_proxy()
        .http1_only()
        .tcp_nodelay(true)
        .connect_timeout(limits.upstream_connect)
        .pool_max_idle_per_host(limits.upstream_max)
        .pool_idle_timeout(IDLE)
        .tls_backend_preconfigured(tls())
        .connector_layer(MapResponseLayer::new(note))
        .dns_resolver(addresses)
        .build()
        .expect("nothing of the machine enters these settings")
}

fn tls() -> ClientConfig {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring knows every version of TLS that rustls does")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

task_local! {
    static CONNECTED: Cell<bool>;
}

/// Makes one call, and tells whether a connection was made for it; if none was, it used an idle one.
pub(crate) async fn watch<F: Future>(call: F) -> (F::Output, bool) {
    let call = async {
        let outcome = call.await;
        (outcome, CONNECTED.with(Cell::get))
    };
    CONNECTED.scope(Cell::new(false), call).await
}

/// Notes in this task that it has connected. A connection that its task no longer waits for, because another became
/// idle first, is made to the end in a task that has no such note.
fn note<C>(connection: C) -> C {
    let _ = CONNECTED.try_with(|connected| connected.set(true));
    connection
}
