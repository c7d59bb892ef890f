//! One call to an upstream: a deadline is for the whole call, whatever has been tried until then.
//! Chapter: `docs/src/upstream.md`.

use std::time::Duration;

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Failed {
    /// What may well succeed another time.
    Passing,
    /// The time for the whole call is over.
    Late,
}

/// Tries until it succeeds or the deadline has come. `since` says how long it has gone on; each try is told how long it
/// may take.
pub fn ask(
    deadline: Duration,
    since: impl Fn() -> Duration,
    mut attempt: impl FnMut(Duration) -> Result<String, Failed>,
) -> Result<String, Failed> {
    // Hint: `checked_sub` gives what is left of the deadline, or nothing; a try that failed in passing is made again.
    todo!()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn each_try_may_take_what_is_left_and_no_more_than_the_whole_is_spent() {
        let clock = Cell::new(Duration::ZERO);
        let told = RefCell::new(Vec::new());
        let fails = |left: Duration| {
            told.borrow_mut().push(left);
            // An upstream that always answers a little late.
            clock.set(clock.get() + left.min(SECOND));
            Err(Failed::Passing)
        };
        assert_eq!(ask(SECOND * 3, || clock.get(), fails), Err(Failed::Late));
        assert_eq!(*told.borrow(), [SECOND * 3, SECOND * 2, SECOND]);
        assert_eq!(clock.get(), SECOND * 3);
    }

    #[test]
    fn a_try_that_succeeds_ends_it() {
        let tries = Cell::new(0);
        let second = |_| {
            tries.set(tries.get() + 1);
            if tries.get() < 2 { Err(Failed::Passing) } else { Ok("octocat".to_owned()) }
        };
        assert_eq!(ask(SECOND, || Duration::ZERO, second).as_deref(), Ok("octocat"));
    }
}
