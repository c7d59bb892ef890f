//! The offload pool: what does not fit is refused, not queued without end. Chapter: `docs/src/offload.md`.

use std::sync::mpsc::SyncSender;

/// A call for the pool.
pub type Call = Box<dyn FnOnce() + Send>;

/// Hands a call to the pool, or says at once that it is full.
pub fn offload(queue: &SyncSender<Call>, call: Call) -> Result<(), &'static str> {
    // cut: `send` would wait for room; there is a way to try
    queue.try_send(call).map_err(|_| "full")
    // end cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_refuses_and_one_with_room_takes() {
        let (queue, waiting) = std::sync::mpsc::sync_channel::<Call>(2);
        assert_eq!(offload(&queue, Box::new(|| {})), Ok(()));
        assert_eq!(offload(&queue, Box::new(|| {})), Ok(()));
        assert_eq!(offload(&queue, Box::new(|| {})), Err("full"));
        drop(waiting.recv());
        assert_eq!(offload(&queue, Box::new(|| {})), Ok(()));
    }
}
