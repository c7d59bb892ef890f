//! What can be asked of the suite.

use std::path::PathBuf;

/// Run faults against each server: slow clients, exhausted limits, failing upstreams, signals
///
/// Builds the servers as they are measured (release), runs each fault against each of them, prints what was reached
/// beside what must be, and writes both to a file. Fails when any figure is missed.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Which faults, by id (F01); all but those marked "on request" when none is named
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,

    /// Against which servers, separated by commas
    #[arg(
        long,
        value_name = "NAME,…",
        value_delimiter = ',',
        default_value = "blocking,actix,axum"
    )]
    pub servers: Vec<String>,

    /// Picks what is random in a fault: the same seed, the same run
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// Fewer clients, shorter limits, and the servers side by side: seconds a fault; what .ci/run runs
    #[arg(long)]
    pub short: bool,

    /// Say which faults there are, and run nothing
    #[arg(long)]
    pub list: bool,

    /// Where to write what was found
    #[arg(long, value_name = "FILE", default_value = "target/faults.json")]
    pub out: PathBuf,
}
