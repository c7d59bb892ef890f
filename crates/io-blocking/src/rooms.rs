//! Rooms: who listens to which, and one thread that passes on to them what is said, by whomever.
//!
//! It follows the rows, not the requests: what another replica kept is passed on in the same way, and nothing is passed on
//! before it is kept. Each subscriber has a queue with a bound. Whoever lets it run full is dropped, and comes back with the
//! id of the last message it has; to wait for it would be to let it decide for everybody.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, sleep};
use std::time::Duration;

use bytes::Bytes;
use contract::rooms::beginning;
use contract::{LastEventId, Limits, Message, MessageId, Problem, RoomName};
use metrics::{Counter, Gauge, counter, gauge};
use store::Failed;

use crate::Store;
use crate::store::Listener;

/// As many rows are read at once, so that a long absence takes no more memory than a short one.
const PAGE: i64 = 50;

/// How long the database is left alone after it failed.
const PAUSE: Duration = Duration::from_millis(500);

/// The rooms that somebody listens to. A clone is the same rooms.
#[derive(Clone)]
pub struct Rooms(Arc<Hub>);

struct Hub {
    store: Store,
    queue: usize,
    rooms: Mutex<HashMap<RoomName, Room>>,
    next: AtomicU64,
    follows: AtomicBool,
    joined: Condvar,
    is_over: Box<dyn Fn() -> bool + Send + Sync>,
    subscribers: Gauge,
    dropped: Counter,
}

/// A room that somebody listens to.
struct Room {
    /// The latest message that was passed on.
    passed: MessageId,
    subscribers: BTreeMap<u64, SyncSender<Batch>>,
}

/// A message, written once for all who get it.
#[derive(Clone)]
struct Event {
    id: MessageId,
    text: Bytes,
}

/// What was read at once takes one place in a queue: a burst makes nobody late who was not late before.
type Batch = Arc<[Event]>;

/// One who listens, until it is dropped.
pub struct Subscription {
    hub: Arc<Hub>,
    room: RoomName,
    key: u64,
    /// The latest message that it was given.
    given: MessageId,
    /// Up to here messages are read from the rows; those behind come.
    joined: MessageId,
    here: VecDeque<Event>,
    coming: Receiver<Batch>,
}

/// What a subscriber hears next.
pub enum Heard {
    /// An event, as it is sent.
    Event(Bytes),
    /// For so long, nothing.
    Nothing,
    /// Never anything again: it was too far behind, or the server is ending.
    End,
}

impl Rooms {
    /// Rooms whose messages are in `store`. They end when `is_over` says so: whoever waits for a message hears of nothing else.
    pub fn new(
        store: Store,
        limits: &Limits,
        is_over: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Hub {
            store,
            queue: limits.room_queue,
            rooms: Mutex::default(),
            next: AtomicU64::new(0),
            follows: AtomicBool::new(false),
            joined: Condvar::new(),
            is_over: Box::new(is_over),
            subscribers: gauge!("room_subscribers"),
            dropped: counter!("room_subscribers_dropped_total"),
        }))
    }

    /// Listens to a room: to the messages behind `last`, or to those that come. From here on none is missed.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 503.
    pub fn subscribe(&self, room: RoomName, last: LastEventId) -> Result<Subscription, Problem> {
        let latest = self.0.store.latest(&room)?;
        let place = last.0.map_or(latest, |last| last.min(latest));
        let subscription = Hub::join(&self.0, room, latest, place);
        if !self.0.follows.swap(true, Ordering::Relaxed) {
            let hub = Arc::clone(&self.0);
            let started = Builder::new().name("rooms".to_owned()).spawn(move || hub.follow());
            started.map_err(|_| {
                self.0.follows.store(false, Ordering::Relaxed);
                Problem::unavailable("no thread could be started", 1)
            })?;
        }
        Ok(subscription)
    }
}

impl Subscription {
    /// What a subscriber is told first: where it begins.
    pub fn beginning(&self) -> Bytes {
        beginning(self.given).into()
    }

