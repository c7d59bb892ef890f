//! `/stream/{count}?interval=0.1`: lines of JSON, one each interval, made as the reader takes them.

use std::io::Write;
use std::time::Duration;

use crate::integer::Integer;
use crate::query::Query;
use crate::{FieldError, Limits, PathParam, Problem, QueryParams, Seconds};

/// The most lines of one stream.
const MOST_LINES: u64 = 10_000_000;

/// The longest pause between two lines.
const LONGEST_INTERVAL: Seconds = Seconds::whole(60);

/// Without a pause between them, lines are sent this many bytes at a time: a write for each would measure writes.
const BATCH: usize = 8 << 10;

/// How many lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count(pub u64);

/// The pause between two lines; a tenth of a second if none is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval(pub Duration);

/// The lines that are still to be sent. It holds two numbers, so a stream takes no more memory for being long.
#[derive(Clone, Copy, Debug)]
pub struct Lines {
    next: u64,
    count: u64,
    at_once: bool,
}

impl PathParam for Count {
    fn parse(text: &str, _limits: &Limits) -> Result<Self, Problem> {
        let loc = ["path", "count"];
        let refuse = |kind: &'static str, msg: String| {
            Problem::from(FieldError::new(&loc, kind, msg, text.to_owned()))
        };
        let integer =
            Integer::parse(text).map_err(|error| refuse(error.kind(), error.to_string()))?;
        if integer.negative {
            let msg = "Input should be greater than or equal to 0".to_owned();
            return Err(refuse("greater_than_equal", msg));
        }
        match integer.as_u64() {
            Some(count) if count <= MOST_LINES => Ok(Self(count)),
            _ => {
                let msg = format!("Input should be less than or equal to {MOST_LINES}");
                Err(refuse("less_than_equal", msg))
            }
        }
    }
}

impl QueryParams for Interval {
    fn parse(query: &Query, _limits: &Limits) -> Result<Self, Problem> {
        let Some(text) = query.last("interval") else {
            return Ok(Self(Duration::from_millis(100)));
        };
        let interval = Seconds::parse_query("interval", text, LONGEST_INTERVAL)?;
        Ok(Self(interval.duration()))
    }
}

impl Lines {
    /// All lines of a stream.
    pub fn new(Count(count): Count, Interval(interval): Interval) -> Self {
        Self { next: 0, count, at_once: interval.is_zero() }
    }

    /// What to send next: one line, or as many as are sent at once; `None` after the last.
    pub fn chunk(&mut self) -> Option<Vec<u8>> {
        if self.is_done() {
            return None;
        }
        let room = if self.at_once { BATCH } else { 0 };
        let mut chunk = Vec::with_capacity(room + 32);
        loop {
            writeln!(chunk, r#"{{"n":{}}}"#, self.next).expect("memory does not refuse a write");
            self.next += 1;
            if self.is_done() || chunk.len() >= room {
                return Some(chunk);
            }
        }
    }

    /// Whether the last line has been made.
    pub fn is_done(&self) -> bool {
        self.next >= self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_made_one_by_one_or_in_batches_and_are_the_same() {
        let all = |interval| {
            let mut lines = Lines::new(Count(3_000), Interval(interval));
            std::iter::from_fn(|| lines.chunk()).collect::<Vec<_>>()
        };
        let (singly, batched) = (all(Duration::from_millis(1)), all(Duration::ZERO));
        assert_eq!(singly.len(), 3_000);
        assert!(batched.len() < 10, "{}", batched.len());
        assert_eq!(singly.concat(), batched.concat());
        assert_eq!(singly[0], b"{\"n\":0}\n");
    }

    #[test]
    fn counts_and_intervals_out_of_bounds_are_refused() {
        let limits = Limits::default();
        for (text, kind) in [
            ("-1", "greater_than_equal"),
            ("10000001", "less_than_equal"),
            ("99999999999999999999999", "less_than_equal"),
            ("1.5", "int_parsing"),
        ] {
            assert_eq!(Count::parse(text, &limits).unwrap_err().errors[0].kind, kind, "{text}");
        }
        assert_eq!(Count::parse("10000000", &limits), Ok(Count(10_000_000)));
        assert!(Interval::from_query(Some("interval=61"), &limits).is_err());
        assert_eq!(Interval::from_query(None, &limits).unwrap().0, Duration::from_millis(100));
    }
}
