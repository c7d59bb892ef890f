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
