//! Asking the stub about itself: `/stub/stats`, `/stub/seen`, `/stub/last`, `/stub/reset`.

use crate::reply::{Head, JSON, failure};
use crate::stub::World;

/// The reply to a request for `/stub/{path}`.
pub(crate) fn answer(method: &str, path: &str, world: &World) -> Vec<u8> {
    let mut tally = world.tally();
    let json =
        |value: serde_json::Value| Head::new(200, JSON).whole(format!("{value:#}\n").as_bytes());
    match (method, path) {
        ("GET", "stats") => json(serde_json::json!(tally.stats())),
        ("GET", "last") => {
            Head::new(200, "text/plain; charset=utf-8").whole(tally.last_head().as_bytes())
        }
        ("POST", "reset") => {
            tally.reset();
            json(serde_json::json!(tally.stats()))
        }
        ("GET", path) => match path.strip_prefix("seen?name=") {
            Some(name) => json(serde_json::json!(tally.seen(name))),
            None => Head::new(404, JSON).whole(&failure(404, "Not Found", "")),
        },
        _ => Head::new(405, JSON).whole(&failure(405, "GET the stats, POST the reset", "")),
    }
}
