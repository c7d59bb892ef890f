//! The frozen list of what is only tolerated: a server, a case, what it does, why, and where in its source that is decided.
//!
//! A warning that is not here fails. An entry whose case passes (or fails) fails too: it no longer applies.

/// One exception.
#[derive(Clone, Copy, Debug)]
pub struct Tolerated {
    /// The server's package.
    pub server: &'static str,
    /// The case.
    pub case: &'static str,
    /// What it does instead, and why that stays.
    pub what: &'static str,
    /// Where that is decided.
    pub source: &'static str,
}

/// All exceptions.
pub const TOLERATED: &[Tolerated] = &[];

/// The exception for a server's case, if there is one.
pub fn find(server: &str, case: &str) -> Option<&'static Tolerated> {
    TOLERATED.iter().find(|entry| entry.server == server && entry.case == case)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::cases;

    #[test]
    fn every_exception_names_a_case_that_tolerates_something() {
        let cases = cases();
        for entry in TOLERATED {
            let case = cases.iter().find(|case| case.id == entry.case);
            assert!(case.is_some_and(|case| case.tolerate.is_some()), "{entry:?}");
            assert!(!entry.what.is_empty() && !entry.source.is_empty(), "{entry:?}");
        }
    }
}
