//! An answer in time, or a 503: nothing interrupts a thread that waits, so the deadline goes into the wait.

use std::thread::{self, yield_now};
use std::time::Duration;

use contract::{Deadline, Problem};

use crate::reply::Error;

/// Waits for `asked`, by `wait`, but no longer than `deadline` allows. The time must be known before the wait begins.
pub(crate) fn within(
    deadline: Deadline,
    asked: Duration,
    wait: impl FnOnce(Duration),
) -> Result<(), Error> {
    let Some(limit) = deadline.limit().filter(|&limit| limit < asked) else {
        wait(asked);
        return Ok(());
    };
    wait(limit);
    Err(Problem::deadline_passed().into())
}

/// Waits. No time at all only lets others go first.
pub(crate) fn sleep(asked: Duration) {
    if asked.is_zero() {
        yield_now();
    } else {
        thread::sleep(asked);
    }
}
