//! The flags and limits that all three servers take, and what a process sets up before it serves.
//!
//! Shared, because a server with another default, another log or fewer descriptors would be measured unfairly.
//! What only one way of waiting has (worker threads, a thread mode) is a flag of that server's own.

mod address_space;
mod budget;
mod descriptors;
mod files_home;
mod flags;
mod listen;
mod log;
mod panics;
mod telemetry;

pub use address_space::spare_address_space;
pub use budget::{Budget, Held, Whole};
pub use descriptors::raise_descriptor_limit;
pub use files_home::FilesHome;
pub use flags::{Flags, count};
pub use listen::listen;
pub use log::Log;
pub use panics::{Carried, Panicked, carried, carried_awaiting, caught, caught_awaiting};
pub use telemetry::{Answers, Counted, Telemetry};
