//! `/jobs`: work that is accepted now and done later, by a worker in a process of its own.
//!
//! ```text
//!            POST                claim                 finish
//!    (none) ─────▶ queued ─────────────▶ running ─────────────▶ done
//!                    ▲ │                   │ │
//!       lease over,  └─┼───────────────────┘ └────────────────▶ failed    (for good, or after the last attempt)
//!       or try again   └───── DELETE ──────────────────────────▶ cancelled
//! ```
//!
//! A job that was accepted ends once, in one of the three states on the right, whatever is killed.

use std::time::Duration;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::head::Fields;
use crate::headers::JSON;
use crate::param::id;
use crate::query::Query;
use crate::{
    FieldError, FieldParams, IdempotencyKey, Limits, Page, Passphrase, PathParam, Problem,
    QueryParams, Seconds, Thumbnail, Timestamp, Waited,
};

/// As many files make a batch.
const MOST_FILES: usize = 100;

/// What a job does: the same work as the direct route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// As `/thumbnail`.
    Thumbnail,
    /// As `/seal`.
    Seal,
    /// As `/wait`.
    Wait,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Accepted; no worker has it.
    Queued,
    /// A worker has it, for as long as its lease is renewed.
    Running,
    /// It has a result.
    Done,
    /// It has a problem instead.
    Failed,
    /// Its client no longer wants it.
    Cancelled,
}

/// The number of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct JobId(pub i64);

/// A job as its client sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// Never given to another job.
    pub id: JobId,
    /// What it does.
    pub kind: Kind,
    /// Where it stands.
    pub state: State,
    /// How often a worker has begun it.
    pub attempts: i32,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When a worker first began it.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Why it failed, or why its last attempt did.
    pub problem: Option<Problem>,
}

/// One page, in the order of ids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Jobs {
    /// At most `limit`.
    pub jobs: Vec<Job>,
    /// What to ask for with `after` next; null on the last page.
    pub next: Option<JobId>,
}

/// The number of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct BatchId(pub i64);

/// Several jobs that were accepted together, one for each file that was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Batch {
    /// Never given to another batch.
    pub id: BatchId,
    /// When all of it was accepted.
    pub created_at: Timestamp,
    /// How many of its jobs have not ended.
    pub open: usize,
    /// In the order of the files.
    pub jobs: Vec<Job>,
}

/// `?state=&limit=&after=`: which jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobsPage {
    /// Only those that stand there.
    pub state: Option<State>,
    /// How many, and behind which.
    pub page: Page,
}

/// What a worker is to do. It is kept with the job, as JSON, until the job has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Order {
    /// Make the input that many pixels wide.
    Thumbnail {
        /// At most.
        width: u32,
    },
    /// Encrypt the input. Whoever can read the database can read the passphrase, until the job has ended.
    Seal {
        /// What the key is made from.
        passphrase: String,
    },
    /// Wait.
    Wait {
        /// So long.
        millis: u64,
    },
}

/// A job that is to be accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// What to do.
    pub order: Order,
    /// With what.
    pub input: Vec<u8>,
}

/// What a job left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobResult {
    /// What it is.
    pub media_type: String,
    /// As the direct route would have sent it.
    pub bytes: Vec<u8>,
}

/// `?width=` of `/jobs/thumbnail`, `?seconds=` of `/jobs/wait`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    width: u32,
    wait: Seconds,
}

/// The fields of a request for a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobHead {
    /// What a seal is made with.
    pub passphrase: Option<Passphrase>,
    /// The same key never makes a second job.
    pub key: Option<IdempotencyKey>,
}

/// The files of a form, until all of them are here.
#[derive(Debug)]
pub struct BatchForm {
    width: u32,
    files: Vec<Vec<u8>>,
    /// Of one file.
    largest: u64,
    /// Of all together: they are in memory until the batch is accepted.
    left: u64,
    most: u64,
}

impl BatchForm {
    /// An empty one.
    pub fn new(asked: Asked, limits: &Limits) -> Self {
        let most = 4 * limits.media_bytes;
        Self {
            width: asked.width,
            files: Vec::new(),
            largest: limits.media_bytes,
            left: most,
            most,
        }
    }

    /// Another file begins.
    ///
    /// # Errors
    ///
    /// 413 when there are too many.
    pub fn begin(&mut self) -> Result<(), Problem> {
        if self.files.len() == MOST_FILES {
            let detail = format!("a batch has at most {MOST_FILES} files");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
        }
        self.files.push(Vec::new());
        Ok(())
    }

