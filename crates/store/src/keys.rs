//! Keys that make a repeated request harmless: each is kept in the transaction of what was made with it.

use contract::Problem;
use diesel::prelude::*;
use sha2::{Digest, Sha256};

/// A key, what was asked with it, and the row that was made of it.
#[derive(Debug, Queryable)]
pub struct KeyRow {
    key: String,
    request: String,
    made: i64,
}

impl KeyRow {
    /// The id of what a repeated request is answered with.
    ///
    /// # Errors
    ///
    /// A problem when the first request with this key was another one.
    pub fn repeats(&self, request: &str) -> Result<i64, Problem> {
        if self.request == request { Ok(self.made) } else { Err(Problem::key_reused(&self.key)) }
    }
}

/// Tells two requests with one key apart: a hash of what was asked. The first part holds no NUL, so that nothing can
/// move from one part into the other.
pub(crate) fn fingerprint(first: &[u8], second: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(first);
    hash.update([0]);
    hash.update(second);
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
