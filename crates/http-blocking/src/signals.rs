//! What a signal asks for: TERM and the first INT drain, the next one ends the process, HUP is no reason to end.
//!
//! They are waited for on a thread of their own: within a signal handler hardly anything may be called, and no lock taken.

use std::io;
use std::process::exit;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::Shutdown;

/// Starts the drain at TERM or the first INT; the next of them ends the process at once (143 or 130). HUP is heard and no
/// reason to end.
///
/// PIPE needs nothing: Rust ignores it, and a write to a client that left is an error.
pub fn drain_on_signal(shutdown: Shutdown) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever().filter(|&signal| signal != SIGHUP) {
            if shutdown.is_draining() {
                exit(128 + signal);
            }
            shutdown.drain();
        }
    })?;
    Ok(())
}
