//! What the server counts, looked up once so that counting is one addition.

use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

pub(crate) struct Meters {
    pub(crate) connections: Gauge,
    pub(crate) accept_lag: Gauge,
    pub(crate) accepted: Counter,
    pub(crate) accept_errors: Counter,
    pub(crate) refused_connections: Counter,
    pub(crate) refused_heads: Counter,
    pub(crate) threads_spawned: Counter,
    pub(crate) panics: Counter,
}

impl Meters {
    /// Uses the recorder that is installed now.
    pub(crate) fn new() -> Self {
        describe_gauge!("http_connections", "Connections open now");
        describe_gauge!(
            "accept_lag_seconds",
            "How long the last round of accepting took: who came in it waited as long"
        );
        describe_counter!("http_accepted_total", "Connections accepted");
        describe_counter!("http_accept_errors_total", "Failures to accept a connection");
        describe_counter!("http_refused_connections_total", "Connections answered 503 and closed");
        describe_counter!("http_refused_heads_total", "Heads refused before a handler ran");
        describe_counter!("http_threads_spawned_total", "Threads started for connections");
        describe_counter!("http_panics_total", "Handlers that panicked");
        Self {
            connections: gauge!("http_connections"),
            accept_lag: gauge!("accept_lag_seconds"),
            accepted: counter!("http_accepted_total"),
            accept_errors: counter!("http_accept_errors_total"),
            refused_connections: counter!("http_refused_connections_total"),
            refused_heads: counter!("http_refused_heads_total"),
            threads_spawned: counter!("http_threads_spawned_total"),
            panics: counter!("http_panics_total"),
        }
    }
}
