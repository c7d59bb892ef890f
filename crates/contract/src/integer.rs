//! Whole numbers as FastAPI takes them from a path: `+1`, `01`, `1_000`, ` 1 ` and `1.0` are all integers.
//!
//! The rules are pydantic's, recorded from FastAPI 0.165 (`conformance/cases/fastapi-int-vectors.json`): white space
//! around is ignored; a sign; digits with single underscores between them; a fraction of zeros; at most 4,300 digits.

/// The most digits FastAPI parses: CPython's default for `sys.set_int_max_str_digits`.
const MOST_DIGITS: usize = 4_300;

/// A whole number of any size: its sign, and its digits without leading zeros (`"0"` is never negative).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Integer {
    /// True below zero.
    pub negative: bool,
    /// Decimal digits, shortest form.
    pub digits: String,
}

/// Why a text is not an integer, by FastAPI's name for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotInteger {
    /// `int_parsing`
    #[error("Input should be a valid integer, unable to parse string as an integer")]
    Parsing,
    /// `int_parsing_size`
    #[error("Unable to parse input string as an integer, exceeded maximum size")]
    Size,
}

impl NotInteger {
    /// FastAPI's `type` for it.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Parsing => "int_parsing",
            Self::Size => "int_parsing_size",
        }
    }
}

impl Integer {
    /// Reads `text` by FastAPI's rules.
    pub fn parse(text: &str) -> Result<Self, NotInteger> {
        let text = text.trim();
        let (negative, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let whole = match unsigned.split_once('.') {
            Some((whole, fraction)) if is_zeros(fraction) => whole,
            Some(_) => return Err(NotInteger::Parsing),
            None => unsigned,
        };
        let digits = grouped_digits(whole).ok_or(NotInteger::Parsing)?;
        let digits = match digits.trim_start_matches('0') {
            "" => "0",
            some => some,
        };
        if digits.len() > MOST_DIGITS {
            return Err(NotInteger::Size);
        }
        Ok(Self { negative: negative && digits != "0", digits: digits.to_owned() })
    }

    /// The value if it fits, for comparing with a bound.
    pub fn as_u64(&self) -> Option<u64> {
        if self.negative { None } else { self.digits.parse().ok() }
    }
}

fn is_zeros(fraction: &str) -> bool {
    !fraction.is_empty() && fraction.bytes().all(|byte| byte == b'0')
}

/// `1_000` → `1000`; nothing for an underscore at an end or beside another, or for anything but ASCII digits.
fn grouped_digits(text: &str) -> Option<String> {
    let mut digits = String::with_capacity(text.len());
    for group in text.split('_') {
        if group.is_empty() || !group.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        digits.push_str(group);
    }
    Some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Vector {
        r#in: String,
        ok: Option<String>,
        err: Option<String>,
    }

    /// `9*4300` stands for 4,300 nines.
    fn expand(text: &str) -> String {
        match text.split_once('*') {
            Some((unit, times)) => unit.repeat(times.parse().unwrap()),
            None => text.to_owned(),
        }
    }

    #[test]
    fn integers_are_what_fastapi_says_they_are() {
        let vectors: Vec<Vector> =
            serde_json::from_str(include_str!("../../conformance/cases/fastapi-int-vectors.json"))
                .unwrap();
        assert!(vectors.len() > 60);
        for Vector { r#in, ok, err } in vectors {
            let found = Integer::parse(&expand(&r#in));
            match (ok, err) {
                (Some(ok), None) => {
                    let Integer { negative, digits } = found
                        .unwrap_or_else(|error| panic!("{in:?} was refused: {error}", in = r#in));
                    let printed = format!("{}{digits}", if negative { "-" } else { "" });
                    match ok.strip_suffix("...") {
                        Some(start) => assert!(printed.starts_with(start), "{in:?}", in = r#in),
                        None => assert_eq!(printed, ok, "{in:?}", in = r#in),
                    }
                }
                (None, Some(err)) => {
                    assert_eq!(found.unwrap_err().kind(), err, "{in:?}", in = r#in);
                }
                other => panic!("a vector holds ok or err, not {other:?}"),
            }
        }
    }
}
