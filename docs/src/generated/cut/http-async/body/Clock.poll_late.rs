fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<SlowBody> {
    let since = *self.since.get_or_insert_with(Instant::now);
    let silent = since + self.pace.idle;
    let earned = Duration::from_secs_f64(self.read as f64 / self.pace.rate.max(1) as f64);
    let slow = since + (self.pace.idle + earned).saturating_sub(self.waited);
    let deadline = silent.min(slow);
    let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
    loop {
        ready!(sleep.as_mut().poll(cx));
        let now = Instant::now();
        if now >= deadline {
            return Poll::Ready(if now >= silent { SlowBody::Idle } else { SlowBody::TooSlow });
        }
        sleep.as_mut().reset(deadline);
    }
}
