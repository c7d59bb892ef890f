//! How a connection to SQLite is set up: the same PRAGMAs on each, because they belong to connections and not to the file.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, ConnectionError, ConnectionResult, SqliteConnection};
use rustix::fs::{Access, access};

use crate::jobs::from_now_utils;
use crate::{Failed, now, wait_for_utils};

/// Which file it is, whatever its name: device and number.
pub type Identity = (u64, u64);

/// Which file has this name now; none if there is none.
pub fn identity(file: &Path) -> Option<Identity> {
    fs::metadata(file).ok().map(|found| (found.dev(), found.ino()))
}

/// Opens `file`, which must exist, for reading, or for writing too.
///
/// # Errors
///
/// When SQLite cannot open or set up the file, or it may not be written.
pub fn connect_to(file: &Path, busy: Duration, writes: bool) -> Result<SqliteConnection, Failed> {
    // SQLite opens what may not be written for reading only, and a connection stays what it was opened as.
    if writes && access(file, Access::WRITE_OK).is_err() {
        return Err(Failed::Unreachable("its file may not be written".to_owned()));
    }
    let opened = connect(&existing(file), busy);
    opened.map_err(|error| Failed::Unreachable(error.to_string()))
}

/// `file` as SQLite is told to open it only if it is there: a file that was moved away must not become a new, empty one.
fn existing(file: &Path) -> String {
    // What means something in a URI, percent-encoded.
    let path = file.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("file:{path}?mode=rw")
}

/// Opens `file`, which need not exist, in a folder that does.
///
/// - WAL: whoever reads goes on while another writes.
/// - `synchronous = FULL`: a commit is on the disk when it returns, because a 2xx promises so.
/// - `busy_timeout`: how long a statement waits for the lock of another writer, in this process or another.
///
/// # Errors
///
/// When SQLite cannot open or set up the file.
pub fn connect(file: &str, busy: Duration) -> ConnectionResult<SqliteConnection> {
    let mut connection = SqliteConnection::establish(file)?;
    connection
        .batch_execute(&format!(
            "PRAGMA busy_timeout = {}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
             PRAGMA foreign_keys = ON;",
            busy.as_millis()
        ))
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    // It sleeps and computes nothing, on the thread that runs the statement.
    wait_for_utils::register_nondeterministic_impl(&mut connection, |seconds: f64| {
        thread::sleep(Duration::try_from_secs_f64(seconds).unwrap_or_default());
        seconds
    })
    .map_err(ConnectionError::CouldntSetupConfiguration)?;
    from_now_utils::register_nondeterministic_impl(&mut connection, |ms: i64| now() + ms)
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}
