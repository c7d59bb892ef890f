//! Rooms: each function is one request's work on the database.

use contract::rooms::KEPT;
use contract::{Message, MessageId, Problem, RoomName, Saying};
use diesel::prelude::*;
use diesel::sql_types::Text;
use store::rooms::{self, MessageRow, Number};
use store::{Failed, now};

use crate::store::{Store, on};

impl Store {
    /// Keeps what is said in a room, under the next number, and forgets what is too old.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 503.
    pub fn say(&self, room: &RoomName, saying: Saying) -> Result<Message, Problem> {
        let name = || room.as_str().to_owned();
        let said = on!(self.writer()?, db => db.transaction(|db| {
            let number = rooms::next_number().bind::<Text, _>(name());
            let Number { latest } = number.get_result(db)?;
            let insert = rooms::insert(name(), latest, saying.text, now());
            let row: MessageRow = insert.get_result(db)?;
            rooms::forget(name(), latest - KEPT).execute(db)?;
            Ok(row)
        }));
        Ok(said.map_err(Failed::Query)?.into())
    }

    /// The number of a room's latest message; 0 where nothing was said.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 503.
    pub fn latest(&self, room: &RoomName) -> Result<MessageId, Problem> {
        let query = rooms::latest(room.as_str().to_owned());
        let latest: Option<i64> =
            on!(self.connection()?, db => query.first(db).optional()).map_err(Failed::from)?;
        Ok(MessageId(latest.unwrap_or_default()))
    }

    /// At most `limit` messages of a room behind `after`, in their order.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 503.
    pub fn messages(
        &self,
        room: &RoomName,
        after: MessageId,
        limit: i64,
    ) -> Result<Vec<Message>, Problem> {
        let query = rooms::behind(room.as_str().to_owned(), after.0, limit);
        let rows: Vec<MessageRow> =
            on!(self.connection()?, db => query.load(db)).map_err(Failed::from)?;
        Ok(rows.into_iter().map(Message::from).collect())
    }
}
