//! Beyond one machine: replicas multiply what each of them holds. Chapter: `docs/src/beyond.md`.

/// The largest `--pool` with which so many replicas never ask a database for more than `max_connections`, less what it
/// keeps for its superuser; `None` when not even 1 fits.
///
/// A replica holds its pool and one connection on which it listens for messages. While one is replaced, the new one has
/// begun and the old one has not ended.
pub fn pool(max_connections: u32, reserved: u32, replicas: u32) -> Option<u32> {
    // Hint: divide by one replica more than there are, and leave each its listener; `checked_sub` never gets below zero.
    todo!()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_share_what_the_database_bears_also_while_one_is_replaced() {
        assert_eq!(pool(100, 3, 2), Some(31));
        assert_eq!(pool(100, 3, 31), Some(2));
        assert_eq!(pool(100, 3, 48), None, "the listeners alone would take them all");
        assert_eq!(pool(2, 3, 1), None, "all of them are kept for others");
        for replicas in 1..40 {
            let each = pool(100, 3, replicas).map_or(0, |pool| pool + 1);
            assert!((replicas + 1) * each <= 97, "{replicas} replicas are refused");
        }
    }
}
