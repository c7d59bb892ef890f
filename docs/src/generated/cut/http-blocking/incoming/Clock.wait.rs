/// Runs a read with the time it may take. The client has the grace, and a second for each `rate` bytes it sent.
fn wait(
    &mut self,
    read: impl FnOnce(Duration) -> io::Result<usize>,
) -> Result<usize, BodyError> {
    let earned = Duration::from_secs_f64(self.received as f64 / self.rate as f64);
    let left = (self.grace + earned).saturating_sub(self.waited);
    if left.is_zero() {
        return Err(BodyError::TooSlow);
    }
    let began = Instant::now();
    let result = read(left.min(self.idle));
    self.waited += began.elapsed();
    match result {
        Ok(0) => Err(BodyError::CutShort),
        Ok(count) => {
            self.received += count as u64;
            Ok(count)
        }
        Err(error) if is_timeout(&error) && left > self.idle => Err(BodyError::Idle),
        Err(error) if is_timeout(&error) => Err(BodyError::TooSlow),
        Err(_) => Err(BodyError::CutShort),
    }
}
