//! An answer in time, or a 503: giving up a wait is dropping it.

use std::future::Future;
use std::time::Duration;

use contract::{Deadline, Problem};
use tokio::task::yield_now;
use tokio::time::{self, timeout};

use crate::reply::Error;

/// Awaits `work` for as long as `deadline` allows. Late work is dropped where it awaits, and takes nothing with it.
pub(crate) async fn within<T>(
    deadline: Deadline,
    work: impl Future<Output = T>,
) -> Result<T, Error> {
    let Some(limit) = deadline.limit() else { return Ok(work.await) };
    timeout(limit, work).await.map_err(|_| Problem::deadline_passed().into())
}

/// Waits. No time at all only lets others go first, as `asyncio.sleep(0)` does: tokio's timer counts in milliseconds, and
/// would wait for the next.
pub(crate) async fn sleep(asked: Duration) {
    if asked.is_zero() {
        yield_now().await;
    } else {
        time::sleep(asked).await;
    }
}
