/// Where it begins, then each event, and a comment when there was none for too long.
fn heard(
    mut subscription: Subscription,
    ping: Duration,
    client: &mut ChunkWriter<'_>,
) -> io::Result<()> {
    client.write_all(&subscription.beginning())?;
    client.flush()?;
    let mut sent = Instant::now();
    while !client.draining() {
        match subscription.next(GLANCE.min(ping)) {
            Heard::Event(event) => client.write_all(&event)?,
            Heard::Nothing if client.client_left() => break,
            Heard::Nothing if sent.elapsed() < ping => continue,
            Heard::Nothing => client.write_all(PING.as_bytes())?,
            Heard::End => break,
        }
        client.flush()?;
        sent = Instant::now();
    }
    Ok(())
}
