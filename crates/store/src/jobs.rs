//! Jobs: a table that is a queue. Every step is one statement with a condition, so that of two who try it one succeeds.
//!
//! A worker that claims a job has it until its lease is over (`due_at`), and renews that while it works. Whatever it
//! does with the job afterwards is fenced: the statement names the job, the attempt and the worker, and changes nothing
//! when another has the job by then, or the client has cancelled it. Times are the database's own clock.

use contract::jobs::{Kind, State};
use contract::{Job, JobId, JobResult, NewJob, Order, Problem, Timestamp};
use diesel::dsl::{auto_type, count_star, delete, insert_into, sql_query, update};
use diesel::prelude::*;
use diesel::query_builder::SqlQuery;
use diesel::sql_types::{BigInt, Binary, Integer, Text};

use crate::schema::{batches, job_keys, job_line, jobs};
use crate::{Failed, keys};

diesel::define_sql_function! {
    /// The database's time so many milliseconds from now, in milliseconds since 1970.
    fn from_now(ms: BigInt) -> BigInt;
}

/// A row of `jobs`, without what only its worker needs.
#[derive(Debug, Queryable)]
pub struct JobRow {
    /// The job.
    pub id: i64,
    kind: String,
    state: String,
    attempts: i32,
    created_at: i64,
    started_at: Option<i64>,
    finished_at: Option<i64>,
    problem: Option<String>,
}

/// What a job left behind, if it has.
#[derive(Debug, Queryable)]
pub struct ResultRow {
    state: String,
    media_type: Option<String>,
    result: Option<Vec<u8>>,
}

/// A job, as the worker gets it that claimed it.
#[derive(Debug, QueryableByName)]
pub struct ClaimedRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Integer)]
    attempts: i32,
    #[diesel(sql_type = Text)]
    ask: String,
    #[diesel(sql_type = Binary)]
    input: Vec<u8>,
}

/// Whose a job is: no statement of a worker changes a job that is no longer its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The job.
    pub id: i64,
    /// Which attempt at it.
    pub attempt: i32,
    /// Which worker, of all there ever were.
    pub worker: String,
}

/// What a claim gives.
#[derive(Debug)]
pub struct Claimed {
    /// To be shown with every later step.
    pub lease: Lease,
    /// What to do; none if the row cannot be read.
    pub order: Option<Order>,
    /// With what.
    pub input: Vec<u8>,
}

type Columns = (
    jobs::id,
    jobs::kind,
    jobs::state,
    jobs::attempts,
    jobs::created_at,
    jobs::started_at,
    jobs::finished_at,
    jobs::problem,
);

/// What a [`JobRow`] is made of.
pub const COLUMNS: Columns = (
    jobs::id,
    jobs::kind,
    jobs::state,
    jobs::attempts,
    jobs::created_at,
    jobs::started_at,
    jobs::finished_at,
    jobs::problem,
);

/// Takes the one place in line in which jobs are accepted, until the transaction ends: two of them could count the queue
/// at the same time, and both find room for one.
#[auto_type]
pub fn line_up() -> _ {
    update(job_line::table).set(job_line::accepted.eq(job_line::accepted + 1_i64))
}

/// How many jobs no worker has.
#[auto_type]
pub fn queued() -> _ {
    jobs::table.filter(jobs::state.eq("queued")).select(count_star())
}

/// A new job, which can be claimed at once.
#[auto_type]
pub fn insert(kind: &'static str, ask: String, input: Vec<u8>, batch: Option<i64>) -> _ {
    insert_into(jobs::table).values((
        jobs::kind.eq(kind),
        jobs::ask.eq(ask),
        jobs::input.eq(input),
        jobs::state.eq("queued"),
        jobs::attempts.eq(0_i32),
        jobs::due_at.eq(from_now(0_i64)),
        jobs::batch.eq(batch),
        jobs::created_at.eq(from_now(0_i64)),
    ))
}

/// What an [`Order`] becomes in a row.
pub fn new(job: NewJob, batch: Option<i64>) -> insert {
    let (kind, ask) = columns_of(&job.order);
    insert(kind, ask, job.input, batch)
}

/// Whether so many more jobs may wait.
///
/// # Errors
///
/// When they may not.
pub fn ensure_room(queued: i64, more: usize, most: usize) -> Result<(), Failed> {
    let room = usize::try_from(queued).is_ok_and(|queued| queued + more <= most);
    if room { Ok(()) } else { Err(Failed::Full) }
}

/// A new batch, to which jobs are then added.
#[auto_type]
pub fn insert_batch() -> _ {
    insert_into(batches::table).values(batches::created_at.eq(from_now(0_i64)))
}

/// When a batch was accepted.
#[auto_type]
pub fn find_batch(id: i64) -> _ {
    batches::table.find(id).select(batches::created_at)
}

/// The jobs of a batch, in the order of its files.
#[auto_type]
pub fn of_batch(batch: i64) -> _ {
    let columns: Columns = COLUMNS;
    jobs::table.filter(jobs::batch.eq(batch)).order(jobs::id).select(columns)
}

