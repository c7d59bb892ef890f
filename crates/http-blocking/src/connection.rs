//! One connection: read a head, call the service, write the answer, again.

use std::any::Any;
use std::io::{self, IoSlice, Read};
use std::net;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use contract::refused::{LINGER_BYTES, refusal as refused};
use http::{Method, StatusCode, Version};

use crate::body::lock;
use crate::chunk_writer::ChunkWriter;
use crate::date::Date;
use crate::head::{Framing, Head, Refusal};
use crate::incoming::Incoming;
use crate::payload::Content;
use crate::registry::Link;
use crate::reply::{self, Extent, Shape};
use crate::server::Shared;
use crate::sink::{limit_stall, send};
use crate::source::{Arrival, Source};
use crate::{Body, IntoResponse, Request, Response, Service};

/// Content up to this size is copied behind the head, which is cheaper than a write of two parts.
const COPIED: usize = 2 * 1024;

/// What the buffer for heads may keep between requests.
const KEPT: usize = 4 * 1024;

/// How long a closed connection is still read, so that the client sees the answer before a reset throws it away.
const LINGER: Duration = Duration::from_secs(2);

/// The same while the server drains, which must not wait for clients that keep their side open.
const LINGER_DRAINING: Duration = Duration::from_millis(200);

/// A connection, which may move from thread to thread between two requests.
pub(crate) struct Connection<V: Service> {
    shared: Arc<Shared<V>>,
    link: Arc<Link>,
    source: Source,
    out: Vec<u8>,
    date: Date,
    prepared: bool,
}

