//! Connections: so many at once, opened when they are needed, and a bounded wait for one.
//!
//! SQLite has one writer at a time, whatever is done. So one connection writes, for which writers wait in line here, and
//! not in SQLite, which would let them sleep and try again, and sit on every connection that readers could use.
//!
//! The pool is ours because of what happens to a call that is dropped half-way: its connection is in the middle of a
//! statement, and must neither be lent again before it has ended nor be counted as free.

use std::error::Error;
use std::mem;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use contract::Limits;
use diesel::SqliteConnection;
use diesel_async::sync_connection_wrapper::{SpawnBlocking, SyncConnectionWrapper};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection, TransactionManager};
use futures_util::future::{BoxFuture, FutureExt, TryFutureExt};
use store::{Database, Failed, postgres, sqlite};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

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
#[expect(
    clippy::large_enum_variant,
    reason = "it lives in the state of one call; a box would be an allocation for each"
)]
pub(crate) enum Lent {
    Sqlite(Loan<Sqlite>),
    Postgres(Loan<Postgres>),
}

/// A connection that is nobody else's, and never lent.
#[expect(clippy::large_enum_variant, reason = "there is one of it")]
pub(crate) enum Own {
    Sqlite(Opened),
    Postgres(AsyncPgConnection),
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

    pub(crate) async fn reader(&self) -> Result<Lent, Failed> {
        match self {
            Self::Sqlite { readers, .. } => readers.lend().await.map(Lent::Sqlite),
            Self::Postgres(pool) => pool.lend().await.map(Lent::Postgres),
        }
    }

    pub(crate) async fn writer(&self) -> Result<Lent, Failed> {
        match self {
            Self::Sqlite { writer, .. } => writer.lend().await.map(Lent::Sqlite),
            Self::Postgres(pool) => pool.lend().await.map(Lent::Postgres),
        }
    }

    /// How long a call of a few statements may take on PostgreSQL. SQLite's end by themselves.
    pub(crate) fn longest(&self) -> Duration {
        match self {
            Self::Sqlite { .. } => Duration::MAX,
            Self::Postgres(pool) => pool.longest,
        }
    }
}

impl Own {
    /// One more than there are in `pools`.
    pub(crate) async fn beside(pools: &Pools) -> Result<Self, Failed> {
        match pools {
            Pools::Sqlite { readers, .. } => readers.manager.connect().await.map(Self::Sqlite),
            Pools::Postgres(pool) => {
                let opened = timeout(pool.acquire, pool.manager.connect()).await;
                opened.unwrap_or_else(|_| Err(Failed::silent())).map(Self::Postgres)
            }
        }
    }

