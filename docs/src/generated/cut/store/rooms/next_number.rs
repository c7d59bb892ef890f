/// Takes the next number of the room `$1`, which need not exist; the first statement of a transaction.
///
/// A sequence would number messages in the order in which they are begun, and whoever asks for those behind 7 while 8 is
/// committed and 7 is not would never get 7. Here the room's row is locked until the transaction ends, so 8 is not given
/// before 7 can be seen, and a number that is given back is given again. Rooms do not wait for each other.
pub fn next_number() -> SqlQuery {
    sql_query(
        "INSERT INTO rooms (name, latest) VALUES ($1, 1) \
         ON CONFLICT (name) DO UPDATE SET latest = rooms.latest + 1 RETURNING latest",
    )
}
