//! The fault suite: slow, vanishing and too many clients, exhausted limits, failing upstreams, signals; each with the
//! figure it must reach, run against each of the three servers with normal traffic beside it.
//!
//! `cargo xtask faults` runs it. A fault is data in `cases/fault_cases.json` (what happens, what must be reached), one
//! function in the file of its area, and one row of [`FAULTS`] that joins the two.
//!
//! | to find | look in |
//! |---|---|
//! | which faults there are | `fault.rs` |
//! | what a fault is given: a server, its limits, full or short | `stage.rs` |
//! | what it reports | `found.rs` |
//! | a thousand clients that one thread drives | `crowd.rs` |
//! | whether a job left two results | `ledger.rs` |
//! | the faults themselves | `slow_clients.rs`, `overload.rs`, `handlers.rs`, `files.rs`, `database.rs`, `outage.rs`, `upstream.rs`, `lifecycle.rs` |
//! | order, repetition, table and file | `run.rs`, `report.rs` |

mod args;
mod case;
mod crowd;
mod database;
mod fault;
mod files;
mod found;
mod handlers;
mod ledger;
mod lifecycle;
mod outage;
mod overload;
mod report;
mod run;
mod slow_clients;
mod stage;
mod upstream;

pub use args::Args;
pub use fault::{FAULTS, Fault};
pub use run::run;
