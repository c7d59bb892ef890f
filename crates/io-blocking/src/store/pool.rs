//! Connections: so many at once, opened when they are needed, and a bounded wait for one.
//!
//! SQLite has one writer at a time, whatever is done. So one connection writes, for which writers wait in line here, and
//! not in SQLite, which would let them sleep and try again, and sit on every connection that readers could use.

use std::path::PathBuf;
use std::time::Duration;

use contract::Limits;
use diesel::connection::SimpleConnection;
use diesel::r2d2::R2D2Connection;
use diesel::{Connection, PgConnection, SqliteConnection};
use r2d2::{ManageConnection, Pool, PooledConnection};
use store::{Database, Failed, postgres, sqlite};

/// How connections of one database are lent.
#[derive(Clone)]
pub(crate) enum Pools {
    /// All but one read; the other writes.
    Sqlite { file: PathBuf, readers: Pool<Sqlite>, writer: Pool<Sqlite> },
    /// Each does either.
    Postgres(Pool<Postgres>),
}

/// A connection, lent until it is dropped.
pub(crate) enum Lent {
    Sqlite(PooledConnection<Sqlite>),
    Postgres(PooledConnection<Postgres>),
}

impl Pools {
    pub(crate) fn new(database: &Database, limits: &Limits) -> Self {
        let statement = limits.database_statement;
        match database {
            Database::Sqlite(file) => {
                let manager = Sqlite { file: sqlite::existing(file), busy: statement };
                Self::Sqlite {
                    file: file.clone(),
                    readers: pool(manager.clone(), (limits.pool - 1).max(1), limits),
                    writer: pool(manager, 1, limits),
                }
            }
            Database::Postgres(url) => {
                let manager = Postgres { url: postgres::with_clocks(url), statement };
                Self::Postgres(pool(manager, limits.pool, limits))
            }
        }
    }

    pub(crate) fn reader(&self) -> Result<Lent, Failed> {
        match self {
            Self::Sqlite { readers, .. } => lend(readers).map(Lent::Sqlite),
            Self::Postgres(pool) => lend(pool).map(Lent::Postgres),
        }
    }

    pub(crate) fn writer(&self) -> Result<Lent, Failed> {
        match self {
            Self::Sqlite { writer, .. } => lend(writer).map(Lent::Sqlite),
            Self::Postgres(pool) => lend(pool).map(Lent::Postgres),
        }
    }

    /// A file that was moved away is still open here, and answers.
    pub(crate) fn exists(&self) -> Result<(), Failed> {
        match self {
            Self::Sqlite { file, .. } if !file.exists() => Err(Failed::gone()),
            _ => Ok(()),
        }
    }
}

/// No connection is opened before it is needed, so that a process costs what it uses.
fn pool<M: ManageConnection>(manager: M, size: usize, limits: &Limits) -> Pool<M> {
    Pool::builder()
        .max_size(u32::try_from(size).unwrap_or(u32::MAX))
        .min_idle(Some(0))
        .connection_timeout(limits.database_acquire)
        .error_handler(Box::new(r2d2::NopErrorHandler))
        .build_unchecked(manager)
}

/// Blocks the calling thread until a connection is free, but no longer than `database_acquire`.
fn lend<M: ManageConnection>(pool: &Pool<M>) -> Result<PooledConnection<M>, Failed> {
    pool.get().map_err(|error| {
        let state = pool.state();
        // r2d2 has one error for both: only the number of connections tells whether there was one to wait for.
        if state.connections >= pool.max_size() {
            Failed::Exhausted
        } else {
            Failed::Unreachable(error.to_string())
        }
    })
}

/// How a connection to SQLite is opened and given back.
#[derive(Clone)]
pub(crate) struct Sqlite {
    file: String,
    busy: Duration,
}

/// How a connection to PostgreSQL is opened and given back.
#[derive(Clone)]
pub(crate) struct Postgres {
    url: String,
    statement: Duration,
}

impl ManageConnection for Sqlite {
    type Connection = SqliteConnection;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<SqliteConnection, diesel::r2d2::Error> {
        Ok(sqlite::connect(&self.file, self.busy)?)
    }

    /// A file does not hang up.
    fn is_valid(&self, _: &mut SqliteConnection) -> Result<(), diesel::r2d2::Error> {
        Ok(())
    }

    fn has_broken(&self, connection: &mut SqliteConnection) -> bool {
        connection.is_broken()
    }
}

impl ManageConnection for Postgres {
    type Connection = PgConnection;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<PgConnection, diesel::r2d2::Error> {
        let mut connection = PgConnection::establish(&self.url)?;
        connection.batch_execute(&postgres::settings(self.statement))?;
        Ok(connection)
    }

    /// A round trip before each use: a server that was restarted has hung up, and only this tells.
    fn is_valid(&self, connection: &mut PgConnection) -> Result<(), diesel::r2d2::Error> {
        Ok(connection.ping()?)
    }

    fn has_broken(&self, connection: &mut PgConnection) -> bool {
        connection.is_broken()
    }
}
