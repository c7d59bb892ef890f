//! The `Date` field, formatted once a second.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use httpdate::HttpDate;
use rustix::time::{ClockId, clock_gettime};

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
        let second = clock_gettime(ClockId::RealtimeCoarse).tv_sec.unsigned_abs();
        if second != self.second || self.text.is_empty() {
            self.second = second;
            self.text.clear();
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
            write!(self.text, "{}", HttpDate::from(now)).expect("a string takes any text");
        }
        &self.text
    }
}
