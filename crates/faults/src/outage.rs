//! A database that is locked, moved away, not to be written, hangs, or is down; and comes back.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use conformance::Subject;
use conformance::postgres::{self, Postgres};
use conformance::reply::Reply;
use contract::Note;
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};

use crate::database::{added, note};
use crate::found::Found;
use crate::stage::Stage;

/// Clients that write all the time.
const WRITERS: usize = 8;

/// As long a write may wait for its turn and for the lock of another, with a little for everything else.
const LOCKED: Duration = Duration::from_millis(5_500);

/// Whoever refuses says so at once.
const GONE: Duration = Duration::from_secs(1);

/// Whoever hangs does not. A call has two statements' time, one second each; the next is told after one more for each of two
/// connections that they are silent, and after another two that there is no other.
const SILENT: Duration = Duration::from_secs(6);

/// F23: another process holds the lock for writing.
pub(crate) fn locked(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    let held = Duration::from_secs(stage.scaled(10, 6));
    let arena = stage.start(&[])?;
    let file = arena.folder().context("it has no folder of its own")?.join("waitlab.db");
    let mut other = store::sqlite::connect(&file.to_string_lossy(), LOCKED)?;
    beside_a_lock(found, "SQLite", &arena.subject, held, &mut other, "BEGIN IMMEDIATE")?;

    let Some(postgres) = postgres_of_ours(found)? else { return Ok(()) };
    let url = postgres.database()?;
    let arena = stage.start(&[&format!("--database={url}")])?;
    let mut other = PgConnection::establish(&url)?;
    let begin = "BEGIN; LOCK TABLE notes IN SHARE MODE";
    beside_a_lock(found, "PostgreSQL", &arena.subject, held, &mut other, begin)
}

/// F24: gone for a while, under load.
pub(crate) fn down_and_back(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    let away = Duration::from_secs(stage.scaled(10, 3));
    let arena = stage.start(&[])?;
    let folder = arena.folder().context("it has no folder of its own")?;
    let (file, elsewhere) = (folder.join("waitlab.db"), folder.join("elsewhere"));
    let leaves = || Ok(fs::rename(&file, &elsewhere)?);
    let outage = Outage { name: "file moved", away, told: GONE };
    beside_an_outage(found, outage, &arena.subject, leaves, || Ok(fs::rename(&elsewhere, &file)?))?;
    drop(arena);

    match stage.start_as_nobody("--nofile=1024", &[])? {
        None => {
            found.holds("file read-only: not run, as it takes root to be somebody else", true, "")
        }
        Some(arena) => {
            let file = arena.folder().context("it has no folder of its own")?.join("waitlab.db");
            let mode = |mode| Ok(fs::set_permissions(&file, Permissions::from_mode(mode))?);
            // Before its first write: who has opened the file may go on writing it.
            mode(0o444)?;
            let leaves = || Ok(());
            let outage = Outage { name: "file read-only", away, told: GONE };
            beside_an_outage(found, outage, &arena.subject, leaves, || mode(0o644))?;
        }
    }

    let Some(mut postgres) = postgres_of_ours(found)? else { return Ok(()) };
    let database = format!("--database={}", postgres.database()?);
    let arena = stage.start(&[&database, "--database-statement=1"])?;
    // Longer than it may take to say so.
    let hangs = Duration::from_secs(stage.scaled(10, 8));
    let (name, leaves) = ("PostgreSQL hangs", || postgres.pause());
    let outage = Outage { name, away: hangs, told: SILENT };
    beside_an_outage(found, outage, &arena.subject, leaves, || postgres.go_on())?;
    drop(arena);

    let arena = stage.start(&[&database])?;
    let postgres = std::cell::RefCell::new(&mut postgres);
    let leaves = || postgres.borrow_mut().stop();
    let outage = Outage { name: "PostgreSQL stopped", away, told: GONE };
    beside_an_outage(found, outage, &arena.subject, leaves, || postgres.borrow_mut().start_again())
}

pub(crate) fn postgres_of_ours(found: &mut Found) -> anyhow::Result<Option<Postgres>> {
    if postgres::programs().is_none() {
        found.holds(&format!("PostgreSQL: not run; {}", postgres::MISSING), true, "");
        return Ok(None);
    }
    Postgres::start().map(Some)
}

/// Writes meanwhile are refused, none is lost, reads go on, and writes are taken again when the lock is gone.
fn beside_a_lock(
    found: &mut Found,
    name: &str,
    subject: &Subject,
    held: Duration,
    other: &mut impl SimpleConnection,
    begin: &str,
) -> anyhow::Result<()> {
    let kept = added(subject, "kept").context("before anything was locked")?.location();
    let (written, (released, read, reads)) = writing(subject, || {
        other.batch_execute(begin)?;
        let began = Instant::now();
        let (mut read, mut reads) = (0, 0);
        while began.elapsed() < held {
            reads += 1;
            read += usize::from(subject.get(&kept).is_ok_and(|reply| reply.status == 200));
            thread::sleep(Duration::from_millis(20));
        }
        other.batch_execute("COMMIT")?;
        let released = Instant::now();
        thread::sleep(Duration::from_millis(1_500));
        Ok((released, read, reads))
    })?;
    found.all(&format!("{name} locked: reads answered"), read, reads);
    let name = format!("{name} locked");
    answered(found, &name, &written, LOCKED);
    found.within(&format!("{name}: a write is taken again"), first(&written, released), GONE);
    nothing_lost(found, &name, subject, &written)
}

