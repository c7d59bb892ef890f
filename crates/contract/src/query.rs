//! The query as decoded pairs, parsed once, in the order sent.

use std::borrow::Cow;

/// `a=1&a=2&b=` as pairs; a key may repeat.
#[derive(Clone, Debug, Default)]
pub struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    /// Decodes a raw query by the rules of HTML forms (`+` is a space, `%41` is `A`, bad UTF-8 is U+FFFD).
    pub fn parse(raw: &'a str) -> Self {
        if raw.is_empty() {
            return Self::default();
        }
        Self(form_urlencoded::parse(raw.as_bytes()).collect())
    }

    /// The value of `key`; of several, the last, as FastAPI takes it for a single parameter.
    pub fn last(&self, key: &str) -> Option<&str> {
        self.all(key).last()
    }

    /// Every value of `key`, in order.
    pub fn all(&self, key: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(name, _)| name == key).map(|(_, value)| value.as_ref())
    }
}
