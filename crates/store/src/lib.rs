//! The database: tables, migrations, rows, and each query once. Nothing here waits for a request or opens a pool.
//!
//! A query is a function that names no backend, and not how it is waited for: `io-blocking` runs it with diesel,
//! `io-async` with diesel-async, on SQLite and on PostgreSQL, from this one text. What only one database can say is SQL in
//! its migrations (`crates/store/migrations`), where possible under a name that both know.
//!
//! | to find | look in |
//! |---|---|
//! | which database, and how a connection to it is set up | [`database`], [`sqlite`], [`postgres`] |
//! | the migrations, run when a process starts | [`migrate`] |
//! | notes: rows and queries | [`notes`] |
//! | jobs: rows, queries, leases | [`jobs`] |
//! | keys that make a repeated request harmless | [`keys`] |
//! | rooms: messages and their numbers | [`rooms`] |
//! | a call of a thread to a PostgreSQL that hangs | [`silence`] |
//! | what a failure of the database becomes | [`failure`] |

#![expect(missing_docs, reason = "auto_type makes a type of the same name beside each query")]

pub mod database;
pub mod failure;
pub mod jobs;
pub mod keys;
pub mod migrate;
pub mod notes;
pub mod postgres;
pub mod rooms;
mod schema;
pub mod silence;
pub mod sqlite;

pub use database::{CannotOpen, Database};
pub use failure::Failed;

use std::time::SystemTime;

use contract::Timestamp;

use diesel::dsl::{auto_type, select};
use diesel::sql_types::Double;

diesel::define_sql_function! {
    /// Waits inside the database for so many seconds, without computing, and gives them back.
    fn wait_for(seconds: Double) -> Double;
}

/// `SELECT wait_for(seconds)`
#[auto_type]
pub fn wait(seconds: f64) -> _ {
    select(wait_for(seconds))
}

/// Now, as rows hold it: milliseconds since 1970.
pub fn now() -> i64 {
    Timestamp::from(SystemTime::now()).0
}