/// A database that is gone: how long, and by when whoever asks meanwhile must be told.
struct Outage {
    name: &'static str,
    away: Duration,
    told: Duration,
}

/// While it is gone the server says so and lives; when it is back it is found without a restart, and holds all it held.
fn beside_an_outage(
    found: &mut Found,
    Outage { name, away, told: soon }: Outage,
    subject: &Subject,
    leaves: impl FnOnce() -> anyhow::Result<()>,
    returns: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (written, (back, told, alive, asked)) = writing(subject, || {
        // Long enough that something is acknowledged before.
        thread::sleep(Duration::from_millis(300));
        leaves()?;
        let left = Instant::now();
        let (mut told, mut alive, mut asked) = (0, 0, 0);
        while left.elapsed() < away {
            asked += 1;
            let status = |path| subject.get(path).map_or(0, |reply| reply.status);
            told += usize::from(status("/readyz") == 503);
            alive += usize::from(status("/healthz") == 200);
            thread::sleep(Duration::from_millis(50));
        }
        returns()?;
        let back = Instant::now();
        thread::sleep(Duration::from_millis(1_500));
        Ok((back, told, alive, asked))
    })?;
    found.all(&format!("{name}: /readyz says 503"), told, asked);
    found.all(&format!("{name}: /healthz says 200"), alive, asked);
    answered(found, name, &written, soon);
    let recovers = Duration::from_secs(5);
    found.within(&format!("{name}: first write after its return"), first(&written, back), recovers);
    let ready = subject.get("/readyz").map_or(0, |reply| reply.status);
    found.holds(&format!("{name}: /readyz is 200 again"), ready == 200, ready);
    nothing_lost(found, name, subject, &written)
}

/// One write and what came of it.
struct Write {
    key: String,
    answered: Instant,
    took: Duration,
    reply: Result<Reply, String>,
}

impl Write {
    fn is(&self, status: u16) -> bool {
        self.reply.as_ref().is_ok_and(|reply| reply.status == status)
    }

    /// A problem that says when to come back.
    fn is_refused(&self) -> bool {
        self.is(503)
            && self.reply.as_ref().is_ok_and(|reply| {
                reply.problem("/notes").is_ok() && reply.field("retry-after").is_some()
            })
    }
}

/// What several clients write all the time, from before something happens until after.
fn writing<T>(
    subject: &Subject,
    meanwhile: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<(Vec<Write>, T)> {
    let stop = AtomicBool::new(false);
    let writer = |writer: usize| {
        let mut written = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let key = format!("{writer}-{}", written.len());
            let began = Instant::now();
            let reply = subject.ask(&note(&key));
            let took = began.elapsed();
            written.push(Write { key, answered: Instant::now(), took, reply });
            thread::sleep(Duration::from_millis(20));
        }
        written
    };
    thread::scope(|scope| {
        let writer = &writer;
        let writers: Vec<_> = (0..WRITERS).map(|n| scope.spawn(move || writer(n))).collect();
        let happened = meanwhile();
        stop.store(true, Ordering::Relaxed);
        let written = writers.into_iter().filter_map(|writer| writer.join().ok()).flatten();
        let written = written.collect();
        Ok((written, happened?))
    })
}

fn answered(found: &mut Found, name: &str, written: &[Write], slowest: Duration) {
    let right = written.iter().filter(|write| write.is(201) || write.is_refused()).count();
    found.all(
        &format!("{name}: each write a 201, or a 503 with Retry-After"),
        right,
        written.len(),
    );
    let refused = written.iter().filter(|write| write.is_refused()).count();
    found.holds(&format!("{name}: writes were refused"), refused > 0, refused);
    let took = written.iter().map(|write| write.took).max().unwrap_or_default();
    found.within(&format!("{name}: slowest answer to a write"), took, slowest);
}

/// How long after this the first write was acknowledged.
fn first(written: &[Write], after: Instant) -> Duration {
    let taken = written.iter().filter(|write| write.is(201) && write.answered >= after);
    taken.map(|write| write.answered - after).min().unwrap_or(Duration::MAX)
}

/// Sent again with its key, each write that was acknowledged is answered with the note that it made.
fn nothing_lost(
    found: &mut Found,
    name: &str,
    subject: &Subject,
    written: &[Write],
) -> anyhow::Result<()> {
    let (mut lost, mut acknowledged) = (0, 0);
    for write in written.iter().filter(|write| write.is(201)) {
        let reply = write.reply.as_ref().map_err(|error| anyhow!("{error}"))?;
        let made: Note = serde_json::from_slice(&reply.body).context("no note")?;
        acknowledged += 1;
        lost += u64::from(added(subject, &write.key)? != made);
    }
    found.holds(&format!("{name}: writes were acknowledged"), acknowledged > 0, acknowledged);
    found.none(&format!("{name}: acknowledged writes lost"), lost);
    Ok(())
}
