fn hang_up(&self) {
    let mut calls = self.lock();
    loop {
        let now = Instant::now();
        while let Some(socket) = calls.late(now) {
            // The thread that waits in libpq wakes, and finds that nobody is there.
            let _ = shutdown(socket, Shutdown::Both);
        }
        calls.looks = calls.due.keys().next().map(|(due, _)| *due);
        calls = match calls.looks {
            None => self.sooner.wait(calls).unwrap_or_else(PoisonError::into_inner),
            Some(due) => {
                let woken = self.sooner.wait_timeout(calls, due - now);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
        };
    }
}
