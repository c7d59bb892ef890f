//! `pool:N`: a fixed number of threads, each with one connection at a time. The others wait here.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::Service;
use crate::connection::Connection;
use crate::server::Shared;

pub(crate) struct Pool<V: Service>(Arc<Queue<V>>);

struct Queue<V: Service> {
    waiting: Mutex<Waiting<V>>,
    changed: Condvar,
}

struct Waiting<V: Service> {
    /// Bounded by the limit on open connections, of which these are a part.
    connections: VecDeque<Connection<V>>,
    closed: bool,
}

impl<V: Service> Pool<V> {
    pub(crate) fn start(size: usize, shared: &Arc<Shared<V>>) -> io::Result<Self> {
        let waiting = Waiting { connections: VecDeque::new(), closed: false };
        let queue = Arc::new(Queue { waiting: Mutex::new(waiting), changed: Condvar::new() });
        let pool = Self(Arc::clone(&queue));
        for _ in 0..size {
            let queue = Arc::clone(&queue);
            let builder = thread::Builder::new().name("pool".into());
            let builder = builder.stack_size(shared.limits.stack_bytes);
            let started = builder.spawn(move || {
                while let Some(mut connection) = queue.next() {
                    while connection.serve_one() {}
                }
            });
            if let Err(error) = started {
                pool.close();
                return Err(error);
            }
            shared.meters.threads_spawned.increment(1);
        }
        Ok(pool)
    }

    /// Queues a connection for the first thread whose connection closes.
    pub(crate) fn give(&self, connection: Connection<V>) {
        self.0.waiting().connections.push_back(connection);
        self.0.changed.notify_one();
    }

    /// Ends the threads once their connections close; what waits was never read, and is closed.
    pub(crate) fn close(&self) {
        let mut waiting = self.0.waiting();
        waiting.closed = true;
        waiting.connections.clear();
        self.0.changed.notify_all();
    }
}

impl<V: Service> Queue<V> {
    fn next(&self) -> Option<Connection<V>> {
        let mut waiting = self.waiting();
        loop {
            if let Some(connection) = waiting.connections.pop_front() {
                return Some(connection);
            }
            if waiting.closed {
                return None;
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting<V>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
