//! Takes background jobs and runs them: a process of its own, which may be killed at any moment and lose nothing.
//!
//! Several may run, on one machine or on many. They meet in the database and nowhere else: a job is claimed, kept by a
//! lease that is renewed while the work goes on, and ended; whoever dies stops renewing, and another takes the job.
//!
//! | to find | look in |
//! |---|---|
//! | claiming jobs and ending them | `run.rs` |
//! | leases, heartbeats, the time limit | `leases.rs` |
//! | what a job does | `work.rs` |
//! | `/healthz`, `/readyz`, `/metrics` | `page.rs` |

mod flags;
mod leases;
mod page;
mod run;
mod work;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use http_blocking::{Server, Shutdown};
use io_blocking::Store;
use settings::Telemetry;

pub use crate::flags::Flags;
use crate::run::Runner;

/// Runs it, as it is told to, until it is told to stop.
///
/// # Errors
///
/// When it cannot begin: what it was told makes no sense, there is no database, or its address is taken.
pub fn main() -> anyhow::Result<ExitCode> {
    let flags = Flags::parse();
    flags.log.start(false);
    settings::spare_address_space();
    flags.check()?;
    let limits = flags.limits();
    let telemetry = Telemetry::start(&limits);
    let store = Store::open(&flags.database()?, &limits)?;
    let listener = settings::listen(flags.addr)?;
    let shutdown = Shutdown::new()?;
    // Whoever reads the first line may send a signal next.
    http_blocking::drain_on_signal(shutdown.clone())?;
    println!("listening on http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;

    let routes = page::routes(page::Page { store: store.clone(), telemetry });
    let runner = Arc::new(Runner::new(store, flags.terms(), shutdown.clone()));
    let threads = runner.start()?;
    Server::new(listener).serve(routes, &shutdown)?;
    // From here on nothing is claimed: what runs may end, and what does not end in time is put back.
    let cut = runner.end(threads, flags.drain());
    Ok(ExitCode::from(if cut == 0 { 0 } else { 3 }))
}
