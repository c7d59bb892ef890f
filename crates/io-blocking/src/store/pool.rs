//! Connections: so many at once, opened when they are needed, and a bounded wait for one.
//!
//! SQLite has one writer at a time, whatever is done. So one connection writes, for which writers wait in line here, and
//! not in SQLite, which would let them sleep and try again, and sit on every connection that readers could use.
//!
//! The pool is ours because of what happens when the database is down. Who needs a connection opens it, and says at once
//! that there is none; pools that open them elsewhere say so when their patience is over.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use contract::Limits;
use diesel::connection::{SimpleConnection, TransactionManager};
use diesel::{Connection, PgConnection, SqliteConnection};
use store::{Database, Failed, postgres, sqlite};

use crate::permits::{Permit, Permits};

/// How connections of one database are lent.
#[derive(Clone)]
pub(crate) enum Pools {
    /// All but one read; the other writes.
    Sqlite { readers: Arc<Pool<Sqlite>>, writer: Arc<Pool<Sqlite>> },
    /// Each does either.
    Postgres(Arc<Pool<Postgres>>),
}

/// A connection, lent until it is dropped.
pub(crate) enum Lent {
    Sqlite(Loan<Sqlite>),
    Postgres(Loan<Postgres>),
}

/// A connection that is nobody else's, and never lent.
pub(crate) enum Own {
    Sqlite(Opened),
    Postgres(PgConnection),
}

impl Pools {
    pub(crate) fn new(database: &Database, limits: &Limits) -> Self {
        let statement = limits.database_statement;
        match database {
            Database::Sqlite(file) => {
                let manager = |writes| Sqlite { file: file.clone(), busy: statement, writes };
                Self::Sqlite {
                    readers: Pool::new(manager(false), (limits.pool - 1).max(1), limits),
                    writer: Pool::new(manager(true), 1, limits),
                }
            }
            Database::Postgres(url) => {
                let manager = Postgres { url: postgres::with_clocks(url), statement };
                Self::Postgres(Pool::new(manager, limits.pool, limits))
            }
        }
    }

    pub(crate) fn reader(&self) -> Result<Lent, Failed> {
        match self {
            Self::Sqlite { readers, .. } => readers.lend().map(Lent::Sqlite),
            Self::Postgres(pool) => pool.lend().map(Lent::Postgres),
        }
    }

    pub(crate) fn writer(&self) -> Result<Lent, Failed> {
        match self {
            Self::Sqlite { writer, .. } => writer.lend().map(Lent::Sqlite),
            Self::Postgres(pool) => pool.lend().map(Lent::Postgres),
        }
    }
}

impl Own {
    /// One more than there are in `pools`.
    pub(crate) fn beside(pools: &Pools) -> Result<Self, Failed> {
        match pools {
            Pools::Sqlite { readers, .. } => readers.manager.connect().map(Self::Sqlite),
            Pools::Postgres(pool) => pool.manager.connect().map(Self::Postgres),
        }
    }

    /// Whether it leads where connections of `pools` do: a file that was moved away is still open here.
    pub(crate) fn leads_to(&mut self, pools: &Pools) -> bool {
        match (self, pools) {
            (Self::Sqlite(own), Pools::Sqlite { readers, .. }) => readers.manager.is_alive(own),
            _ => true,
        }
    }
}

/// Connections of one kind: those that are idle, and permits for as many as there may be.
pub(crate) struct Pool<M: Manager> {
    manager: M,
    permits: Permits,
    idle: Mutex<Vec<M::Connection>>,
    acquire: Duration,
}

/// How connections of one kind are opened and told from dead ones.
pub(crate) trait Manager {
    type Connection;

    /// Blocks the calling thread until there is one, or none can be had.
    fn connect(&self) -> Result<Self::Connection, Failed>;

    /// Whether one that lay idle still leads to the database.
    fn is_alive(&self, connection: &mut Self::Connection) -> bool;

