//! Ten thousand connections need ten thousand descriptors; most shells allow a process 1,024.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises this process's soft limit on open files to the hard one.
///
/// A limit that cannot be raised is no reason to stop: the server then answers fewer connections.
pub fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let _ = setrlimit(Resource::Nofile, raised);
}
