//! Limits that are met only by a server of one's own: it is stopped, its upstream or its database is made to stall.
//!
//! Each is judged twice: with the limit short the rule holds, with the limit as good as switched off it must not.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::checks::Verdict;
use crate::client::Request;
use crate::lifecycle;
use crate::setup::Setup;

/// One limit, and what it bounds.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// The sentence.
    pub name: &'static str,
    /// The flag that makes it short.
    pub short: &'static str,
    /// The flag that as good as switches it off.
    pub off: &'static str,
    /// Whether it takes a PostgreSQL that the setup has.
    pub on_postgres: bool,
    /// Starts a server with either flag.
    pub run: fn(&Setup, &str) -> Verdict,
}

/// All of them.
pub const BOUNDS: &[Bound] = &[
    Bound {
        name: "a drain that cuts a request exits 3",
        short: "--drain=0.5",
        off: "--drain=60",
        on_postgres: false,
        run: lifecycle::cuts,
    },
    Bound {
        name: "limits: an upstream that is not reached within --upstream-connect is a 504, before its whole time is over",
        short: "--upstream-connect=0.2",
        off: "--upstream-connect=60",
        on_postgres: false,
        run: unreached,
    },
    Bound {
        name: "limits: a crowd that seals takes the memory of as many as --cpu-threads, wherever it computes",
        short: "--cpu-threads=1",
        off: "--cpu-threads=16",
        on_postgres: false,
        run: sealed,
    },
    Bound {
        name: "limits: a write that waits for a lock longer than --database-statement is a 503",
        short: "--database-statement=0.5",
        off: "--database-statement=60",
        on_postgres: true,
        run: locked,
    },
];

fn unreached(setup: &Setup, flag: &str) -> Verdict {
    const WHOLE: Duration = Duration::from_secs(4);
    let (upstream, _full) = full().map_err(|error| error.to_string())?;
    let upstream = format!("--github-url=http://{upstream}");
    let whole = format!("--upstream-total={}", WHOLE.as_secs());
    let (_server, subject) = setup.start(&[&upstream, &whole, flag])?;
    let began = Instant::now();
    subject.problem("/github-user/octocat", 504)?;
    let took = began.elapsed();
    // It tries three times, with a pause before the second and the third.
    ensure!(took < WHOLE / 2, "told after {took:?}");
    Ok(())
}

/// A listener that answers no SYN any more, because nobody accepts and its queue is full.
fn full() -> std::io::Result<(SocketAddr, (Socket, Vec<TcpStream>))> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(0)?;
    let addr = socket.local_addr()?.as_socket().ok_or(std::io::ErrorKind::AddrNotAvailable)?;
    let mut queue = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&addr, Duration::from_millis(300)) {
        queue.push(stream);
    }
    Ok((addr, (socket, queue)))
}

fn sealed(setup: &Setup, flag: &str) -> Verdict {
    const CROWD: usize = 16;
    // A key takes 19 MiB. What else a crowd leaves in memory is less than three of them.
    const MOST: f64 = 4.0 * 19.0;
    let (_server, subject) = setup.fresh(&[flag, "--cpu-queue=64"])?;
    let seal = |placement: &str| {
        let request = Request::new("POST", &format!("/seal?placement={placement}"));
        let request = request.field("X-Passphrase", "correct horse battery").body("a text");
        // In turn, and the pool gives way to all else that a machine does.
        subject.ask_within(&request, Duration::from_secs(60))?.expect(200).map(drop)
    };
    let memory = || Ok::<_, String>(subject.metric("process_resident_memory_bytes")? / 1_048_576.0);
    let before = memory()?;
    for placement in ["inline", "offload"] {
        let most = thread::scope(|scope| {
            let crowd: Vec<_> = (0..CROWD).map(|_| scope.spawn(|| seal(placement))).collect();
            let mut most = before;
            while crowd.iter().any(|one| !one.is_finished()) {
                most = most.max(memory()?);
                thread::sleep(Duration::from_millis(5));
            }
            for one in crowd {
                one.join().expect("asking does not panic")?;
            }
            // An allocator keeps what each thread has freed.
            Ok::<_, String>(most.max(memory()?))
        })?;
        let grown = most - before;
        ensure!(grown < MOST, "{CROWD} sealed {placement}, and it grew by {grown:.0} MiB");
    }
    Ok(())
}

fn locked(setup: &Setup, flag: &str) -> Verdict {
    let (_server, subject) = setup.fresh(&[flag])?;
    let write = || {
        let note = r#"{"title": "behind a lock", "body": ""}"#;
        let request = Request::new("POST", "/notes").field("Content-Type", "application/json");
        subject.ask(&request.body(note))
    };
    // The table is there, and the connection that will wait.
    write()?.expect(201)?;
    thread::scope(|scope| {
        let lock = "BEGIN; LOCK TABLE notes IN SHARE MODE; SELECT pg_sleep(3); COMMIT";
        let lock = scope.spawn(|| setup.say(&subject, lock));
        while !lock.is_finished() {
            let reply = write()?;
            if reply.status == 503 {
                reply.problem("/notes")?;
                ensure!(!lock.is_finished(), "refused only after {:?}", reply.took);
                return Ok(());
            }
            reply.expect(201)?;
            thread::sleep(Duration::from_millis(10));
        }
        lock.join().expect("psql's caller does not panic")?;
        Err("no write was refused while the table was locked".to_owned())
    })
}
