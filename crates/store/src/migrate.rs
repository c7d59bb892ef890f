//! Migrations: inside the binary, run when a process starts, before it listens. Nobody waits beside them, so both ways of
//! waiting run them alike.

use std::fs;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::migration::MigrationSource;
use diesel::result::Error;
use diesel::{Connection, PgConnection, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::{CannotOpen, Database, postgres, sqlite};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// How long the start of a process may take here; longer is a database that does not answer.
const PATIENCE: Duration = Duration::from_millis(1_800);

/// Any number, the same in every process: whoever holds its lock migrates, the others wait and find it done.
const LOCK: i64 = 7_701;

/// Makes the file or connects, and brings the tables up to date.
///
/// # Errors
///
/// The sentence that the process ends with.
pub fn migrate(database: &Database) -> Result<(), CannotOpen> {
    let (done, result) = channel();
    let database = database.clone();
    thread::spawn(move || done.send(migrated(&database)));
    // A host that drops packets keeps libpq for two seconds, and a lock for ever.
    result.recv_timeout(PATIENCE).unwrap_or(Err(CannotOpen::Silent(PATIENCE)))
}

fn migrated(database: &Database) -> Result<(), CannotOpen> {
    match database {
        Database::Sqlite(file) => {
            let folder = file.parent().unwrap_or(file);
            fs::create_dir_all(folder)
                .map_err(|error| CannotOpen::Folder(folder.to_owned(), error))?;
            let file = file.to_string_lossy();
            let mut connection = sqlite::connect(&file, PATIENCE)
                .map_err(|error| CannotOpen::Connect(format!("{file}: {error}")))?;
            connection
                .immediate_transaction(|connection: &mut SqliteConnection| run(connection, SQLITE))
                .map_err(|error| error.told())
        }
        Database::Postgres(url) => {
            let mut connection = PgConnection::establish(&postgres::with_clocks(url))
                .map_err(|error| CannotOpen::Connect(error.to_string()))?;
            connection
                .transaction(|connection: &mut PgConnection| {
                    connection.batch_execute(&format!("SELECT pg_advisory_xact_lock({LOCK})"))?;
                    run(connection, POSTGRES)
                })
                .map_err(|error| error.told())
        }
    }
}

/// What a migration fails with, as diesel's transaction wants it.
struct Undone(String);

impl Undone {
    fn told(self) -> CannotOpen {
        CannotOpen::Migrate(self.0)
    }
}

impl From<Error> for Undone {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

fn run<C, S>(connection: &mut C, migrations: S) -> Result<(), Undone>
where
    C: MigrationHarness<C::Backend> + Connection,
    S: MigrationSource<C::Backend>,
{
    connection.run_pending_migrations(migrations).map_err(|error| Undone(error.to_string()))?;
    Ok(())
}
