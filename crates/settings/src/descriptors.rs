//! Ten thousand connections need ten thousand descriptors; most shells allow a process 1,024.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises this process's soft limit on open files to the hard one and tells how many that is.
///
/// A limit that cannot be raised is no reason to stop: the server then answers fewer connections.
pub fn raise_descriptor_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    // None stands for "no limit".
    current.unwrap_or(u64::MAX)
}
