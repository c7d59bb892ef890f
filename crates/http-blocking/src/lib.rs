//! The blocking HTTP/1.1 server that crates.io lacks: an OS thread for each connection, no async runtime, no unsafe
//! code. It is to `server-blocking` what hyper and axum are to `server-axum`, and its surface is axum's on purpose.
//!
//! ```no_run
//! use http_blocking::{Router, Server, Shutdown, get, listen};
//!
//! let router = Router::new().route("/", get(|| "Hello, World!")).with_state(());
//! Server::new(listen("127.0.0.1:0")?).serve(router, &Shutdown::new()?)?;
//! # Ok::<(), std::io::Error>(())
//! ```

mod accept;
mod body;
pub mod chunk;
mod chunk_writer;
mod connection;
mod date;
mod extract;
mod handler;
pub mod head;
mod incoming;
mod limits;
mod meters;
mod method_router;
mod payload;
mod pool;
mod registry;
mod reply;
mod response;
mod router;
mod server;
mod service;
mod shutdown;
mod sink;
mod source;
mod thread_cap;
mod threads;

pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header};

pub use body::{Body, BodyError};
pub use chunk_writer::ChunkWriter;
pub use extract::{FromRequest, State};
pub use handler::Handler;
pub use limits::Limits;
pub use method_router::{MethodRouter, delete, get, post, put};
pub use payload::Payload;
pub use response::{IntoFields, IntoResponse, Json};
pub use router::{MatchedPath, PathParams, Router};
pub use server::{Drained, Server, listen};
pub use service::{Request, Response, Service};
pub use shutdown::Shutdown;
pub use thread_cap::{Bound, ThreadCap};
pub use threads::{Threads, UnknownThreads};
