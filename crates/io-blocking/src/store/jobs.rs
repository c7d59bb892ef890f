//! Jobs: each function is one request's work on the database.

use std::time::Duration;

use contract::{
    Batch, BatchId, IdempotencyKey, Job, JobId, JobResult, Jobs, JobsPage, NewJob, Problem,
    Timestamp,
};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::{BigInt, Integer, Text};
use store::jobs::{self, Claimed, ClaimedRow, JobRow, Lease, ResultRow};
use store::keys::KeyRow;
use store::{Failed, postgres};

use crate::store::pool::Lent;
use crate::store::{Store, on};

impl Store {
    /// Accepts a job, if the queue has room. With a key that was used before, answers with the job that was made then.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 422 or 503.
    pub fn enqueue(&self, job: NewJob, key: Option<IdempotencyKey>) -> Result<Job, Problem> {
        let Some(key) = key else { return Ok(self.accept(job, None)?.try_into()?) };
        let request = jobs::fingerprint(&job);
        let key = key.as_str().to_owned();
        match self.accept(job, Some((key.clone(), request.clone()))) {
            Ok(row) => Ok(row.try_into()?),
            Err(Failed::Query(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _))) => {
                self.job_of_key(key, &request)
            }
            Err(failed) => Err(failed.into()),
        }
    }

    /// Keeps job and key in one transaction, or neither.
    fn accept(&self, job: NewJob, key: Option<(String, String)>) -> Result<JobRow, Failed> {
        let most = self.limits.queue;
        let insert = jobs::new(job, None);
        on!(self.writer()?, db => db.transaction(|db| {
            jobs::line_up().execute(db)?;
            jobs::ensure_room(jobs::queued().get_result(db)?, 1, most)?;
            let row: JobRow = insert.returning(jobs::COLUMNS).get_result(db)?;
            if let Some((key, request)) = key {
                jobs::claim_key(key, request, row.id).execute(db)?;
            }
            Ok(row)
        }))
    }

    fn job_of_key(&self, key: String, request: &str) -> Result<Job, Problem> {
        let row: KeyRow =
            on!(self.connection()?, db => jobs::find_key(key).first(db)).map_err(Failed::from)?;
        self.job(JobId(row.repeats(request)?))?.ok_or_else(Problem::no_job)
    }

    /// Accepts all of these jobs together with their batch, or none of it.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 503.
    pub fn enqueue_batch(&self, batch: Vec<NewJob>) -> Result<Batch, Problem> {
        let most = self.limits.queue;
        let others = postgres::others(self.limits.database_statement, batch.len());
        let accepted = on!(self.writer()?, others, db => db.transaction(|db| {
            jobs::line_up().execute(db)?;
            jobs::ensure_room(jobs::queued().get_result(db)?, batch.len(), most)?;
            let (id, at): (i64, i64) = jobs::insert_batch().get_result(db)?;
            let mut rows: Vec<JobRow> = Vec::with_capacity(batch.len());
            for job in batch {
                rows.push(jobs::new(job, Some(id)).returning(jobs::COLUMNS).get_result(db)?);
            }
            Ok::<_, Failed>(Batch::new(BatchId(id), Timestamp(at), all(rows)?))
        }));
        Ok(accepted?)
    }

    /// A batch and its jobs, if there is one.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 503.
    pub fn batch(&self, id: BatchId) -> Result<Option<Batch>, Problem> {
        let at: Option<i64> =
            on!(self.connection()?, db => jobs::find_batch(id.0).first(db).optional())
                .map_err(Failed::from)?;
        let Some(at) = at else { return Ok(None) };
        let rows: Vec<JobRow> =
            on!(self.connection()?, db => jobs::of_batch(id.0).load(db)).map_err(Failed::from)?;
        Ok(Some(Batch::new(id, Timestamp(at), all(rows)?)))
    }

    /// One job, if there is one.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 503.
    pub fn job(&self, id: JobId) -> Result<Option<Job>, Problem> {
        let row: Option<JobRow> =
            on!(self.connection()?, db => jobs::find(id.0).first(db).optional())
                .map_err(Failed::from)?;
        Ok(row.map(Job::try_from).transpose()?)
    }

    /// A page of jobs.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 503.
    pub fn jobs(&self, asked: JobsPage) -> Result<Jobs, Problem> {
        let (limit, after) = (asked.page.limit + 1, asked.page.after.0);
        let rows: Vec<JobRow> = match asked.state {
            Some(state) => {
                let page = jobs::page_in(state.as_str(), limit, after);
                on!(self.connection()?, db => page.load(db)).map_err(Failed::from)?
            }
            None => {
                let page = jobs::page(limit, after);
                on!(self.connection()?, db => page.load(db)).map_err(Failed::from)?
            }
        };
        Ok(Jobs::new(all(rows)?, asked.page))
    }

    /// What a job left behind, if there is such a job.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 409 or 503.
    pub fn job_result(&self, id: JobId) -> Result<Option<JobResult>, Problem> {
        let row: Option<ResultRow> =
            on!(self.connection()?, db => jobs::find_result(id.0).first(db).optional())
                .map_err(Failed::from)?;
        row.map(ResultRow::result).transpose()
    }

    /// Cancels a job that has not ended, and gives it as it stands then, if there is one.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 503.
    pub fn cancel_job(&self, id: JobId) -> Result<Option<Job>, Problem> {
        on!(self.writer()?, db => jobs::cancel(id.0).execute(db)).map_err(Failed::from)?;
        self.job(id)
    }

    /// How many jobs no worker has.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 503.
    pub fn queued(&self) -> Result<i64, Problem> {
        let queued = on!(self.connection()?, db => jobs::queued().get_result(db));
        Ok(queued.map_err(Failed::from)?)
    }

    // What a worker does with a job. Each tells whether the job was still this worker's; if not, another has it, or its
    // client cancelled it, and nothing was changed.

    /// Takes the job that has been due longest, unless it was begun `attempts` times already.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub fn claim(
        &self,
        worker: &str,
        lease: Duration,
        attempts: i32,
    ) -> Result<Option<Claimed>, Failed> {
        let lease = millis(lease);
        let row: Option<ClaimedRow> = match self.writer()? {
            Lent::Sqlite(mut db) => jobs::claim_in_sqlite()
                .bind::<Text, _>(worker)
                .bind::<BigInt, _>(lease)
                .bind::<Integer, _>(attempts)
                .get_result(&mut db.connection().connection)
                .optional()?,
            Lent::Postgres(mut db) => jobs::claim_in_postgres()
                .bind::<Text, _>(worker)
                .bind::<BigInt, _>(lease)
                .bind::<Integer, _>(attempts)
                .get_result(db.connection().call())
                .optional()?,
        };
        Ok(row.map(|row| row.claimed(worker)))
    }

    /// Keeps a job for another `lease`.
    ///
    /// # Errors
    ///
    /// When the database fails; whether the job is lost is then not known.
    pub fn renew(&self, held: &Lease, lease: Duration) -> Result<bool, Failed> {
        let Lease { id, attempt, worker } = held.clone();
        let renew = jobs::renew(id, attempt, worker, millis(lease));
        Ok(on!(self.writer()?, db => renew.execute(db))? > 0)
    }

    /// Ends a job with its result.
    ///
    /// # Errors
    ///
    /// When the database fails; the lease runs on, and somebody does the job again.
    pub fn finish(&self, held: &Lease, result: JobResult) -> Result<bool, Failed> {
        let Lease { id, attempt, worker } = held.clone();
        let JobResult { media_type, bytes } = result;
        let finish = jobs::finish(id, attempt, worker, Some(media_type), Some(bytes));
        Ok(on!(self.writer()?, db => finish.execute(db))? > 0)
    }

    /// Ends a job with a problem.
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish).
    pub fn fail(&self, held: &Lease, problem: &Problem) -> Result<bool, Failed> {
        let Lease { id, attempt, worker } = held.clone();
        let fail = jobs::fail(id, attempt, worker, jobs::told(problem));
        Ok(on!(self.writer()?, db => fail.execute(db))? > 0)
    }

    /// Puts a job back, to be tried again after a pause.
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish).
    pub fn try_again(
        &self,
        held: &Lease,
        pause: Duration,
        problem: &Problem,
    ) -> Result<bool, Failed> {
        let Lease { id, attempt, worker } = held.clone();
        let try_again = jobs::try_again(id, attempt, worker, millis(pause), jobs::told(problem));
        Ok(on!(self.writer()?, db => try_again.execute(db))? > 0)
    }

    /// Puts a job back as if it had never been begun.
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish).
    pub fn release(&self, held: &Lease) -> Result<bool, Failed> {
        let Lease { id, attempt, worker } = held.clone();
        let release = jobs::release(id, attempt, worker);
        Ok(on!(self.writer()?, db => release.execute(db))? > 0)
    }

    /// Ends the jobs whose last lease is over, and forgets those that ended longer ago than `kept`, with their keys and, when
    /// none of its jobs is left, their batch. How many jobs of each.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub fn sweep_jobs(
        &self,
        attempts: i32,
        problem: &Problem,
        kept: Duration,
    ) -> Result<(usize, usize), Failed> {
        let (give_up, sweep) =
            (jobs::give_up(attempts, jobs::told(problem)), jobs::sweep(-millis(kept)));
        let given_up = on!(self.writer()?, db => give_up.execute(db))?;
        let swept = on!(self.writer()?, db => sweep.execute(db))?;
        if swept > 0 {
            for after in jobs::sweep_after() {
                on!(self.writer()?, db => after.execute(db))?;
            }
        }
        Ok((given_up, swept))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn all(rows: Vec<JobRow>) -> Result<Vec<Job>, Failed> {
    rows.into_iter().map(Job::try_from).collect()
}
