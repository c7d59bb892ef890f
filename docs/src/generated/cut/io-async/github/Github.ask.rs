/// The whole answer, whatever it says.
async fn ask(&self, username: &Username, deadline: Instant) -> Result<Answer, Failed> {
    let url = format!("{}/users/{username}", self.upstream.base);
    let mut tries = 0;
    loop {
        tries += 1;
        let turn = self.addresses.book.turn();
        let (head, connected) = watch(self.send(&url)).await;
        let lost = match head {
            Ok(head) => return self.read(head).await,
            Err(lost) => lost,
        };
        if lost.is_of_the_address() {
            self.addresses.book.pass(turn);
        }
        // Jittered, so that the calls which failed together do not all come back together.
        let pause = Duration::from_millis(fastrand::u64(50..150));
        let in_time = Instant::now() + pause < deadline;
        if tries > RETRIES || !in_time || !lost.deserves_another_try(connected) {
            return Err(lost.into());
        }
        sleep(pause).await;
    }
}
