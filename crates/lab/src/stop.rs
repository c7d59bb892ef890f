//! Ctrl-C: the run ends at once, keeps what it has, and leaves nothing behind.

use std::thread;

use anyhow::Context;
use load::Cancel;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Cancels on the first SIGINT or SIGTERM; what follows it changes nothing, for the end is bounded.
///
/// # Errors
/// When signals cannot be listened for.
pub fn on_signal() -> anyhow::Result<Cancel> {
    let cancel = Cancel::new();
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("cannot listen for Ctrl-C")?;
    let theirs = cancel.clone();
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            for _ in signals.forever() {
                theirs.cancel();
            }
        })
        .context("cannot start a thread for Ctrl-C")?;
    Ok(cancel)
}
