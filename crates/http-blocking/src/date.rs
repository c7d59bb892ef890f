//! The `Date` field, formatted once a second.

use std::fmt::Write;
use std::time::SystemTime;

use httpdate::HttpDate;

/// A date as text, and the second it is good for.
#[derive(Debug, Default)]
pub(crate) struct Date {
    second: u64,
    text: String,
}

impl Date {
    /// Now, as an IMF-fixdate (RFC 9110 section 5.6.7).
    pub(crate) fn now(&mut self) -> &str {
        let now = SystemTime::now();
        let second = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        if second != self.second || self.text.is_empty() {
            self.second = second;
            self.text.clear();
            write!(self.text, "{}", HttpDate::from(now)).expect("a string takes any text");
        }
        &self.text
    }
}
