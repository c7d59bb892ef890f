//! `/wait/{seconds}`: which waits are taken, what is said of the others, and what the answer looks like.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::integer::Integer;
use crate::query::Query;
use crate::{FieldError, Limits, PathParam, Problem, QueryParams};

/// A length of time in decimal seconds, printed in its shortest form: `1`, `0.3`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(Duration);

/// A wait that was asked for and is allowed: between 0 and `--max-wait`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait(Seconds);

/// `?deadline=`: when the client wants an answer at the latest, counted from the start of the handler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deadline(Option<Seconds>);

/// What a wait answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Waited {
    /// `Waited for 1 seconds!`, the article's sentence.
    #[schema(example = "Waited for 1 seconds!")]
    pub message: String,
}

impl Seconds {
    /// A whole number of seconds.
    pub const fn whole(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The same length as a `Duration`.
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// `[0-9]+\.[0-9]{1,9}`: our extension to FastAPI's integers. Nothing else: no sign, no exponent, no spaces.
    pub fn parse_decimal(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.')?;
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
            return None;
        }
        let nanos = format!("{fraction:0<9}").parse().expect("nine digits fit a u32");
        // More seconds than a u64 holds is more than any bound.
        let seconds = whole.trim_start_matches('0');
        let seconds = if seconds.is_empty() { 0 } else { seconds.parse().unwrap_or(u64::MAX) };
        Some(Self(Duration::new(seconds, nanos)))
    }

    /// A number of seconds in a query: an integer or a decimal, from 0 to `most`.
    pub fn parse_query(name: &str, text: &str, most: Seconds) -> Result<Self, FieldError> {
        let loc = ["query", name];
        let seconds = match Self::parse_decimal(text) {
            Some(seconds) => seconds,
            None => match Integer::parse(text) {
                Ok(integer) => Self::within(&integer, &loc, text, most)?,
                Err(_) => {
                    return Err(FieldError::new(
                        &loc,
                        "float_parsing",
                        "Input should be a valid number, unable to parse string as a number",
                        text.to_owned(),
                    ));
                }
            },
        };
        seconds.at_most(&loc, text, most)
    }

    fn within(
        integer: &Integer,
        loc: &[&str],
        input: &str,
        most: Seconds,
    ) -> Result<Self, FieldError> {
        if integer.negative {
            return Err(FieldError::new(
                loc,
                "greater_than_equal",
                "Input should be greater than or equal to 0",
                input.to_owned(),
            ));
        }
        let seconds = integer.as_u64().map_or(Self(Duration::MAX), Self::whole);
        seconds.at_most(loc, input, most)
    }

    fn at_most(self, loc: &[&str], input: &str, most: Seconds) -> Result<Self, FieldError> {
        if self <= most {
            return Ok(self);
        }
        let msg = format!("Input should be less than or equal to {most}");
        Err(FieldError::new(loc, "less_than_equal", msg, input.to_owned()))
    }
}

impl From<Duration> for Seconds {
    fn from(length: Duration) -> Self {
        Self(length)
    }
}

/// The same grammar on the command line (`--max-wait 60`), where the error is one line.
impl std::str::FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse_query("seconds", text, Seconds::whole(86_400))
            .map_err(|error| format!("{}: give seconds, such as 60 or 0.5", error.msg))
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.as_secs())?;
        if self.0.subsec_nanos() == 0 {
            return Ok(());
        }
        let fraction = format!("{:09}", self.0.subsec_nanos());
        write!(f, ".{}", fraction.trim_end_matches('0'))
    }
}

impl Wait {
    /// How long.
    pub const fn duration(self) -> Duration {
        self.0.duration()
    }

    /// The answer, once the time has passed.
    pub fn waited(self) -> Waited {
        Waited { message: format!("Waited for {} seconds!", self.0) }
    }
}

impl PathParam for Wait {
    fn parse(text: &str, limits: &Limits) -> Result<Self, Problem> {
        let loc = ["path", "seconds"];
        let seconds = match (Integer::parse(text), Seconds::parse_decimal(text)) {
            (Ok(integer), _) => Seconds::within(&integer, &loc, text, limits.max_wait)?,
            (Err(_), Some(decimal)) => decimal.at_most(&loc, text, limits.max_wait)?,
            (Err(error), None) => {
                let (kind, msg) = (error.kind(), error.to_string());
                return Err(FieldError::new(&loc, kind, msg, text.to_owned()).into());
            }
        };
        Ok(Self(seconds))
    }
}

impl Deadline {
    /// The time to answer within, if one was set.
    pub fn limit(self) -> Option<Duration> {
        self.0.map(Seconds::duration)
    }

    /// The earlier of this and the server's own: `--handler-deadline` over the wait that was asked for.
    pub fn bounded(self, limits: &Limits, wait: Duration) -> Self {
        let own = Seconds(wait + limits.handler);
        Self(Some(self.0.map_or(own, |given| given.min(own))))
    }

    /// The time to answer within; without a deadline, longer than anything here takes.
    pub fn duration(self) -> Duration {
        self.limit().unwrap_or(Duration::from_secs(86_400))
    }
}

impl From<Seconds> for Deadline {
    fn from(seconds: Seconds) -> Self {
        Self(Some(seconds))
    }
}

impl QueryParams for Deadline {
    fn parse(query: &Query, limits: &Limits) -> Result<Self, Problem> {
        let Some(text) = query.last("deadline") else { return Ok(Self(None)) };
        Ok(Self(Some(Seconds::parse_query("deadline", text, limits.max_wait)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(text: &str) -> Result<String, Problem> {
        Wait::parse(text, &Limits::default()).map(|wait| wait.waited().message)
    }

    fn refusal(text: &str) -> String {
        let problem = wait(text).expect_err(text);
        assert_eq!(problem.status, 422);
        problem.errors[0].kind.to_string()
    }

    #[test]
    fn the_message_shows_the_canonical_number() {
        for (text, printed) in
            [("0", "0"), ("1", "1"), ("+1", "1"), ("007", "7"), ("1.00", "1"), ("1_0", "10")]
        {
            assert_eq!(wait(text).unwrap(), format!("Waited for {printed} seconds!"), "{text}");
        }
    }

    #[test]
    fn decimals_are_printed_shortest() {
        for (text, printed) in
            [("0.5", "0.5"), ("0.300", "0.3"), ("00.05", "0.05"), ("59.999999999", "59.999999999")]
        {
            assert_eq!(wait(text).unwrap(), format!("Waited for {printed} seconds!"), "{text}");
        }
    }

    #[test]
    fn waits_out_of_bounds_are_refused_by_the_bound_they_break() {
        for text in ["-1", "-1_0", "-99999999999999999999999999"] {
            assert_eq!(refusal(text), "greater_than_equal", "{text}");
        }
        for text in
            ["61", "60.000000001", "99999999999", &"9".repeat(4_300), "99999999999999999999.5"]
        {
            assert_eq!(refusal(text), "less_than_equal", "{text}");
        }
        assert_eq!(
            wait("61").unwrap_err().errors[0].msg,
            "Input should be less than or equal to 60"
        );
    }

    #[test]
    fn what_is_no_number_is_refused_as_one() {
        for text in ["NaN", "inf", "1e308", "1e3", "0.5e1", "-0.5", "0.1234567890", "1.", ".5", ""]
        {
            assert_eq!(refusal(text), "int_parsing", "{text}");
        }
        assert_eq!(refusal(&"9".repeat(5_000)), "int_parsing_size");
    }
}
