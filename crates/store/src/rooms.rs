//! Rooms: messages, numbered in each room in the order in which they are committed.

use contract::{Message, MessageId, RoomName, Timestamp};
use diesel::dsl::{auto_type, delete, insert_into, sql_query};
use diesel::prelude::*;
use diesel::query_builder::SqlQuery;
use diesel::sql_types::BigInt;

use crate::schema::{messages, rooms};

/// The statement after which PostgreSQL tells a connection of every message.
pub const LISTEN: &str = "LISTEN waitlab_messages";

/// A row of `messages`.
#[derive(Debug, Queryable)]
pub struct MessageRow {
    room: String,
    id: i64,
    text: String,
    created_at: i64,
}

/// The number that a message has taken.
#[derive(Debug, QueryableByName)]
pub struct Number {
    /// In its room.
    #[diesel(sql_type = BigInt)]
    pub latest: i64,
}

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

/// A message under its number.
#[auto_type]
pub fn insert(room: String, id: i64, text: String, at: i64) -> _ {
    insert_into(messages::table).values((
        messages::room.eq(room),
        messages::id.eq(id),
        messages::text.eq(text),
        messages::created_at.eq(at),
    ))
}

/// The messages of a room up to this one, gone.
#[auto_type]
pub fn forget(room: String, id: i64) -> _ {
    delete(messages::table.filter(messages::room.eq(room)).filter(messages::id.le(id)))
}

/// At most `limit` messages of a room behind `after`.
#[auto_type]
pub fn behind(room: String, after: i64, limit: i64) -> _ {
    messages::table
        .filter(messages::room.eq(room))
        .filter(messages::id.gt(after))
        .order(messages::id)
        .limit(limit)
}

/// The number of a room's latest message.
#[auto_type]
pub fn latest(room: String) -> _ {
    rooms::table.find(room).select(rooms::latest)
}

/// The same of several rooms, with their names.
#[auto_type]
pub fn latest_of(names: Vec<String>) -> _ {
    rooms::table.filter(rooms::name.eq_any(names)).select((rooms::name, rooms::latest))
}

/// The room and the number that PostgreSQL tells of.
pub fn told(payload: &str) -> Option<(RoomName, MessageId)> {
    let (id, room) = payload.split_once(' ')?;
    Some((RoomName::kept(room.to_owned()), MessageId(id.parse().ok()?)))
}

impl From<MessageRow> for Message {
    fn from(row: MessageRow) -> Self {
        Self {
            id: MessageId(row.id),
            room: RoomName::kept(row.room),
            text: row.text,
            created_at: Timestamp(row.created_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_names_a_room_and_a_message() {
        let (room, id) = told("12 hall").unwrap();
        assert_eq!((room.as_str(), id), ("hall", MessageId(12)));
        assert!(told("").is_none() && told("x hall").is_none() && told("12").is_none());
    }
}
