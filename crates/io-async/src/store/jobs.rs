//! Jobs: each function is one request's work on the database.

use contract::{
    Batch, BatchId, IdempotencyKey, Job, JobId, JobResult, Jobs, JobsPage, NewJob, Problem,
    Timestamp,
};
use diesel::OptionalExtension;
use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::{AsyncConnection, RunQueryDsl};
use store::jobs::{self, JobRow, ResultRow};
use store::keys::KeyRow;
use store::{Failed, postgres};

use crate::store::{Store, on};

impl Store {
    /// Accepts a job, if the queue has room. With a key that was used before, answers with the job that was made then.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 422 or 503.
    pub async fn enqueue(&self, job: NewJob, key: Option<IdempotencyKey>) -> Result<Job, Problem> {
        let Some(key) = key else { return Ok(self.accept(job, None).await?.try_into()?) };
        let request = jobs::fingerprint(&job);
        let key = key.as_str().to_owned();
        match self.accept(job, Some((key.clone(), request.clone()))).await {
            Ok(row) => Ok(row.try_into()?),
            Err(Failed::Query(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _))) => {
                self.job_of_key(key, &request).await
            }
            Err(failed) => Err(failed.into()),
        }
    }

    /// Keeps job and key in one transaction, or neither.
    async fn accept(&self, job: NewJob, key: Option<(String, String)>) -> Result<JobRow, Failed> {
        let most = self.limits.queue;
        let insert = jobs::new(job, None);
        on!(self.writer().await?, db => db.transaction(async |db| {
            jobs::line_up().execute(db).await?;
            jobs::ensure_room(jobs::queued().get_result(db).await?, 1, most)?;
            let row: JobRow = insert.returning(jobs::COLUMNS).get_result(db).await?;
            if let Some((key, request)) = key {
                jobs::claim_key(key, request, row.id).execute(db).await?;
            }
            Ok(row)
        }).await)
    }

    async fn job_of_key(&self, key: String, request: &str) -> Result<Job, Problem> {
        let row: KeyRow = on!(self.connection().await?, db => jobs::find_key(key).first(db).await)
            .map_err(Failed::from)?;
        self.job(JobId(row.repeats(request)?)).await?.ok_or_else(Problem::no_job)
    }

    /// Accepts all of these jobs together with their batch, or none of it.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 503.
    pub async fn enqueue_batch(&self, batch: Vec<NewJob>) -> Result<Batch, Problem> {
        let most = self.limits.queue;
        let others = postgres::others(self.limits.database_statement, batch.len());
        let accepted = on!(self.writer().await?, others, db => db.transaction(async |db| {
            jobs::line_up().execute(db).await?;
            jobs::ensure_room(jobs::queued().get_result(db).await?, batch.len(), most)?;
            let (id, at): (i64, i64) = jobs::insert_batch().get_result(db).await?;
            let mut rows: Vec<JobRow> = Vec::with_capacity(batch.len());
            for job in batch {
                rows.push(jobs::new(job, Some(id)).returning(jobs::COLUMNS).get_result(db).await?);
            }
            Ok::<_, Failed>(Batch::new(BatchId(id), Timestamp(at), all(rows)?))
        }).await);
        Ok(accepted?)
    }

    /// A batch and its jobs, if there is one.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 503.
    pub async fn batch(&self, id: BatchId) -> Result<Option<Batch>, Problem> {
        let at: Option<i64> =
            on!(self.connection().await?, db => jobs::find_batch(id.0).first(db).await.optional())
                .map_err(Failed::from)?;
        let Some(at) = at else { return Ok(None) };
        let rows: Vec<JobRow> =
            on!(self.connection().await?, db => jobs::of_batch(id.0).load(db).await)
                .map_err(Failed::from)?;
        Ok(Some(Batch::new(id, Timestamp(at), all(rows)?)))
    }

    /// One job, if there is one.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 503.
    pub async fn job(&self, id: JobId) -> Result<Option<Job>, Problem> {
        let row: Option<JobRow> =
            on!(self.connection().await?, db => jobs::find(id.0).first(db).await.optional())
                .map_err(Failed::from)?;
        Ok(row.map(Job::try_from).transpose()?)
    }

    /// A page of jobs.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 503.
    pub async fn jobs(&self, asked: JobsPage) -> Result<Jobs, Problem> {
        let (limit, after) = (asked.page.limit + 1, asked.page.after.0);
        let rows: Vec<JobRow> = match asked.state {
            Some(state) => {
                let page = jobs::page_in(state.as_str(), limit, after);
                on!(self.connection().await?, db => page.load(db).await).map_err(Failed::from)?
            }
            None => {
                let page = jobs::page(limit, after);
                on!(self.connection().await?, db => page.load(db).await).map_err(Failed::from)?
            }
        };
        Ok(Jobs::new(all(rows)?, asked.page))
    }

    /// What a job left behind, if there is such a job.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 409 or 503.
    pub async fn job_result(&self, id: JobId) -> Result<Option<JobResult>, Problem> {
        let row: Option<ResultRow> =
            on!(self.connection().await?, db => jobs::find_result(id.0).first(db).await.optional())
                .map_err(Failed::from)?;
        row.map(ResultRow::result).transpose()
    }

    /// Cancels a job that has not ended, and gives it as it stands then, if there is one.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 503.
    pub async fn cancel_job(&self, id: JobId) -> Result<Option<Job>, Problem> {
        on!(self.writer().await?, db => jobs::cancel(id.0).execute(db).await)
            .map_err(Failed::from)?;
        self.job(id).await
    }

    /// How many jobs no worker has.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 503.
    pub async fn queued(&self) -> Result<i64, Problem> {
        let queued = on!(self.connection().await?, db => jobs::queued().get_result(db).await);
        Ok(queued.map_err(Failed::from)?)
    }
}

fn all(rows: Vec<JobRow>) -> Result<Vec<Job>, Failed> {
    rows.into_iter().map(Job::try_from).collect()
}
