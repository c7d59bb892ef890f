/// Lets it read what has arrived, and then the end of the stream: a request that came before the drain is still
/// answered. A read that blocks wakes up.
pub(crate) fn stop_reading(&self) {
    // It fails when the client is gone already, which is as well.
    let _ = self.stream.shutdown(Shutdown::Read);
}
