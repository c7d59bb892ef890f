//! The stub as a process: `github-stub --addr 127.0.0.1:0 --latency 50ms`, until SIGTERM or Ctrl-C.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::Context;
use clap::{CommandFactory, FromArgMatches, Parser};
use github_stub::{Dials, FAULTS, Stub};
use tokio::signal::unix::{SignalKind, signal};

/// A stand-in for api.github.com: GET /users/{name} answers any name with a real-looking profile,
/// always the same for the same name, as slowly and as wrongly as asked.
///
/// Try it:
///
///   github-stub --addr 127.0.0.1:8090 --latency lognormal:50ms:0.5 --seed 7
///   curl -i http://127.0.0.1:8090/users/octocat
///   curl http://127.0.0.1:8090/stub/stats
///
/// and let a server ask it instead of GitHub: --github-url http://127.0.0.1:8090
#[derive(Parser)]
#[command(version, verbatim_doc_comment)]
struct Cli {
    #[command(flatten)]
    dials: Dials,
}

fn main() -> anyhow::Result<()> {
    let command = Cli::command().after_help(names());
    let cli = Cli::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit());
    raise_descriptor_limit();

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Before the first line is out, for who reads it may signal at once.
        let mut term = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
        let mut int = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
        let stub = Stub::start(cli.dials)?;
        let mut stdout = std::io::stdout();
        writeln!(stdout, "listening on {}", stub.url()).context("cannot say where it listens")?;
        stdout.flush().context("cannot say where it listens")?;
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        Ok(())
    })
}

/// The end of `--help`: what each name does.
fn names() -> String {
    let mut text = String::from(
        "A name that is one of these, or begins with one and a hyphen (cut, cut-17), gets this instead of its profile; \
         each is a FAULT too:\n",
    );
    for (name, gets) in FAULTS {
        let _ = write!(text, "\n  {name:<18} {}", gets.replace('`', ""));
    }
    text.push_str(
        "\n\nGET /stub/stats          connections, requests, and what should not have come, as JSON\
         \nGET /stub/seen?name=a    how often and when that name was asked\
         \nGET /stub/last           the head of the last request as it came\
         \nPOST /stub/reset         start the counts again",
    );
    text
}

/// A thousand connections need more descriptors than the 1,024 that a shell often grants.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // It may be refused; then the shell's limit holds.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}
