//! Inputs are parsed once, at the edge: a path segment and a query become values that are right by construction.
//!
//! Each server has extractors named `Path` and `Query` that find the text in its own kind of request and call these.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::integer::Integer;
use crate::query::Query;
use crate::{FieldError, Limits, Problem};

/// A value taken from one segment of the path.
pub trait PathParam: Sized {
    /// Reads the decoded segment.
    fn parse(text: &str, limits: &Limits) -> Result<Self, Problem>;

    /// Finds the segment in a raw path: the last one, unless a type says otherwise.
    fn segment(path: &str) -> &str {
        path.rsplit('/').next().unwrap_or_default()
    }

    /// Finds, decodes and reads the segment of a raw path.
    ///
    /// A segment that decodes to one with a slash is another path (404, as FastAPI answers); bytes that are not
    /// UTF-8 become U+FFFD, so that the refusal can show them.
    fn from_path(path: &str, limits: &Limits) -> Result<Self, Problem> {
        let raw = Self::segment(path);
        if !raw.contains('%') {
            return Self::parse(raw, limits);
        }
        let text: Cow<'_, str> = percent_decode_str(raw).decode_utf8_lossy();
        if text.contains('/') {
            return Err(Problem::not_found());
        }
        Self::parse(&text, limits)
    }
}

/// A value taken from the query.
pub trait QueryParams: Sized {
    /// Reads the parameters it knows and ignores the others, as FastAPI does.
    fn parse(query: &Query, limits: &Limits) -> Result<Self, Problem>;

    /// Reads a raw query (`None` without a `?`).
    fn from_query(raw: Option<&str>, limits: &Limits) -> Result<Self, Problem> {
        Self::parse(&Query::parse(raw.unwrap_or_default()), limits)
    }
}

/// The id of a row. A number that no row can have is a row that is not there.
pub(crate) fn id(text: &str, missing: fn() -> Problem) -> Result<i64, Problem> {
    let integer = Integer::parse(text).map_err(|error| {
        FieldError::new(&["path", "id"], error.kind(), error.to_string(), text.to_owned())
    })?;
    integer.as_u64().and_then(|id| id.try_into().ok()).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Wait;

    #[test]
    fn a_segment_is_decoded_once() {
        let wait = |path| Wait::from_path(path, &Limits::default());
        assert!(wait("/wait/%31").is_ok());
        assert!(wait("/wait/%201%20").is_ok());
        assert_eq!(wait("/wait/1%2F2").unwrap_err().status, 404);
        assert_eq!(wait("/wait/%2531").unwrap_err().errors[0].input.as_deref(), Some("%31"));
        assert_eq!(wait("/wait/%FF").unwrap_err().errors[0].input.as_deref(), Some("\u{FFFD}"));
        assert_eq!(wait("/wait/%zz%").unwrap_err().errors[0].input.as_deref(), Some("%zz%"));
    }
}
