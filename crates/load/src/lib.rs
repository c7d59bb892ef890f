//! The load generator: what it asks, how it paces, what it counts, and when its number is void.
//!
//! One epoll loop on each generator thread drives all of that thread's connections: a client that waits is a
//! struct of a few hundred bytes, not a thread and not a task, so that the generator stays cheaper than what it measures.
//! Nor is there a runtime in it: tokio's timers tick once a millisecond, where a schedule needs finer, and what a runtime
//! does with its time could not be told from what is measured. epoll is asked through rustix, which is safe.
//!
//! Two loops, never mixed. *Closed*: N clients, each waits for its answer before it asks again; measures
//! capacity. *Open*: requests leave on a schedule whatever the server does, and latency runs from the
//! *intended* time, so a stall counts against every request that should have been sent during it.
//! Beside them [`broadcast()`]: one speaks on a schedule, and many listen.
//!
//! ```no_run
//! use std::time::Duration;
//! use load::{Ask, Cancel, Expect, Plan, Stop, Target, run};
//!
//! let target = Target::new("127.0.0.1:8000".parse()?);
//! let ask = Ask::get("/plaintext").expect(Expect::exactly("Hello, World!"));
//! let plan = Plan::closed(target, ask, 64, Stop::After(Duration::from_secs(2)));
//! let outcome = run(&plan, &Cancel::new(), |_| {})?;
//! println!("{:.0} a second, p99 {:?}", outcome.rate(), outcome.percentile(99.0));
//! for gate in load::gates::of(&outcome) {
//!     println!("{gate}");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ask;
mod broadcast;
mod connection;
pub mod cpus;
mod expect;
pub mod floor;
pub mod gates;
mod generator;
mod outcome;
mod plan;
mod poll;
mod probe;
pub mod process;
mod reply;
mod run;
mod schedule;
mod tally;

pub use ask::{Ask, Asks};
pub use broadcast::{Broadcast, Heard, Say, broadcast};
pub use expect::{Body, Check, Expect};
pub use outcome::{Errors, GeneratorThread, Histogram, Outcome, Sample};
pub use plan::{Arrivals, Cancel, Pace, Phase, Plan, Progress, Stop, Target};
pub use probe::Probe;
pub use reply::{Malformed, Reply, Step};
pub use run::{raise_descriptor_limit, run};
