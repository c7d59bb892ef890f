/// Nothing can be written now.
fn block(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    self.remember(cx.waker());
    if self.state().drain().is_cutting() {
        return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
    }
    let due = self.timer.is_due();
    if self.blocked_since.is_some() && !due {
        return Poll::Pending;
    }
    let now = Instant::now();
    let deadline = *self.blocked_since.get_or_insert(now) + self.clocks().write_stall;
    if now >= deadline {
        // What the kernel still holds for this client would stay for minutes: reset.
        let _ = self.socket().set_zero_linger();
        self.gone = true;
        self.enter(Phase::Over);
        return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
    }
    if due {
        self.arm(cx, now, deadline);
    }
    Poll::Pending
}
