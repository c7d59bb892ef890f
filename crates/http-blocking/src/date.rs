//! The `Date` field, formatted once a second.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use httpdate::HttpDate;
use nix::time::{ClockId, clock_gettime};

/// A date as text, and the second it is good for.
#[derive(Debug, Default)]
pub(crate) struct Date {
    second: u64,
    text: String,
}

impl Date {
    /// Now, as an IMF-fixdate (RFC 9110 section 5.6.7).
    pub(crate) fn now(&mut self) -> &str {
        // The coarse clock is a read of memory, and a second is all that is needed.
        let now = clock_gettime(ClockId::CLOCK_REALTIME_COARSE).map_or(0, |now| now.tv_sec());
        let second = now.unsigned_abs();
        if second != self.second || self.text.is_empty() {
            self.second = second;
            self.text.clear();
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
            write!(self.text, "{}", HttpDate::from(now)).expect("a string takes any text");
        }
        &self.text
    }
}
