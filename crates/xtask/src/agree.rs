//! Thousands of requests that nobody should send, to all three servers: whether they answer alike, and none breaks.

use conformance::agreement::{self, Script};
use conformance::mutate::Mutator;
use conformance::setup::Setup;
use conformance::{Needs, binaries};

const SERVERS: [&str; 3] = ["server-blocking", "server-actix", "server-axum"];

/// One in a hundred: what is left is where frameworks draw a line within what RFC 9112 leaves open.
const ALLOWED: usize = 100;

/// The wire cases as they stand, then so many of them changed under this seed. Says what was found; true when it is
/// good enough.
///
/// # Errors
///
/// When a server does not build or start.
pub(crate) fn run(requests: u64, seed: u64) -> anyhow::Result<bool> {
    // Debug builds: an overflow that a release would wrap is a panic there, and found.
    binaries::build(&SERVERS)?;
    let setups = SERVERS.iter().map(|name| Ok(Setup::new(&binaries::find(name)?)));
    let setups = setups.collect::<anyhow::Result<Vec<_>>>()?;
    let subjects =
        setups.iter().map(|setup| setup.subject(Needs::Stub).map_err(anyhow::Error::msg));
    let servers: Vec<_> =
        SERVERS.into_iter().zip(subjects.collect::<anyhow::Result<Vec<_>>>()?).collect();

    // The authority is part of some cases; any will do, as none of the servers knows its name.
    let mutator = Mutator::new(seed, "127.0.0.1:8080");
    let cases = agreement::scripts("127.0.0.1:8080");
    let changed: Vec<Script> = (0..requests).map(|n| mutator.script(n)).collect();
    let mut good = true;
    for (what, scripts, allowed) in
        [("wire cases", cases, 0), ("changed requests", changed, requests as usize / ALLOWED)]
    {
        let found = agreement::agree(&servers, &scripts);
        let (sent, excepted) = (found.scripts, found.excepted);
        let (differ, broken) = (found.disagreements.len(), found.violations.len());
        for line in found.disagreements.iter().chain(&found.violations) {
            println!("  {line}");
        }
        println!(
            "{sent} {what} (seed {seed}) to each of {} servers: {differ} answered differently, {excepted} by a listed \
             exception; {broken} a 500, a hang, no HTTP or a death",
            servers.len()
        );
        good &= differ <= allowed && broken == 0;
    }
    Ok(good)
}
