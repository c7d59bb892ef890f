//! `lab live`: a page on which one drags the load and watches the three servers side by side.

pub mod admitted;
pub mod crowd;
pub mod dial;
pub mod page;
pub mod scene;
pub mod stand;

use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use anyhow::Context;
use compute::RoundsPerMs;
use http_blocking::{Server, Shutdown, listen};
use load::Cancel;

use crate::arena::Arena;
use crate::args::Live;
use crate::compare::BAD_ARGUMENTS;
use crate::competitor::{self, Competitor};
use crate::{machine, stop};
use admitted::{Admitted, admitted};
use dial::Dial;
use page::Page;
use stand::Stand;

/// Serves the page until Ctrl-C, then stops what it started.
///
/// # Errors
/// When a server or the page cannot be started.
pub fn run(args: &Live) -> anyhow::Result<ExitCode> {
    let (who, dial) = match wanted(args) {
        Ok(wanted) => wanted,
        Err(error) => {
            eprintln!("lab: {error:#}");
            return Ok(BAD_ARGUMENTS.into());
        }
    };
    who.iter().try_for_each(Competitor::ensure_there)?;
    for peer in &args.peers {
        crate::peers::environment(peer)?;
    }
    let cancel = stop::on_signal()?;
    if !args.no_build {
        let names: Vec<_> = who.iter().filter_map(Competitor::binary).collect();
        let mut names: Vec<_> = names.iter().map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        conformance::binaries::build(&names)?;
    }
    load::raise_descriptor_limit().context("cannot raise the limit of descriptors")?;
    // The page and its clients share all CPUs with the servers: it is for looking, and says so.
    let arena = Arena::new(machine::divided(true), None, RoundsPerMs::measure().0)?;
    let stand = Arc::new(Stand::new(arena, dial));
    let listener =
        listen(args.addr.to_string()).with_context(|| format!("cannot listen on {}", args.addr))?;
    let addr = listener.local_addr()?;
    let routes = page::routes(Page { stand: Arc::clone(&stand), addr });
    let shutdown = Shutdown::new()?;
    let (ends, watched, gone) = (shutdown.clone(), Arc::clone(&stand), cancel.clone());
    thread::Builder::new().name("looks".into()).spawn(move || {
        while !gone.cancelled() {
            watched.tick();
        }
        ends.drain();
    })?;
    println!("listening on http://{addr}");
    eprintln!("open http://{addr} in a browser; Ctrl-C stops the servers and this page");
    let (ends, judges) = (shutdown.clone(), cancel.clone());
    let begins = thread::Builder::new().name("begins".into()).spawn(move || {
        let begun = begin(&stand, who, &judges);
        if begun.is_err() {
            ends.drain();
        }
        begun
    })?;
    Server::new(listener).serve(routes, &shutdown)?;
    match begins.join() {
        Ok(Err(error)) if !cancel.cancelled() => Err(error),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Who runs, and what the page begins with.
fn wanted(args: &Live) -> anyhow::Result<(Vec<Competitor>, Dial)> {
    let mut who = match &args.servers {
        Some(list) => competitor::parse_list(list).context("--servers")?,
        None => Competitor::defaults(),
    };
    for target in &args.targets {
        who.push(Competitor::target(target).context("--target")?);
    }
    who.extend(args.peers.iter().map(|name| Competitor::peer(name)));
    competitor::ensure_distinct(&who)?;
    let dial = args.dial();
    dial.scene()?;
    Ok((who, dial))
}

/// The contract first; then whoever keeps it is asked.
fn begin(stand: &Stand, who: Vec<Competitor>, cancel: &Cancel) -> anyhow::Result<()> {
    let tells = |done, all| {
        stand.says(format!("Before anybody is asked: checking the contract, {done} of {all}"));
    };
    let Admitted { who, told } = admitted(who, cancel, tells)?;
    eprintln!("{told}");
    stand.says(told);
    stand.start(who)
}
