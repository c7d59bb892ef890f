//! The frozen list of what a framework makes impossible: a server, what it does, why, and the line of its source that decides.
//!
//! A warning or a difference that is not here fails. So does an entry whose cases show nothing any more: it no longer applies.

/// One exception.
#[derive(Clone, Copy, Debug)]
pub struct Exception {
    /// The server's package.
    pub server: &'static str,
    /// What it does instead, and why that stays.
    pub what: &'static str,
    /// Where that is decided.
    pub source: &'static str,
    /// Wire cases whose `tolerate` alone holds because of it.
    pub warns: &'static [&'static str],
    /// Wire cases that it answers otherwise than the other servers because of it.
    pub differs: &'static [&'static str],
    /// Whether other requests may be answered otherwise for the same reason.
    pub applies: fn(&[u8]) -> bool,
}

/// All exceptions. They are few: what a framework forgets or joins before anybody can look, the wrapper of its socket sees
/// first (`http-async`).
pub const EXCEPTIONS: &[Exception] = &[Exception {
    server: "server-actix",
    what: "closes after the answer to a request that asks to upgrade; the other two go on with the next",
    source: "actix-http 3.20.0, src/h1/codec.rs:81: only `ConnectionType::KeepAlive` is kept, and `Connection: upgrade` \
             makes it `Upgrade`; src/h1/decoder.rs:232: what follows `Upgrade: websocket` is content up to the end",
    warns: &[],
    differs: &["UP-01"],
    applies: asks_to_upgrade,
}];

/// Whether a line of it is a `Connection` or `Upgrade` that actix-http heeds.
fn asks_to_upgrade(bytes: &[u8]) -> bool {
    let text = bytes.to_ascii_lowercase();
    let mut lines = text.split(|byte| *byte == b'\n');
    lines.any(|line| {
        let says = |word: &[u8]| line.windows(word.len()).any(|part| part == word);
        line.starts_with(b"connection:") && says(b"upgrade")
            || line.starts_with(b"upgrade:") && says(b"websocket")
    })
}

/// The exception that lets a server's case be a warning.
pub fn warning(server: &str, case: &str) -> Option<&'static Exception> {
    EXCEPTIONS.iter().find(|entry| entry.server == server && entry.warns.contains(&case))
}

/// The exception that lets a server answer a case otherwise than the others.
pub fn difference(server: &str, case: &str) -> Option<&'static Exception> {
    EXCEPTIONS.iter().find(|entry| entry.server == server && entry.differs.contains(&case))
}

/// The exception that lets a server answer these bytes otherwise than the others.
pub fn covering(server: &str, bytes: &[u8]) -> Option<&'static Exception> {
    EXCEPTIONS.iter().find(|entry| entry.server == server && (entry.applies)(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::case::fill_in;
    use crate::wire::cases;

    #[test]
    fn every_exception_names_its_cases_and_its_source() {
        let cases = cases();
        for entry in EXCEPTIONS {
            assert!(!entry.what.is_empty() && !entry.source.is_empty(), "{entry:?}");
            assert!(
                !entry.warns.is_empty() || !entry.differs.is_empty(),
                "nothing shows {entry:?}"
            );
            for id in entry.warns.iter().chain(entry.differs) {
                let case = cases.iter().find(|case| case.id == *id);
                let case = case.unwrap_or_else(|| panic!("there is no case {id}"));
                assert!(
                    (entry.applies)(&fill_in(&case.request, "h")),
                    "{id} is not covered by {entry:?}"
                );
                assert!(
                    case.tolerate.is_some() || !entry.warns.contains(id),
                    "{id} tolerates nothing"
                );
            }
        }
    }
}
