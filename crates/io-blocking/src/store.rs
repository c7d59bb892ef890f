//! The database: a call takes a connection, runs its statements on it, and gives it back. Its thread waits for all three.
//!
//! Which database it is, is asked once a call, by `on!`; the queries are those of the crate `store`, for both.

mod jobs;
mod listener;
mod notes;
mod pool;
mod rooms;

use std::sync::mpsc::sync_channel;
use std::thread::Builder;
use std::time::Duration;

use contract::{Limits, Problem};
use diesel::prelude::*;
use store::{Database, Failed, postgres};

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
                $call
            }
            $crate::store::pool::Lent::Postgres(mut lent) => {
                let $db = lent.connection().call_beside($others);
                $call
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
    pub fn ready(&self) -> Result<(), Problem> {
        let (tell, told) = sync_channel(1);
        let witness = self.witness.clone();
        // A database that hangs keeps a thread until its call is hung up on, but not this one.
        let asked =
            Builder::new().name("ready".to_owned()).spawn(move || tell.send(answers(&witness)));
        asked.map_err(|error| Failed::Unreachable(error.to_string()))?;
        Ok(told.recv_timeout(READY).unwrap_or_else(|_| Err(Failed::silent()))?)
    }

    /// Waits inside the database, on one connection, which nobody else has meanwhile.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 503.
    pub fn wait(&self, asked: Duration) -> Result<(), Problem> {
        let wait = store::wait(asked.as_secs_f64());
        let waited: QueryResult<usize> = match self.connection()? {
            Lent::Sqlite(mut lent) => wait.execute(&mut lent.connection().connection),
            Lent::Postgres(mut lent) => {
                let statement = self.limits.database_statement;
                let allow = postgres::allow(asked + statement);
                let longest = asked + postgres::longest(statement);
                lent.connection().call_within(longest).transaction(|db| {
                    diesel::sql_query(allow).execute(db)?;
                    wait.execute(db)
                })
            }
        };
        waited.map_err(Failed::from)?;
        Ok(())
    }

    /// A connection for what only reads.
    fn connection(&self) -> Result<Lent, Failed> {
        self.pools.reader()
    }

    /// A connection for what also writes.
    fn writer(&self) -> Result<Lent, Failed> {
        self.pools.writer()
    }
}

fn answers(witness: &Pools) -> Result<(), Failed> {
    on!(witness.writer()?, db => store::notes::page(1, 0).execute(db))?;
    Ok(())
}
