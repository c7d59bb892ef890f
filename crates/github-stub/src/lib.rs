//! A stand-in for api.github.com: real-looking profiles for any name, and every way an upstream can go wrong, on request.
//!
//! It answers `GET /users/{name}` as GitHub does (`ETag` and 304, rate limit fields, its own 404, 403 without a
//! `User-Agent`), and always the same profile for the same name. [`Dials`] set the latency, the rate limit and a share of
//! faults for everyone; a name that is one of these, or begins with one and a hyphen (`cut`, `cut-17`), asks for that
//! [`Fault`] alone:
//!
//! | name | what the client gets |
//! |---|---|
//! | `slow-DURATION` | the profile after `DURATION` (`slow-500ms`, `slow-2s-17`) instead of `--latency` |
//! | `size-BYTES` | a profile padded to exactly that many bytes (`size-1048576`) |
//! | `chunked` | the profile in chunks: right, and without a length |
//! | `gzip` | the profile compressed: right, as GitHub sends it to who accepts it |
//! | `closes` | the profile with `Connection: close` |
//! | `stale` | the profile, and then the connection is closed without a word about it |
//! | `missing` | GitHub's 404 |
//! | `down` | a reset before any answer |
//! | `hang` | nothing, for as long as the client stays |
//! | `drip` | the profile, one byte a second from the status line on |
//! | `drip-body` | the head at once, then the body one byte a second |
//! | `html` | 200 with a page of HTML |
//! | `mistyped` | the right profile called `text/html` |
//! | `notjson` | 200, called JSON, that is not JSON |
//! | `shape` | 200 with JSON that is an array |
//! | `fields` | 200 with an object whose fields have the wrong types |
//! | `empty` | 200 with no body |
//! | `utf8` | 200 with a profile that is not UTF-8 |
//! | `cut` | half the body that `Content-Length` promised, then a close |
//! | `cut-chunked` | half a chunked body, then a close |
//! | `cut-head` | half a head, then a close |
//! | `reset` | half the body, then a reset |
//! | `huge` | a chunked body that never ends |
//! | `huge-declared` | a `Content-Length` of 500 MB, and all of it |
//! | `bomb` | a gzip body of half a MiB that decodes to a valid profile of 512 MiB |
//! | `endless-head` | header fields that never end |
//! | `garbled` | bytes that are not HTTP |
//! | `extra` | the profile, and behind it a second reply that nobody asked for |
//! | `rate-limited` | 403, the rate limit used up, a reset in a minute |
//! | `rate-limited-429` | 429, the rate limit used up, `Retry-After: 7` |
//! | `secondary` | 403, the secondary rate limit, `Retry-After: 60` |
//! | `error-STATUS` | that status, 400 to 599 (`error-500`, `error-503-17`) |
//! | `redirect` | 301 to `/users/octocat` on the same host |
//! | `redirect-away` | 302 to another host: the decoy, which counts who comes |
//! | `redirect-loop` | 302 to itself |
//! | `flaky` | 503 the first time that name is asked, then the profile |
//! | `flaky-reset` | a reset the first time, then the profile |
//! | `flaky-429` | 429 with `Retry-After: 1` the first time, then the profile |
//!
//! A refused connection needs no stub: take the address of one that was dropped.
//!
//! `GET /stub/stats` tells what was counted ([`Stats`]), `GET /stub/seen?name=` how often and when one name was asked
//! ([`Seen`]), `GET /stub/last` the head of the last request as it came, and `POST /stub/reset` starts the counts again.
//!
//! The stub stands on bare sockets and httparse, with an HTTP/1.1 loop of its own: no server library will reset a
//! connection in mid-body, promise bytes it does not send, or answer twice. It runs on one thread, so in a measurement
//! it takes one core at most.
//!
//! ```
//! let stub = github_stub::Stub::start(github_stub::Dials::default())?;
//! println!("ask http://{}/users/octocat", stub.addr());
//! assert_eq!(stub.stats().requests.total, 0);
//! # anyhow::Ok(())
//! ```

mod act;
mod bomb;
mod connection;
mod control;
mod dials;
mod dice;
mod fault;
mod profile;
mod reply;
mod request;
mod stats;
mod stub;

pub use dials::{Dials, FaultShare, Latency, RateLimit, parse_duration};
pub use fault::{FAULTS, Fault};
pub use profile::{Profile, is_valid_name};
pub use stats::{Connections, Decoy, Requests, Seen, Stats};
pub use stub::Stub;
