//! A ledger of results that the database itself keeps: a row for each time that one is written, whoever writes it.
//!
//! A job that is done twice looks like one that is done once: the second result lies where the first lay.

use std::path::Path;
use std::time::Duration;

use anyhow::bail;
use diesel::connection::SimpleConnection;
use diesel::dsl::{select, sql};
use diesel::sql_types::BigInt;
use diesel::{RunQueryDsl, SqliteConnection};
use store::Database;

/// As long as the ledger waits for who writes.
const BUSY: Duration = Duration::from_secs(10);

/// The ledger of one database.
pub(crate) struct Ledger(SqliteConnection);

impl Ledger {
    /// Begins it in the folder of a server that has made its tables.
    pub(crate) fn begin(data: &Path) -> anyhow::Result<Self> {
        let Database::Sqlite(file) = Database::new(None, data)? else { bail!("no file") };
        let mut connection = store::sqlite::connect(&file.to_string_lossy(), BUSY)?;
        connection.batch_execute(
            "CREATE TABLE ledger (job INTEGER NOT NULL); \
             CREATE TRIGGER ledger_of_results AFTER UPDATE OF result ON jobs WHEN NEW.result IS NOT NULL \
             BEGIN INSERT INTO ledger VALUES (NEW.id); END",
        )?;
        Ok(Self(connection))
    }

    /// Of how many jobs a result was written once.
    pub(crate) fn once(&mut self) -> anyhow::Result<usize> {
        self.count("(SELECT job FROM ledger GROUP BY job HAVING COUNT(*) = 1)")
    }

    /// Of how many it was written more than once.
    pub(crate) fn doubled(&mut self) -> anyhow::Result<usize> {
        self.count("(SELECT job FROM ledger GROUP BY job HAVING COUNT(*) > 1)")
    }

    /// How many jobs are those of the worker with this process id. Once it was killed: how many it was killed over.
    pub(crate) fn held_by(&mut self, pid: u32) -> anyhow::Result<usize> {
        self.count(&format!("jobs WHERE state = 'running' AND worker LIKE '{pid}-%'"))
    }

    fn count(&mut self, rows: &str) -> anyhow::Result<usize> {
        let count = sql::<BigInt>(&format!("(SELECT COUNT(*) FROM {rows})"));
        Ok(usize::try_from(select(count).get_result::<i64>(&mut self.0)?)?)
    }
}

#[cfg(test)]
mod tests {
    use contract::{NewJob, Order};
    use store::jobs;

    use super::*;

    #[test]
    fn a_result_that_is_written_again_is_seen_though_the_job_looks_the_same() {
        let data = tempfile::tempdir().unwrap();
        store::migrate::migrate(&Database::new(None, data.path()).unwrap()).unwrap();
        let mut ledger = Ledger::begin(data.path()).unwrap();
        let job = || NewJob { order: Order::Wait { millis: 0 }, input: Vec::new() };
        for _ in 0..2 {
            jobs::new(job(), None).execute(&mut ledger.0).unwrap();
        }
        let claimed =
            "UPDATE jobs SET state = 'running', attempts = 1, worker = '77-ab' WHERE id = 1";
        ledger.0.batch_execute(claimed).unwrap();
        assert_eq!((ledger.held_by(77).unwrap(), ledger.held_by(7).unwrap()), (1, 0));
        let text = || Some("text/plain".to_owned());
        for _ in 0..2 {
            // Fenced: the second changes nothing.
            let finish = jobs::finish(1, 1, "77-ab".to_owned(), text(), Some(b"done".to_vec()));
            finish.execute(&mut ledger.0).unwrap();
        }
        assert_eq!((ledger.once().unwrap(), ledger.doubled().unwrap()), (1, 0));
        assert_eq!(ledger.held_by(77).unwrap(), 0);
        // As a worker would end a job that is no longer its own, were there no fence.
        ledger.0.batch_execute("UPDATE jobs SET result = result WHERE id = 1").unwrap();
        assert_eq!((ledger.once().unwrap(), ledger.doubled().unwrap()), (0, 1));
    }
}
