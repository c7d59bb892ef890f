//! How a blocked event loop is seen from outside: many waits at once take about as long as one.
//!
//! Every other check passes on a server whose handlers block: each reply is right, only all of them come in turn. With
//! `std::thread::sleep` in an async handler, 256 waits of 100 ms on two workers take 128 times 100 ms.

use std::time::{Duration, Instant};

use crate::Subject;
use crate::client::Request;

/// How many waits at once.
pub const WAITS: usize = 256;

/// How many times one wait they may take together. A sound server on a busy machine stays under four; two blocked
/// workers need 128.
pub const MOST: u32 = 10;

/// What was seen.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// One wait, asked alone, as the client saw it.
    pub alone: Duration,
    /// All of them, asked at once, from the first request to the last reply.
    pub together: Duration,
}

/// Asks for [`WAITS`] waits of 0.1 s at once, at `{route}/0.1`, and fails when they queue behind one another.
///
/// # Errors
///
/// When the last reply takes more than [`MOST`] times one alone, or any reply is not a wait's.
pub fn check(subject: &Subject, route: &str) -> Result<Shape, String> {
    let target = format!("{route}/0.1");
    let alone = subject.get_with(&target, 200)?.took;
    let limit = alone * MOST;
    let mut clients = Vec::with_capacity(WAITS);
    for _ in 0..WAITS {
        clients.push(subject.connect()?.connection);
    }
    let request = Request::get(&target).bytes(&subject.host);
    let start = Instant::now();
    for client in &mut clients {
        client.send(&request).map_err(|error| format!("{target}: {error}"))?;
    }
    for (answered, client) in clients.iter_mut().enumerate() {
        let left = limit.saturating_sub(start.elapsed());
        let late = |why| {
            format!(
                "{answered} of {WAITS} waits on {target} were answered within {limit:.1?}, {MOST} times one alone \
                 ({alone:.2?}): the handler blocks its event loop, or waits queue ({why})"
            )
        };
        let reply = client.reply(false, left).map_err(|error| late(error.to_string()))?;
        reply.expect(200).map_err(|error| format!("{target}: {error}"))?;
    }
    Ok(Shape { alone, together: start.elapsed() })
}
