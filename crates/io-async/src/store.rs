//! The database: a call takes a connection, runs its statements on it, and gives it back. Its task awaits all three.
//!
//! Which database it is, is asked once a call, by `on!`; the queries are those of the crate `store`, for both.

mod jobs;
mod listener;
mod notes;
mod pool;
mod rooms;

use std::time::Duration;

use contract::{Limits, Problem};
use diesel::QueryResult;
use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::{AsyncConnection, RunQueryDsl};
use store::{Database, Failed, postgres};
use tokio::time::timeout;

pub(crate) use listener::Listener;
pub use store::CannotOpen;

use pool::{Lent, Pools};

/// Runs `$call` on the connection that `$lent` holds, whichever database it leads to: a few statements, and others that may take
/// `$others`.
macro_rules! on {
    ($lent:expr, $db:ident => $call:expr) => {
        $crate::store::on!($lent, std::time::Duration::ZERO, $db => $call)
    };
    ($lent:expr, $others:expr, $db:ident => $call:expr) => {
        match $lent {
            $crate::store::pool::Lent::Sqlite(mut lent) => {
                let $db = &mut lent.connection().connection;
                let result = $call;
                lent.rest();
                result
            }
            $crate::store::pool::Lent::Postgres(mut lent) => {
                let longest = lent.longest() + $others;
                let $db = lent.connection();
                // One whose time was up does not rest: it is closed.
                match tokio::time::timeout(longest, async { $call }).await {
                    Ok(result) => {
                        lent.rest();
                        result
                    }
                    Err(_) => Err($crate::store::silent().into()),
                }
            }
        }
    };
}
use on;

/// How long a database may take to say that it is there.
const READY: Duration = Duration::from_secs(1);

/// The rows that all requests, and on PostgreSQL all replicas, share.
///
/// A clone is the same store: it shares the connections.
#[derive(Clone)]
pub struct Store {
    pools: Pools,
    /// One connection more, by which readiness is told.
    witness: Pools,
    limits: Limits,
}

impl Store {
    /// Brings the tables up to date and sets up the pools. Called once, before the process listens.
    ///
    /// # Errors
    ///
    /// The sentence to end the process with.
    pub fn open(database: &Database, limits: &Limits) -> Result<Self, CannotOpen> {
        store::migrate::migrate(database)?;
        let alone = Limits { pool: 1, database_acquire: READY, ..limits.clone() };
        let (pools, witness) = (Pools::new(database, limits), Pools::new(database, &alone));
        Ok(Self { pools, witness, limits: limits.clone() })
    }

    /// Whether the database answers. That is not whether a connection is free: were it told here that the pool is
    /// exhausted, every replica of a busy service would be taken out of it at once.
    ///
    /// # Errors
    ///
    /// The problem that says it does not.
    pub async fn ready(&self) -> Result<(), Problem> {
        let told = timeout(READY, answers(&self.witness)).await;
        Ok(told.unwrap_or_else(|_| Err(Failed::silent()))?)
    }

    /// Waits inside the database, on one connection, which nobody else has meanwhile.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 503.
    pub async fn wait(&self, asked: Duration) -> Result<(), Problem> {
        let wait = store::wait(asked.as_secs_f64());
        let waited: QueryResult<usize> = match self.connection().await? {
            Lent::Sqlite(mut lent) => {
                let waited = wait.execute(&mut lent.connection().connection).await;
                lent.rest();
                waited
            }
            Lent::Postgres(mut lent) => {
                let allow = postgres::allow(asked + self.limits.database_statement);
                let longest = asked + lent.longest();
                let waited = lent.connection().transaction(async |db| {
                    diesel::sql_query(allow).execute(db).await?;
                    wait.execute(db).await
                });
                match timeout(longest, waited).await {
                    Ok(waited) => {
                        lent.rest();
                        waited
                    }
                    Err(_) => Err(silent()),
                }
            }
        };
        waited.map_err(Failed::from)?;
        Ok(())
    }

    /// A connection for what only reads.
    async fn connection(&self) -> Result<Lent, Failed> {
        self.pools.reader().await
    }

    /// A connection for what also writes.
    async fn writer(&self) -> Result<Lent, Failed> {
        self.pools.writer().await
    }
}

/// What a call fails with whose time was up.
fn silent() -> Error {
    let told = Box::new("no answer in time".to_owned());
    Error::DatabaseError(DatabaseErrorKind::ClosedConnection, told)
}

async fn answers(witness: &Pools) -> Result<(), Failed> {
    on!(witness.writer().await?, db => store::notes::page(1, 0).execute(db).await)?;
    Ok(())
}
