/// The lines as they come. A few threads ask; this one, which has the client, writes.
fn lines(app: &App, names: &[Username], client: &mut ChunkWriter<'_>) -> io::Result<()> {
    let (pace, next, stop) = (Pace::default(), AtomicUsize::new(0), AtomicBool::new(false));
    // A few lines may wait for a client that reads slowly; then the threads do.
    let (send, lines) = sync_channel(AT_ONCE);
    scope(|threads| {
        for _ in 0..names.len().min(AT_ONCE) {
            let (send, asked) = (send.clone(), (&pace, &next, &stop));
            let started = app.helpers.start(threads, move || ask(app, names, asked, &send));
            // With fewer threads it takes longer; with none this one asks, in turn.
            if started.is_none() {
                break;
            }
        }
        drop(send);
        let written = write(lines, client);
        stop.store(true, Ordering::Relaxed);
        written
    })?;
    let left = names.get(next.into_inner()..).unwrap_or_default();
    in_turn(app, left, &pace, client)
}
