//! Waiting for an event with a deadline, where nothing tells of it and one has to ask.

use std::thread;
use std::time::{Duration, Instant};

/// Asks every few milliseconds until it holds: how long that took, or nothing when it did not hold in time.
pub fn until(patience: Duration, mut holds: impl FnMut() -> bool) -> Option<Duration> {
    let began = Instant::now();
    loop {
        if holds() {
            return Some(began.elapsed());
        }
        if began.elapsed() >= patience {
            return None;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_at_once_is_asked_once_and_what_never_does_ends_in_time() {
        let mut asked = 0;
        let took = until(Duration::ZERO, || {
            asked += 1;
            true
        });
        assert!(took.is_some() && asked == 1);
        let began = Instant::now();
        assert_eq!(until(Duration::from_millis(30), || false), None);
        assert!(began.elapsed() >= Duration::from_millis(30));
    }
}