    /// Blocks until the next message comes, for as long as `patience`. What was kept before comes first, a page at a time.
    pub fn next(&mut self, patience: Duration) -> Heard {
        loop {
            // Of what comes, some may have been among the rows.
            while let Some(event) = self.here.pop_front() {
                if event.id > self.given {
                    self.given = event.id;
                    return Heard::Event(event.text);
                }
            }
            if self.given < self.joined {
                let rows = self.hub.store.messages(&self.room, self.given, PAGE);
                // Its client comes back, when the database does.
                let Ok(rows) = rows else { return Heard::End };
                if rows.is_empty() {
                    self.given = self.joined;
                }
                self.here = rows.iter().map(Event::from).collect();
                continue;
            }
            match self.coming.recv_timeout(patience) {
                Ok(batch) => self.here.extend(batch.iter().cloned()),
                Err(RecvTimeoutError::Disconnected) => return Heard::End,
                Err(RecvTimeoutError::Timeout) => return Heard::Nothing,
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut rooms = self.hub.rooms();
        if let Some(room) = rooms.get_mut(&self.room) {
            room.subscribers.remove(&self.key);
            if room.subscribers.is_empty() {
                rooms.remove(&self.room);
            }
        }
        self.hub.subscribers.decrement(1.0);
    }
}

impl Hub {
    /// Adds a subscriber. What was passed on in its room before it came, it has to read.
    fn join(hub: &Arc<Self>, room: RoomName, latest: MessageId, place: MessageId) -> Subscription {
        let (send, coming) = sync_channel(hub.queue);
        let key = hub.next.fetch_add(1, Ordering::Relaxed);
        let mut rooms = hub.rooms();
        let fresh = || Room { passed: latest, subscribers: BTreeMap::new() };
        let joining = rooms.entry(room.clone()).or_insert_with(fresh);
        joining.subscribers.insert(key, send);
        let joined = joining.passed;
        drop(rooms);
        hub.subscribers.increment(1.0);
        hub.joined.notify_one();
        let (here, hub) = (VecDeque::new(), Arc::clone(hub));
        Subscription { hub, room, key, given: place, joined, here, coming }
    }

    /// Passes on what is said while somebody listens, and begins anew when the database has failed.
    fn follow(&self) {
        loop {
            self.until_somebody_listens();
            match self.pass_on() {
                Ok(()) if (self.is_over)() => return self.rooms().clear(),
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!(%error, "rooms cannot be followed");
                    sleep(PAUSE);
                }
            }
        }
    }

    fn until_somebody_listens(&self) {
        let mut rooms = self.rooms();
        while rooms.is_empty() {
            rooms = self.joined.wait(rooms).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Until nobody listens, or the server ends.
    fn pass_on(&self) -> Result<(), Failed> {
        let mut listener = self.store.listener()?;
        while !self.rooms().is_empty() && !(self.is_over)() {
            for (room, latest) in listener.heard(|| self.names())? {
                self.catch_up(&mut listener, &room, latest)?;
            }
        }
        Ok(())
    }

    /// The rooms that somebody listens to.
    fn names(&self) -> Vec<String> {
        self.rooms().keys().map(|room| room.as_str().to_owned()).collect()
    }

    /// Passes on the messages of a room up to `latest`, and what has come behind it.
    fn catch_up(
        &self,
        listener: &mut Listener,
        room: &RoomName,
        latest: MessageId,
    ) -> Result<(), Failed> {
        while let Some(passed) = self.passed(room).filter(|&passed| passed < latest) {
            let messages = listener.messages(room, passed, PAGE)?;
            if messages.is_empty() {
                break;
            }
            self.publish(room, passed, &messages);
        }
        Ok(())
    }

    /// The latest message that was passed on in a room.
    fn passed(&self, room: &RoomName) -> Option<MessageId> {
        self.rooms().get(room).map(|room| room.passed)
    }

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
            Err(TrySendError::Disconnected(_)) => false,
        });
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<RoomName, Room>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<&Message> for Event {
    fn from(message: &Message) -> Self {
        Self { id: message.id, text: message.event().into() }
    }
}
