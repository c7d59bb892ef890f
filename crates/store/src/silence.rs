//! A PostgreSQL that is silent: it holds its connections, and neither answers nor refuses, as one does whose processes are
//! stopped.
//!
//! libpq waits for an answer without a deadline, and a thread that waits in it cannot look at a clock. So another thread
//! does, one for all calls, and hangs up when it is time: the call ends as if the server had hung up. Awaited, the same is a
//! `timeout` around the call.
//!
//! To hang up takes the socket, which libpq keeps to itself and diesel does not show. So each is marked while it connects,
//! by a `TCP_USER_TIMEOUT` that no other has, and found among the descriptors of this process. A connection that is not
//! found is never hung up on, and that is warned of once: over a Unix socket, when the URL says something else of that
//! timeout, where `/proc` is hidden, and where `pidfd_getfd` is not allowed, as Docker's own seccomp profile may have it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use rustix::io::Errno;
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
    /// Blocks the calling thread until there is a connection, or none can be had: `patience` at most for each address of
    /// `url`, with all that is said first. Its statements end within `statement`.
    ///
    /// # Errors
    ///
    /// When it cannot be had, with what libpq says.
    pub fn connect(url: &str, statement: Duration, patience: Duration) -> Result<Self, Failed> {
        let unreachable = |error: &dyn Display| Failed::Unreachable(error.to_string());
        WATCH.starts().map_err(|error| unreachable(&error))?;
        let (url, mark) = marked(url);
        let begun = WATCH.begin(mark, patience);
        let mut connection = PgConnection::establish(&url).map_err(|error| unreachable(&error))?;
        connection.batch_execute(&postgres::settings(statement))?;
        let socket = match find(mark) {
            Ok(Some(socket)) => {
                set_tcp_user_timeout(&socket, 0).map_err(|error| unreachable(&error))?;
                Some(Arc::new(socket))
            }
            Ok(None) => {
                unguarded(&"its socket is not found");
                None
            }
            // Over in a moment, but its calls would have no clock for as long as it is kept.
            Err(error @ (Errno::MFILE | Errno::NFILE)) => return Err(unreachable(&error)),
            Err(error) => {
                unguarded(&error);
                None
            }
        };
        drop(begun);
        Ok(Self { connection, socket, asked: None, statement })
    }

    /// For a call of a few statements.
    pub fn call(&mut self) -> &mut PgConnection {
        self.call_beside(Duration::ZERO)
    }

    /// For a call of a few statements, and of others that may take so long.
    pub fn call_beside(&mut self, others: Duration) -> &mut PgConnection {
        self.call_within(postgres::longest(self.statement) + others)
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
        self.forget()
    }

    /// Nobody hangs up any more. Whether nobody had; one look, since between two somebody might.
    fn forget(&self) -> bool {
        WATCH.lock().due.remove(&self.0).is_some()
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.forget();
    }
}

/// A connection that is being made.
struct Begun(u32);

impl Drop for Begun {
    fn drop(&mut self) {
        WATCH.lock().begun.remove(&self.0);
    }
}

static WATCH: Watch = Watch { calls: Mutex::new(Calls::NONE), sooner: Condvar::new() };

/// Whom a thread hangs up on, and when.
struct Watch {
    calls: Mutex<Calls>,
    sooner: Condvar,
}

/// What a thread waits on in libpq.
enum Wire {
    Found(Arc<OwnedFd>),
    /// Of a connection that is being made: whichever socket has this mark, again and again after so long.
    Marked(u32, Duration),
}

struct Calls {
    due: BTreeMap<(Instant, u64), Wire>,
    next: u64,
    /// The marks of connections that are being made.
    begun: BTreeSet<u32>,
    runs: bool,
    /// When the thread looks again. Most calls are over by then, and those that come are due later, so that it is woken for
    /// hardly any.
    looks: Option<Instant>,
}

impl Calls {
    const NONE: Self =
        Self { due: BTreeMap::new(), next: 0, begun: BTreeSet::new(), runs: false, looks: None };

    fn insert(&mut self, wire: Wire, due: Instant) -> (Instant, u64) {
        let key = (due, self.next);
        self.next += 1;
        self.due.insert(key, wire);
        key
    }