/// Remembers which job was made with `key`; breaks its uniqueness when the key was used before.
#[auto_type]
pub fn claim_key(key: String, request: String, job: i64) -> _ {
    insert_into(job_keys::table).values((
        job_keys::key.eq(key),
        job_keys::request.eq(request),
        job_keys::job_id.eq(job),
    ))
}

/// What was asked with `key` before.
#[auto_type]
pub fn find_key(key: String) -> _ {
    job_keys::table.find(key)
}

/// One job.
#[auto_type]
pub fn find(id: i64) -> _ {
    let columns: Columns = COLUMNS;
    jobs::table.find(id).select(columns)
}

/// What it left behind.
#[auto_type]
pub fn find_result(id: i64) -> _ {
    jobs::table.find(id).select((jobs::state, jobs::media_type, jobs::result))
}

/// At most `limit` jobs behind `after`.
#[auto_type]
pub fn page(limit: i64, after: i64) -> _ {
    let columns: Columns = COLUMNS;
    jobs::table.filter(jobs::id.gt(after)).order(jobs::id).limit(limit).select(columns)
}

/// Of those only the ones in this state.
#[auto_type]
pub fn page_in(state: &'static str, limit: i64, after: i64) -> _ {
    let columns: Columns = COLUMNS;
    jobs::table
        .filter(jobs::state.eq(state))
        .filter(jobs::id.gt(after))
        .order(jobs::id)
        .limit(limit)
        .select(columns)
}

/// Ends a job that has not ended, and erases what it was asked.
#[auto_type]
pub fn cancel(id: i64) -> _ {
    let empty: Vec<u8> = Vec::new();
    update(jobs::table.filter(jobs::id.eq(id)).filter(jobs::finished_at.is_null())).set((
        jobs::state.eq("cancelled"),
        jobs::finished_at.eq(from_now(0_i64).nullable()),
        jobs::ask.eq(""),
        jobs::input.eq(empty),
    ))
}

/// Gives `worker` the job that has been due longest, for `lease` milliseconds: `$1` worker, `$2` lease, `$3` attempts.
///
/// In PostgreSQL a job that another worker is claiming at this moment is passed over; in SQLite there is one writer.
fn claim(passing_over: &str) -> String {
    format!(
        "UPDATE jobs SET state = 'running', attempts = attempts + 1, worker = $1, due_at = from_now($2), \
         started_at = COALESCE(started_at, from_now(0)) WHERE id = (SELECT id FROM jobs WHERE finished_at IS NULL \
         AND due_at <= from_now(0) AND attempts < $3 ORDER BY due_at, id LIMIT 1{passing_over}) \
         RETURNING id, attempts, ask, input"
    )
}

/// A claim as a query, to be bound with worker, lease and attempts.
pub fn claim_in_sqlite() -> SqlQuery {
    sql_query(claim(""))
}

/// A claim as a query, to be bound with worker, lease and attempts.
pub fn claim_in_postgres() -> SqlQuery {
    sql_query(claim(" FOR UPDATE SKIP LOCKED"))
}

/// A job, as long as this worker has it for this attempt.
#[auto_type]
pub fn held(id: i64, attempt: i32, worker: String) -> _ {
    jobs::table
        .filter(jobs::id.eq(id))
        .filter(jobs::attempts.eq(attempt))
        .filter(jobs::worker.eq(worker))
        .filter(jobs::state.eq("running"))
}

/// Keeps a job for `lease` milliseconds more; changes no row if it is lost.
#[auto_type]
pub fn renew(id: i64, attempt: i32, worker: String, lease: i64) -> _ {
    let mine: held = held(id, attempt, worker);
    update(mine).set(jobs::due_at.eq(from_now(lease)))
}

/// Ends a job with its result; changes no row if it is lost.
#[auto_type]
pub fn finish(
    id: i64,
    attempt: i32,
    worker: String,
    media_type: Option<String>,
    result: Option<Vec<u8>>,
) -> _ {
    let mine: held = held(id, attempt, worker);
    let empty: Vec<u8> = Vec::new();
    update(mine).set((
        jobs::state.eq("done"),
        jobs::finished_at.eq(from_now(0_i64).nullable()),
        jobs::media_type.eq(media_type),
        jobs::result.eq(result),
        jobs::ask.eq(""),
        jobs::input.eq(empty),
    ))
}

/// Ends a job with a problem; changes no row if it is lost.
#[auto_type]
pub fn fail(id: i64, attempt: i32, worker: String, problem: Option<String>) -> _ {
    let mine: held = held(id, attempt, worker);
    let empty: Vec<u8> = Vec::new();
    update(mine).set((
        jobs::state.eq("failed"),
        jobs::finished_at.eq(from_now(0_i64).nullable()),
        jobs::problem.eq(problem),
        jobs::ask.eq(""),
        jobs::input.eq(empty),
    ))
}

