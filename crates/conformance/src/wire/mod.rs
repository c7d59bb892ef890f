//! HTTP/1.1 on the wire: the bytes of requests, what may come back, and a runner that trusts no library to send them.
//!
//! `cases/http11_cases.json` holds 92 and explains its fields itself; `cases/own_cases.json` holds those that we thought of
//! when we attacked the servers ourselves. A case passes when `expect` holds; when only `tolerate` does, it
//! is a warning, and warnings are allowed only for the servers and cases on the frozen list of [`exceptions`](crate::exceptions).

pub mod case;
pub mod exchange;
pub mod grade;

pub use case::{Case, cases};
pub use exchange::{Exchange, Pace};
pub use grade::{Grade, grade};

use crate::Subject;

/// Sends one case and grades what comes back; then asks whether the server still answers.
pub fn run(subject: &Subject, case: &Case, pace: Pace) -> Grade {
    let seen = match exchange::exchange(subject, case, pace) {
        Ok(seen) => seen,
        Err(error) => return Grade::Failed(error),
    };
    let grade = grade(case, &seen);
    match subject.get(case::OK) {
        Ok(reply) if reply.status == 200 => grade,
        Ok(reply) => Grade::Failed(format!("afterwards {} answers {}", case::OK, reply.status)),
        Err(error) => Grade::Failed(format!("afterwards: {error}")),
    }
}
