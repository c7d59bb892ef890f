//! A panic is one line of the log, wherever it happens: of a handler with the id of its request, of anything else without.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// What a handler panicked with, still to be logged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Panicked {
    /// File, line and column.
    pub place: String,
    /// What it said.
    pub message: String,
}

thread_local! {
    /// Whether somebody catches on this thread, and will log.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<Panicked>> = const { RefCell::new(None) };
}

/// Every panic is a line of the log from now on; the standard hook would write past it.
pub(crate) fn log_all() {
    panic::set_hook(Box::new(report));
}

fn report(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let message = panic.payload_as_str().unwrap_or("of a type that is not text");
    if CAUGHT.get() {
        let message = message.to_owned();
        return LAST.set(Some(Panicked { place, message }));
    }
    tracing::error!(place, message, "panicked");
}

/// Calls a handler. The error is what it panicked with, and is not logged yet: who asked knows the request.
///
/// # Errors
/// When it panicked.
pub fn caught<T>(call: impl FnOnce() -> T) -> Result<T, Panicked> {
    let before = CAUGHT.replace(true);
    let called = catch_unwind(AssertUnwindSafe(call));
    CAUGHT.set(before);
    called.map_err(|_| LAST.take().unwrap_or_default())
}

/// The same for a handler that is awaited: it may wake on another thread each time, so each step is caught by itself.
///
/// # Errors
/// When it panicked.
pub async fn caught_awaiting<T>(handler: impl Future<Output = T>) -> Result<T, Panicked> {
    let mut handler = pin!(handler);
    poll_fn(|cx| match caught(|| handler.as_mut().poll(cx)) {
        Ok(Poll::Ready(done)) => Poll::Ready(Ok(done)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(panicked) => Poll::Ready(Err(panicked)),
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn what_a_handler_panicked_with_is_told_to_who_called_it() {
        log_all();
        let panicked = caught(|| -> () { panic!("on purpose, {}", 7) }).unwrap_err();
        assert_eq!(panicked.message, "on purpose, 7");
        assert!(panicked.place.contains("panics.rs"), "{panicked:?}");
        assert_eq!(caught(|| 5), Ok(5));

        let mut awaited = pin!(caught_awaiting(async { panic!("later") }));
        let polled = awaited.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(Err::<(), _>(panicked)) = polled else { unreachable!("it has panicked") };
        assert_eq!(panicked.message, "later");
        assert!(!CAUGHT.get());
    }
}
