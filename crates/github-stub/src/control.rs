//! Asking the stub about itself: `/stub/stats`, `/stub/seen`, `/stub/last`, `/stub/reset`.

use serde::Serialize;

use crate::reply::{Head, JSON, failure};
use crate::stub::World;

/// The reply to a request for `/stub/{path}`.
pub(crate) fn answer(method: &str, path: &str, world: &World) -> Vec<u8> {
    let mut tally = world.tally();
    match (method, path) {
        ("GET", "stats") => told(&tally.stats()),
        ("GET", "last") => {
            Head::new(200, "text/plain; charset=utf-8").whole(tally.last_head().as_bytes())
        }
        ("POST", "reset") => {
            tally.reset();
            told(&tally.stats())
        }
        ("GET", path) => match path.strip_prefix("seen?name=") {
            Some(name) => told(&tally.seen(name)),
            None => Head::new(404, JSON).whole(&failure(404, "Not Found", "")),
        },
        _ => Head::new(405, JSON).whole(&failure(405, "GET the stats, POST the reset", "")),
    }
}

fn told(counts: &impl Serialize) -> Vec<u8> {
    let mut body = serde_json::to_vec_pretty(counts).expect("counts and strings are JSON");
    body.push(b'\n');
    Head::new(200, JSON).whole(&body)
}
