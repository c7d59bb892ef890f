//! Work for later: a job may be run twice and ends once. Chapter: `docs/src/jobs.md`.

/// A row of the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// How often it was begun.
    pub attempts: u32,
    /// Until when it is a worker's; 0 when it is nobody's.
    pub leased_until: u64,
    pub result: Option<String>,
}

impl Job {
    /// Takes the job, if it has not ended and is nobody's any more; the number of the attempt.
    pub fn claim(&mut self, now: u64, lease: u64) -> Option<u32> {
        // Hint: one condition, then three changes: a lease that is over is nobody's.
        todo!()
    }

    /// Ends it, if it is still this attempt's; whether it was.
    pub fn finish(&mut self, attempt: u32, result: &str) -> bool {
        // Hint: a worker that slept through its lease comes back with an old number.
        todo!()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_slept_through_its_lease_changes_nothing() {
        let mut job = Job::default();
        let first = job.claim(100, 5).unwrap();
        assert_eq!(job.claim(104, 5), None, "it is leased");
        let second = job.claim(105, 5).expect("its worker was killed, or sleeps");
        assert!(!job.finish(first, "of the one who slept"));
        assert!(job.finish(second, "of the other"));
        assert!(!job.finish(second, "once more"));
        assert_eq!(job.result.as_deref(), Some("of the other"));
        assert_eq!(job.claim(1_000, 5), None, "it has ended");
        assert_eq!(job.attempts, 2);
    }
}