    /// Whether it leads where connections of `pools` do: a file that was moved away is still open here.
    pub(crate) async fn leads_to(&mut self, pools: &Pools) -> bool {
        match (self, pools) {
            (Self::Sqlite(own), Pools::Sqlite { readers, .. }) => {
                readers.manager.is_alive(own).await
            }
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
    longest: Duration,
}

/// How connections of one kind are opened and told from dead ones.
pub(crate) trait Manager: Sized {
    type Connection;

    /// Awaits one, or that none can be had.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, Failed>> + Send;

    /// Whether one that lay idle still leads to the database.
    fn is_alive(&self, connection: &mut Self::Connection) -> impl Future<Output = bool> + Send;

    /// Whether a transaction was left open on it.
    fn is_open(connection: &mut Self::Connection) -> bool;

    /// What becomes of one whose call was dropped half-way, because nobody waits for it any more.
    fn abandon(loan: Loan<Self>);
}

impl<M: Manager> Pool<M> {
    /// No connection is opened before it is needed, so that a process costs what it uses.
    fn new(manager: M, size: usize, limits: &Limits) -> Arc<Self> {
        let (permits, idle) = (Permits::new(size), Mutex::default());
        let longest = postgres::longest(limits.database_statement);
        Arc::new(Self { manager, permits, idle, acquire: limits.database_acquire, longest })
    }

    /// Awaits a free connection, but no longer than `database_acquire`.
    async fn lend(self: &Arc<Self>) -> Result<Loan<M>, Failed> {
        let free = self.permits.acquire(Instant::now() + self.acquire).await;
        let permit = free.ok_or(Failed::Exhausted)?;
        let lent = |connection| Loan {
            connection: Some(connection),
            pool: Arc::clone(self),
            permit: Some(permit),
            rests: false,
        };
        let mut silent = false;
        while let Some(mut connection) = self.take() {
            match timeout(self.acquire / 2, self.manager.is_alive(&mut connection)).await {
                Ok(true) => return Ok(lent(connection)),
                Ok(false) => {}
                Err(_) if silent => self.forget(),
                Err(_) => silent = true,
            }
        }
        let opened = timeout(self.acquire, self.manager.connect()).await;
        opened.unwrap_or_else(|_| Err(Failed::silent())).map(lent)
    }

    /// The connection that was given back last.
    fn take(&self) -> Option<M::Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn keep(&self, connection: M::Connection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }

    /// Two were silent: one alone may be so by itself, as under actix the worker that opened it drives it. Those that lay beside
    /// them are no better, and to wait for each would take as many times as long.
    fn forget(&self) {
        let idle = mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        drop(idle);
    }
}

/// A connection, and the permit to have it.
pub(crate) struct Loan<M: Manager> {
    connection: Option<M::Connection>,
    pool: Arc<Pool<M>>,
    permit: Option<Permit>,
    rests: bool,
}

impl<M: Manager> Loan<M> {
    pub(crate) fn connection(&mut self) -> &mut M::Connection {
        self.connection.as_mut().expect("taken only when dropped")
    }

    /// The call is over, and nothing goes on on this connection.
    pub(crate) fn rest(&mut self) {
        self.rests = true;
    }

    /// How long a call of a few statements may take.
    pub(crate) fn longest(&self) -> Duration {
        self.pool.longest
    }
}

impl<M: Manager> Drop for Loan<M> {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        if !self.rests {
            let (pool, permit) = (Arc::clone(&self.pool), self.permit.take());
            M::abandon(Self { connection: Some(connection), pool, permit, rests: true });
        } else if !M::is_open(&mut connection) {
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
    pub(crate) connection: SyncConnectionWrapper<SqliteConnection, Threads>,
    file: sqlite::Identity,
}

impl Manager for Sqlite {
    type Connection = Opened;

    async fn connect(&self) -> Result<Opened, Failed> {
        let Self { file, busy, writes } = self.clone();
        let opened = spawn_blocking(move || {
            let identity = sqlite::identity(&file).ok_or_else(Failed::gone)?;
            Ok((sqlite::connect_to(&file, busy, writes)?, identity))
        });
        let (connection, file) =
            opened.await.unwrap_or_else(|end| Err(Failed::Unreachable(end.to_string())))?;
        let connection = SyncConnectionWrapper::with_runtime(connection, Threads::default());
        Ok(Opened { connection, file })
    }

    /// A file does not hang up. But what is written to one that was moved away, nobody finds again.
    async fn is_alive(&self, opened: &mut Opened) -> bool {
        // A look at a folder that is in memory: less than a thread would cost.
        sqlite::identity(&self.file) == Some(opened.file)
    }

    fn is_open(opened: &mut Opened) -> bool {
        is_open(&mut opened.connection)
    }

    /// The statement goes on: nothing interrupts the thread that runs it. The connection is lent again when it has ended.
    fn abandon(mut loan: Loan<Self>) {
        let Ok(runtime) = Handle::try_current() else {
            // The process ends, and the statement with it.
            return drop(loan.connection.take());
        };
        let Some(mut opened) = loan.connection.take() else { return };
        let ended = opened.connection.spawn_blocking(|_| Ok(()));
        runtime.spawn(async move {
            let _ = ended.await;
            // Not before: a runtime that ends drops this task, while the statement still has the connection.
            loan.connection = Some(opened);
            drop(loan);
        });
    }
}

impl Manager for Postgres {
    type Connection = AsyncPgConnection;

    async fn connect(&self) -> Result<AsyncPgConnection, Failed> {
        let opened = AsyncPgConnection::establish(&self.url).await;
        let mut connection = opened.map_err(|error| Failed::Unreachable(error.to_string()))?;
        connection.batch_execute(&postgres::settings(self.statement)).await?;
        Ok(connection)
    }

    /// A round trip before each use: a server that was restarted has hung up, and only this tells.
    async fn is_alive(&self, connection: &mut AsyncPgConnection) -> bool {
        connection.batch_execute("SELECT 1").await.is_ok()
    }

    fn is_open(connection: &mut AsyncPgConnection) -> bool {
        is_open(connection)
    }

    /// The connection is closed, and the server ends its statement within a second. The next opens another.
    fn abandon(mut loan: Loan<Self>) {
        drop(loan.connection.take());
    }
}

/// Whether a transaction was begun and not ended, or could not be ended.
fn is_open<C: AsyncConnection>(connection: &mut C) -> bool {
    C::TransactionManager::is_broken_transaction_manager(connection)
}

/// Threads for SQLite, which knows no other way than to block one.
///
/// diesel-async's own type waits, when a call is dropped, for the statement to end: on the worker, which stops, and
/// with a panic on a runtime of one thread. Here the next call on the connection waits instead, on its own thread: the
/// lock is free when the one before has let go of everything.
#[derive(Default)]
pub(crate) struct Threads(Arc<Mutex<()>>);

impl SpawnBlocking for Threads {
    fn spawn_blocking<'a, R: Send + 'static>(
        &mut self,
        task: impl FnOnce() -> R + Send + 'static,
    ) -> BoxFuture<'a, Result<R, Box<dyn Error + Send + Sync>>> {
        let turn = Arc::clone(&self.0);
        let call = move || {
            let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
            task()
        };
        spawn_blocking(call).map_err(Box::from).boxed()
    }

    fn get_runtime() -> Self {
        Self::default()
    }
}
