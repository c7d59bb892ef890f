//! What tells of messages, whoever kept them: PostgreSQL does it by itself; SQLite's file has to be looked at.
//!
//! It has a connection of its own, so that rooms go on when every connection of the pool waits.

use std::time::{Duration, Instant};

use contract::{Message, MessageId, RoomName};
use diesel::{QueryResult, sql_query};
use diesel_async::RunQueryDsl;
use futures_util::future::FutureExt;
use futures_util::stream::StreamExt;
use store::Failed;
use store::rooms::{self, MessageRow};
use tokio::time::{sleep, timeout};

use crate::store::pool::{Own, Pools};
use crate::store::{Store, silent};

/// How often SQLite's file is looked at.
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
    ($own:expr, $longest:expr, $db:ident => $call:expr) => {
        match $own {
            Own::Sqlite(own) => {
                let $db = &mut own.connection;
                $call
            }
            Own::Postgres($db) => {
                let called = timeout($longest, async { $call }).await;
                called.unwrap_or_else(|_| Err(silent()))
            }
        }
    };
}

impl Store {
    /// A listener, which hears of every message that is committed from now on.
    pub(crate) async fn listener(&self) -> Result<Listener, Failed> {
        let mut own = Own::beside(&self.pools).await?;
        if let Own::Postgres(db) = &mut own {
            let listens = timeout(self.pools.longest(), sql_query(rooms::LISTEN).execute(db)).await;
            listens.unwrap_or_else(|_| Err(silent()))?;
        }
        Ok(Listener { pools: self.pools.clone(), own, looked: None })
    }
}

impl Listener {
    /// Awaits news, for a moment at most; then the latest message of each room in which there may be a new one. Of `names`,
    /// all are told at first and then now and then.
    pub(crate) async fn heard(
        &mut self,
        names: impl FnOnce() -> Vec<String>,
    ) -> Result<Vec<(RoomName, MessageId)>, Failed> {
        if self.looked.is_some_and(|looked| looked.elapsed() < self.patience()) {
            return self.told().await;
        }
        if !self.own.leads_to(&self.pools).await {
            return Err(Failed::gone());
        }
        let query = rooms::latest_of(names());
        let latest: Vec<(String, i64)> =
            through!(&mut self.own, self.pools.longest(), db => query.load(db).await)?;
        self.looked = Some(Instant::now());
        Ok(latest.into_iter().map(|(room, id)| (RoomName::kept(room), MessageId(id))).collect())
    }

    /// At most `limit` messages of a room behind `after`, in their order.
    pub(crate) async fn messages(
        &mut self,
        room: &RoomName,
        after: MessageId,
        limit: i64,
    ) -> Result<Vec<Message>, Failed> {
        let query = rooms::behind(room.as_str().to_owned(), after.0, limit);
        let rows: Vec<MessageRow> =
            through!(&mut self.own, self.pools.longest(), db => query.load(db).await)?;
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
    async fn told(&mut self) -> Result<Vec<(RoomName, MessageId)>, Failed> {
        let Own::Postgres(db) = &mut self.own else {
            sleep(GLANCE).await;
            return Ok(Vec::new());
        };
        let mut told = std::pin::pin!(db.notifications_stream());
        let Ok(first) = timeout(LOOK, told.next()).await else { return Ok(Vec::new()) };
        // What came with it is told with it.
        let more = std::iter::from_fn(|| told.next().now_or_never().flatten());
        let first = first.ok_or_else(|| Failed::Unreachable("it hung up".to_owned()))?;
        let notes = std::iter::once(first).chain(more).collect::<QueryResult<Vec<_>>>()?;
        Ok(notes.iter().filter_map(|note| rooms::told(&note.payload)).collect())
    }
}
