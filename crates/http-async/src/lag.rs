//! How late an event loop is: a timer that is due fires when the loop has time for it.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How often it is looked at: ten timers a second cost nothing, and a stall that a client would notice is seen.
const EVERY: Duration = Duration::from_millis(100);

/// How long the worst is told at least: who asks every ten seconds sees each stall.
const KEPT: Duration = Duration::from_secs(10);

/// Tells the longest lateness of the last ten to twenty seconds, again and again, of the loop that runs it.
pub async fn lag(mut tell: impl FnMut(Duration)) {
    let (mut worst, mut before, mut since) = (Duration::ZERO, Duration::ZERO, Instant::now());
    loop {
        let due = Instant::now() + EVERY;
        sleep_until(due).await;
        if since.elapsed() >= KEPT {
            (before, worst, since) = (worst, Duration::ZERO, Instant::now());
        }
        worst = worst.max(due.elapsed());
        tell(worst.max(before));
    }
}
