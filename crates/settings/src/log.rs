//! What a server writes to stderr: nothing, lines for people, or lines for machines.

use clap::ValueEnum;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::panics;

/// What logs an error of its own for each malformed request: whoever sends thousands would fill the disk. Who refused them
/// and how often is in `/metrics`.
const TALKATIVE: &str = "actix_http::h1::dispatcher";

/// The form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Log {
    /// Nothing.
    Off,
    /// A line for people: what went wrong, and the start and end of the process.
    #[default]
    Text,
    /// The same as a JSON object a line.
    Json,
}

impl Log {
    /// Starts logging to stderr; stdout belongs to the line that tells the address.
    pub fn start(self, access: bool) {
        // One line a request is a debug event: off unless it is asked for, because writing it costs more than
        // answering `/plaintext`.
        let level = if access { LevelFilter::DEBUG } else { LevelFilter::INFO };
        let targets = Targets::new().with_default(level).with_target(TALKATIVE, LevelFilter::OFF);
        let builder = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .with_writer(std::io::stderr);
        match self {
            Self::Off => {}
            Self::Text => builder.finish().with(targets).init(),
            Self::Json => builder.json().finish().with(targets).init(),
        }
        panics::log_all();
    }
}
