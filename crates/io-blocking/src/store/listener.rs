//! What tells of messages, whoever kept them: PostgreSQL does it by itself; SQLite's file has to be looked at.
//!
//! It has a connection of its own, so that rooms go on when every connection of the pool waits.

use std::thread::sleep;
use std::time::{Duration, Instant};

use contract::{Message, MessageId, RoomName};
use diesel::prelude::*;
use store::Failed;
use store::rooms::{self, MessageRow};

use crate::store::Store;
use crate::store::pool::{Own, Pools};

/// How often SQLite's file is looked at, and PostgreSQL's connection: libpq can be asked whether it was told something, and
/// cannot be waited for.
const GLANCE: Duration = Duration::from_millis(20);

/// How often the rows are looked at although nothing was told: a notification is lost with its connection.
const LOOK: Duration = Duration::from_secs(1);

/// Hears of messages.
pub(crate) struct Listener {
    pools: Pools,
    own: Own,
    looked: Option<Instant>,
}

/// Runs `$call` on the connection, whichever database it leads to.
macro_rules! through {
    ($own:expr, $db:ident => $call:expr) => {
        match $own {
            Own::Sqlite(own) => {
                let $db = &mut own.connection;
                $call
            }
            Own::Postgres(line) => {
                let $db = line.call();
                let result = $call;
                line.rests();
                result
            }
        }
    };
}

impl Store {
    /// A listener, which hears of every message that is committed from now on.
    pub(crate) fn listener(&self) -> Result<Listener, Failed> {
        let mut own = Own::beside(&self.pools)?;
        if let Own::Postgres(line) = &mut own {
            diesel::sql_query(rooms::LISTEN).execute(line.call())?;
            line.rests();
        }
        Ok(Listener { pools: self.pools.clone(), own, looked: None })
    }
}

impl Listener {
    /// Blocks for a moment at most; then the latest message of each room in which there may be a new one. Of `names`,
    /// all are told at first and then now and then.
    pub(crate) fn heard(
        &mut self,
        names: impl FnOnce() -> Vec<String>,
    ) -> Result<Vec<(RoomName, MessageId)>, Failed> {
        if self.looked.is_some_and(|looked| looked.elapsed() < self.patience()) {
            return self.told();
        }
        if !self.own.leads_to(&self.pools) {
            return Err(Failed::gone());
        }
        let query = rooms::latest_of(names());
        let latest: Vec<(String, i64)> = through!(&mut self.own, db => query.load(db))?;
        self.looked = Some(Instant::now());
        Ok(latest.into_iter().map(|(room, id)| (RoomName::kept(room), MessageId(id))).collect())
    }

    /// At most `limit` messages of a room behind `after`, in their order.
    pub(crate) fn messages(
        &mut self,
        room: &RoomName,
        after: MessageId,
        limit: i64,
    ) -> Result<Vec<Message>, Failed> {
        let query = rooms::behind(room.as_str().to_owned(), after.0, limit);
        let rows: Vec<MessageRow> = through!(&mut self.own, db => query.load(db))?;
        Ok(rows.into_iter().map(Message::from).collect())
    }

    /// How long it relies on being told.
    fn patience(&self) -> Duration {
        match self.own {
            Own::Sqlite(_) => GLANCE,
            Own::Postgres(_) => LOOK,
        }
    }

    /// What PostgreSQL told since, once it did or a moment has passed.
    fn told(&mut self) -> Result<Vec<(RoomName, MessageId)>, Failed> {
        let Own::Postgres(line) = &mut self.own else {
            sleep(GLANCE);
            return Ok(Vec::new());
        };
        let notes = line.at_once().notifications_iter().collect::<QueryResult<Vec<_>>>()?;
        let told: Vec<_> = notes.iter().filter_map(|note| rooms::told(&note.payload)).collect();
        if told.is_empty() {
            sleep(GLANCE);
        }
        Ok(told)
    }
}
