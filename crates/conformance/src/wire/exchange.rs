//! Sends a case and writes down all that comes back, until the server has closed or stays silent.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::case::{Case, Conn, OK, Step, fill_in};
use crate::Subject;
use crate::client::{Trouble, excerpt};
use crate::reply::{Reply, Scan};

/// How the bytes of a request arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// In as few pieces as the socket makes of them.
    AtOnce,
    /// One by one, each in a packet of its own.
    ByteByByte,
}

/// All that came back.
#[derive(Clone, Debug, Default)]
pub struct Exchange {
    /// The final replies to the case itself.
    pub replies: Vec<Reply>,
    /// Statuses of interim replies, also of those that no final one followed.
    pub interim: Vec<u16>,
    /// What followed the replies and is none.
    pub rest: Option<String>,
    /// Whether the server closed.
    pub closed: bool,
    /// The status of the answer to a `GET {{OK}}` sent behind, when one was sent and answered.
    pub follow_up: Option<u16>,
    /// Whether anything came after that answer.
    pub babbled: bool,
}

/// How long to wait for a first reply: longer than any case's wait on a busy machine.
const ANSWER: Duration = Duration::from_secs(4);

/// How long nothing must come for the server to be silent, once it has answered.
const QUIET: Duration = Duration::from_millis(250);

/// How long a server may take to close.
const CLOSING: Duration = Duration::from_secs(3);

/// How long the silence of a server is listened to where silence passes.
const SILENCE: Duration = Duration::from_millis(1_000);

/// Sends `case` on a connection of its own.
///
/// # Errors
///
/// When the server does not even accept a connection.
pub fn exchange(subject: &Subject, case: &Case, pace: Pace) -> Result<Exchange, String> {
    let mut line = Line::open(subject.addr)?;
    let sends_head = if case.steps.is_empty() {
        let bytes = fill_in(&case.request, &subject.host);
        let sends_head = bytes.starts_with(b"HEAD ");
        match pace {
            Pace::AtOnce => line.send_beside(bytes),
            Pace::ByteByByte => line.send_split(&bytes, 1, Duration::from_millis(1)),
        }
        sends_head
    } else {
        line.play(&case.steps, &subject.host);
        false
    };
    if case.half_close {
        line.half_close();
    }
    let most = case.expect.responses.map_or(1, |[_, most]| most).max(1);
    let first = if case.expect.silence_ok { SILENCE } else { ANSWER };
    line.listen(sends_head, most, first);
    let wants_open = case.expect.conn == Conn::Open && !line.closed;
    if wants_open {
        line.follow_up(&subject.host);
    } else if !line.closed {
        line.quiet(sends_head);
        if case.expect.conn == Conn::Close {
            line.until_closed(sends_head);
            let may_stay =
                case.tolerate.as_ref().is_some_and(|tolerate| tolerate.conn == Conn::Open);
            if may_stay && !line.closed {
                line.follow_up(&subject.host);
            }
        } else if !line.closed && !line.seen.replies.is_empty() {
            line.follow_up(&subject.host);
        }
    }
    Ok(line.done())
}

/// One connection, with everything that was said on it.
pub(crate) struct Line {
    stream: TcpStream,
    sending: Option<thread::JoinHandle<()>>,
    heard: Vec<u8>,
    closed: bool,
    seen: Exchange,
}

