/// How many of the bytes belong to a chunked body. What is malformed stays here: hyper would tell its service, but
/// actix-http closes unless the answer is ready that instant (its `h1/dispatcher.rs` takes it for a client that left).
fn chunks_in(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> usize {
    if self.state().is_body_malformed() {
        return 0;
    }
    self.chunks.pass_over(bytes).unwrap_or_else(|_| {
        self.state().set_body_malformed();
        // Who reads the body is to look again.
        cx.waker().wake_by_ref();
        0
    })
}
