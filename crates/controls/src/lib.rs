//! The same bytes from bare programs: what a model or a framework costs without our layers.
//!
//! A server of ours does more than its framework: it checks heads, keeps clocks, makes request ids, counts. How much
//! that costs shows beside a program that does none of it and sends a reply of the same bytes. `bare-axum` and
//! `bare-actix` are what the frameworks' first page of documentation tells one to write; `bare-threads` is a thread
//! per connection that does not even parse; `floor` is one epoll loop that knows every answer beforehand. None of them
//! is fit for the internet: that is the point.
//!
//! `bare-notes` is the control of drivers: `/notes` on axum, by the async driver or by the blocking one on threads.
//!
//! The examples compare: `layers` (CPU a request, ours by bare), `khttp` (the blocking server by the fastest published
//! one), `waiting` (memory a waiting client), `burst` (ten thousand clients at once). Each is one command, named in its
//! head.

mod program;

use std::fmt::Write as _;
use std::hint;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use clap::Parser;
use contract::headers;

pub use program::{Median, Program, command};

/// A bare program that serves `/plaintext` and `/wait/{seconds}`, for comparing; not for use
#[derive(Parser)]
pub struct Control {
    /// Address to listen on; port 0 takes a free one, and the first line on stdout tells which
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub addr: SocketAddr,

    /// Threads that run tasks, where there are such
    #[arg(long, default_value = "1")]
    pub workers: NonZeroUsize,

    /// Microseconds of CPU to burn beside each /plaintext: whoever compares has to notice
    #[arg(long, default_value = "0")]
    pub burn_us: f64,
}

/// What every `/plaintext` says.
pub const PLAINTEXT: &str = "Hello, World!";

/// The fields of every reply of ours but those about its length and date, with a request id of the usual length.
pub fn fields(media: &'static str) -> [(&'static str, &'static str); 6] {
    [
        ("content-type", media),
        ("x-content-type-options", headers::NOSNIFF),
        ("content-security-policy", headers::POLICY),
        ("referrer-policy", headers::NO_REFERRER),
        ("cache-control", headers::NO_STORE),
        (headers::REQUEST_ID, "0123456789abcdef"),
    ]
}

/// What `/wait/{seconds}` says.
pub fn waited(seconds: f64) -> String {
    format!(r#"{{"message":"Waited for {seconds} seconds!"}}"#)
}

/// How long `/wait/{seconds}` waits.
pub fn wait(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.clamp(0.0, 60.0))
}

/// A whole reply, for those that have no framework to write it.
pub fn reply(media: &'static str, text: &str) -> String {
    let mut reply = "HTTP/1.1 200 OK\r\n".to_owned();
    for (name, value) in fields(media) {
        let _ = write!(reply, "{name}: {value}\r\n");
    }
    // The date is of the usual length; nobody reads it.
    let date = "Thu, 01 Jan 1970 00:00:00 GMT";
    let _ = write!(reply, "content-length: {}\r\ndate: {date}\r\n\r\n{text}", text.len());
    reply
}

/// The seconds of a head that begins `GET /wait/{seconds}`, for those that do not parse.
pub fn seconds(head: &[u8]) -> Option<f64> {
    let rest = std::str::from_utf8(head.strip_prefix(b"GET /wait/")?).ok()?;
    rest.split(' ').next()?.parse().ok()
}

/// CPU time to burn, as turns of a loop: reading a clock would cost as much as what is burnt.
#[derive(Clone, Copy, Debug)]
pub struct Burn(u64);

impl Burn {
    /// So much, by how fast the loop turns here and now: of several tries the fastest, which nobody interrupted.
    fn of(time: Duration) -> Self {
        const TURNS: u64 = 10_000;
        let tried = (0..50).map(|_| {
            let start = Instant::now();
            Self(TURNS).spend();
            start.elapsed()
        });
        let fastest = tried.min().unwrap_or_default().as_secs_f64().max(1e-9);
        Self((time.as_secs_f64() / fastest * TURNS as f64) as u64)
    }

    /// Burns it.
    pub fn spend(self) {
        for _turn in 0..self.0 {
            hint::spin_loop();
        }
    }
}

impl Control {
    /// Reads the flags, listens, and says where.
    pub fn listen() -> anyhow::Result<(Self, TcpListener)> {
        let control = Self::parse();
        let listener = control.listens()?;
        Ok((control, listener))
    }

    /// Listens, and says where.
    pub fn listens(&self) -> anyhow::Result<TcpListener> {
        settings::raise_descriptor_limit();
        let listener = settings::listen(self.addr)?;
        println!("listening on http://{}", listener.local_addr()?);
        std::io::stdout().flush()?;
        Ok(listener)
    }

    /// What each `/plaintext` burns.
    pub fn burns(&self) -> Burn {
        Burn::of(Duration::from_secs_f64(self.burn_us.clamp(0.0, 1e6) / 1e6))
    }
}
