//! Tests of what must hold on either database: each runs on SQLite always, and on PostgreSQL where there is one.

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use tempfile::TempDir;

use crate::postgres::Shared;
use crate::trials::on_postgres;

/// A test: its sentence, and what it does with a database of its own.
pub type Test = (&'static str, fn(Fresh));

/// A database that nobody has used, for as long as this is kept.
#[derive(Debug)]
pub struct Fresh {
    /// Where it is; none is SQLite in `data`.
    pub url: Option<String>,
    /// An empty folder.
    pub data: TempDir,
}

impl Fresh {
    /// One of SQLite's.
    pub fn on_sqlite() -> Self {
        Self::new(None)
    }

    fn new(url: Option<String>) -> Self {
        Self { url, data: tempfile::tempdir().expect("a test may make a folder") }
    }
}

/// Runs these tests on both, and others beside them, under the arguments of `cargo test`.
pub fn run(tests: &[Test], others: Vec<Trial>) -> ExitCode {
    let arguments = Arguments::from_args();
    let postgres = Arc::new(Shared::default());
    let mut trials = others;
    for &(name, test) in tests {
        trials.push(Trial::test(format!("SQLite::{name}"), move || {
            test(Fresh::on_sqlite());
            Ok(())
        }));
        let postgres = Arc::clone(&postgres);
        trials.push(on_postgres(format!("PostgreSQL::{name}"), move || {
            let url = postgres.database().map_err(Failed::from)?;
            test(Fresh::new(Some(url)));
            Ok(())
        }));
    }
    drop(postgres);
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Tests by their names, which are their sentences.
#[macro_export]
macro_rules! sentences {
    ($($test:path),* $(,)?) => {
        &[$((stringify!($test), $test as fn($crate::databases::Fresh))),*]
    };
}
