//! `cargo bench`: what a thread and a task cost, then what one request and 64 at once cost on each server.
//!
//! How to read it is told in the library beside this file (`benches/src/lib.rs`).

use benches::{Harness, floor, planned, primitives, routes};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("serve") {
        // Started by ourselves: the control, in a process of its own as the servers are.
        return floor::serve(&arguments.next().unwrap_or_default());
    }
    eprintln!("{}", planned()?);
    let mut harness = Harness::from_args()?;
    primitives::measure(&mut harness);
    routes::measure(&mut harness)?;
    harness.conclude()
}
