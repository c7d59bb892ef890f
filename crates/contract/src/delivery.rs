//! What of a file is sent: all of it, a part, or nothing because the client has it (RFC 9110 sections 13 and 14).

use http::StatusCode;

use crate::file::{FileName, StoredFile};
use crate::head::Fields;
use crate::{Limits, Problem};

/// A value taken from the fields of a request.
pub trait FieldParams: Sized {
    /// Reads the fields it knows.
    fn from_fields(fields: &impl Fields, limits: &Limits) -> Result<Self, Problem>;
}

/// What the fields of a request ask of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    range: Option<String>,
    if_range: Option<String>,
    if_none_match: Vec<String>,
}

/// What is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// 200, 206, 304 or 416.
    pub status: u16,
    /// Where in the file it begins.
    pub from: u64,
    /// How many bytes of it there are; on a 304 and a 416 there are none.
    pub length: Option<u64>,
    /// The fields, but for `Content-Length`.
    pub fields: Vec<(&'static str, String)>,
}

enum Range {
    All,
    Part { from: u64, length: u64 },
    Outside,
}

impl FieldParams for Wanted {
    fn from_fields(fields: &impl Fields, _limits: &Limits) -> Result<Self, Problem> {
        let all = |name| {
            fields.all(name).map(|value| String::from_utf8_lossy(value).into_owned()).collect()
        };
        // A field that may stand once and stands twice says nothing.
        let one = |name| Some(all(name)).filter(|values: &Vec<_>| values.len() == 1)?.pop();
        Ok(Self {
            range: one("range"),
            if_range: one("if-range"),
            if_none_match: all("if-none-match"),
        })
    }
}

impl Wanted {
    /// What to send of `file`.
    pub fn of(&self, name: &FileName, file: &StoredFile) -> Delivery {
        let (size, tag) = (file.size, file.tag());
        let mut fields = vec![("etag", tag.clone()), ("cache-control", "no-cache".to_owned())];
        if self.is_known(&tag) {
            let status = StatusCode::NOT_MODIFIED.as_u16();
            return Delivery { status, from: 0, length: None, fields };
        }
        fields.extend([
            ("accept-ranges", "bytes".to_owned()),
            ("content-type", "application/octet-stream".to_owned()),
            ("content-disposition", name.disposition()),
        ]);
        let (status, from, length) = match self.range(size, &tag) {
            Range::All => (StatusCode::OK, 0, size),
            Range::Part { from, length } => {
                let last = from + length - 1;
                fields.push(("content-range", format!("bytes {from}-{last}/{size}")));
                (StatusCode::PARTIAL_CONTENT, from, length)
            }
            Range::Outside => {
                let status = StatusCode::RANGE_NOT_SATISFIABLE.as_u16();
                let fields = vec![("content-range", format!("bytes */{size}"))];
                return Delivery { status, from: 0, length: None, fields };
            }
        };
        Delivery { status: status.as_u16(), from, length: Some(length), fields }
    }

    /// Whether the client has these bytes (`If-None-Match`; the comparison is the weak one).
    fn is_known(&self, tag: &str) -> bool {
        let tags = self.if_none_match.iter().flat_map(|list| list.split(','));
        tags.map(str::trim)
            .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
    }

    /// One range; several, and what is no range of bytes, are not heeded, which section 14.2 allows.
    fn range(&self, size: u64, tag: &str) -> Range {
        let current = self.if_range.as_deref().is_none_or(|had| had.trim() == tag);
        let Some(range) = self.range.as_deref().filter(|_| current).and_then(bounds) else {
            return Range::All;
        };
        match range {
            (None, Some(0)) => Range::Outside,
            (None, Some(_)) if size == 0 => Range::Outside,
            (None, Some(last)) => {
                let length = last.min(size);
                Range::Part { from: size - length, length }
            }
            (Some(from), _) if from >= size => Range::Outside,
            (Some(from), last) => {
                let last = last.unwrap_or(u64::MAX).min(size - 1);
                Range::Part { from, length: last - from + 1 }
            }
            (None, None) => Range::All,
        }
    }
}

