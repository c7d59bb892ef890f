//! The judge: whether a server keeps the contract, asked over HTTP and nothing else.
//!
//! A server is a process and an address. Nothing here links one, so a stranger's server in any language is judged by the
//! same checks. They run in three places: as each server's `tests/conformance.rs` ([`trials`]), as `lab check URL`
//! ([`report`]), and before anything is timed.
//!
//! | to find | look in |
//! |---|---|
//! | starting and stopping servers, never leaving one behind | [`process`], [`binaries`] |
//! | the checks of the contract, a sentence each | [`mod@checks`] |
//! | how a blocked event loop is seen from outside | [`shape`] |
//! | HTTP/1.1 on the wire, case by case | [`wire`] |
//! | whether servers answer alike, also to requests nobody should send | [`agreement`], [`mutate`] |
//! | what a framework makes impossible, and nothing else | [`exceptions`] |
//! | what a failure looks like, wherever it happens | [`failures`] |
//! | the mistakes of `/pitfalls`, each beside its remedy | [`mistakes`] |
//! | starting, draining, exit codes | [`lifecycle`] |
//! | limits, made small so that they are met, and switched off so that the judge convicts | [`setup`], [`bounds`] |
//! | who asks beside whom | [`turns`] |
//! | waiting for what nothing tells of | [`until()`] |
//! | a PostgreSQL of one's own, and tests that run on both databases | [`postgres`], [`databases`] |
//! | who listens to server-sent events | [`events`] |
//! | the client that sends what no client library would | [`client`], [`reply`] |

#[macro_use]
mod ensure;

pub mod agreement;
pub mod binaries;
pub mod bounds;
pub mod checks;
pub mod client;
pub mod databases;
pub mod events;
pub mod exceptions;
pub mod failures;
pub mod lifecycle;
pub mod mistakes;
pub mod mutate;
pub mod postgres;
pub mod process;
pub mod reply;
pub mod report;
pub mod setup;
pub mod shape;
pub mod subject;
pub mod trials;
pub mod turns;
mod until;
pub mod wire;

pub use checks::{Check, Needs, Verdict, checks};
pub use process::Server;
pub use subject::Subject;
pub use until::until;
