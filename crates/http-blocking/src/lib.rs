//! The blocking HTTP/1.1 server that crates.io lacks: an OS thread for each connection, no async runtime, no unsafe
//! code. It is to `server-blocking` what hyper and axum are to `server-axum`, and its surface is axum's on purpose.
//!
//! ```no_run
//! use http_blocking::{Router, Server, Shutdown, get, listen};
//!
//! let router = Router::new().route("/", get(|| "Hello, World!"));
//! Server::new(listen("127.0.0.1:0")?).serve(router, &Shutdown::new()?)?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! | to find | look in |
//! |---|---|
//! | the life of a server, and of a connection | [`Server`], `connection.rs` |
//! | who gets a thread, and what happens when there is none | [`Threads`], [`ThreadCap`], `accept.rs`, `pool.rs` |
//! | threads that a handler starts beside its own | [`Helpers`] |
//! | what is a request, and where it ends | [`head`], [`contract::chunk`], `incoming.rs` |
//! | the clocks: idle, head, body, write stall, drain | [`Limits`], `source.rs`, `incoming.rs`, `sink.rs`, `registry.rs` |
//! | a form of files, cut into parts | [`Multipart`] |
//! | what a handler takes and gives | [`Handler`], [`FromRequest`], [`IntoResponse`], [`Payload`] |
//!
//! # Why it exists
//!
//! The published blocking servers were probed with raw sockets. tiny_http (and rouille on it) aborts on one request with
//! a huge `Content-Length`, answers smuggled requests, and its accept thread ends when descriptors run out; oxhttp drops
//! pipelined requests and sends content to HEAD; in khttp `Content-Length` beats `Transfer-Encoding`; touche aborts on
//! one chunk size; astra and may_minihttp wait in an event loop, which is what this project compares with. All let a
//! client that sends or reads nothing hold a thread for ever.
//!
//! # What it costs a client to be slow
//!
//! A thread that waits is cheap, but it must not wait for ever, and std has one clock a socket: the receive timeout and
//! the send timeout. Every wait here is one read or one write under such a timeout, set only when it changes, so that a
//! request on a warm connection is one read and one write. What must hold in total (a head, the rate of a body, a write
//! stall) is added up around them. Another thread cannot interrupt a read; a drain shuts the socket down instead.
//!
//! # What it does not do
//!
//! TLS, HTTP/2, upgrades, trailers (read, checked, dropped), compression. Responses to pipelined requests are not
//! gathered into one write: nobody knows how long the next handler takes, and an answer that is ready is sent.
//!
//! # Where it differs from hyper in what it accepts
//!
//! It refuses what hyper 1.x takes:
//!
//! - a request without exactly one valid `Host` (HTTP/1.0 may have none);
//! - a method with `#`;
//! - a target with `#`, a control or a byte over 0x7e; `*` without OPTIONS; an authority without CONNECT,
//!   or with a user in it;
//! - `Content-Length` twice, though equal, or beside `Transfer-Encoding`; none on an HTTP/1.0 POST;
//! - transfer codings before `chunked`;
//! - a control byte in a chunk extension, a trailer beyond the 96th;
//! - a request line over 16 KiB, a head over 64 KiB or 96 fields, all adjustable.
//!
//! Like hyper it takes bare LF as the end of a line of the head, and white space around values; like hyper it answers
//! 400 to HTTP/2.0 in a request line.

mod accept;
mod body;
mod chunk_writer;
mod connection;
mod date;
mod extract;
mod handler;
pub mod head;
mod helpers;
mod incoming;
mod limits;
mod meters;
mod method_router;
mod multipart;
mod payload;
mod pool;
mod registry;
mod reply;
mod response;
mod router;
mod server;
mod service;
mod shutdown;
mod signals;
mod sink;
mod source;
mod thread_cap;
mod threads;

pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header};

pub use body::{Body, BodyError};
pub use chunk_writer::ChunkWriter;
pub use extract::{FromRequest, State};
pub use handler::Handler;
pub use helpers::Helpers;
pub use limits::Limits;
pub use method_router::{MethodRouter, get, post, put};
pub use multipart::{Multipart, MultipartError};
pub use payload::Payload;
pub use response::{IntoFields, IntoResponse, Json};
pub use router::Router;
pub use server::{Drained, Server, listen};
pub use service::{Request, Response, Service};
pub use shutdown::Shutdown;
pub use signals::drain_on_signal;
pub use thread_cap::{Bound, ThreadCap};
pub use threads::{Threads, UnknownThreads};
