/// Puts the messages behind `passed` into the queue of everybody in the room. A queue that is full is closed.
fn publish(&self, room: &RoomName, passed: MessageId, messages: &[Message]) {
    let batch: Batch = messages.iter().map(Event::from).collect();
    let mut rooms = self.rooms();
    // All may have left meanwhile, and others come, who begin elsewhere.
    let Some(room) = rooms.get_mut(room).filter(|room| room.passed == passed) else { return };
    room.passed = batch.last().map_or(passed, |last| last.id);
    room.subscribers.retain(|_, queue| match queue.try_send(Arc::clone(&batch)) {
        Ok(()) => true,
        Err(TrySendError::Full(_)) => {
            self.dropped.increment(1);
            false
        }
        Err(TrySendError::Closed(_)) => false,
    });
}
