//! What a job does: the same work as the direct route, on the thread that claimed it.

use std::thread::sleep;
use std::time::{Duration, Instant};

use compute::Fresh;
use contract::headers::{BYTES, JPEG};
use contract::{JobResult, Order, Problem};

/// How long a wait goes on without asking whether it is wanted.
const STEP: Duration = Duration::from_millis(20);

/// Why an attempt has no result.
#[derive(Debug)]
pub(crate) enum Failed {
    /// It would fail again: the input is wrong.
    ForGood(Problem),
    /// Told to stop between two steps.
    Stopped,
}

/// Does it. `go_on` is asked between two steps.
pub(crate) fn work(
    order: Order,
    input: &[u8],
    go_on: impl Fn() -> bool,
) -> Result<JobResult, Failed> {
    match order {
        Order::Thumbnail { width } => Ok(JobResult {
            media_type: JPEG.to_owned(),
            bytes: compute::thumbnail(input, width, go_on).map_err(failed)?,
        }),
        Order::Seal { passphrase } => Ok(JobResult {
            media_type: BYTES.to_owned(),
            bytes: compute::seal(input, &passphrase, Fresh::draw(), go_on).map_err(failed)?,
        }),
        Order::Wait { millis } => wait(Duration::from_millis(millis), go_on),
    }
}

fn wait(length: Duration, go_on: impl Fn() -> bool) -> Result<JobResult, Failed> {
    let until = Instant::now() + length;
    while go_on() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(JobResult::waited(length));
        }
        sleep(left.min(STEP));
    }
    Err(Failed::Stopped)
}

fn failed(error: compute::Failed) -> Failed {
    match error {
        compute::Failed::Stopped => Failed::Stopped,
        error => Failed::ForGood(error.into()),
    }
}
