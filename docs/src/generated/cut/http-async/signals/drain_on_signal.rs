/// Starts the drain at TERM or the first INT; the next of them ends the process at once (143 or 130). HUP is heard and no
/// reason to end.
///
/// PIPE needs nothing: Rust ignores it, and a write to a client that left is an error.
///
/// A drain that is still not over when its `deadline` has passed is ended here (3): with every worker blocked, no timer
/// of theirs would end it.
#[expect(clippy::disallowed_methods, reason = "on a thread where nothing else waits")]
pub fn drain_on_signal(drain: Drain, deadline: Duration) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever().filter(|&signal| signal != SIGHUP) {
            if drain.is_draining() {
                exit(128 + signal);
            }
            drain.start();
            let _ = thread::Builder::new().name("deadline".to_owned()).spawn(move || {
                thread::sleep(deadline + Duration::from_millis(300));
                exit(3);
            });
        }
    })?;
    Ok(())
}