    /// The socket of a call that should be over.
    fn late(&mut self, now: Instant) -> Option<Arc<OwnedFd>> {
        loop {
            let first = self.due.first_entry().filter(|first| first.key().0 <= now)?;
            match first.remove() {
                Wire::Found(socket) => return Some(socket),
                Wire::Marked(mark, patience) if self.begun.contains(&mark) => {
                    // libpq goes on to the next address, if there is one.
                    self.insert(Wire::Marked(mark, patience), now + patience);
                    if let Ok(Some(socket)) = find(mark) {
                        return Some(Arc::new(socket));
                    }
                }
                Wire::Marked(..) => {}
            }
        }
    }
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
        Asked(self.put(&mut self.lock(), Wire::Found(Arc::clone(socket)), longest))
    }

    fn begin(&self, mark: u32, patience: Duration) -> Begun {
        // None at all would be due again at once, for ever.
        let patience = patience.max(Duration::from_millis(1));
        let mut calls = self.lock();
        calls.begun.insert(mark);
        self.put(&mut calls, Wire::Marked(mark, patience), patience);
        Begun(mark)
    }

    fn put(&self, calls: &mut Calls, wire: Wire, longest: Duration) -> (Instant, u64) {
        let key = calls.insert(wire, Instant::now() + longest);
        if calls.looks.is_none_or(|looks| key.0 < looks) {
            calls.looks = Some(key.0);
            self.sooner.notify_one();
        }
        key
    }

    fn hang_up(&self) {
        let mut calls = self.lock();
        loop {
            let now = Instant::now();
            while let Some(socket) = calls.late(now) {
                // The thread that waits in libpq wakes, and finds that nobody is there.
                let _ = shutdown(socket, Shutdown::Both);
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

/// The socket with this mark, if there is one.
fn find(mark: u32) -> Result<Option<OwnedFd>, Errno> {
    let errno = |error: io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO);
    let this = pidfd_open(getpid(), PidfdFlags::empty())?;
    for entry in fs::read_dir("/proc/self/fd").map_err(errno)?.flatten() {
        // Nothing but sockets: who closes a second descriptor of a file gives up the locks that are held by the first.
        let leads = fs::read_link(entry.path());
        if !leads.is_ok_and(|to| to.to_string_lossy().starts_with("socket:")) {
            continue;
        }
        let Ok(number) = entry.file_name().to_string_lossy().parse() else { continue };
        let socket = match pidfd_getfd(&this, number, PidfdGetfdFlags::empty()) {
            Ok(socket) => socket,
            // Closed meanwhile.
            Err(Errno::BADF) => continue,
            Err(error) => return Err(error),
        };
        if tcp_user_timeout(&socket) == Ok(mark) {
            return Ok(Some(socket));
        }
    }
    Ok(None)
}

fn unguarded(why: &dyn Display) {
    static TOLD: Once = Once::new();
    TOLD.call_once(|| {
        tracing::warn!(%why, "should the database fall silent, a thread waits for it without end");
    });
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    /// So long a connection may take here; a busy machine is given much more.
    const PATIENCE: Duration = Duration::from_millis(200);
    const MUCH: Duration = Duration::from_secs(20);

    /// Takes connections and says `first` to each, and nothing more: its URL.
    fn falls_silent(first: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let say = |stream: io::Result<TcpStream>| {
                let mut stream = stream.unwrap();
                let told = stream.read(&mut [0; 1024]).and_then(|_| stream.write_all(first));
                // Held open: what is dropped hangs up.
                told.map(|()| stream)
            };
            listener.incoming().map(say).collect::<Vec<_>>()
        });
        format!("postgres://a@127.0.0.1:{port}/a?sslmode=disable&gssencmode=disable")
    }

    #[test]
    fn who_falls_silent_while_a_connection_is_made_holds_no_thread() {
        // `AuthenticationOk` and `ReadyForQuery`: libpq has connected, and diesel sets the session up.
        const READY: &[u8] = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
        for first in [&b""[..], READY] {
            let url = falls_silent(first);
            let (tell, told) = channel();
            thread::spawn(move || tell.send(Line::connect(&url, MUCH, PATIENCE).is_err()));
            assert_eq!(told.recv_timeout(MUCH / 2), Ok(true), "{first:?}");
        }
    }

    #[test]
    fn a_call_that_was_hung_up_on_was_not_in_time_and_others_were() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let socket = Arc::new(OwnedFd::from(stream.try_clone().unwrap()));
        WATCH.starts().unwrap();
        let asked = WATCH.add(&socket, MUCH);
        assert!(asked.ends_in_time());
        let asked = WATCH.add(&socket, PATIENCE);
        assert_eq!((&stream).read(&mut [0]).unwrap(), 0, "nobody hung up");
        assert!(!asked.ends_in_time());
    }
}
