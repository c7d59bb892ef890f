//! A limit on address space (`ulimit -v`, `RLIMIT_AS`) is met by threads first: not by their stacks, by their heaps.
//!
//! glibc gives threads that allocate heaps of their own, up to eight for each core, and reserves 64 MiB of addresses for
//! each. In 300 MiB three threads would have taken what a hundred need. How many heaps there are is decided by an unsafe call
//! or by the environment at the start (`mallopt(3)`), so a process that is limited starts itself anew, with one heap for all.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread::available_parallelism;

use rustix::process::{Resource, getrlimit};

/// What glibc heeds.
const HEAPS: &str = "MALLOC_ARENA_MAX";

/// What it reserves for one heap, and how many for a core.
const HEAP_BYTES: u64 = 64 << 20;
const HEAPS_A_CORE: u64 = 8;

/// Starts this process anew with one heap if several would take much of the address space that it may have; to be called
/// before there is a second thread. Whoever has set the variable knows better.
pub fn spare_address_space() {
    let limit = getrlimit(Resource::As).current;
    let cores = available_parallelism().map_or(1, |cores| cores.get() as u64);
    let is_tight = limit.is_some_and(|limit| limit / 4 < cores * HEAPS_A_CORE * HEAP_BYTES);
    if !is_tight || env::var_os(HEAPS).is_some() {
        return;
    }
    let Ok(program) = env::current_exe() else { return };
    let mut arguments = env::args_os();
    let mut command = Command::new(&program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    // It only comes back if it fails; then fewer threads fit, and they are refused as they are met.
    let error = command.args(arguments).env(HEAPS, "1").exec();
    tracing::warn!(%error, "cannot start anew with one heap");
}
