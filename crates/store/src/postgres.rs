//! How a connection to PostgreSQL is set up: which clocks the server keeps for us, and which we keep.

use std::time::Duration;

/// What a connection says first, in one round trip.
///
/// - `statement_timeout`: the other end ends what takes too long, waiting for a lock too, and says so; whoever gives up here
///   does not know what became of it.
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

/// How long a call of a few statements may take, of which each ends within `statement`: beyond that the server does not keep its
/// own clocks, and is given up. One that has a statement for each of many rows is given [`others`] beside that.
pub fn longest(statement: Duration) -> Duration {
    2 * statement
}

/// How much longer a call may take that writes so many rows by a statement each, whose size may be what takes time. A server
/// that is silent holds it as long, hence no more than a minute.
pub fn others(statement: Duration, rows: usize) -> Duration {
    let rows = u32::try_from(rows).unwrap_or(u32::MAX);
    statement.saturating_mul(rows).min(Duration::from_secs(60))
}

/// `url`, and what both drivers understand behind it: two seconds to connect, and probes of a silent connection from
/// its fifth second on. What `url` itself says of these comes first.
pub fn with_clocks(url: &str) -> String {
    const CLOCKS: [(&str, &str); 3] =
        [("connect_timeout", "2"), ("keepalives_idle", "5"), ("keepalives_interval", "2")];
    CLOCKS.iter().fold(url.to_owned(), |url, (name, value)| with(&url, name, value))
}

/// `url` with a setting, unless it has one of this name.
pub(crate) fn with(url: &str, name: &str, value: &str) -> String {
    if url.contains(name) {
        return url.to_owned();
    }
    let mark = if url.contains('?') { '&' } else { '?' };
    format!("{url}{mark}{name}={value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_rows_are_given_more_time_and_never_more_than_a_minute() {
        let statement = Duration::from_secs(3);
        assert_eq!(others(statement, 0), Duration::ZERO);
        assert_eq!(others(statement, 4), 4 * statement);
        assert_eq!(others(statement, 100), Duration::from_secs(60));
        assert_eq!(others(Duration::MAX, usize::MAX), Duration::from_secs(60));
    }
}
