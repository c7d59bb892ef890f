//! The criterion harness: what one call costs, with the three servers and the primitives under them side by side.
//!
//! ```text
//! cargo bench                               everything; how long that takes is said first
//! cargo bench -- switch                     only what matches: no server is started for it
//! cargo bench -- --save-baseline before     keep these figures under a name
//! cargo bench -- --baseline before          measure again and compare
//! ```
//!
//! | group | what one iteration is |
//! |---|---|
//! | `spawn/1`, `spawn/64` | start one, or 64 at once, and wait for the end of all |
//! | `switch/one-cpu`, `switch/two-cpus`, `switch/free` | a message there and one back: two switches |
//! | `sleep/1`, `sleep/64` | one, or 64 at once, asleep for a millisecond; what is over 1 ms is the price |
//! | `handoff/1`, `handoff/64` | one call, or 64 at once, given to a pool of four threads, and the results |
//! | `parse/head` | a browser's request head: the parser all three stand on, and the blocking server's checks on top |
//! | `plaintext`, `wait-0`, `github-user`, each `/one` | a request on a warm connection, to its last byte |
//! | `echo/one`, `stream/one` | a kilobyte in, its length out; a hundred lines in chunks |
//! | `note/one`, `file/one` | a row out of SQLite; a kilobyte off the disk |
//! | the same, `/batch-64` | a request on each of 64 warm connections, to the last byte of the last |
//! | `thumbnail/one`, `seal/one` | an image made small; a key from a passphrase, and a kilobyte encrypted: almost all is computing |
//!
//! In the primitives' groups `thread` is an OS thread, `shared-loop` a task on tokio's work-stealing runtime (as in
//! `server-axum`), `own-loop` a task on a runtime of one thread (as in each worker of `server-actix`). Within a
//! group all do the same work; only the way of waiting differs.
//!
//! # How to read it
//!
//! criterion's own lines come first: `time: [low estimate high]` is a 95 % interval of the mean, `change:` compares
//! with the last run of the same bench on this machine. The tables at the end are of medians, which a burst of
//! other work on the machine moves least; × is the median over that of the first column of the same kind, with a
//! 95 % interval from both standard errors.
//!
//! criterion measures one bench after another, so whatever changes on the machine meanwhile (a hotter CPU, a
//! neighbour) lands on some of them and is in no interval. That is what `blocking again` is for: the same process
//! measured once more at the end of its row. A ratio no further from 1 than that one is called *alike*. For
//! ratios from interleaved rounds, for tails, memory and load on a schedule: `cargo lab`.
//!
//! `floor` is not a server: an epoll loop that sends the right bytes without looking at the request. What it takes
//! is the client, the kernel and two wake-ups; only what is above it is the server's.
//!
//! # What stands behind the figures
//!
//! - The servers are the real binaries, built by this harness in its own profile, with their default limits, in
//!   processes of their own. Servers and clients get halves of the CPUs, so a server on two cores has one.
//! - Each has passed the contract's checks of these routes before it is timed, and every reply is compared with the
//!   right one, byte for byte, while it is timed (what is sealed by its length: it is never the same twice).
//! - `/github-user` asks the stub, which answers at once from the clients' CPUs: the time is that of both hops.
//! - `threads=pool:64`, not fewer: a pool's thread stays with a connection until it closes, so with 64 connections
//!   open a smaller pool would answer the rest never.

pub mod client;
pub mod cpus;
pub mod floor;
mod harness;
mod output;
pub mod primitives;
pub mod routes;
mod stand;
mod table;

pub use harness::{Group, Harness, Planned, planned};
