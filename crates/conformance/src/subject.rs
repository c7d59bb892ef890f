//! Who is judged: an address to ask, and what the judge knows of the server behind it.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use contract::Limits;
use github_stub::Stub;

use crate::client::{Connection, PATIENCE, Request};
use crate::reply::Reply;
use crate::until;

/// A server to be asked.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Where it listens.
    pub addr: SocketAddr,
    /// What stands in `Host`.
    pub host: String,
    /// The upstream it was told to use, if that is ours to ask.
    pub stub: Option<Arc<Stub>>,
    /// Whether a handler that blocks stalls others: true of every event loop, false with a thread per connection.
    pub has_event_loop: bool,
    /// Where it keeps its data, if it is ours to look at.
    pub data: Option<PathBuf>,
    /// The URL of its PostgreSQL, if that is ours to use.
    pub database: Option<String>,
    /// The limits it was started with; the contract's own for a stranger.
    pub limits: Limits,
}

impl Subject {
    /// A server at an address, with the contract's limits and nothing else known.
    pub fn at(addr: SocketAddr) -> Self {
        Self {
            addr,
            host: addr.to_string(),
            stub: None,
            data: None,
            database: None,
            has_event_loop: true,
            limits: Limits::default(),
        }
    }

    /// A server at `http://HOST[:PORT]`.
    ///
    /// # Errors
    ///
    /// When that is no such URL, or the host has no address.
    pub fn at_url(url: &str) -> anyhow::Result<Self> {
        let host = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
        let Some(host) = host.filter(|host| !host.is_empty() && !host.contains('/')) else {
            anyhow::bail!("{url:?} is not http://HOST[:PORT]: checks need plain HTTP and no path");
        };
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let mut addrs =
            if has_port { host.to_socket_addrs()? } else { (host, 80).to_socket_addrs()? };
        let addr = addrs.next().ok_or_else(|| anyhow::anyhow!("{host} has no address"))?;
        Ok(Self { host: host.to_owned(), ..Self::at(addr) })
    }

    /// Whether somebody is there; the error says what to do.
    ///
    /// # Errors
    ///
    /// When nobody takes a connection.
    pub fn ensure_there(&self) -> anyhow::Result<()> {
        let there = self.connect().map(drop);
        there.map_err(|error| anyhow::anyhow!("{error}; start the server first"))
    }

    /// Asks on a connection of its own.
    pub fn ask(&self, request: &Request) -> Result<Reply, String> {
        self.ask_within(request, PATIENCE)
    }

    /// Asks on a connection of its own, with other patience.
    pub fn ask_within(&self, request: &Request, patience: Duration) -> Result<Reply, String> {
        self.connect()?
            .send(&request.bytes(&self.host), request.is_head(), patience)
            .map_err(|error| format!("{}: {error}", request.line()))
    }

    /// `GET target`
    pub fn get(&self, target: &str) -> Result<Reply, String> {
        self.ask(&Request::get(target))
    }

    /// `GET target`, and the reply has this status.
    pub fn get_with(&self, target: &str, status: u16) -> Result<Reply, String> {
        let reply = self.get(target)?;
        reply.expect(status).map_err(|error| format!("{}: {error}", Request::get(target).line()))
    }

    /// `GET target`, and the reply is this status's problem.
    pub fn problem(&self, target: &str, status: u16) -> Result<contract::Problem, String> {
        let reply = self.get_with(target, status)?;
        let path = target.split('?').next().unwrap_or(target);
        reply.problem(path).map_err(|error| format!("{}: {error}", Request::get(target).line()))
    }

    /// Asks for all targets at once, each on its own connection; the replies in the order of the targets.
    pub fn get_all(&self, targets: &[String]) -> Vec<Result<Reply, String>> {
        thread::scope(|scope| {
            let asked: Vec<_> =
                targets.iter().map(|target| scope.spawn(move || self.get(target))).collect();
            asked.into_iter().map(|reply| reply.join().expect("asking does not panic")).collect()
        })
    }

    /// A connection.
    pub fn connect(&self) -> Result<Connected<'_>, String> {
        let connection = Connection::open(self.addr)
            .map_err(|error| format!("cannot connect to {}: {error}", self.addr))?;
        Ok(Connected { connection, host: &self.host })
    }

    /// The stub; checks that need it are not run without.
    pub fn stub(&self) -> Result<&Stub, String> {
        self.stub.as_deref().ok_or_else(|| "this check needs the stub as upstream".to_owned())
    }

    /// One sample of `/metrics`, summed over its labels.
    pub fn metric(&self, name: &str) -> Result<f64, String> {
        let text = self.get_with("/metrics", 200)?.text();
        let samples = text.lines().filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let named = series.split('{').next() == Some(name);
            named.then(|| value.parse::<f64>().ok()).flatten()
        });
        samples.reduce(|sum, value| sum + value).ok_or_else(|| format!("/metrics lacks {name}"))
    }

    /// Waits until a sample of `/metrics` is as it should be; how long that took.
    pub fn metric_until(
        &self,
        name: &str,
        patience: Duration,
        holds: impl Fn(f64) -> bool,
    ) -> Result<Duration, String> {
        let mut seen = Ok(0.0);
        let took = until(patience, || {
            seen = self.metric(name);
            // Who cannot be asked just now may be later.
            seen.as_ref().is_ok_and(|&value| holds(value))
        });
        let value = seen?;
        took.ok_or_else(|| format!("{name} is {value} after {patience:?}"))
    }
}

/// A connection to a subject.
#[derive(Debug)]
pub struct Connected<'a> {
    /// The connection.
    pub connection: Connection,
    host: &'a str,
}

impl Connected<'_> {
    /// Asks on this connection.
    pub fn ask(&mut self, request: &Request) -> Result<Reply, String> {
        self.send(&request.bytes(self.host), request.is_head(), PATIENCE)
            .map_err(|error| format!("{}: {error}", request.line()))
    }

    /// `GET target` on this connection.
    pub fn get(&mut self, target: &str) -> Result<Reply, String> {
        self.ask(&Request::get(target))
    }

    fn send(
        &mut self,
        bytes: &[u8],
        head: bool,
        patience: Duration,
    ) -> Result<Reply, crate::client::Trouble> {
        self.connection.send_what_is_taken(bytes);
        self.connection.reply(head, patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_host_and_perhaps_a_port() {
        assert_eq!(Subject::at_url("http://127.0.0.1:81/").unwrap().addr.port(), 81);
        assert_eq!(Subject::at_url("http://127.0.0.1").unwrap().addr.port(), 80);
        for url in ["127.0.0.1:81", "https://127.0.0.1", "http://127.0.0.1/api", "http://"] {
            assert!(Subject::at_url(url).is_err(), "{url}");
        }
    }
}
