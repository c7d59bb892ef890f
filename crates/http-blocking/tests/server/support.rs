//! A server on a free port, and a client that sees bytes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown as Side, SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use http_blocking::{
    Body, BodyError, Drained, IntoResponse, Limits, Payload, Request, Response, Router, Server,
    Service, Shutdown, StatusCode, Threads, get, listen, post,
};

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    pub(crate) shutdown: Shutdown,
    served: Option<JoinHandle<io::Result<Drained>>>,
}

/// Serves the test routes with these limits.
pub(crate) fn serve(limits: Limits) -> Running {
    start(routes(), limits, Threads::Connection)
}

pub(crate) fn start(service: impl Service, limits: Limits, threads: Threads) -> Running {
    let listener = listen("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let shutdown = Shutdown::new().unwrap();
    let server = Server::new(listener).limits(limits).threads(threads);
    let served = std::thread::spawn({
        let shutdown = shutdown.clone();
        move || server.serve(service, &shutdown)
    });
    Running { addr, shutdown, served: Some(served) }
}

impl Running {
    pub(crate) fn connect(&self) -> Client {
        Client::new(TcpStream::connect(self.addr).unwrap())
    }

    /// Sends one request on its own connection.
    pub(crate) fn ask(&self, request: &str) -> Reply {
        let mut client = self.connect();
        client.send(request);
        client.reply()
    }

    /// Drains; says what was cut and how long it took.
    pub(crate) fn drain(mut self) -> (Drained, Duration) {
        let began = Instant::now();
        self.shutdown.drain();
        let served = self.served.take().unwrap();
        (served.join().unwrap().unwrap(), began.elapsed())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.drain();
    }
}

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/ok", get(|| "ok"))
        .route("/wait/{ms}", get(wait))
        .route("/echo", post(echo))
        .route("/ignore", post(|| "ignored"))
        .route("/stream/{count}", get(stream))
        .route("/panic", get(|| -> StatusCode { panic!("asked to") }))
        .route("/thread", get(|| format!("{:?}", std::thread::current().id())))
}

fn wait(request: Request) -> String {
    let ms = number(&request);
    std::thread::sleep(Duration::from_millis(ms));
    format!("waited {ms}")
}

fn echo(mut body: Body) -> Result<String, Response> {
    let refuse = |error: BodyError| (error.status(), error.to_string()).into_response();
    Ok(format!("len={}", body.read_whole(1024 * 1024).map_err(refuse)?.len()))
}

/// The last segment of the path.
fn number(request: &Request) -> u64 {
    request.uri().path().rsplit('/').next().unwrap().parse().unwrap()
}

/// A line each 20 ms.
fn stream(request: Request) -> Payload {
    let count = number(&request);
    Payload::stream(move |lines| {
        for n in 0..count {
            writeln!(lines, "{n}")?;
            if lines.pause(Duration::from_millis(20))? {
                break;
            }
        }
        Ok(())
    })
}

/// A connection, and what came over it that was not looked at yet.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    pub(crate) seen: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn closes(&self) -> bool {
        self.head.contains("connection: close")
    }
}

impl Client {
    fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, seen: Vec::new() }
    }

    pub(crate) fn send(&mut self, text: impl AsRef<[u8]>) {
        self.stream.write_all(text.as_ref()).unwrap();
    }

    pub(crate) fn half_close(&self) {
        self.stream.shutdown(Side::Write).unwrap();
    }

    /// Reads more; says whether there was any.
    pub(crate) fn more(&mut self) -> bool {
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(count) => {
                self.seen.extend_from_slice(&buffer[..count]);
                count > 0
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("waited in vain after {:?}: {error}", self.seen.escape_ascii()),
        }
    }

    /// Waits until what came contains `text`.
    pub(crate) fn until(&mut self, text: &str) {
        while !self.text().contains(text) {
            assert!(self.more(), "closed before {text:?} came: {:?}", self.text());
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// The next reply, which says its length.
    pub(crate) fn reply(&mut self) -> Reply {
        self.until("\r\n\r\n");
        let end = self.text().find("\r\n\r\n").unwrap();
        let head = String::from_utf8(self.seen.drain(..end + 4).collect()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().unwrap());
        while self.seen.len() < length {
            assert!(self.more(), "closed within {head:?}");
        }
        let body = String::from_utf8(self.seen.drain(..length).collect()).unwrap();
        Reply { status, head, body }
    }

    /// Waits for the end of the connection and gives what came before it.
    pub(crate) fn rest(&mut self) -> String {
        while self.more() {}
        self.text()
    }

    /// Whether the connection still answers.
    pub(crate) fn is_open(&mut self) -> bool {
        assert!(self.seen.is_empty(), "unexpected: {:?}", self.text());
        if self.stream.write_all(b"GET /ok HTTP/1.1\r\nHost: a\r\n\r\n").is_err() || !self.more() {
            return false;
        }
        self.reply().body == "ok"
    }
}

pub(crate) const OK: &str = "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n";
