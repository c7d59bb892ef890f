//! Accepting connections, and giving each to a thread. It never ends for want of descriptors or threads: it waits, or
//! it refuses.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::{self, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use contract::refused::refusal;
use http::StatusCode;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::connection::Connection;
use crate::date::Date;
use crate::pool::Pool;
use crate::registry::Link;
use crate::server::{BACKLOG, Shared};
use crate::{Service, ThreadCap, Threads};

/// The pause after a failed accept, doubled up to the longest while it fails: without descriptors a loop that tries
/// again at once burns a core.
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Connections that are given threads between two looks at the kernel's queue.
const ADMITTED_AT_ONCE: usize = 16;

/// How long a refused connection stays open, so that its answer is not overtaken by a reset.
const FAREWELL: Duration = Duration::from_secs(1);

/// How many refused connections may stay open.
const FAREWELLS: usize = 256;

pub(crate) struct Acceptor<V: Service> {
    shared: Arc<Shared<V>>,
    threads: Threads,
    pool: Option<Pool<V>>,
    date: Date,
    /// Refused connections and when they are closed, oldest first.
    farewells: VecDeque<(Instant, Arc<Link>)>,
    quiet: Quiet,
}

impl<V: Service> Acceptor<V> {
    pub(crate) fn new(
        shared: Arc<Shared<V>>,
        threads: Threads,
        cap: ThreadCap,
    ) -> io::Result<Self> {
        let pool = match threads {
            Threads::Pool(size) => Some(Pool::start(size.get().min(cap.threads), &shared)?),
            Threads::Connection | Threads::Request => None,
        };
        Ok(Self {
            shared,
            threads,
            pool,
            date: Date::default(),
            farewells: VecDeque::new(),
            quiet: Quiet::default(),
        })
    }

    /// Accepts until the drain begins, takes in who already stands in the backlog, and closes the listener.
    pub(crate) fn run(mut self, listener: TcpListener) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let shutdown = self.shared.shutdown.clone();
        let mut pause = None;
        loop {
            let last = shutdown.is_draining();
            let woken = Instant::now();
            let accepted = self.accept_all(&listener);
            self.shared.meters.accept_lag.set(woken.elapsed().as_secs_f64());
            pause = match accepted {
                Ok(()) => None,
                Err(error) => Some(self.failed(&error, pause)),
            };
            if last {
                return Ok(());
            }
            self.say_farewell();
            let mut events = [
                PollFd::from_borrowed_fd(shutdown.as_fd(), PollFlags::IN),
                PollFd::new(&listener, PollFlags::IN),
            ];
            // While accepting fails, the listener would be ready all the time.
            let events = if pause.is_some() { &mut events[..1] } else { &mut events[..] };
            wait(events, self.timeout(pause))?;
        }
    }

    /// Accepts what waits and gives it threads, at most so many as may be open and a backlog more: in a flood the drain
    /// must be seen, too.
    fn accept_all(&mut self, listener: &TcpListener) -> io::Result<()> {
        let most = self.shared.connections + usize::from(BACKLOG);
        let (mut accepted, mut left) = (VecDeque::new(), most);
        loop {
            let held = accepted.len();
            let open = self.shared.registry.open();
            let room = left.min(most.saturating_sub(open + held));
            // All that wait, before any is given a thread: who finds the kernel's queue full tries again a second later.
            let stopped = accept(listener, &mut accepted, room);
            left -= accepted.len() - held;
            for stream in accepted.drain(..accepted.len().min(ADMITTED_AT_ONCE)) {
                self.admit(stream);
            }
            if accepted.is_empty() {
                return match stopped {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
                    stopped => stopped,
                };
            }
        }
    }

    fn admit(&mut self, stream: TcpStream) {
        let shared = &self.shared;
        let link = Link::new(stream);
        shared.meters.accepted.increment(1);
        if shared.registry.open() >= shared.connections {
            return self.refuse(link);
        }
        let connection = Box::new(Connection::new(Arc::clone(shared), Arc::clone(&link)));
        let started = match &self.pool {
            Some(pool) => {
                pool.give(*connection);
                Ok(())
            }
            None => start(connection, self.threads),
        };
        if let Err((error, _)) = started {
            if self.quiet.may_speak() {
                tracing::warn!(%error, "no thread for a connection");
            }
            self.refuse(link);
        }
    }

    /// Answers 503 and closes. Nothing here may block: what the socket does not take at once is lost.
    fn refuse(&mut self, link: Arc<Link>) {
        self.shared.meters.refused_connections.increment(1);
        let answer = refusal(StatusCode::SERVICE_UNAVAILABLE, self.date.now());
        let told = link.stream.set_nonblocking(true);
        let told = told.and_then(|()| (&link.stream).write(answer.as_bytes()));
        if told.is_ok() && link.stream.shutdown(net::Shutdown::Write).is_ok() {
            if self.farewells.len() == FAREWELLS {
                self.farewells.pop_front();
            }
            self.farewells.push_back((Instant::now() + FAREWELL, link));
        }
    }

    /// Closes refused connections whose time is over.
    fn say_farewell(&mut self) {
        let now = Instant::now();
        while self.farewells.front().is_some_and(|(until, _)| *until <= now) {
            self.farewells.pop_front();
        }
    }

    /// How long nothing happens unless a client or the drain comes.
    fn timeout(&self, pause: Option<Duration>) -> Option<Duration> {
        let farewell = self.farewells.front();
        let farewell = farewell.map(|(until, _)| until.saturating_duration_since(Instant::now()));
        [pause, farewell].into_iter().flatten().min()
    }

    /// Counts a failed accept; says how long to pause.
    fn failed(&mut self, error: &io::Error, pause: Option<Duration>) -> Duration {
        self.shared.meters.accept_errors.increment(1);
        // They hold descriptors, and descriptors are what is missing.
        self.farewells.clear();
        if self.quiet.may_speak() {
            tracing::warn!(%error, open = self.shared.registry.open(), "cannot accept");
        }
        pause.map_or(SHORTEST_PAUSE, |pause| (pause * 2).min(LONGEST_PAUSE))
    }
}

