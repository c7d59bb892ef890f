//! Connections: so many at once, opened when they are needed, and a bounded wait for one.
//!
//! SQLite has one writer at a time, whatever is done. So one connection writes, for which writers wait in line here, and
//! not in SQLite, which would let them sleep and try again, and sit on every connection that readers could use.
//!
//! The pool is ours because of what happens when the database is down. Who needs a connection opens it, and says at once
//! that there is none; pools that open them elsewhere say so when their patience is over.

use std::mem;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use contract::Limits;
use diesel::connection::{SimpleConnection, TransactionManager};
use diesel::{Connection, SqliteConnection};
use store::silence::Line;
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
    Postgres(Line),
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
                let (url, patience) = (postgres::with_clocks(url), limits.database_acquire);
                let manager = Postgres { url, statement, patience };
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
            (Self::Sqlite(own), Pools::Sqlite { readers, .. }) => readers.manager.is_there(own),
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

/// The database neither answered nor refused.
pub(crate) struct Silent;

/// How connections of one kind are opened and told from dead ones.
pub(crate) trait Manager {
    type Connection;

    /// Blocks the calling thread until there is one, or none can be had.
    fn connect(&self) -> Result<Self::Connection, Failed>;

    /// Whether one that lay idle still leads to the database, which has so long to answer.
    fn is_alive(
        &self,
        connection: &mut Self::Connection,
        patience: Duration,
    ) -> Result<bool, Silent>;

    /// Whether it can be lent again: it has answered, and no transaction was left open on it.
    fn rests(connection: &mut Self::Connection) -> bool;
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
        let mut silent = false;
        while let Some(mut connection) = self.take() {
            match self.manager.is_alive(&mut connection, self.acquire / 2) {
                Ok(true) => return Ok(lent(connection)),
                Ok(false) => {}
                Err(Silent) if silent => self.forget(),
                Err(Silent) => silent = true,
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

    /// Two were silent: one alone may be so by itself, as its process is on the other side. Those that lay beside them are no
    /// better, and to wait for each would take as many times as long.
    fn forget(&self) {
        let idle = mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        drop(idle);
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
        if M::rests(&mut connection) && !thread::panicking() {
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
    patience: Duration,
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

    fn is_alive(&self, opened: &mut Opened, _: Duration) -> Result<bool, Silent> {
        Ok(self.is_there(opened))
    }

    fn rests(opened: &mut Opened) -> bool {
        !is_open(&mut opened.connection)
    }
}

impl Sqlite {
    /// A file does not hang up. But what is written to one that was moved away, nobody finds again.
    fn is_there(&self, opened: &Opened) -> bool {
        sqlite::identity(&self.file) == Some(opened.file)
    }
}

impl Manager for Postgres {
    type Connection = Line;

    fn connect(&self) -> Result<Line, Failed> {
        Line::connect(&self.url, self.statement, self.patience)
    }

    /// A round trip before each use: a server that was restarted has hung up, and only this tells.
    fn is_alive(&self, line: &mut Line, patience: Duration) -> Result<bool, Silent> {
        let is_alive = line.call_within(patience).batch_execute("SELECT 1").is_ok();
        if line.rests() { Ok(is_alive) } else { Err(Silent) }
    }

    fn rests(line: &mut Line) -> bool {
        line.rests() && !is_open(line.at_once())
    }
}

/// Whether a transaction was begun and not ended, or could not be ended.
fn is_open<C: Connection>(connection: &mut C) -> bool {
    let state = C::TransactionManager::transaction_manager_status_mut(connection);
    !matches!(state.transaction_depth(), Ok(None))
}
