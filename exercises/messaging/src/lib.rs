//! Messaging: whoever does not keep up is dropped, and nobody waits for them. Chapter: `docs/src/messaging.md`.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Who listens to a room; each has a queue with a bound.
#[derive(Default)]
pub struct Room {
    listeners: Vec<SyncSender<Arc<str>>>,
}

impl Room {
    /// The queue of somebody new, for so many messages that were not fetched yet.
    pub fn listen(&mut self, queue: usize) -> Receiver<Arc<str>> {
        let (sender, receiver) = sync_channel(queue);
        self.listeners.push(sender);
        receiver
    }

    /// Sends to everybody without waiting for anybody; whose queue is full, and who has left, is dropped.
    pub fn publish(&mut self, text: &str) {
        // Hint: one text, shared by all queues; `send` would wait for the slowest, `try_send` tells at once.
        todo!()
    }

    pub fn listeners(&self) -> usize {
        self.listeners.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slow_one_is_dropped_and_the_others_hear_everything() {
        let mut room = Room::default();
        let (quick, slow, gone) = (room.listen(2), room.listen(2), room.listen(2));
        drop(gone);
        let mut heard = Vec::new();
        for text in ["one", "two", "three"] {
            room.publish(text);
            heard.push(quick.recv().expect("it keeps up"));
        }
        assert_eq!(heard.concat(), "onetwothree");
        assert_eq!(room.listeners(), 1);
        // What fitted is still there; then the end tells the slow one to come back and ask for the rest.
        assert_eq!(slow.iter().collect::<Vec<_>>().concat(), "onetwo");
    }

    #[test]
    fn what_is_sent_is_held_once() {
        let mut room = Room::default();
        let (one, other) = (room.listen(1), room.listen(1));
        room.publish("hello");
        assert!(Arc::ptr_eq(&one.recv().unwrap(), &other.recv().unwrap()));
    }
}
