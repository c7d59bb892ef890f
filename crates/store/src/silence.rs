//! A PostgreSQL that is silent: it holds its connections, and neither answers nor refuses, as one does whose processes are
//! stopped.
//!
//! libpq waits for an answer without a deadline, and a thread that waits in it cannot look at a clock. So another thread
//! does, one for all calls, and hangs up when it is time: the call ends as if the server had hung up. Awaited, the same is a
//! `timeout` around the call.
//!
//! To hang up takes the socket, which libpq keeps to itself and diesel does not show. So each is marked while it connects,
//! by a `TCP_USER_TIMEOUT` that no other has, and found among the descriptors of this process. A connection that has no
//! such mark is never hung up on: over a Unix socket, or when the URL says something else of that timeout.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use rustix::net::sockopt::{set_tcp_user_timeout, tcp_user_timeout};
use rustix::net::{Shutdown, shutdown};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

use crate::{Failed, postgres};

/// A connection to PostgreSQL whose calls end in time.
pub struct Line {
    connection: PgConnection,
    socket: Option<Arc<OwnedFd>>,
    asked: Option<Asked>,
    statement: Duration,
}

impl Line {
    /// Blocks the calling thread until there is a connection, or none can be had: two seconds for each address of `url`,
    /// if it says nothing else. Its statements end within `statement`.
    ///
    /// # Errors
    ///
    /// When it cannot be had, with what libpq says.
    pub fn connect(url: &str, statement: Duration) -> Result<Self, Failed> {
        let unreachable = |error: String| Failed::Unreachable(error);
        WATCH.starts().map_err(|error| unreachable(error.to_string()))?;
        let (url, mark) = marked(url);
        let connection =
            PgConnection::establish(&url).map_err(|error| unreachable(error.to_string()))?;
        let socket = find(mark).map(Arc::new);
        if socket.is_none() {
            tracing::warn!("should the database fall silent, a thread waits for it without end");
        }
        let mut line = Self { connection, socket, asked: None, statement };
        line.call().batch_execute(&postgres::settings(statement))?;
        line.rests();
        Ok(line)
    }

    /// For a call of a few statements.
    pub fn call(&mut self) -> &mut PgConnection {
        self.call_within(postgres::longest(self.statement))
    }

    /// For a call that may take so long. Then it fails, and every later one.
    pub fn call_within(&mut self, longest: Duration) -> &mut PgConnection {
        let asked = self.socket.as_ref().map(|socket| WATCH.add(socket, longest));
        self.asked = asked;
        &mut self.connection
    }

    /// The call is over. Whether it was so in time.
    pub fn rests(&mut self) -> bool {
        self.asked.take().is_none_or(Asked::ends_in_time)
    }

    /// For what waits for nothing.
    pub fn at_once(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

/// A call, by when it has to be over and which it is of those.
struct Asked((Instant, u64));

impl Asked {
    fn ends_in_time(self) -> bool {
        WATCH.lock().due.contains_key(&self.0)
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        WATCH.lock().due.remove(&self.0);
    }
}

static WATCH: Watch = Watch { calls: Mutex::new(Calls::NONE), sooner: Condvar::new() };

/// Whom a thread hangs up on, and when.
struct Watch {
    calls: Mutex<Calls>,
    sooner: Condvar,
}

struct Calls {
    due: BTreeMap<(Instant, u64), Arc<OwnedFd>>,
    next: u64,
    runs: bool,
    /// When the thread looks again. Most calls are over by then, and those that come are due later, so that it is woken for
    /// hardly any.
    looks: Option<Instant>,
}

impl Calls {
    const NONE: Self = Self { due: BTreeMap::new(), next: 0, runs: false, looks: None };
}

impl Watch {
    fn starts(&'static self) -> std::io::Result<()> {
        let mut calls = self.lock();
        if !calls.runs {
            Builder::new().name("silence".to_owned()).spawn(|| self.hang_up())?;
            calls.runs = true;
        }
        Ok(())
    }

    fn add(&self, socket: &Arc<OwnedFd>, longest: Duration) -> Asked {
        let mut calls = self.lock();
        let asked = (Instant::now() + longest, calls.next);
        calls.next += 1;
        calls.due.insert(asked, Arc::clone(socket));
        if calls.looks.is_none_or(|looks| asked.0 < looks) {
            calls.looks = Some(asked.0);
            self.sooner.notify_one();
        }
        Asked(asked)
    }

    fn hang_up(&self) {
        let mut calls = self.lock();
        loop {
            let now = Instant::now();
            while let Some(first) = calls.due.first_entry().filter(|first| first.key().0 <= now) {
                // The thread that waits in libpq wakes, and finds that nobody is there.
                let _ = shutdown(first.remove(), Shutdown::Both);
            }
            calls.looks = calls.due.keys().next().map(|(due, _)| *due);
            calls = match calls.looks {
                None => self.sooner.wait(calls).unwrap_or_else(PoisonError::into_inner),
                Some(due) => {
                    let woken = self.sooner.wait_timeout(calls, due - now);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `url` with a mark for its socket, and the mark. A minute at least, in milliseconds, so that it does nothing while it is there.
fn marked(url: &str) -> (String, u32) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mark = 60_000 + NEXT.fetch_add(1, Ordering::Relaxed) % 10_000;
    (postgres::with(url, "tcp_user_timeout", &mark.to_string()), mark)
}

/// The socket with this mark, which is taken off.
fn find(mark: u32) -> Option<OwnedFd> {
    let this = pidfd_open(getpid(), PidfdFlags::empty()).ok()?;
    for entry in fs::read_dir("/proc/self/fd").ok()?.flatten() {
        // Nothing but sockets: who closes a second descriptor of a file gives up the locks that are held by the first.
        let leads = fs::read_link(entry.path());
        if !leads.is_ok_and(|to| to.to_string_lossy().starts_with("socket:")) {
            continue;
        }
        let Ok(number) = entry.file_name().to_string_lossy().parse() else { continue };
        let Ok(socket) = pidfd_getfd(&this, number, PidfdGetfdFlags::empty()) else { continue };
        if tcp_user_timeout(&socket) == Ok(mark) {
            set_tcp_user_timeout(&socket, 0).ok()?;
            return Some(socket);
        }
    }
    None
}
