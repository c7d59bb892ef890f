//! Pitfalls: a suite that asks one thing after another cannot see a shape. Chapter: `docs/src/pitfalls.md`.

use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// Asks so many times at once, and tells whether the requests wait one after the other.
///
/// `ask` is one request: it calls what it is handed where it waits. Requests that wait together are all there at some
/// moment; half a second without the last of them is taken for a no.
pub fn in_turn(clients: usize, ask: impl Fn(&dyn Fn()) + Sync) -> bool {
    // cut: count who has come to its wait, and wait there for the last of them: `Condvar::wait_timeout_while`
    let (state, came) = (Mutex::new((0, false)), Condvar::new());
    let wait = || {
        let mut state = state.lock().unwrap();
        state.0 += 1;
        came.notify_all();
        let (mut state, waited) = came
            .wait_timeout_while(state, Duration::from_millis(500), |(there, in_turn)| {
                *there < clients && !*in_turn
            })
            .unwrap();
        // Once is enough: those behind it need not wait as long.
        state.1 |= waited.timed_out();
    };
    thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| ask(&wait));
        }
    });
    state.into_inner().unwrap().1
    // end cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_held_while_waiting_is_seen_and_one_that_is_not_is_not() {
        let lock = Mutex::new(());
        let answers_one_request = |ask: &dyn Fn(&dyn Fn())| ask(&|| {});
        let mistake = |wait: &dyn Fn()| {
            let _held = lock.lock().unwrap();
            wait();
        };
        let remedy = |wait: &dyn Fn()| {
            drop(lock.lock().unwrap());
            wait();
        };
        // Both pass the usual test.
        answers_one_request(&mistake);
        answers_one_request(&remedy);
        assert!(in_turn(8, mistake));
        assert!(!in_turn(8, remedy));
    }
}
