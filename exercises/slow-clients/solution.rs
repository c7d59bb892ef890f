//! Slow clients: a deadline for a head is not a timeout for a read. Chapter: `docs/src/slow-clients.md`.

use std::time::Duration;

/// Reads a head to its empty line. `since` says how long it has gone on; `read` waits for a byte as long as it is told, and
/// gives none when none has come.
pub fn head(
    deadline: Duration,
    since: impl Fn() -> Duration,
    mut read: impl FnMut(Duration) -> Option<u8>,
) -> Result<Vec<u8>, &'static str> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        // cut: before each read: what is left of the deadline, which is not the deadline
        let left = deadline.saturating_sub(since());
        if left.is_zero() {
            return Err("408");
        }
        head.push(read(left).ok_or("408")?);
        // end cut
    }
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_client_that_drips_is_cut_off_although_no_read_of_it_is_late() {
        let clock = Cell::new(Duration::ZERO);
        let mut bytes = 0;
        let drips = |left: Duration| {
            bytes += 1;
            assert!(bytes < 1_000, "it drips for ever");
            clock.set(clock.get() + left.min(SECOND));
            (left >= SECOND).then_some(b'x')
        };
        assert_eq!(head(SECOND * 10, || clock.get(), drips), Err("408"));
        assert_eq!(clock.get(), SECOND * 10);
    }

    #[test]
    fn a_client_that_is_quick_is_heard() {
        let mut bytes = b"GET / HTTP/1.1\r\n\r\n".iter();
        let read = head(SECOND, || Duration::ZERO, |_| bytes.next().copied());
        assert_eq!(read.as_deref(), Ok(&b"GET / HTTP/1.1\r\n\r\n"[..]));
    }
}
