//! The contract, served by axum: one async runtime whose worker threads steal tasks from each other.
//!
//! A request is a task. Where it awaits, its thread takes up another task; between two awaits nothing interrupts it.
//! A task may go on on another thread than it began on, so what it holds across an await must be `Send`.
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
use std::process::ExitCode;

use clap::Parser;
use settings::Flags;

use crate::app::App;

/// One HTTP API, served by axum on tokio: a task per connection, worker threads that steal tasks
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
    /// Threads that run tasks [default: one per core]
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

    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = workers {
        runtime.worker_threads(workers);
    }
    // tokio's own size, for files, SQLite and names, and as many again as are offloaded: neither waits for the other.
    runtime.max_blocking_threads(512 + flags.offload_threads());
    let runtime = runtime.enable_all().build()?;
    let drained = runtime.block_on(serve::serve(listener, app))?;
    // Dropped, it would wait for every blocking call to return, and nobody waits for them any more.
    runtime.shutdown_background();
    Ok(ExitCode::from(if drained.cut == 0 { 0 } else { 3 }))
}