/// Puts a job back, to be tried again in `pause` milliseconds; changes no row if it is lost.
#[auto_type]
pub fn try_again(id: i64, attempt: i32, worker: String, pause: i64, problem: Option<String>) -> _ {
    let mine: held = held(id, attempt, worker);
    update(mine).set((
        jobs::state.eq("queued"),
        jobs::due_at.eq(from_now(pause)),
        jobs::problem.eq(problem),
    ))
}

/// Puts a job back as if it had never been begun: its worker ends.
#[auto_type]
pub fn release(id: i64, attempt: i32, worker: String) -> _ {
    let mine: held = held(id, attempt, worker);
    update(mine).set((
        jobs::state.eq("queued"),
        jobs::due_at.eq(from_now(0_i64)),
        jobs::attempts.eq(jobs::attempts - 1_i32),
    ))
}

/// Ends the jobs whose last lease is over: every worker that had one of them has died of it, or with it.
#[auto_type]
pub fn give_up(attempts: i32, problem: Option<String>) -> _ {
    let empty: Vec<u8> = Vec::new();
    update(
        jobs::table
            .filter(jobs::finished_at.is_null())
            .filter(jobs::due_at.le(from_now(0_i64)))
            .filter(jobs::attempts.ge(attempts)),
    )
    .set((
        jobs::state.eq("failed"),
        jobs::finished_at.eq(from_now(0_i64).nullable()),
        jobs::problem.eq(problem),
        jobs::ask.eq(""),
        jobs::input.eq(empty),
    ))
}

/// Forgets the jobs that ended before so many milliseconds from now, a negative number.
#[auto_type]
pub fn sweep(from: i64) -> _ {
    delete(jobs::table.filter(jobs::finished_at.lt(from_now(from).nullable())))
}

/// Forgets what belonged to jobs that are forgotten: their keys, and batches of which none is left.
pub fn sweep_after() -> [SqlQuery; 2] {
    [
        sql_query("DELETE FROM job_keys WHERE job_id NOT IN (SELECT id FROM jobs)"),
        sql_query(
            "DELETE FROM batches WHERE id NOT IN (SELECT batch FROM jobs WHERE batch IS NOT NULL)",
        ),
    ]
}

/// A problem, as it is kept.
pub fn told(problem: &Problem) -> Option<String> {
    Some(serde_json::to_string(problem).expect("a problem holds only strings and numbers"))
}

fn columns_of(order: &Order) -> (&'static str, String) {
    (order.kind().as_str(), serde_json::to_string(order).expect("an order is plain data"))
}

/// Tells two requests with one key apart: a hash of what was asked.
pub fn fingerprint(job: &NewJob) -> String {
    // JSON holds no NUL.
    keys::fingerprint(columns_of(&job.order).1.as_bytes(), &job.input)
}

impl TryFrom<JobRow> for Job {
    type Error = Failed;

    fn try_from(row: JobRow) -> Result<Self, Failed> {
        let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == row.kind);
        let state = state(&row.state)?;
        Ok(Self {
            id: JobId(row.id),
            kind: kind.ok_or_else(|| Failed::Unknown("kind", row.kind))?,
            state,
            attempts: row.attempts,
            created_at: Timestamp(row.created_at),
            started_at: row.started_at.map(Timestamp),
            finished_at: row.finished_at.map(Timestamp),
            // Of a job that is done it is what an earlier attempt failed with.
            problem: row
                .problem
                .filter(|_| state != State::Done)
                .and_then(|problem| serde_json::from_str(&problem).ok()),
        })
    }
}

impl ResultRow {
    /// What the job left behind.
    ///
    /// # Errors
    ///
    /// 409 when it left nothing, or not yet.
    pub fn result(self) -> Result<JobResult, Problem> {
        match (self.media_type, self.result) {
            (Some(media_type), Some(bytes)) => Ok(JobResult { media_type, bytes }),
            _ => Err(Problem::job_is(state(&self.state)?)),
        }
    }
}

impl ClaimedRow {
    /// Whose it is now.
    pub fn claimed(self, worker: &str) -> Claimed {
        let lease = Lease { id: self.id, attempt: self.attempts, worker: worker.to_owned() };
        Claimed { lease, order: serde_json::from_str(&self.ask).ok(), input: self.input }
    }
}

fn state(text: &str) -> Result<State, Failed> {
    let known = State::ALL.into_iter().find(|state| state.as_str() == text);
    known.ok_or_else(|| Failed::Unknown("state", text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: &str, state: &str) -> JobRow {
        let (kind, state) = (kind.to_owned(), state.to_owned());
        let (started_at, finished_at, problem) = (None, None, None);
        JobRow { id: 7, kind, state, attempts: 0, created_at: 0, started_at, finished_at, problem }
    }

    #[test]
    fn what_a_newer_version_has_written_is_told_and_not_guessed() {
        assert_eq!(Job::try_from(row("seal", "queued")).unwrap().kind, Kind::Seal);
        for (kind, state) in [("paint", "queued"), ("seal", "paused")] {
            let failed = Job::try_from(row(kind, state)).unwrap_err();
            assert!(matches!(failed, Failed::Unknown(..)), "{failed}");
            assert_eq!(Problem::from(failed).status, 500);
        }
    }
}