impl<V: Service> Drop for Acceptor<V> {
    fn drop(&mut self) {
        if let Some(pool) = &self.pool {
            pool.close();
        }
    }
}

/// Accepts what waits, as far as there is room; an error says why there is no more.
fn accept(
    listener: &TcpListener,
    accepted: &mut VecDeque<TcpStream>,
    room: usize,
) -> io::Result<()> {
    let full = accepted.len() + room;
    while accepted.len() < full {
        match listener.accept() {
            Ok((stream, _)) => accepted.push_back(stream),
            // The client left before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Gives a connection a new thread, and gives it back when there is none to have. Never inlined: a thread that only
/// serves would carry its frame. Boxed: each frame it went through would keep room for it while the thread lives.
#[inline(never)]
fn start<V: Service>(
    connection: Box<Connection<V>>,
    threads: Threads,
) -> Result<(), (io::Error, Box<Connection<V>>)> {
    let shared = Arc::clone(connection.shared());
    let builder = thread::Builder::new().name("connection".into());
    let builder = builder.stack_size(shared.limits.stack_bytes);
    // A closure that could not be started is dropped with all it owns, so it only borrows the connection's slot.
    let slot = Arc::new(Mutex::new(Some(connection)));
    let taken = Arc::clone(&slot);
    let started = builder.spawn(move || {
        if let Some(connection) = take(&taken) {
            drop(taken);
            run(connection, threads);
        }
    });
    match started {
        Ok(_) => {
            shared.meters.threads_spawned.increment(1);
            Ok(())
        }
        Err(error) => {
            Err((error, take(&slot).expect("only the thread takes it, and it never ran")))
        }
    }
}

fn take<T>(slot: &Mutex<Option<T>>) -> Option<T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// What a connection's thread does.
fn run<V: Service>(mut connection: Box<Connection<V>>, threads: Threads) {
    while connection.serve_one() {
        if threads == Threads::Request {
            // The next request belongs to the next thread; without one, this thread is better than none.
            match start(connection, threads) {
                Ok(()) => return,
                Err((_, same)) => connection = same,
            }
        }
    }
}

/// Waits for an event, the time, or a signal.
fn wait(events: &mut [PollFd<'_>], timeout: Option<Duration>) -> io::Result<()> {
    let timeout = timeout.map(|timeout| Timespec {
        tv_sec: timeout.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    });
    match poll(events, timeout.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Says what repeats at most once a second.
#[derive(Debug, Default)]
struct Quiet {
    spoke: Option<Instant>,
}

impl Quiet {
    fn may_speak(&mut self) -> bool {
        let now = Instant::now();
        let may = self.spoke.is_none_or(|spoke| now - spoke >= Duration::from_secs(1));
        if may {
            self.spoke = Some(now);
        }
        may
    }
}
