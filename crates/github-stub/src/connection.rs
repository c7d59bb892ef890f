//! One connection: requests read in turn, each answered before the next is looked at.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::request::{HEAD_LIMIT, Malformed, Request};
use crate::stub::World;
use crate::{act, control, reply};

/// A connection and what has been read from it but not yet used.
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    pub(crate) world: Arc<World>,
    heard: Vec<u8>,
    counted: Option<Counted>,
}

/// A connection that stands in the books.
struct Counted {
    raised_peak: bool,
}

/// What becomes of a connection when a request is done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    Keep,
    Close,
    Reset,
}

/// Serves the stub until the client leaves or a fault ends it.
pub(crate) async fn serve(stream: TcpStream, world: Arc<World>) {
    let mut connection = Connection::new(stream, world);
    let raised_peak = connection.world.tally().connected();
    connection.counted = Some(Counted { raised_peak });
    // An error is a client that left, which it may.
    if let Ok(After::Reset) = connection.run().await {
        let _ = connection.stream.set_zero_linger();
    }
}

/// Serves the decoy: counts who comes, and answers one request with a profile that no client may pass on.
pub(crate) async fn serve_decoy(stream: TcpStream, world: Arc<World>) {
    let mut connection = Connection::new(stream, world);
    connection.world.tally().decoy_connected();
    if let Ok(Some(_)) = connection.request().await {
        connection.world.tally().decoy_asked();
        let body = crate::Profile::of("decoy").json();
        let head = reply::Head::new(200, reply::JSON).field("connection", "close");
        let _ = connection.stream.write_all(&head.whole(&body)).await;
    }
}

impl Connection {
    fn new(stream: TcpStream, world: Arc<World>) -> Connection {
        // Without it a reply in two writes would wait for an acknowledgement.
        let _ = stream.set_nodelay(true);
        Connection { stream, world, heard: Vec::new(), counted: None }
    }

    async fn run(&mut self) -> io::Result<After> {
        while let Some((request, head)) = self.request().await? {
            if let Some(path) = request.target.strip_prefix("/stub/") {
                if let Some(Counted { raised_peak }) = self.counted.take() {
                    self.world.tally().uncount_connection(raised_peak);
                }
                let bytes = control::answer(&request.method, path, &self.world);
                self.stream.write_all(&bytes).await?;
                if request.keep_alive {
                    continue;
                }
                return Ok(After::Close);
            }
            self.world.tally().asked(&head);
            let in_flight = InFlight(Arc::clone(&self.world));
            let after = act::answer(self, &request).await?;
            drop(in_flight);
            match after {
                After::Keep if request.keep_alive => {}
                After::Keep => return Ok(After::Close),
                end => return Ok(end),
            }
        }
        Ok(After::Close)
    }

    /// The next request and its head as it came; `None` when the client has left between requests, or sent what is none.
    async fn request(&mut self) -> io::Result<Option<(Request, Vec<u8>)>> {
        loop {
            match Request::parse(&self.heard) {
                Ok(Some((request, length))) => {
                    while self.heard.len() < length + request.body {
                        self.hear().await?;
                    }
                    let rest = self.heard.split_off(length + request.body);
                    let mut head = std::mem::replace(&mut self.heard, rest);
                    head.truncate(length);
                    return Ok(Some((request, head)));
                }
                Ok(None) => {}
                Err(Malformed) => {
                    self.world.tally().malformed();
                    let head = reply::Head::new(400, reply::HTML).field("connection", "close");
                    self.stream.write_all(&head.whole(b"")).await?;
                    return Ok(None);
                }
            }
            if self.hear().await.is_err() {
                return Ok(None);
            }
        }
    }

    /// Reads what has come; an error when the client has left.
    async fn hear(&mut self) -> io::Result<()> {
        self.heard.reserve(2 << 10);
        match self.stream.read_buf(&mut self.heard).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Lets `time` pass; an error when the client leaves meanwhile, so that nobody who gave up is still waited for.
    pub(crate) async fn pause(&mut self, time: Duration) -> io::Result<()> {
        if time.is_zero() {
            return Ok(());
        }
        let end = tokio::time::sleep(time);
        tokio::pin!(end);
        loop {
            tokio::select! {
                biased;
                () = &mut end => return Ok(()),
                heard = self.hear(), if self.heard.len() < HEAD_LIMIT => heard?,
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.counted.is_some() {
            self.world.tally().disconnected();
        }
    }
}

/// A request in flight, until this is dropped.
struct InFlight(Arc<World>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.tally().answered();
    }
}
