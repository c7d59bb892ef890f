//! The contract, served by a thread per connection.
//!
//! A request is a thread's work. Where it waits, the thread sleeps and the kernel runs another; wherever it computes,
//! the kernel interrupts it when its time slice is over. What it costs is a stack for every connection, and switches.
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
use http_blocking::Threads;
use settings::Flags;

use crate::app::App;

/// One HTTP API, served by an OS thread per connection; every call blocks the thread that makes it
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
    /// Who runs a request: `connection` (a thread for each connection, which under keep-alive is what "a thread per
    /// request" means), `request` (literally a new thread for each request), `pool:N` (N threads, each serving one
    /// connection until it closes; the others wait)
    #[arg(long, env = "WAITLAB_THREADS", default_value_t)]
    threads: Threads,

    #[command(flatten)]
    flags: Flags,
}

fn main() -> anyhow::Result<ExitCode> {
    let Server { threads, flags } = Server::parse();
    flags.log.start(flags.access_log);
    settings::spare_address_space();
    let app = App::new(&flags)?;
    let listener = settings::listen(flags.addr)?;
    // Whoever reads the first line may send a signal next.
    http_blocking::drain_on_signal(app.drain.clone())?;
    println!("listening on http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;

    let drained = serve::serve(listener, app, threads)?;
    Ok(ExitCode::from(if drained.cut == 0 { 0 } else { 3 }))
}
