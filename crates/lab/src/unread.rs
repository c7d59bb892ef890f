//! Who reads what is printed may have enough of it (`cargo lab report | head`). That is an end like any other.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

/// As a shell says of a program that SIGPIPE ended; Rust's programs ignore the signal, and `println!` panics instead.
const UNREAD: u8 = 141;

/// Runs it; if nobody reads what it prints any more it ends there, in silence, and whatever it started ends with it.
pub(crate) fn ends_when_unread(run: impl FnOnce() -> ExitCode) -> ExitCode {
    let tells = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !is_unread(panic.payload()) {
            tells(panic);
        }
    }));
    match panic::catch_unwind(AssertUnwindSafe(run)) {
        Ok(exit) => exit,
        Err(payload) if is_unread(&*payload) => UNREAD.into(),
        Err(payload) => panic::resume_unwind(payload),
    }
}

fn is_unread(payload: &dyn Any) -> bool {
    let text = payload.downcast_ref::<String>();
    let is_end = |text: &String| {
        ["stdout", "stderr"]
            .iter()
            .any(|to| text.starts_with(&format!("failed printing to {to}: Broken pipe")))
    };
    text.is_some_and(is_end)
}
