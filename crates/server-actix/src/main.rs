//! The contract, served by actix-web: one single-threaded async runtime per worker.
//!
//! A request is a task. Where it awaits, its thread takes up another task; between two awaits nothing interrupts it.
//! A task never leaves the worker its connection was given to, so what it holds need not be `Send`, and nobody helps
//! a worker that is busy.
//!
//! Read `handlers/wait.rs` first, beside the file of the same name in the other two servers.

mod app;
mod body;
mod deadline;
mod edge;
mod extract;
mod form;
mod handlers;
mod offload;
mod reply;
mod routes;
mod serve;
mod watched;

use std::io::Write;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::thread::available_parallelism;

use clap::Parser;
use settings::Flags;

use crate::app::App;

/// One HTTP API, served by actix-web: a task per connection, on workers that share nothing
///
/// The first line on stdout tells the address. SIGTERM or Ctrl-C drains: requests in flight finish, then the
/// process ends. A second signal ends it at once.
#[derive(Parser)]
#[command(
    version,
    after_help = "Try: curl http://127.0.0.1:8080/wait/1    then open http://127.0.0.1:8080/docs\n\n\
                  Exit codes: 0 drained; 1 it could not start; 2 bad arguments; 3 the drain deadline cut a request."
)]
struct Server {
    /// Workers, each a thread with a runtime of its own [default: one per core]
    #[arg(long, env = "WAITLAB_WORKERS", value_parser = settings::count(1, 512))]
    workers: Option<usize>,

    #[command(flatten)]
    flags: Flags,
}

fn main() -> anyhow::Result<ExitCode> {
    let Server { workers, flags } = Server::parse();
    flags.log.start(flags.access_log);
    settings::spare_address_space();
    let app = App::new(&flags)?;
    let listener = settings::listen(flags.addr)?;
    // Whoever reads the first line may send a signal next.
    http_async::drain_on_signal(app.drain.clone(), app.limits.drain)?;
    println!("listening on http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;

    let workers = workers.and_then(NonZeroUsize::new).or(available_parallelism().ok());
    let workers = workers.unwrap_or(NonZeroUsize::MIN);
    let drained = actix_rt::System::new().block_on(serve::serve(listener, app, workers))?;
    Ok(ExitCode::from(if drained.cut == 0 { 0 } else { 3 }))
}
