//! `POST /seal` and `POST /open`: a body encrypted with a key from a passphrase, and the way back.
//!
//! The passphrase comes in a field of its own, `X-Passphrase`: what stands in a URL is kept in logs and histories, and
//! the body is the text. It is printable ASCII, which a field carries as it is; it is never sent back or logged.

use std::fmt;

use crate::delivery::FieldParams;
use crate::head::Fields;
use crate::query::Query;
use crate::{FieldError, Limits, Placement, Problem, QueryParams};

/// The field it comes in.
const NAME: &str = "x-passphrase";

/// How long a passphrase may be, in bytes: shorter is guessed, longer is no phrase.
const SHORTEST: usize = 8;
const LONGEST: usize = 256;

/// Where a body is sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealing {
    /// Where the key is made and the body encrypted.
    pub placement: Placement,
}

/// What the key is made from.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(String);

impl Passphrase {
    /// The phrase itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Refuses without saying what was sent: a passphrase with a slip in it is nearly one.
    fn parse(value: Option<&[u8]>) -> Result<Self, Problem> {
        let loc = ["header", NAME];
        let Some(value) = value else { return Err(FieldError::missing(&loc).into()) };
        let refused = |kind, msg: String| Err(FieldError::new(&loc, kind, msg, None).into());
        if !value.iter().all(|byte| matches!(byte, b' '..=b'~')) {
            let msg = "String should match pattern '^[ -~]*$'";
            return refused("string_pattern_mismatch", msg.to_owned());
        }
        match value.len() {
            ..SHORTEST => {
                let msg = format!("String should have at least {SHORTEST} characters");
                refused("string_too_short", msg)
            }
            SHORTEST..=LONGEST => Ok(Self(String::from_utf8_lossy(value).into_owned())),
            _ => {
                let msg = format!("String should have at most {LONGEST} characters");
                refused("string_too_long", msg)
            }
        }
    }
}

/// Says that there is one, and not which.
impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

impl QueryParams for Sealing {
    fn parse(query: &Query, _: &Limits) -> Result<Self, Problem> {
        Ok(Self { placement: Placement::of(query)? })
    }
}

impl FieldParams for Passphrase {
    fn from_fields(fields: &impl Fields, _: &Limits) -> Result<Self, Problem> {
        Self::parse(fields.all(NAME).next())
    }
}

/// For a route that needs one only now and then.
impl FieldParams for Option<Passphrase> {
    fn from_fields(fields: &impl Fields, _: &Limits) -> Result<Self, Problem> {
        fields.all(NAME).next().map(|value| Passphrase::parse(Some(value))).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passphrase_is_printable_and_of_some_length() {
        let kind = |value: Option<&[u8]>| match Passphrase::parse(value) {
            Ok(_) => "".into(),
            Err(problem) => problem.errors[0].kind.clone(),
        };
        assert_eq!(kind(Some(b"correct horse")), "");
        assert_eq!(kind(None), "missing");
        assert_eq!(kind(Some(b"")), "string_too_short");
        assert_eq!(kind(Some(b"1234567")), "string_too_short");
        assert_eq!(kind(Some("pässphräse".as_bytes())), "string_pattern_mismatch");
        assert_eq!(kind(Some(&[b'x'; 257])), "string_too_long");
    }

    #[test]
    fn a_passphrase_is_shown_to_nobody() {
        let phrase = Passphrase::parse(Some(b"correct horse")).unwrap();
        assert!(!format!("{phrase:?}").contains("horse"));
        let problem = Passphrase::parse(Some(b"horse\x01")).unwrap_err();
        assert!(!String::from_utf8(problem.to_json()).unwrap().contains("horse"));
    }
}
