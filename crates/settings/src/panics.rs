//! A panic is one line of the log, wherever it happens: of what a request waits for with the id of that request, of anything
//! else without.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo, catch_unwind, resume_unwind};
use std::pin::pin;
use std::task::Poll;

use metrics::counter;

/// What a handler panicked with, still to be logged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Panicked {
    /// File, line and column.
    pub place: String,
    /// What it said.
    pub message: String,
}

/// What a call on another thread, or a task, panicked with, on its way to the request that waits for it.
///
/// Dropped on the way, because nobody waits any more, it is counted and logged all the same.
#[derive(Debug)]
pub struct Carried(Option<Panicked>);

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

/// Calls what another thread waits for.
///
/// # Errors
/// When it panicked; to be [told again](Carried::again) there.
pub fn carried<T>(call: impl FnOnce() -> T) -> Result<T, Carried> {
    caught(call).map_err(Carried::new)
}

/// The same for what another task waits for.
///
/// # Errors
/// When it panicked; to be [told again](Carried::again) there.
pub async fn carried_awaiting<T>(task: impl Future<Output = T>) -> Result<T, Carried> {
    caught_awaiting(task).await.map_err(Carried::new)
}

impl Panicked {
    /// Counted, whoever logs it.
    pub fn count(&self) {
        counter!("http_panics_total").increment(1);
    }
}

impl Carried {
    fn new(panicked: Panicked) -> Self {
        Self(Some(panicked))
    }

    /// Panics with it here, so that it is the panic of the handler that waited.
    ///
    /// # Panics
    /// Always; the hook is not called a second time, and whoever [catches](caught) here gets it as it was.
    pub fn again<T>(mut self) -> T {
        LAST.set(self.0.take());
        resume_unwind(Box::new("carried over from another thread"))
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        if let Some(panicked) = self.0.take() {
            panicked.count();
            let Panicked { place, message } = panicked;
            tracing::error!(place, message, "panicked, and nobody waited for it any more");
        }
    }
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

    #[test]
    fn what_another_thread_panicked_with_is_the_panic_of_who_waits_for_it() {
        log_all();
        let there = std::thread::spawn(|| carried(|| -> u8 { panic!("over there, {}", 7) }));
        let carried = there.join().unwrap().unwrap_err();
        let panicked = caught(|| -> u8 { carried.again() }).unwrap_err();
        assert_eq!(panicked.message, "over there, 7");
        assert!(panicked.place.contains("panics.rs"), "{panicked:?}");
    }
}
