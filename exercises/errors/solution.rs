//! Errors: a panic belongs to who waits for it. Chapter: `docs/src/errors.md`.

use std::thread;

/// Does the work on a thread of its own and waits for it; what it panics with goes on here.
pub fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    // cut: `join` hands over what the thread panicked with, and `std::panic` can go on with it
    match thread::spawn(work).join() {
        Ok(result) => result,
        Err(panicked) => std::panic::resume_unwind(panicked),
    }
    // end cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_on_another_thread_reaches_who_waits_as_it_was() {
        assert_eq!(apart(|| 6 * 7), 42);
        let caught = std::panic::catch_unwind(|| apart(|| -> u32 { panic!("the disk is full") }));
        let panicked = caught.expect_err("it must not end on the other thread");
        assert_eq!(
            panicked.downcast_ref::<&str>(),
            Some(&"the disk is full"),
            "the edge logs what happened, not that somebody else knows it"
        );
    }
}
