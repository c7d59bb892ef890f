/// Each chunk, after its interval.
fn lines(count: Count, interval: Interval, client: &mut ChunkWriter<'_>) -> std::io::Result<()> {
    let mut lines = Lines::new(count, interval);
    while let Some(chunk) = lines.chunk() {
        client.write_all(&chunk)?;
        // The pause sends what was written; it ends early when the server drains.
        if !lines.is_done() && client.pause(interval.0)? {
            break;
        }
    }
    Ok(())
}
