/// Nothing to read now. `Ready` is the end of input, as far as the framework is to know.
fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    self.remember(cx.waker());
    let fresh = mem::take(&mut self.head.fresh);
    let phase = self.phase();
    let drain = self.state().drain();
    if drain.is_cutting() && phase != Phase::Over {
        return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
    }
    let draining = drain.is_draining();
    match phase {
        Phase::Over => Poll::Ready(Ok(())),
        Phase::Busy | Phase::Answered => Poll::Pending,
        Phase::Idle if draining => self.end(),
        Phase::Idle => {
            if !self.timer.is_due() {
                return Poll::Pending;
            }
            let (now, deadline) = (Instant::now(), self.idle_since + self.clocks().idle);
            if now >= deadline {
                return self.end();
            }
            self.arm(cx, now, deadline);
            Poll::Pending
        }
        Phase::Head => {
            let due = self.timer.is_due();
            let held = self.head.ended && !self.held.is_empty();
            if !(draining || due || held || self.head.since.is_none()) {
                return Poll::Pending;
            }
            let now = Instant::now();
            let deadline = *self.head.since.get_or_insert(now) + self.clocks().head;
            let late = due && now >= deadline;
            if fresh && (draining || late || held) {
                // To be judged when the framework has parsed what it was just given.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if draining {
                return self.end();
            }
            if late {
                self.say(StatusCode::REQUEST_TIMEOUT);
                return self.end();
            }
            if due {
                self.arm(cx, now, deadline);
            }
            Poll::Pending
        }
    }
}
