//! How a connection to PostgreSQL is set up: what the server enforces for us, because a client that waits cannot.

use std::time::Duration;

/// What a connection says first, in one round trip.
///
/// - `statement_timeout`: libpq reads without a deadline, so the other end has to keep it; waiting for a lock counts.
/// - `client_connection_check_interval`: a statement whose client has gone ends within a second, instead of running on
///   beside the connection that took its place in the pool.
/// - `idle_in_transaction_session_timeout`: no lock outlives a server that hangs.
pub fn settings(statement: Duration) -> String {
    let millis = statement.as_millis();
    format!(
        "SET statement_timeout = {millis}; SET client_connection_check_interval = 1000; \
         SET idle_in_transaction_session_timeout = {}",
        2 * millis
    )
}

/// Within a transaction: how long its statements may take, whatever the connection's own limit is.
pub fn allow(statement: Duration) -> String {
    format!("SET LOCAL statement_timeout = {}", statement.as_millis())
}

/// `url`, and what both drivers understand behind it: two seconds to connect, and probes of a silent connection from
/// its fifth second on. What `url` itself says of these comes first.
pub fn with_clocks(url: &str) -> String {
    const CLOCKS: [(&str, &str); 3] =
        [("connect_timeout", "2"), ("keepalives_idle", "5"), ("keepalives_interval", "2")];
    let mut told = url.to_owned();
    for (name, value) in CLOCKS {
        if !url.contains(name) {
            told.push(if told.contains('?') { '&' } else { '?' });
            told.push_str(&format!("{name}={value}"));
        }
    }
    told
}
