//! Waiting: a task that waits leaves a note with the timer, and gives its thread back. Chapter: `docs/src/waiting.md`.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// A clock that only the test moves, and the notes of all who wait: from when on, and whom to wake.
#[derive(Default)]
pub struct Timer {
    pub now: u64,
    pub notes: Vec<(u64, Waker)>,
}

/// A wait until some moment.
pub struct Sleep {
    pub timer: Rc<RefCell<Timer>>,
    pub until: u64,
}

impl Future for Sleep {
    type Output = ();

    /// Ready when its moment has come; before, it sees to it that it is woken then.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // Hint: compare `until` with the timer's `now`; a note is a moment and `context.waker().clone()`.
        todo!()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Wake;

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Woken(AtomicU32);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_thousand_waits_leave_a_thousand_notes_and_hold_no_thread() {
        let timer = Rc::new(RefCell::new(Timer::default()));
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        let sleep = |n: u64| Sleep { timer: Rc::clone(&timer), until: 1 + n % 10 };
        let mut waits: Vec<_> = (0..1_000).map(|n| Box::pin(sleep(n))).collect();
        for wait in &mut waits {
            assert_eq!(wait.as_mut().poll(&mut context), Poll::Pending);
        }
        assert_eq!(timer.borrow().notes.len(), 1_000);
        timer.borrow_mut().now = 5;
        let notes = std::mem::take(&mut timer.borrow_mut().notes);
        for (until, waker) in notes {
            if until <= 5 {
                waker.wake();
            }
        }
        assert_eq!(woken.0.load(Ordering::Relaxed), 500);
        let mut ready = 0;
        for wait in &mut waits {
            ready += u32::from(wait.as_mut().poll(&mut context).is_ready());
        }
        assert_eq!(ready, 500);
    }
}
