//! `X-Request-Id`: the one word by which a client, a log line and a problem can be brought together.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The id of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Text);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Text {
    Given(Box<[u8]>),
    Made([u8; 16]),
}

impl RequestId {
    /// The client's own if it is `[A-Za-z0-9._-]{1,64}`, else a new one.
    pub fn of(given: Option<&[u8]>) -> Self {
        match given {
            Some(given) if is_id(given) => Self(Text::Given(given.into())),
            _ => Self::new(),
        }
    }

    /// Sixteen hexadecimal digits: random for the process, unique within it. Not a secret.
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        static SALT: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one("request id"));
        // An odd multiplier makes the counter's low bits reach all of the number, and repeats nothing.
        let count = NEXT.fetch_add(1, Ordering::Relaxed);
        let id = *SALT ^ count.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut text = [0; 16];
        for (place, byte) in text.iter_mut().enumerate() {
            *byte = b"0123456789abcdef"[(id >> (60 - 4 * place)) as usize & 15];
        }
        Self(Text::Made(text))
    }

    /// As text: visible ASCII.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("what is given was text, and digits are ASCII")
    }

    /// The same, for a field's value.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Text::Given(text) => text,
            Text::Made(text) => text,
        }
    }
}

impl Default for RequestId {
    fn default() -> Self {
        Self::new()
    }
}

fn is_id(value: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    (1..=64).contains(&value.len()) && value.iter().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_id_is_kept_and_a_bad_one_replaced() {
        let of = |value: &str| RequestId::of(Some(value.as_bytes())).as_str().to_owned();
        assert_eq!(of("A-1._z"), "A-1._z");
        assert_eq!(of("a b").len(), 16);
        assert_eq!(of(&"a".repeat(65)).len(), 16);
        assert_ne!(of(""), of(""));
    }
}
