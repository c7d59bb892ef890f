//! Who runs a request: which thread, and for how long it is bound to one connection.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

/// How the server gives threads to connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Threads {
    /// `connection`: an OS thread for each connection, from accept to close. Under keep-alive this is what "a thread
    /// per request" means in practice: one start, then many requests.
    #[default]
    Connection,
    /// `request`: literally a new thread for each request. The thread that answered one request hands the connection
    /// to a thread it starts, and ends. Shows what starting a thread costs.
    Request,
    /// `pool:N`: N threads, each serving one connection until it closes; the other connections wait unread in a
    /// bounded queue. Shows starvation: client N + 1 waits for a client to leave, not for a request to end.
    Pool(NonZeroUsize),
}

/// The text names no way of giving threads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of `connection`, `request` and `pool:N` (N threads, at least 1)")]
pub struct UnknownThreads(String);

impl FromStr for Threads {
    type Err = UnknownThreads;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownThreads(text.to_owned());
        match text {
            "connection" => Ok(Self::Connection),
            "request" => Ok(Self::Request),
            _ => {
                let size = text.strip_prefix("pool:").ok_or_else(unknown)?;
                // `parse` alone would take `+4`.
                if !size.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(unknown());
                }
                size.parse().map(Self::Pool).map_err(|_| unknown())
            }
        }
    }
}

impl fmt::Display for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection => f.write_str("connection"),
            Self::Request => f.write_str("request"),
            Self::Pool(size) => write!(f, "pool:{size}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_read_back_what_they_print() {
        for text in ["connection", "request", "pool:1", "pool:4000"] {
            assert_eq!(text.parse::<Threads>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_words_are_refused_with_what_is_allowed() {
        for text in ["", "pool", "pool:", "pool:0", "pool:+4", "pool:x", "Connection", "thread"] {
            let error = text.parse::<Threads>().unwrap_err().to_string();
            assert!(error.contains("`connection`, `request` and `pool:N`"), "{text}: {error}");
        }
    }
}
