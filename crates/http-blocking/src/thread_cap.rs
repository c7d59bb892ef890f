//! How many threads this process may have, and which limit says so.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, geteuid, getrlimit};

/// The least of all limits on threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadCap {
    /// How many threads the server may start.
    pub threads: usize,
    /// Which limit that is.
    pub bound_by: Bound,
}

/// A limit on threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// [`Limits::connections`](crate::Limits::connections): as many as are ever wanted.
    Connections,
    /// `vm.max_map_count`: a thread takes four mappings (stack, alternative stack, a guard page each), and std aborts
    /// the process when the last of them fails.
    MaxMapCount,
    /// `kernel.threads-max`, for the whole machine.
    ThreadsMax,
    /// `RLIMIT_NPROC`, for the user; root is exempt.
    Nproc,
    /// `RLIMIT_AS`: stacks are address space.
    AddressSpace,
    /// `pids.max` of the cgroup or one above it.
    PidsMax,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connections => "connections",
            Self::MaxMapCount => "vm.max_map_count",
            Self::ThreadsMax => "kernel.threads-max",
            Self::Nproc => "RLIMIT_NPROC",
            Self::AddressSpace => "RLIMIT_AS",
            Self::PidsMax => "pids.max",
        })
    }
}

/// Mappings left to everything that is no thread.
const OTHER_MAPPINGS: u64 = 2_000 * 4;

/// Address space left to the heap; without it an allocation fails and the process aborts.
const OTHER_ADDRESS_SPACE: u64 = 64 * 1024 * 1024;

/// Threads left to the rest of the process: signals, timers, clients.
const OTHER_THREADS: u64 = 16;

impl ThreadCap {
    /// Asks the system, for a server that wants at most `connections` threads with stacks of `stack_bytes`, in a
    /// process that may start as many as `beside` for other things.
    pub fn of_system(connections: usize, stack_bytes: usize, beside: usize) -> Self {
        let limits = [
            (Bound::MaxMapCount, max_map_count()),
            (Bound::ThreadsMax, number_in("/proc/sys/kernel/threads-max")),
            (Bound::Nproc, nproc()),
            (Bound::AddressSpace, address_space(stack_bytes)),
            (Bound::PidsMax, pids_max()),
        ];
        let wanted = Self { threads: connections.max(1), bound_by: Bound::Connections };
        limits.into_iter().fold(wanted, |cap, (bound_by, limit)| match limit {
            Some(limit) => {
                // One thread is needed to serve at all.
                let limit = limit.saturating_sub(OTHER_THREADS + beside as u64).max(1);
                let threads = usize::try_from(limit).unwrap_or(usize::MAX);
                if threads < cap.threads { Self { threads, bound_by } } else { cap }
            }
            None => cap,
        })
    }
}

fn max_map_count() -> Option<u64> {
    Some(number_in("/proc/sys/vm/max_map_count")?.saturating_sub(OTHER_MAPPINGS) / 4)
}

fn nproc() -> Option<u64> {
    // CAP_SYS_RESOURCE and CAP_SYS_ADMIN exempt too; then the limit is just more careful than it must be.
    if geteuid().is_root() { None } else { getrlimit(Resource::Nproc).current }
}

fn address_space(stack_bytes: usize) -> Option<u64> {
    let limit = getrlimit(Resource::As).current?;
    let pages = fs::read_to_string("/proc/self/statm").ok()?;
    let used = pages.split(' ').next()?.parse::<u64>().ok()? * rustix::param::page_size() as u64;
    // Guard pages and the alternative stack that std gives each thread.
    let each = stack_bytes as u64 + 64 * 1024;
    Some(limit.saturating_sub(used).saturating_sub(OTHER_ADDRESS_SPACE) / each)
}

/// The least `pids.max` from this process's cgroup up to the root (version 2), or in the `pids` hierarchy (version 1).
fn pids_max() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let limits = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let root = match controllers {
            "" => "/sys/fs/cgroup",
            _ if controllers.split(',').any(|name| name == "pids") => "/sys/fs/cgroup/pids",
            _ => return None,
        };
        least_on_the_way_up(Path::new(root), path.trim_start_matches('/'))
    });
    limits.min()
}

fn least_on_the_way_up(root: &Path, path: &str) -> Option<u64> {
    let mut folder: PathBuf = root.join(path);
    let mut least = None;
    while folder.starts_with(root) {
        let limit = number_in(folder.join("pids.max"));
        least = [least, limit].into_iter().flatten().min();
        if !folder.pop() {
            break;
        }
    }
    least
}

/// The number in a file; none when there is no file, or it says `max`.
fn number_in(path: impl AsRef<Path>) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_limit_is_the_one_that_is_named() {
        let few = ThreadCap::of_system(2, 1024 * 1024, 0);
        assert_eq!(few, ThreadCap { threads: 2, bound_by: Bound::Connections });
        let many = ThreadCap::of_system(usize::MAX, 1024 * 1024, 0);
        assert_ne!(many.bound_by, Bound::Connections);
        let maps = number_in("/proc/sys/vm/max_map_count").unwrap();
        assert!(many.threads as u64 <= maps / 4 - 2_000, "{many:?}");
        let fewer = ThreadCap::of_system(usize::MAX, 1024 * 1024, 100);
        assert_eq!(fewer.threads, many.threads - 100);
    }

    #[test]
    fn a_cgroup_is_bound_by_the_ones_above_it() {
        let root = std::env::temp_dir().join(format!("waitlab-cgroup-{}", std::process::id()));
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("a/pids.max"), "100\n").unwrap();
        fs::write(root.join("a/b/pids.max"), "max\n").unwrap();
        let least = least_on_the_way_up(&root, "a/b");
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(least, Some(100));
    }
}
