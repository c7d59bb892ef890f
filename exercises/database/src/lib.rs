//! The database: a pool has a size, and the wait for a connection has an end. Chapter: `docs/src/database.md`.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

/// So many connections, and who waits for one.
pub struct Pool {
    free: Mutex<Vec<u32>>,
    given_back: Condvar,
}

impl Pool {
    /// Connections 1 to `size`.
    pub fn new(size: u32) -> Self {
        Self { free: Mutex::new((1..=size).collect()), given_back: Condvar::new() }
    }

    /// A connection, if one is free or given back before `patience` ends.
    pub fn lend(&self, patience: Duration) -> Option<u32> {
        // Hint: `Condvar::wait_timeout_while` waits as long as there is none, but no longer than it is told.
        todo!()
    }

    /// Gives one back, and wakes one of those who wait.
    pub fn give_back(&self, connection: u32) {
        self.free.lock().expect("no holder panics").push(connection);
        self.given_back.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn who_finds_none_waits_and_not_for_ever() {
        let pool = Pool::new(2);
        let lent = [pool.lend(Duration::ZERO), pool.lend(Duration::ZERO)];
        assert!(lent.iter().all(Option::is_some));
        let began = Instant::now();
        assert_eq!(pool.lend(Duration::from_millis(50)), None);
        assert!(began.elapsed() >= Duration::from_millis(50));
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| pool.lend(Duration::from_secs(10)));
            pool.give_back(7);
            assert_eq!(waits.join().unwrap(), Some(7));
        });
    }
}
