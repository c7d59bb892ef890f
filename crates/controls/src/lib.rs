//! The same bytes from bare programs: what a model or a framework costs without our layers.
//!
//! A server of ours does more than its framework: it checks heads, keeps clocks, makes request ids, counts. How much
//! that costs shows beside a program that does none of it and sends a reply of the same bytes. `bare-axum` and
//! `bare-actix` are what the frameworks' first page of documentation tells one to write; `bare-threads` is a thread
//! per connection that does not even parse. None of them is fit for the internet: that is the point.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;

use clap::Parser;
use contract::headers;

/// A bare program that serves `/plaintext` and `/wait/{seconds}`, for comparing; not for use
#[derive(Parser)]
pub struct Control {
    /// Address to listen on; port 0 takes a free one, and the first line on stdout tells which
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub addr: SocketAddr,

    /// Threads that run tasks, where there are such
    #[arg(long, default_value = "1")]
    pub workers: NonZeroUsize,
}

/// The fields of every reply of ours, with a request id of the usual length.
pub const FIELDS: [(&str, &str); 6] = [
    ("content-type", headers::TEXT),
    ("x-content-type-options", headers::NOSNIFF),
    ("content-security-policy", headers::POLICY),
    ("referrer-policy", headers::NO_REFERRER),
    ("cache-control", headers::NO_STORE),
    (headers::REQUEST_ID, "0123456789abcdef"),
];

impl Control {
    /// Reads the flags, listens, and says where.
    pub fn listen() -> anyhow::Result<(Self, TcpListener)> {
        let control = Self::parse();
        settings::raise_descriptor_limit();
        let listener = settings::listen(control.addr)?;
        println!("listening on http://{}", listener.local_addr()?);
        std::io::stdout().flush()?;
        Ok((control, listener))
    }
}
