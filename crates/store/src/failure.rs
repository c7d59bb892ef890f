//! What a failure of the database becomes: its client is told to come back, the log is told why.

use contract::Problem;
use diesel::result::{DatabaseErrorKind, Error};

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// Every connection is in use, and none came back in time.
    #[error("no connection to the database was free in time")]
    Exhausted,
    /// No connection could be made in time.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// As many jobs wait as may.
    #[error("the queue of jobs is full")]
    Full,
    /// A row holds what this version does not know: a column, and what stands in it.
    #[error("a job's {0} is {1:?}, which this version does not know")]
    Unknown(&'static str, String),
    /// The database refused, or took too long.
    #[error(transparent)]
    Query(#[from] Error),
}

impl Failed {
    /// SQLite's file is no longer where it was.
    pub fn gone() -> Self {
        Self::Unreachable("its file is gone".to_owned())
    }

    /// It neither answers nor refuses.
    pub fn silent() -> Self {
        Self::Unreachable("no answer in time".to_owned())
    }
}

impl From<Failed> for Problem {
    /// 503 with `Retry-After` for what may be over in a second: locked, slow, down, full. A query that is wrong is ours, and a 500.
    fn from(failed: Failed) -> Self {
        let problem = match &failed {
            Failed::Full => return Self::queue_full(),
            Failed::Exhausted => Self::unavailable("every connection to the database is in use", 1),
            Failed::Unreachable(_) => Self::unavailable("the database cannot be reached", 1),
            Failed::Query(Error::DatabaseError(kind, _)) => match kind {
                DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => {
                    Self::unavailable("the database cannot be reached", 1)
                }
                _ => Self::unavailable("the database is locked, too slow, or refuses", 1),
            },
            Failed::Query(
                Error::RollbackErrorOnCommit { .. } | Error::BrokenTransactionManager,
            ) => Self::unavailable("the database cannot be reached", 1),
            Failed::Unknown(..) | Failed::Query(_) => Self::internal(),
        };
        tracing::warn!(error = %failed, "the database failed");
        problem
    }
}