impl Line {
    pub(crate) fn open(addr: SocketAddr) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("cannot connect: {error}");
        let stream = TcpStream::connect_timeout(&addr, ANSWER).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        stream.set_write_timeout(Some(Duration::from_secs(10))).map_err(failed)?;
        Ok(Self {
            stream,
            sending: None,
            heard: Vec::new(),
            closed: false,
            seen: Exchange::default(),
        })
    }

    /// Sends from a second thread: 16 MiB do not fit into the buffers, and the answer may come before their end.
    pub(crate) fn send_beside(&mut self, bytes: Vec<u8>) {
        let Ok(mut stream) = self.stream.try_clone() else { return };
        // A server that has answered and closed takes no more; that is not a failure.
        self.sending = Some(thread::spawn(move || {
            let _ = stream.write_all(&bytes);
        }));
    }

    fn send_split(&mut self, bytes: &[u8], size: usize, gap: Duration) {
        for piece in bytes.chunks(size) {
            if self.stream.write_all(piece).is_err() {
                return;
            }
            thread::sleep(gap);
        }
    }

    pub(crate) fn finish_sending(&mut self) {
        if let Some(sending) = self.sending.take() {
            let _ = sending.join();
        }
    }

    /// Says that nothing more will be sent, once all is.
    pub(crate) fn half_close(&mut self) {
        self.finish_sending();
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Listens until the server closes or nothing came for `quiet`.
    pub(crate) fn listen_until_quiet(&mut self, answers_head: bool, quiet: Duration) {
        while self.take_replies(answers_head) && self.hear(Instant::now() + quiet) {}
    }

    fn play(&mut self, steps: &[Step], host: &str) {
        for step in steps {
            match step {
                Step::Send { send, split, gap_ms } => {
                    let bytes = fill_in(send, host);
                    let size = split.unwrap_or(bytes.len()).max(1);
                    self.send_split(&bytes, size, Duration::from_millis(*gap_ms));
                }
                Step::Wait { wait_ms, need } => {
                    let until = Instant::now() + Duration::from_millis(*wait_ms);
                    let answered =
                        |heard: &[u8]| need.is_some() && Reply::first_status(heard).is_some();
                    while !answered(&self.heard) && self.hear(until) {}
                }
            }
        }
    }

    /// Listens until `most` replies have come, the server closes, or nothing came for `first`.
    fn listen(&mut self, answers_head: bool, most: usize, first: Duration) {
        let until = Instant::now() + first;
        while self.take_replies(answers_head) && self.seen.replies.len() < most && self.hear(until)
        {
        }
    }

    /// Listens until nothing more comes for a while.
    fn quiet(&mut self, answers_head: bool) {
        let until = Instant::now() + QUIET;
        while self.take_replies(answers_head) && self.hear(until) {}
    }

    fn until_closed(&mut self, answers_head: bool) {
        let until = Instant::now() + CLOSING;
        while self.take_replies(answers_head) && self.hear(until) {}
    }

    /// Asks `GET {{OK}}` behind the case. What comes before its answer would be an answer too many.
    fn follow_up(&mut self, host: &str) {
        let before = self.seen.replies.len();
        let request = format!("GET {OK} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        if self.stream.write_all(request.as_bytes()).is_err() {
            self.closed = true;
            return;
        }
        self.listen(false, before + 1, ANSWER);
        if self.seen.replies.len() > before {
            self.seen.follow_up = Some(self.seen.replies.remove(before).status);
            let until = Instant::now() + QUIET / 2;
            while self.take_replies(false) && self.hear(until) {}
            self.seen.babbled = self.seen.replies.len() > before;
            self.seen.replies.truncate(before);
        }
    }

    /// Takes the whole replies out of what was heard; false once that is no HTTP.
    fn take_replies(&mut self, answers_head: bool) -> bool {
        loop {
            // Only the first reply can answer a HEAD: no case sends two.
            let answers_head = answers_head && self.seen.replies.is_empty();
            match Reply::scan(&self.heard, answers_head, self.closed) {
                Ok(Scan::Whole(reply, length)) => {
                    self.heard.drain(..length);
                    self.seen.interim.extend(&reply.interim);
                    self.seen.replies.push(reply);
                    if self.heard.is_empty() {
                        return true;
                    }
                }
                Ok(Scan::Partial) => return true,
                Err(trouble) => {
                    self.seen.rest = Some(trouble.to_string());
                    return false;
                }
            }
        }
    }

    /// Reads what comes before `until`; false when the server has closed or nothing came.
    fn hear(&mut self, until: Instant) -> bool {
        let mut bytes = [0; 16 << 10];
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if self.closed || left.is_zero() || self.stream.set_read_timeout(Some(left)).is_err() {
                return false;
            }
            match self.stream.read(&mut bytes) {
                Ok(count @ 1..) => {
                    self.heard.extend_from_slice(&bytes[..count]);
                    return true;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    return false;
                }
                Ok(_) | Err(_) => {
                    self.closed = true;
                    // One more look: a reply may end with the connection.
                    return true;
                }
            }
        }
    }

    pub(crate) fn done(mut self) -> Exchange {
        self.take_replies(false);
        if self.seen.rest.is_none() && !self.heard.is_empty() {
            match Reply::first_status(&self.heard) {
                Some(status @ 100..=199) => self.seen.interim.push(status),
                _ => self.seen.rest = Some(Trouble::Cut(excerpt(&self.heard)).to_string()),
            }
        }
        self.seen.closed = self.closed;
        let _ = self.stream.shutdown(Shutdown::Both);
        self.finish_sending();
        self.seen
    }
}