impl Delivery {
    /// What a 416 says.
    pub fn problem(&self) -> Option<Problem> {
        let status = StatusCode::RANGE_NOT_SATISFIABLE;
        let problem = || Problem::new(status, "the file has none of the bytes asked for");
        (self.status == status.as_u16()).then(problem)
    }
}

/// `bytes=from-last`, of which one may be missing. A number too large to hold is as good as the largest.
fn bounds(range: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (unit, set) = range.split_once('=')?;
    let (from, last) = set.trim().split_once('-')?;
    let number = |text: &str| match text {
        "" => Some(None),
        _ if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(Some(text.parse().unwrap_or(u64::MAX)))
        }
        _ => None,
    };
    let (from, last) = (number(from)?, number(last)?);
    let is_one = unit.trim().eq_ignore_ascii_case("bytes") && (from, last) != (None, None);
    let is_forward = from.zip(last).is_none_or(|(from, last)| from <= last);
    (is_one && is_forward).then_some((from, last))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName};

    use super::*;
    use crate::file::Trailer;

    fn of(size: u64, pairs: &[(&'static str, &str)]) -> (u16, u64, Option<u64>, Option<String>) {
        let mut fields = HeaderMap::new();
        for (name, value) in pairs {
            fields.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        let name = FileName::parse(&[], "a").unwrap();
        let file = StoredFile::new(&name, size, Trailer([0xab; 32]));
        let wanted = Wanted::from_fields(&fields, &Limits::default()).unwrap();
        let delivery = wanted.of(&name, &file);
        let range = delivery.fields.into_iter().find(|(name, _)| *name == "content-range");
        (delivery.status, delivery.from, delivery.length, range.map(|(_, value)| value))
    }

    #[test]
    fn a_range_is_a_part_or_nothing_or_not_heeded() {
        for (size, range, from, length) in [
            (10, "bytes=0-0", 0, 1),
            (10, "bytes=2-5", 2, 4),
            (10, "Bytes = 2-5", 2, 4),
            (10, "bytes=9-", 9, 1),
            (10, "bytes=0-99999999999999999999999", 0, 10),
            (10, "bytes=-3", 7, 3),
            (10, "bytes=-11", 0, 10),
        ] {
            let last = from + length - 1;
            let told = Some(format!("bytes {from}-{last}/{size}"));
            assert_eq!(of(size, &[("range", range)]), (206, from, Some(length), told), "{range}");
        }
        for (size, range) in [
            (10, "bytes=10-"),
            (10, "bytes=10-12"),
            (10, "bytes=-0"),
            (10, "bytes=99999999999999999999999-"),
            (0, "bytes=0-"),
            (0, "bytes=-5"),
        ] {
            let told = Some(format!("bytes */{size}"));
            assert_eq!(of(size, &[("range", range)]), (416, 0, None, told), "{range}");
        }
        for range in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=5-2",
            "bytes=0-1,3-4",
            "bytes=+1-2",
            "lines=1-2",
        ] {
            assert_eq!(of(10, &[("range", range)]), (200, 0, Some(10), None), "{range}");
        }
        assert_eq!(of(10, &[("range", "bytes=0-1"), ("range", "bytes=2-3")]).0, 200);
    }

    #[test]
    fn who_has_the_bytes_is_told_so() {
        let tag = format!("\"{}\"", "ab".repeat(32));
        let weak = format!("\"x\", W/{tag}");
        for value in [tag.as_str(), weak.as_str(), "*"] {
            assert_eq!(of(10, &[("if-none-match", value)]), (304, 0, None, None), "{value}");
        }
        for value in ["\"x\"", "", "ab"] {
            assert_eq!(of(10, &[("if-none-match", value)]).0, 200, "{value}");
        }
        let part = ("range", "bytes=0-1");
        assert_eq!(of(10, &[part, ("if-range", &tag)]).0, 206);
        for value in ["\"x\"", &format!("W/{tag}"), "Tue, 24 Nov 2026 20:00:00 GMT"] {
            assert_eq!(of(10, &[part, ("if-range", value)]).0, 200, "{value}");
        }
    }
}
