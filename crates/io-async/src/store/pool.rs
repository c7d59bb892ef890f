//! Connections: so many at once, opened when they are needed, and a bounded wait for one.
//!
//! SQLite has one writer at a time, whatever is done. So one connection writes, for which writers wait in line here, and
//! not in SQLite, which would let them sleep and try again, and sit on every connection that readers could use.

use std::error::Error;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use contract::Limits;
use deadpool::managed::{Manager, Metrics, Object, Pool, RecycleError, RecycleResult, Timeouts};
use deadpool::{Runtime, managed};
use diesel::{ConnectionError, SqliteConnection};
use diesel_async::pooled_connection::{PoolError, PoolableConnection, RecyclingMethod};
use diesel_async::sync_connection_wrapper::{SpawnBlocking, SyncConnectionWrapper};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use futures_util::future::{BoxFuture, FutureExt, TryFutureExt};
use store::{Database, Failed, postgres, sqlite};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// How connections of one database are lent.
#[derive(Clone)]
pub(crate) enum Pools {
    /// All but one read; the other writes.
    Sqlite { file: PathBuf, readers: Pool<Sqlite>, writer: Pool<Sqlite> },
    /// Each does either.
    Postgres(Pool<Postgres>),
}

/// A connection, lent until it is dropped.
#[expect(
    clippy::large_enum_variant,
    reason = "it lives in the state of one call; a box would be an allocation for each"
)]
pub(crate) enum Lent {
    Sqlite(Guard<Sqlite>),
    Postgres(Guard<Postgres>),
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

    pub(crate) async fn reader(&self) -> Result<Lent, Failed> {
        match self {
            Self::Sqlite { readers, .. } => lend(readers).await.map(Lent::Sqlite),
            Self::Postgres(pool) => lend(pool).await.map(Lent::Postgres),
        }
    }

    pub(crate) async fn writer(&self) -> Result<Lent, Failed> {
        match self {
            Self::Sqlite { writer, .. } => lend(writer).await.map(Lent::Sqlite),
            Self::Postgres(pool) => lend(pool).await.map(Lent::Postgres),
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
fn pool<M: Manager>(manager: M, size: usize, limits: &Limits) -> Pool<M> {
    Pool::builder(manager)
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .timeouts(Timeouts {
            wait: Some(limits.database_acquire),
            create: Some(limits.database_acquire),
            // Without it the next who asks waits behind a statement whose request was dropped.
            recycle: Some(limits.database_acquire / 2),
        })
        .build()
        .expect("a runtime is named, which is all that timeouts need")
}

/// Awaits a free connection, but no longer than `database_acquire`.
async fn lend<M: Lend>(pool: &Pool<M>) -> Result<Guard<M>, Failed> {
    let within = pool.timeouts().wait.unwrap_or_default();
    match timeout(within, pool.get()).await {
        Ok(Ok(object)) => Ok(Guard { object: Some(object), rests: false }),
        Ok(Err(managed::PoolError::Backend(error))) => Err(Failed::Unreachable(error.to_string())),
        _ if pool.status().size >= pool.status().max_size => Err(Failed::Exhausted),
        _ => Err(Failed::Unreachable("no answer in time".to_owned())),
    }
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

/// A connection, and what becomes of it when it is dropped.
pub(crate) struct Guard<M: Lend> {
    object: Option<Object<M>>,
    rests: bool,
}

impl<M: Lend> Guard<M> {
    /// The call is over, and nothing goes on on this connection.
    pub(crate) fn rest(&mut self) {
        self.rests = true;
    }
}

impl<M: Lend> Deref for Guard<M> {
    type Target = M::Type;

    fn deref(&self) -> &M::Type {
        self.object.as_ref().expect("taken only when dropped")
    }
}

impl<M: Lend> DerefMut for Guard<M> {
    fn deref_mut(&mut self) -> &mut M::Type {
        self.object.as_mut().expect("taken only when dropped")
    }
}

impl<M: Lend> Drop for Guard<M> {
    fn drop(&mut self) {
        if let Some(object) = self.object.take().filter(|_| !self.rests) {
            M::abandon(object);
        }
    }
}

/// What becomes of a connection whose call was dropped half-way, because nobody waits for it any more.
pub(crate) trait Lend: Manager<Type: Send, Error: Send + fmt::Display> + Sized {
    fn abandon(object: Object<Self>);
}

impl Lend for Sqlite {
    /// The statement goes on: nothing interrupts the thread that runs it. The connection is lent again when it has ended.
    fn abandon(mut object: Object<Self>) {
        if let Ok(runtime) = Handle::try_current() {
            let ended = object.spawn_blocking(|_| Ok(()));
            runtime.spawn(async move {
                let _ = ended.await;
                drop(object);
            });
        }
    }
}

impl Lend for Postgres {
    /// The connection is closed, and the server ends its statement within a second. The next opens another.
    fn abandon(object: Object<Self>) {
        drop(Object::take(object));
    }
}

impl Manager for Sqlite {
    type Type = SyncConnectionWrapper<SqliteConnection, Threads>;
    type Error = PoolError;

    async fn create(&self) -> Result<Self::Type, PoolError> {
        let Self { file, busy } = self.clone();
        let opened = spawn_blocking(move || sqlite::connect(&file, busy)).await;
        let opened =
            opened.unwrap_or_else(|end| Err(ConnectionError::BadConnection(end.to_string())));
        Ok(SyncConnectionWrapper::with_runtime(
            opened.map_err(PoolError::ConnectionError)?,
            Threads::default(),
        ))
    }

    /// A file does not hang up.
    async fn recycle(&self, connection: &mut Self::Type, _: &Metrics) -> RecycleResult<PoolError> {
        if connection.is_broken() { Err(RecycleError::message("broken")) } else { Ok(()) }
    }
}

impl Manager for Postgres {
    type Type = AsyncPgConnection;
    type Error = PoolError;

    async fn create(&self) -> Result<Self::Type, PoolError> {
        let opened = AsyncPgConnection::establish(&self.url).await;
        let mut connection = opened.map_err(PoolError::ConnectionError)?;
        let set_up = connection.batch_execute(&postgres::settings(self.statement)).await;
        set_up.map_err(PoolError::QueryError)?;
        Ok(connection)
    }

    /// A round trip before each use: a server that was restarted has hung up, and only this tells.
    async fn recycle(&self, connection: &mut Self::Type, _: &Metrics) -> RecycleResult<PoolError> {
        if connection.is_broken() {
            return Err(RecycleError::message("broken"));
        }
        connection.ping(&RecyclingMethod::Verified).await.map_err(PoolError::QueryError)?;
        Ok(())
    }
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
