//! How a call can fail, as the client tells it, and whether another try could do better.

use std::io;

use contract::github::Failed;
use ureq::{Error, Timeout};

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// There is nobody at the address, or no way to it.
    Refused,
    /// The name has no address.
    Unknown,
    /// Nobody at the address said yes or no in time.
    Unconnected,
    /// The connection ended before the answer did. Neither client tells whether some of its head had come.
    Closed,
    /// What came is not HTTP, or not TLS.
    Malformed,
    /// The time was up.
    Late,
}

impl Lost {
    /// Whether another address might do better.
    pub(crate) fn is_of_the_address(self) -> bool {
        matches!(self, Lost::Refused | Lost::Unconnected)
    }

    /// Whether the same request may be sent again at once: when nobody got it, or when an idle connection closed
    /// under it, as every server closes one some day. It is a GET, so it does no harm if somebody did.
    pub(crate) fn deserves_another_try(self, connected: bool) -> bool {
        match self {
            Lost::Refused => true,
            Lost::Closed => !connected,
            _ => false,
        }
    }

    fn of_io(kind: io::ErrorKind) -> Self {
        use io::ErrorKind as Kind;
        match kind {
            Kind::ConnectionRefused
            | Kind::HostUnreachable
            | Kind::NetworkUnreachable
            | Kind::AddrNotAvailable => Lost::Refused,
            Kind::ConnectionReset
            | Kind::ConnectionAborted
            | Kind::BrokenPipe
            | Kind::NotConnected
            | Kind::UnexpectedEof => Lost::Closed,
            Kind::TimedOut | Kind::WouldBlock => Lost::Late,
            _ => Lost::Malformed,
        }
    }
}

impl From<Error> for Lost {
    fn from(error: Error) -> Self {
        match error {
            Error::HostNotFound => Lost::Unknown,
            Error::Timeout(Timeout::Resolve | Timeout::Connect) => Lost::Unconnected,
            Error::Timeout(_) => Lost::Late,
            Error::Io(error) => Lost::of_io(error.kind()),
            _ => Lost::Malformed,
        }
    }
}

impl From<Lost> for Failed {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Refused | Lost::Unknown => Failed::Refused,
            Lost::Unconnected | Lost::Late => Failed::TimedOut,
            Lost::Closed | Lost::Malformed => Failed::Broken,
        }
    }
}
