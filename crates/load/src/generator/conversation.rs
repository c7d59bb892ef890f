//! One request and its reply, as events on the socket allow: ask, send, receive, check, go on.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::mem;

use super::Generator;
use crate::connection::Phase;
use crate::poll::{Event, EventFlags, GONE, TIMER};
use crate::reply::Step;
use crate::tally::End;

impl Generator<'_> {
    /// Asks the next question on this connection, which is opened when it is not.
    pub(super) fn ask(&mut self, index: usize, intended: u64, now: u64) {
        let number = self.number;
        self.number += self.plan.threads as u64;
        self.measured += u64::from(now >= self.tally.from);
        self.busy += 1;
        let connection = &mut self.connections[index];
        connection.asked += 1;
        connection.offered |= now >= self.tally.from;
        connection.number = number;
        connection.intended = intended;
        connection.sent = now;
        connection.written = 0;
        connection.received = 0;
        connection.reply.begin(self.script.line(number).bodiless);
        connection.phase = Phase::Sending;
        if connection.stream.is_none()
            && let Err(error) = self.open(index)
        {
            return self.fail(index, now, End::Connect(error));
        }
        // On a socket that is still connecting this writes nothing, and an event tells when it can.
        self.send(index, now);
    }

    pub(super) fn open(&mut self, index: usize) -> io::Result<()> {
        self.tally.connects += 1;
        let client = index * self.plan.threads + self.thread;
        let connection = &mut self.connections[index];
        connection.open(self.plan.target.addr, client)?;
        let stream = connection.stream.as_ref().expect("it was just opened");
        let token = u64::from(connection.generation) << 32 | index as u64;
        self.poll.watch(stream, token)
    }

    /// Writes what is left of the request.
    fn send(&mut self, index: usize, now: u64) {
        let connection = &mut self.connections[index];
        let line = self.script.line(connection.number);
        self.request.clear();
        line.render_head(connection.number, &mut self.request);
        let (head, body) = (&*self.request, &*line.body);
        let total = head.len() + body.len();
        let mut stream =
            connection.stream.as_ref().expect("a request is sent on an open connection");
        while connection.written < total {
            let result = match connection.written.checked_sub(head.len()) {
                Some(in_body) => stream.write(&body[in_body..]),
                None if body.is_empty() => stream.write(&head[connection.written..]),
                None => {
                    let rest = &head[connection.written..];
                    stream.write_vectored(&[IoSlice::new(rest), IoSlice::new(body)])
                }
            };
            match result {
                Ok(count) => connection.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if connection.written == 0 && connection.replies == 0 => {
                    return self.fail(index, now, End::Connect(error));
                }
                Err(error) => return self.fail(index, now, End::Closed(format!("write: {error}"))),
            }
        }
        connection.phase = Phase::Receiving;
    }

    /// Something happened on a socket.
    pub(super) fn event(&mut self, event: &Event, scratch: &mut [u8]) {
        let token = event.data.u64();
        if token == TIMER {
            return;
        }
        let (index, generation) = (token as u32 as usize, (token >> 32) as u32);
        let now = self.now();
        let connection = &mut self.connections[index];
        if connection.generation != generation || connection.stream.is_none() {
            return;
        }
        let flags = event.flags;
        match connection.phase {
            Phase::Opening if flags.intersects(EventFlags::ERR | EventFlags::HUP) => {
                connection.close();
            }
            Phase::Opening => connection.phase = Phase::Resting,
            // Bytes nobody asked for, or the end: either way of no more use.
            Phase::Resting if flags.intersects(GONE | EventFlags::IN) => connection.close(),
            Phase::Resting => {}
            Phase::Sending => {
                // A server may answer, and even close, before it has read the whole request.
                if flags.contains(EventFlags::IN) && connection.written > 0 {
                    self.receive(index, flags, now, scratch);
                }
                if self.connections[index].phase == Phase::Sending {
                    self.send(index, now);
                }
            }
            Phase::Receiving if flags.intersects(GONE | EventFlags::IN) => {
                self.receive(index, flags, now, scratch);
            }
            Phase::Receiving => {}
        }
    }

    /// Reads what has arrived.
    fn receive(&mut self, index: usize, flags: EventFlags, now: u64, scratch: &mut [u8]) {
        let connection = &mut self.connections[index];
        let expect = &self.script.line(connection.number).expect;
        let looks = expect.looks_into(connection.number);
        let ended = flags.intersects(GONE);
        loop {
            let mut stream = connection.stream.as_ref().expect("an event came from it");
            let count = match stream.read(scratch) {
                Ok(0) if connection.reply.end() => return self.whole(index, now, true),
                Ok(0) if connection.reply.begun() => {
                    return self.fail(index, now, End::Closed("closed within the reply".into()));
                }
                Ok(0) => {
                    return self.fail(index, now, End::Closed("closed without a reply".into()));
                }
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error)
                    if connection.replies == 0 && error.kind() == ErrorKind::ConnectionRefused =>
                {
                    return self.fail(index, now, End::Connect(error));
                }
                Err(error) => return self.fail(index, now, End::Closed(format!("read: {error}"))),
            };
            self.tally.bytes += count as u64;
            let (received, body) = (&mut connection.received, &mut connection.body);
            let spare = &mut self.spare;
            let step = connection.reply.read(&scratch[..count], |piece| {
                *received += piece.len() as u64;
                if looks {
                    if body.capacity() == 0 {
                        mem::swap(body, spare);
                    }
                    body.extend_from_slice(piece);
                }
            });
            match step {
                Ok(Step::Whole { used }) if used == count => return self.whole(index, now, ended),
                Ok(Step::Whole { .. }) => {
                    return self.fail(index, now, End::Parse("bytes after its end"));
                }
                Err(malformed) => return self.fail(index, now, End::Parse(malformed.0)),
                // A short read emptied the socket, and the next bytes make an event of their own. But the end of
                // the stream may have made this very event.
                Ok(Step::More) if count < scratch.len() && !ended => return,
                Ok(Step::More) => {}
            }
        }
    }

    /// A reply is whole: checks it, and lets the client go on.
    fn whole(&mut self, index: usize, now: u64, ended: bool) {
        let connection = &mut self.connections[index];
        let expect = &self.script.line(connection.number).expect;
        let status = connection.reply.status();
        let end = if !expect.accepts_status(status) {
            End::Status(status)
        } else if let Err(how) = expect.check_length(connection.received) {
            End::WrongBody(how)
        } else if !expect.looks_into(connection.number) {
            End::Ok
        } else if let Err(how) = expect.check_body(connection.number, &connection.body) {
            End::WrongBody(how)
        } else {
            End::Ok
        };
        self.put_body_back(index);
        let connection = &mut self.connections[index];
        connection.served |= now >= self.tally.from;
        connection.replies = connection.replies.saturating_add(1);
        let unsent = connection.phase == Phase::Sending;
        self.busy -= 1;
        self.tally.end(connection, now, end, self.plan.series);
        connection.phase = Phase::Resting;
        if !self.plan.keep_alive || connection.reply.closes() || ended || unsent {
            connection.close();
        }
        if self.next_after_answer(index, now) {
            self.ask(index, now, now);
        }
    }

    /// A request failed without a whole reply: the connection is lost, the client backs off.
    pub(super) fn fail(&mut self, index: usize, now: u64, end: End) {
        self.put_body_back(index);
        let connection = &mut self.connections[index];
        self.busy -= 1;
        self.tally.end(connection, now, end, self.plan.series);
        connection.close();
        self.next_after_failure(index, now);
    }

    /// Keeps one body buffer for the next reply; waiting clients hold none.
    fn put_body_back(&mut self, index: usize) {
        let mut body = mem::take(&mut self.connections[index].body);
        if body.capacity() > self.spare.capacity() {
            body.clear();
            self.spare = body;
        }
    }
}
