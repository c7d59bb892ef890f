//! Giving up: nothing interrupts a thread that waits, so the deadline goes into the wait. Chapter: `docs/src/giving-up.md`.

use std::time::Duration;

/// Waits for `asked` by `sleep`, but no longer than `deadline`; whether the wait was whole.
pub fn within(deadline: Duration, asked: Duration, sleep: impl FnOnce(Duration)) -> bool {
    // Hint: the time must be known before the wait begins: the shorter of the two.
    todo!()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_at_its_deadline_and_says_so() {
        let second = Duration::from_secs(1);
        let mut slept = Vec::new();
        assert!(within(second * 2, second, |time| slept.push(time)));
        assert!(!within(second, second * 3, |time| slept.push(time)));
        assert_eq!(slept, [second, second]);
    }
}