    /// More of the file that was begun last.
    ///
    /// # Errors
    ///
    /// 413 when the file or all together are too large.
    pub fn add(&mut self, chunk: &[u8]) -> Result<(), Problem> {
        let length = chunk.len() as u64;
        self.left = self.left.checked_sub(length).ok_or_else(|| Problem::too_large(self.most))?;
        let Some(file) = self.files.last_mut() else { return Ok(()) };
        file.extend_from_slice(chunk);
        if file.len() as u64 > self.largest {
            return Err(Problem::too_large(self.largest));
        }
        Ok(())
    }

    /// A job for each file.
    ///
    /// # Errors
    ///
    /// 422 when there was none.
    pub fn whole(self) -> Result<Vec<NewJob>, Problem> {
        if self.files.is_empty() {
            return Err(FieldError::missing(&["body", "file"]).into());
        }
        let order = Order::Thumbnail { width: self.width };
        Ok(self.files.into_iter().map(|input| NewJob { order: order.clone(), input }).collect())
    }
}

impl FieldParams for JobHead {
    fn from_fields(fields: &impl Fields, limits: &Limits) -> Result<Self, Problem> {
        Ok(Self {
            passphrase: Option::<Passphrase>::from_fields(fields, limits)?,
            key: Option::<IdempotencyKey>::from_fields(fields, limits)?,
        })
    }
}

impl QueryParams for Asked {
    fn parse(query: &Query, limits: &Limits) -> Result<Self, Problem> {
        let Thumbnail { width, .. } = Thumbnail::parse(query, limits)?;
        let wait = query.last("seconds").map_or(Ok(Seconds::default()), |text| {
            Seconds::parse_query("seconds", text, limits.max_wait)
        })?;
        Ok(Self { width, wait })
    }
}

impl Order {
    /// What `kind` asks for. A seal needs its passphrase.
    ///
    /// # Errors
    ///
    /// 422 without one.
    pub fn new(kind: Kind, asked: Asked, passphrase: Option<Passphrase>) -> Result<Self, Problem> {
        Ok(match kind {
            Kind::Thumbnail => Self::Thumbnail { width: asked.width },
            Kind::Seal => {
                let missing = || FieldError::missing(&["header", "x-passphrase"]);
                let passphrase = passphrase.ok_or_else(missing)?;
                Self::Seal { passphrase: passphrase.as_str().to_owned() }
            }
            Kind::Wait => {
                let millis = asked.wait.duration().as_millis();
                Self::Wait { millis: u64::try_from(millis).unwrap_or(u64::MAX) }
            }
        })
    }

    /// What it asks for.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Thumbnail { .. } => Kind::Thumbnail,
            Self::Seal { .. } => Kind::Seal,
            Self::Wait { .. } => Kind::Wait,
        }
    }

    /// How long a [`Wait`](Self::Wait) takes.
    pub fn waits(&self) -> Duration {
        match self {
            Self::Wait { millis } => Duration::from_millis(*millis),
            Self::Thumbnail { .. } | Self::Seal { .. } => Duration::ZERO,
        }
    }
}

impl JobResult {
    /// As `/wait` answers.
    pub fn waited(length: Duration) -> Self {
        let waited = Waited { message: format!("Waited for {} seconds!", Seconds::from(length)) };
        let bytes = serde_json::to_vec(&waited).expect("a message is plain data");
        Self { media_type: JSON.to_owned(), bytes }
    }
}

impl Kind {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Thumbnail, Self::Seal, Self::Wait];

    /// As the path and the database write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Thumbnail => "thumbnail",
            Self::Seal => "seal",
            Self::Wait => "wait",
        }
    }
}

impl State {
    /// All there are.
    pub const ALL: [Self; 5] =
        [Self::Queued, Self::Running, Self::Done, Self::Failed, Self::Cancelled];

    /// As the query and the database write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing will happen to it any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

impl PathParam for Kind {
    fn parse(text: &str, _: &Limits) -> Result<Self, Problem> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            FieldError::not_one_of(&["path", "kind"], "'thumbnail', 'seal' or 'wait'", text).into()
        })
    }
}

impl PathParam for JobId {
    fn parse(text: &str, _: &Limits) -> Result<Self, Problem> {
        id(text, Problem::no_job).map(Self)
    }

    /// Of `/jobs/{id}` and of `/jobs/{id}/result`.
    fn segment(path: &str) -> &str {
        path.trim_start_matches('/').split('/').nth(1).unwrap_or_default()
    }
}

