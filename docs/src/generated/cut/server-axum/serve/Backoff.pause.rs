/// Twice the pause before. Says why at most once a second.
fn pause(&mut self, error: &io::Error) -> Duration {
    if self.told.is_none_or(|told| told.elapsed() >= Self::LONGEST) {
        tracing::warn!(%error, "cannot accept a connection");
        self.told = Some(Instant::now());
    }
    self.last = (self.last * 2).clamp(Self::FIRST, Self::LONGEST);
    self.last
}