impl<V: Service> Connection<V> {
    pub(crate) fn new(shared: Arc<Shared<V>>, link: Arc<Link>) -> Self {
        shared.registry.add(&link);
        shared.meters.connections.increment(1);
        let source = Source::new(Arc::clone(&link));
        Self { shared, link, source, out: Vec::new(), date: Date::default(), prepared: false }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared<V>> {
        &self.shared
    }

    /// Sets up the socket: on the connection's own thread, since the acceptor has better to do.
    fn prepare(&mut self) -> io::Result<()> {
        self.link.stream.set_nodelay(true)?;
        limit_stall(&self.link.stream, self.shared.limits.write_stall)?;
        self.prepared = true;
        Ok(())
    }

    /// Waits for one request and answers it; says whether another may follow.
    pub(crate) fn serve_one(&mut self) -> bool {
        if !self.prepared && self.prepare().is_err() {
            return false;
        }
        match self.source.next_head(&self.shared.limits) {
            Arrival::Head(head) => {
                // The deadline of a drain may have come in this moment; then the request was never accepted.
                if !self.link.begin() {
                    return false;
                }
                match self.answer(head) {
                    After::Again => true,
                    After::Linger => {
                        self.linger();
                        false
                    }
                    After::Gone => false,
                }
            }
            Arrival::Refused(refusal) => {
                self.refuse(refusal);
                false
            }
            Arrival::Silence => false,
        }
    }

    fn answer(&mut self, head: Head) -> After {
        let asked = Asked {
            version: head.request.version(),
            is_head: head.request.method() == Method::HEAD,
            keep_alive: head.keep_alive && head.request.method() != Method::CONNECT,
        };
        let incoming = self.incoming(&head);
        let body = incoming.clone().map_or_else(Body::empty, Body::wire);
        let response = self.call(head.request.map(|()| body));
        let after = self.write(asked, response, incoming.as_deref());
        // From here on a drain need not wait, not even for a body that nobody wanted. One that began meanwhile walked
        // past this connection, since it was busy.
        self.link.end();
        if self.shared.shutdown.is_draining() {
            self.link.stop_reading();
        }
        let Some(incoming) = incoming else { return after };
        let mut incoming = lock(&incoming);
        let at_next_request = matches!(after, After::Again) && incoming.discard();
        if let Some(source) = incoming.take_source() {
            self.source = source;
        }
        match after {
            After::Again if !at_next_request => After::Linger,
            after => after,
        }
    }

    /// Lends the receiving half to the body, where there is one.
    fn incoming(&mut self, head: &Head) -> Option<Arc<Mutex<Incoming>>> {
        if head.framing == Framing::Length(0) {
            return None;
        }
        let source = std::mem::replace(&mut self.source, Source::new(Arc::clone(&self.link)));
        let limits = &self.shared.limits;
        let incoming = Incoming::new(source, head.framing, head.expects_continue, limits);
        Some(Arc::new(Mutex::new(incoming)))
    }

    /// Calls the service; what panics becomes an answer.
    fn call(&self, request: Request) -> Response {
        let service = &self.shared.service;
        let panicked = |panic: Box<dyn Any + Send>| {
            self.shared.meters.panics.increment(1);
            catch_unwind(AssertUnwindSafe(|| service.panicked(&*panic)))
                .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
        };
        catch_unwind(AssertUnwindSafe(|| service.call(request))).unwrap_or_else(panicked)
    }

    /// A call of its own, so that what it keeps on the stack is not there while a handler waits.
    #[inline(never)]
    fn write(
        &mut self,
        asked: Asked,
        response: Response,
        incoming: Option<&Mutex<Incoming>>,
    ) -> After {
        // An interim status is no answer: the client would go on waiting.
        let interim = response.status().is_informational();
        let response =
            if interim { StatusCode::INTERNAL_SERVER_ERROR.into_response() } else { response };
        let (parts, payload) = response.into_parts();
        let extent = extent(asked, parts.status, &parts.headers, payload.length());
        let has_content = !asked.is_head && may_have_content(parts.status);
        let mut close = !asked.keep_alive
            || (has_content && extent == Extent::Unsaid)
            || self.shared.is_crowded()
            || self.shared.shutdown.is_draining()
            || incoming.is_some_and(|incoming| !lock(incoming).may_end());
        let shape =
            Shape { version: asked.version, status: parts.status, extent, keep_alive: !close };
        self.out.clear();
        let always = &self.shared.always;
        close |= !reply::encode(&mut self.out, shape, &parts.headers, always, self.date.now());
        let whole = match payload.0 {
            Content::Whole(bytes) if has_content => self.write_whole(&bytes).map(|()| true),
            Content::Stream { write, .. } if has_content => self.write_stream(extent, write),
            _ => self.write_whole(&Bytes::new()).map(|()| true),
        };
        if self.out.capacity() > KEPT {
            self.out = Vec::new();
        }
        match whole {
            Ok(true) if close => After::Linger,
            Ok(true) => After::Again,
            // The end of the connection tells the client that the content is not whole.
            Ok(false) | Err(_) => After::Gone,
        }
    }

    fn write_whole(&mut self, content: &[u8]) -> io::Result<()> {
        if content.len() <= COPIED {
            self.out.extend_from_slice(content);
            return send(&self.link.stream, &mut [IoSlice::new(&self.out)]);
        }
        send(&self.link.stream, &mut [&self.out, content].map(IoSlice::new))
    }

    /// Says whether the content was written to its end.
    fn write_stream(&mut self, extent: Extent, write: crate::payload::Write) -> io::Result<bool> {
        send(&self.link.stream, &mut [IoSlice::new(&self.out)])?;
        let mut writer = ChunkWriter::new(&self.link.stream, &self.shared.shutdown, extent);
        match catch_unwind(AssertUnwindSafe(|| write(&mut writer))) {
            Ok(Ok(())) => writer.finish(),
            Ok(Err(_)) => Ok(false),
            Err(_) => {
                self.shared.meters.panics.increment(1);
                Ok(false)
            }
        }
    }

    #[inline(never)]
    fn refuse(&mut self, refusal: Refusal) {
        self.shared.meters.refused_heads.increment(1);
        let answer = refused(refusal.status(), self.date.now());
        // Who was too slow to ask will not become faster, and all that came was read.
        if send(&self.link.stream, &mut [IoSlice::new(answer.as_bytes())]).is_ok()
            && refusal != Refusal::TooSlow
        {
            self.linger();
        }
    }

    /// Closes so that the client sees the answer: a socket closed with input unread sends a reset, which may overtake
    /// the answer (RFC 9112 section 9.6).
    #[inline(never)]
    fn linger(&self) {
        let stream = &self.link.stream;
        if stream.shutdown(net::Shutdown::Write).is_err() {
            return;
        }
        let draining = self.shared.shutdown.is_draining();
        let deadline = Instant::now() + if draining { LINGER_DRAINING } else { LINGER };
        let mut sink = [0; 8 * 1024];
        let mut read = 0;
        while read < LINGER_BYTES {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
                return;
            }
            match (&mut &*stream).read(&mut sink) {
                Ok(0) | Err(_) => return,
                Ok(count) => read += count,
            }
        }
    }
}

impl<V: Service> Drop for Connection<V> {
    fn drop(&mut self) {
        self.shared.registry.remove(&self.link);
        self.shared.meters.connections.decrement(1);
    }
}

/// What becomes of a connection once a request is answered.
enum After {
    /// It stands at the next request.
    Again,
    /// The client has its answer; close when it has seen it.
    Linger,
    /// Close at once.
    Gone,
}

/// What the answer needs to know of its request.
#[derive(Clone, Copy)]
struct Asked {
    version: Version,
    is_head: bool,
    keep_alive: bool,
}

fn extent(
    asked: Asked,
    status: StatusCode,
    fields: &http::HeaderMap,
    length: Option<u64>,
) -> Extent {
    if !may_have_content(status) {
        return Extent::Unsaid;
    }
    // The answer to HEAD says what GET would; a handler that knows it without making the content sets the field.
    if asked.is_head
        && let Some(said) = fields.get(http::header::CONTENT_LENGTH)
        && let Some(length) = said.to_str().ok().and_then(|digits| digits.parse().ok())
    {
        return Extent::Length(length);
    }
    match length {
        Some(length) => Extent::Length(length),
        None if asked.is_head || asked.version == Version::HTTP_10 => Extent::Unsaid,
        None => Extent::Chunked,
    }
}

/// RFC 9110 section 6.4.1.
fn may_have_content(status: StatusCode) -> bool {
    status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED
}
