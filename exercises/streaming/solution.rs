//! Streaming: the slowest decides, so the maker must be made to wait. Chapter: `docs/src/streaming.md`.

use std::sync::mpsc::Receiver;

/// Lines that `make` makes in a thread of its own: no more than one of them waits for its reader.
pub fn lines(count: u32, make: impl Fn(u32) -> String + Send + 'static) -> Receiver<String> {
    // cut: `mpsc::channel` has no bound, and takes whatever it is given; `mpsc::sync_channel` has one
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        for number in 0..count {
            // Whoever reads no more has dropped the other end.
            if tell.send(make(number)).is_err() {
                return;
            }
        }
    });
    told
    // end cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn a_slow_reader_makes_the_maker_wait() {
        let made = Arc::new(AtomicU32::new(0));
        let counts = Arc::clone(&made);
        let lines = lines(1_000_000, move |number| {
            counts.fetch_add(1, Ordering::SeqCst);
            number.to_string()
        });
        for taken in 1..=100 {
            assert_eq!(lines.recv().unwrap(), (taken - 1).to_string());
            // One waits in the channel, one in the maker's hands, one may have been begun meanwhile.
            let ahead = made.load(Ordering::SeqCst) - taken;
            assert!(ahead <= 3, "{ahead} lines were made for nobody");
        }
        drop(lines);
    }
}