    /// Whether a transaction was left open on it.
    fn is_open(connection: &mut Self::Connection) -> bool;
}

impl<M: Manager> Pool<M> {
    /// No connection is opened before it is needed, so that a process costs what it uses.
    fn new(manager: M, size: usize, limits: &Limits) -> Arc<Self> {
        let (permits, idle) = (Permits::new(size), Mutex::default());
        Arc::new(Self { manager, permits, idle, acquire: limits.database_acquire })
    }

    /// Blocks the calling thread until a connection is free, but no longer than `database_acquire`.
    fn lend(self: &Arc<Self>) -> Result<Loan<M>, Failed> {
        let free = self.permits.acquire(Instant::now() + self.acquire);
        let permit = free.ok_or(Failed::Exhausted)?;
        let lent = |connection| Loan {
            connection: Some(connection),
            pool: Arc::clone(self),
            _permit: permit,
        };
        while let Some(mut connection) = self.take() {
            if self.manager.is_alive(&mut connection) {
                return Ok(lent(connection));
            }
        }
        self.manager.connect().map(lent)
    }

    /// The connection that was given back last.
    fn take(&self) -> Option<M::Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn keep(&self, connection: M::Connection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }
}

/// A connection, and the permit to have it.
pub(crate) struct Loan<M: Manager> {
    connection: Option<M::Connection>,
    pool: Arc<Pool<M>>,
    _permit: Permit,
}

impl<M: Manager> Loan<M> {
    pub(crate) fn connection(&mut self) -> &mut M::Connection {
        self.connection.as_mut().expect("taken only when dropped")
    }
}

impl<M: Manager> Drop for Loan<M> {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        // What a panic left half-done ends with its connection.
        if !thread::panicking() && !M::is_open(&mut connection) {
            self.pool.keep(connection);
        }
    }
}

/// How a connection to SQLite is opened and given back.
#[derive(Clone)]
pub(crate) struct Sqlite {
    file: PathBuf,
    busy: Duration,
    writes: bool,
}

/// How a connection to PostgreSQL is opened and given back.
#[derive(Clone)]
pub(crate) struct Postgres {
    url: String,
    statement: Duration,
}

/// A connection, and the file it was opened on: another may have its name by now.
pub(crate) struct Opened {
    pub(crate) connection: SqliteConnection,
    file: sqlite::Identity,
}

impl Manager for Sqlite {
    type Connection = Opened;

    fn connect(&self) -> Result<Opened, Failed> {
        let file = sqlite::identity(&self.file).ok_or_else(Failed::gone)?;
        let connection = sqlite::connect_to(&self.file, self.busy, self.writes)?;
        Ok(Opened { connection, file })
    }

    /// A file does not hang up. But what is written to one that was moved away, nobody finds again.
    fn is_alive(&self, opened: &mut Opened) -> bool {
        sqlite::identity(&self.file) == Some(opened.file)
    }

    fn is_open(opened: &mut Opened) -> bool {
        is_open(&mut opened.connection)
    }
}

impl Manager for Postgres {
    type Connection = PgConnection;

    fn connect(&self) -> Result<PgConnection, Failed> {
        let opened = PgConnection::establish(&self.url);
        let mut connection = opened.map_err(|error| Failed::Unreachable(error.to_string()))?;
        connection.batch_execute(&postgres::settings(self.statement))?;
        Ok(connection)
    }

    /// A round trip before each use: a server that was restarted has hung up, and only this tells.
    fn is_alive(&self, connection: &mut PgConnection) -> bool {
        connection.batch_execute("SELECT 1").is_ok()
    }

    fn is_open(connection: &mut PgConnection) -> bool {
        is_open(connection)
    }
}

/// Whether a transaction was begun and not ended, or could not be ended.
fn is_open<C: Connection>(connection: &mut C) -> bool {
    let state = C::TransactionManager::transaction_manager_status_mut(connection);
    !matches!(state.transaction_depth(), Ok(None))
}