impl std::fmt::Display for JobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl QueryParams for JobsPage {
    fn parse(query: &Query, limits: &Limits) -> Result<Self, Problem> {
        let state = query.last("state").map(|text| {
            State::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| {
                let choices = "'queued', 'running', 'done', 'failed' or 'cancelled'";
                FieldError::not_one_of(&["query", "state"], choices, text)
            })
        });
        Ok(Self { state: state.transpose()?, page: Page::parse(query, limits)? })
    }
}

impl Job {
    /// Where it can be asked for.
    pub fn location(&self) -> String {
        format!("/jobs/{}", self.id)
    }

    /// The job, if it is cancelled now.
    ///
    /// # Errors
    ///
    /// 409 when it ended before it could be.
    pub fn cancelled(self) -> Result<Self, Problem> {
        match self.state {
            State::Cancelled => Ok(self),
            ended => Err(Problem::job_is(ended)),
        }
    }
}

impl Jobs {
    /// A page of `jobs`, of which one more than `limit` was asked for to see whether there is another page.
    pub fn new(jobs: Vec<Job>, page: Page) -> Self {
        let (jobs, next) = page.cut(jobs, |job| job.id);
        Self { jobs, next }
    }
}

impl Batch {
    /// A batch of these jobs.
    pub fn new(id: BatchId, created_at: Timestamp, jobs: impl IntoIterator<Item = Job>) -> Self {
        let jobs: Vec<_> = jobs.into_iter().collect();
        let open = jobs.iter().filter(|job| !job.state.is_final()).count();
        Self { id, created_at, open, jobs }
    }
}

impl Batch {
    /// Where it can be asked for.
    pub fn location(&self) -> String {
        format!("/batches/{}", self.id)
    }
}

impl PathParam for BatchId {
    fn parse(text: &str, _: &Limits) -> Result<Self, Problem> {
        id(text, Problem::no_batch).map(Self)
    }
}

impl std::fmt::Display for BatchId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Problem {
    /// 404: no batch has this id.
    pub fn no_batch() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no such batch")
    }

    /// 404: no job has this id; its result was kept for a time and is gone, or it never was.
    pub fn no_job() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no such job")
    }

    /// 409: the job stands in a state that does not allow what was asked.
    pub fn job_is(state: State) -> Self {
        let detail = match state {
            State::Queued | State::Running => "the job has no result yet",
            State::Done => "the job is done already",
            State::Failed => "the job failed; its problem says why",
            State::Cancelled => "the job was cancelled",
        };
        let problem = Self::new(StatusCode::CONFLICT, detail);
        Self { retry_after: (!state.is_final()).then_some(1), ..problem }
    }

    /// 503: as many jobs wait as may.
    pub fn queue_full() -> Self {
        Self::unavailable("the queue of jobs is full", 5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Result<Asked, Problem> {
        Asked::from_query(Some(query), &Limits::default())
    }

    #[test]
    fn an_order_is_what_the_direct_route_would_have_been_asked() {
        let order = |kind, query| Order::new(kind, asked(query).unwrap(), None);
        assert_eq!(order(Kind::Thumbnail, "width=64").unwrap(), Order::Thumbnail { width: 64 });
        assert_eq!(order(Kind::Wait, "seconds=0.25").unwrap(), Order::Wait { millis: 250 });
        assert_eq!(order(Kind::Wait, "").unwrap(), Order::Wait { millis: 0 });
        assert_eq!(order(Kind::Seal, "").unwrap_err().errors[0].kind, "missing");
        for query in ["width=0", "seconds=61", "seconds=-1", "seconds=x"] {
            assert_eq!(asked(query).unwrap_err().status, 422, "{query}");
        }
    }

    #[test]
    fn names_are_the_same_in_paths_queries_and_json() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(Kind::parse(kind.as_str(), &Limits::default()).unwrap(), kind);
        }
        for state in State::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        assert_eq!(Kind::parse("open", &Limits::default()).unwrap_err().errors[0].kind, "enum");
    }

    #[test]
    fn a_job_is_named_by_the_second_segment() {
        let id = |path| JobId::from_path(path, &Limits::default());
        assert_eq!(id("/jobs/7"), Ok(JobId(7)));
        assert_eq!(id("/jobs/7/result"), Ok(JobId(7)));
        assert_eq!(id("/jobs/99999999999999999999").unwrap_err().status, 404);
        assert_eq!(id("/jobs/-1").unwrap_err().status, 404);
        assert_eq!(id("/jobs/x").unwrap_err().status, 422);
    }
}
