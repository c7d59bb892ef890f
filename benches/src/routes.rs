//! One request, and a batch of 64, on each route and each server.

use github_stub::Profile;

use crate::Harness;
use crate::client::Client;
use crate::cpus::{self, Split};
use crate::stand::{COMPETITORS, Stand};

/// The column that ratios refer to.
pub(crate) const BASE: &str = "blocking";
/// The same process measured once more, last in each row.
pub(crate) const AGAIN: &str = "blocking again";

/// How many connections are asked at once, and what that is called.
const BATCHES: [(usize, &str); 2] = [(1, "one"), (64, "batch-64")];

/// A route and what is right about it.
#[derive(Debug)]
pub struct Route {
    /// What its groups are called.
    pub name: &'static str,
    /// What is asked.
    pub path: &'static str,
    /// The checks of the contract that a server passes before this is timed.
    pub(crate) checks: &'static [&'static str],
}

static ROUTES: [Route; 3] = [
    Route {
        name: "plaintext",
        path: "/plaintext",
        checks: &["plaintext sends exactly the contract's fields and greeting"],
    },
    Route {
        name: "wait-0",
        path: "/wait/0",
        checks: &[
            "wait answers the article's sentence after that time",
            "wait takes and refuses the integers that FastAPI does",
        ],
    },
    Route {
        name: "github-user",
        path: "/github-user/octocat",
        checks: &[
            "github-user passes the upstream's JSON on, unknown fields and order included",
            "github-user asks each time: there is no cache of replies",
        ],
    },
];

impl Route {
    /// The body of the right answer.
    pub fn body(&self) -> Vec<u8> {
        match self.name {
            "plaintext" => b"Hello, World!".into(),
            "wait-0" => br#"{"message":"Waited for 0 seconds!"}"#.into(),
            _ => Profile::of("octocat").json(),
        }
    }
}

/// The route of this name.
pub fn named(name: &str) -> Option<&'static Route> {
    ROUTES.iter().find(|route| route.name == name)
}

/// The checks of all routes.
pub(crate) fn checks() -> impl Iterator<Item = &'static str> {
    ROUTES.iter().flat_map(|route| route.checks.iter().copied())
}

pub(crate) fn is_group(group: &str) -> bool {
    group.split_once('/').is_some_and(|(name, _)| named(name).is_some())
}

/// Measures all of them.
///
/// # Errors
///
/// When the stub cannot be started. A server that does not start, or answers wrongly, ends the run.
pub fn measure(harness: &mut Harness) -> anyhow::Result<()> {
    let split = Split::here();
    let clients = split.clients.clone();
    cpus::on(&clients, || {
        let mut stand = Stand::new(split)?;
        for route in &ROUTES {
            for (count, batch) in BATCHES {
                row(harness, &mut stand, route, count, batch);
            }
        }
        stand.stop()
    })
}

fn row(harness: &mut Harness, stand: &mut Stand, route: &Route, count: usize, batch: &str) {
    let mut group = harness.group(&format!("{}/{batch}", route.name), count as u64);
    for competitor in &COMPETITORS {
        let told =
            |error: String| -> ! { panic!("{} on {}: {error}", competitor.name, route.path) };
        // Criterion calls this for the warm-up and for each sample; one client serves them all.
        let mut client = None;
        group.measure(competitor.name, |bencher| {
            let client = client.get_or_insert_with(|| {
                let addr = stand
                    .addr(competitor, route)
                    .unwrap_or_else(|error| told(format!("{error:#}")));
                Client::open(addr, route.path, &route.body(), count)
                    .unwrap_or_else(|error| told(error.to_string()))
            });
            bencher.iter(|| client.ask().unwrap_or_else(|error| told(error)));
        });
    }
}
