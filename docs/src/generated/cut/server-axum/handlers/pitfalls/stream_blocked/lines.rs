/// Each chunk, after its interval.
#[expect(clippy::disallowed_methods, reason = "the mistake is the subject")]
fn lines(count: Count, interval: Interval) -> impl Stream<Item = Vec<u8>> {
    let (mut lines, mut begun) = (Lines::new(count, interval), false);
    iter(from_fn(move || {
        if begun && !lines.is_done() {
            sleep(interval.0);
        }
        begun = true;
        lines.chunk()
    }))
}
