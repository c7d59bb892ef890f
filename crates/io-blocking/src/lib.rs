//! How one call to the outside is made when the calling thread waits for it.
//!
//! Its twin is `io-async`: the same files, functions and order, and a line differs only where the way of waiting makes
//! it differ. What a request does with these calls (order, fan-out, placement) is written in each server's handlers.
//!
//! | to find | look in |
//! |---|---|
//! | a user of GitHub: one call, its deadline, its retries | [`github`] |
//! | where CPU work runs, and how much at once | [`cpu`] |
//! | a file: written, kept, opened, read, listed, removed | [`files`] |
//! | rows: a connection, its statements, the connection given back | [`mod@store`] |
//! | rooms: who listens, and one who passes on what is said | [`rooms`] |
//! | how many calls are made at once, and how one waits for its turn | `permits` |
//! | which failures are tried again, and what the others become | `lost` |
//! | connections, TLS, and what is switched off | `connect` |
//! | where the upstream is | `addresses` |

mod addresses;
mod connect;
pub mod cpu;
pub mod files;
pub mod github;
mod lost;
mod permits;
pub mod rooms;
pub mod store;

pub use contract::upstream::BadUpstream;
pub use cpu::Cpu;
pub use files::Files;
pub use github::Github;
pub use permits::{Permit, Permits};
pub use rooms::Rooms;
pub use store::Store;
