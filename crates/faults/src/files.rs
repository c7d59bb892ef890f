//! Uploads that drip, are too many, too large, or cut off; a disk that is full; names that want out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure};
use conformance::client::{Connection, Request, Trouble};
use conformance::process::Signal;
use conformance::reply::Reply;
use conformance::{Server, Subject, checks};
use contract::{FilePage, StoredFile};
use tempfile::TempDir;

use crate::crowd::Crowd;
use crate::found::Found;
use crate::stage::{Arena, Stage};

const MIB: u64 = 1 << 20;

/// What an upload sends at once.
const CHUNK: usize = 64 << 10;

/// As long an upload may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// F02: bodies of a byte at a time.
pub(crate) fn slow_bodies(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    let (clients, idle) = stage.scaled((200, 10.0), (40, 1.0));
    let arena = stage.start(&[&format!("--body-idle={idle}")])?;
    let beside = arena.beside(50.0);
    let mut crowd = Crowd::connect(arena.subject.addr, clients)?;
    let start = Instant::now();
    for (number, client) in crowd.0.iter_mut().enumerate() {
        let head = format!("PUT /files/slow-{number} HTTP/1.1\r\nHost: a\r\n");
        client.say(format!("{head}Content-Length: 100000000\r\n\r\n").as_bytes());
    }
    let by = Duration::from_secs_f64(3.0 * idle);
    while start.elapsed() < 2 * by && crowd.closed() < clients {
        crowd.say(b"x");
        let next = Instant::now() + Duration::from_secs_f64(idle / 10.0);
        crowd.listen_until(next, |crowd| crowd.closed() == clients);
    }
    found.all("ended", crowd.closed(), clients);
    found.within("the last ended after", crowd.last_closed(start), by);
    found.all("of them told why (408)", crowd.answered(408), clients);
    none_left(found, "files left on disk", data(&arena)?);
    found.beside(&beside.stop()?, Duration::from_millis(100));
    stage.idle_pool();
    arena.returns_to_base(found, 64 * MIB)
}

/// F12: as many large bodies at once, and as large, as are taken.
pub(crate) fn large_bodies(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    let (each, size) = stage.scaled((50, 32 * MIB), (20, 4 * MIB));
    let arena = stage.start(&[&format!("--upload-bytes={size}")])?;
    let watch = arena.watch()?;
    let subject = &arena.subject;
    // As long as JSON may be, and a text longer than a note's: it is read to its end and refused.
    let begin = r#"{"title":"large","body":""#;
    let json = format!(r#"{begin}{}"}}"#, "x".repeat(MIB as usize - begin.len() - 2));
    let ask = Request::new("POST", "/notes").field("Content-Type", "application/json");
    let ask = &ask.body(json);
    let (stored, read) = thread::scope(|scope| {
        let uploads: Vec<_> = (0..each)
            .map(|number| scope.spawn(move || upload(subject, &format!("large-{number}"), size)))
            .collect();
        let notes: Vec<_> = (0..each).map(|_| scope.spawn(|| subject.ask(ask))).collect();
        let stored = uploads.into_iter().filter_map(|upload| upload.join().ok());
        let stored = stored.filter(|reply| is(reply, 201)).count();
        let read = notes.into_iter().filter_map(|note| note.join().ok());
        let is_read =
            |reply: &Result<Reply, String>| reply.as_ref().is_ok_and(|reply| reply.status == 422);
        (stored, read.filter(is_read).count())
    });
    found.all("uploads at the limit stored", stored, each);
    found.all("JSON of 1 MiB read and answered", read, each);
    found.growth(&watch.stop(), 128 * MIB);
    stage.idle_pool();
    arena.returns_to_base(found, 64 * MIB)?;
    drop(arena);

    // And one that is as large as many: what it takes does not depend on its size.
    let arena = stage.start(&[])?;
    let watch = arena.watch()?;
    let size = stage.scaled(256, 64) * MIB;
    let stored = upload(&arena.subject, "larger", size);
    found.holds("one large upload stored", is(&stored, 201), format!("{stored:?}"));
    let usage = watch.stop();
    let grown = usage.peak.rss_bytes.saturating_sub(usage.base.rss_bytes);
    found.bytes("RSS growth by it", grown, 16 * MIB);
    Ok(())
}

/// F27: a disk that is full.
pub(crate) fn disk_full(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    let Some(disk) = Disk::of("8m")? else {
        found.holds("not run: to mount a disk of 8 MiB takes root", true, "");
        return Ok(());
    };
    let flag = format!("--data={}", disk.0.path().display());
    let arena = stage.start(&[&flag])?;
    let (subject, beside) = (&arena.subject, arena.beside(50.0));
    let before = upload(subject, "before", MIB).map_err(|error| anyhow!(error))?;
    found.holds("a file that fits is stored", before.status == 201, before.text());
    let full = upload(subject, "full", 16 * MIB);
    found.holds("16 MiB on 8 MiB are a 507", is(&full, 507), format!("{full:?}"));
    let many: Vec<_> = thread::scope(|scope| {
        let uploads: Vec<_> = (0..10)
            .map(|number| scope.spawn(move || upload(subject, &format!("many-{number}"), MIB)))
            .collect();
        uploads.into_iter().filter_map(|upload| upload.join().ok()).collect()
    });
    let fine = |reply: &&Result<Reply, Trouble>| is(reply, 201) || is(reply, 507);
    found.all("ten of 1 MiB at once are each a 201 or a 507", many.iter().filter(fine).count(), 10);
    found.holds("one of them at least is a 507", many.iter().any(|one| is(one, 507)), "all fit");
    // Removed by the pool, which the answer does not wait for.
    none_left(found, "unfinished files left", &disk.0.path().join("uploads"));
    let (whole, listed) = sound(subject)?;
    found.all("listed files whole", whole, listed);
    for number in 0..10 {
        let _ = subject.ask(&Request::new("DELETE", &format!("/files/many-{number}")));
    }
    let again = upload(subject, "again", MIB);
    found.holds("with room again a file is stored", is(&again, 201), format!("{again:?}"));
    found.none("panics", arena.metric("http_panics_total")? as u64);
    found.beside(&beside.stop()?, Duration::from_millis(250));
    Ok(())
}

/// F28: the server is killed while files come.
pub(crate) fn killed(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    const AT_ONCE: usize = 5;
    let rounds = stage.scaled(10, 3);
    let mut random = fastrand::Rng::with_seed(stage.seed);
    let folder = tempfile::tempdir()?;
    let flag = format!("--data={}", folder.path().display());
    let (mut kept, mut lost, mut partial, mut left) = (Vec::new(), 0, 0, 0);
    let mut cut = 0;
    for round in 0..rounds {
        let mut server = Server::start(&stage.binary, [&flag], &[])?;
        let subject = Subject::at(server.addr());
        let sizes: Vec<u64> = (0..AT_ONCE).map(|_| random.u64(1..8 * MIB)).collect();
        let delay = Duration::from_millis(random.u64(1..150));
        let replies: Vec<_> = thread::scope(|scope| {
            let uploads: Vec<_> = sizes
                .iter()
                .enumerate()
                .map(|(number, &size)| {
                    let (name, subject) = (format!("{round}-{number}"), &subject);
                    scope.spawn(move || (upload(subject, &name, size), name, size))
                })
                .collect();
            thread::sleep(delay);
            server.signal(Signal::KILL);
            uploads.into_iter().filter_map(|upload| upload.join().ok()).collect()
        });
        server.wait(PATIENCE)?;
        for (reply, name, size) in replies {
            if is(&reply, 201) { kept.push((name, size)) } else { cut += 1 }
        }
        let server = Server::start(&stage.binary, [&flag], &[])?;
        let subject = Subject::at(server.addr());
        left += below(&folder.path().join("uploads")).len() as u64;
        let (whole, listed) = sound(&subject)?;
        partial += (listed - whole) as u64;
        lost += kept
            .iter()
            .filter(|(name, size)| {
                let reply = subject.get(&format!("/files/{name}"));
                !reply.is_ok_and(|reply| reply.status == 200 && reply.body.len() as u64 == *size)
            })
            .count() as u64;
    }
    found.holds("some uploads were cut by the kill", cut > 0, "all were done before it");
    found.none("partial files visible", partial);
    found.none("acknowledged files lost or changed", lost);
    found.none("unfinished files left after a start", left);
    Ok(())
}

/// F29: names that want out of the directory, and what lies in it and is no file.
pub(crate) fn names_that_want_out(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let canary = folder.path().join("canary");
    fs::write(&canary, "outside")?;
    let data = folder.path().join("data");
    let flag = format!("--data={}", data.display());
    let arena = stage.start(&[&flag])?;
    let subject = Subject { data: Some(data.clone()), ..arena.subject.clone() };
    let about = [
        "files: a name is data",
        "files: what lies in the directory",
        "files: a file is for saving",
    ];
    for check in
        checks().into_iter().filter(|check| about.iter().any(|name| check.name.starts_with(name)))
    {
        found.verdict(check.name, (check.run)(&subject));
    }
    let mut outside: Vec<_> = fs::read_dir(folder.path())?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    outside.sort_unstable();
    let unchanged = outside == ["canary", "data"] && fs::read_to_string(&canary)? == "outside";
    found.holds("nothing outside is made or changed", unchanged, format!("{outside:?}"));
    Ok(())
}

/// F30: bodies and forms over their limits.
pub(crate) fn over_limit(stage: &Stage, found: &mut Found) -> anyhow::Result<()> {
    const LIMIT: u64 = 4 * MIB;
    let arena = stage.start(&[&format!("--upload-bytes={LIMIT}")])?;
    let (subject, folder) = (&arena.subject, data(&arena)?);
    let start = Instant::now();
    let mut connection = Connection::open(subject.addr)?;
    connection.send(head("announced", &format!("Content-Length: {}", LIMIT + 1)).as_bytes())?;
    let reply = connection.reply(false, Duration::from_secs(2));
    found.holds("an announced size is a 413", is(&reply, 413), format!("{reply:?}"));
    found.within("told after", start.elapsed(), Duration::from_millis(200));
    let (most, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let chunked = thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                most.fetch_max(bytes(folder), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(2));
            }
        });
        let reply = chunked(subject, "chunked", 4 * LIMIT);
        stop.store(true, Ordering::Relaxed);
        reply
    });
    found.holds("a chunked body is a 413", is(&chunked, 413), format!("{chunked:?}"));
    found.bytes("disk used by it", most.into_inner(), LIMIT + MIB);
    let bounds = "forms: neither parts nor their heads are without bound";
    for check in checks().into_iter().filter(|check| check.name == bounds) {
        found.verdict(check.name, (check.run)(subject));
    }
    none_left(found, "files left on disk", folder);
    stage.idle_pool();
    arena.returns_to_base(found, 64 * MIB)
}

/// The directory a server keeps its data in.
fn data(arena: &Arena) -> anyhow::Result<&Path> {
    arena.server.data().ok_or_else(|| anyhow!("the server has no directory of its own"))
}

fn head(name: &str, framing: &str) -> String {
    format!("PUT /files/{name} HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n")
}

/// Sends a file of this size, a chunk at a time, and hears what comes of it.
fn upload(subject: &Subject, name: &str, size: u64) -> Result<Reply, Trouble> {
    let mut connection = Connection::open(subject.addr)?;
    connection.send_what_is_taken(head(name, &format!("Content-Length: {size}")).as_bytes());
    let (chunk, mut left) = (vec![b'x'; CHUNK], size);
    while left > 0 {
        let length = left.min(CHUNK as u64);
        if connection.send(&chunk[..length as usize]).is_err() {
            break;
        }
        left -= length;
    }
    connection.reply(false, PATIENCE)
}

/// The same in chunks.
fn chunked(subject: &Subject, name: &str, size: u64) -> Result<Reply, Trouble> {
    let mut connection = Connection::open(subject.addr)?;
    connection.send_what_is_taken(head(name, "Transfer-Encoding: chunked").as_bytes());
    let chunk = [&b"10000\r\n"[..], &[b'x'; CHUNK], b"\r\n"].concat();
    for _ in 0..size / CHUNK as u64 {
        if connection.send(&chunk).is_err() {
            break;
        }
    }
    connection.send_what_is_taken(b"0\r\n\r\n");
    connection.reply(false, PATIENCE)
}

fn is(reply: &Result<Reply, Trouble>, status: u16) -> bool {
    reply.as_ref().is_ok_and(|reply| reply.status == status)
}

/// How many of the listed files are as long as they are said to be and have the hash they are said to have, and how
/// many there are.
fn sound(subject: &Subject) -> anyhow::Result<(usize, usize)> {
    let reply = subject.get_with("/files?limit=1000", 200).map_err(|error| anyhow!(error))?;
    let page: FilePage = serde_json::from_slice(&reply.body)?;
    ensure!(page.next.is_none(), "there are more files than were sent");
    let whole = |file: &&StoredFile| {
        let reply = subject.get(&format!("/files/{}", file.name));
        reply.is_ok_and(|reply| {
            let only_x = reply.body.iter().all(|byte| *byte == b'x');
            reply.body.len() as u64 == file.size && only_x && hash(&reply.body) == file.sha256
        })
    };
    Ok((page.files.iter().filter(whole).count(), page.files.len()))
}

fn hash(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every file below a directory.
fn below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let files = entries.map(|entry| match entry.path() {
        path if path.is_dir() => below(&path),
        // The database and its log, which lie beside them.
        path if path.to_string_lossy().contains("/waitlab.db") => Vec::new(),
        path => vec![path],
    });
    files.flatten().collect()
}

fn bytes(directory: &Path) -> u64 {
    below(directory).iter().filter_map(|path| Some(path.metadata().ok()?.len())).sum()
}

/// None may be left once what is cleaned up behind an answer has been.
fn none_left(found: &mut Found, what: &str, folder: &Path) {
    found.none_in_the_end(what, || below(folder).len() as u64);
}

/// A disk in memory, as large as it is told to be.
struct Disk(TempDir);

impl Disk {
    /// Mounts it, if we may.
    fn of(size: &str) -> anyhow::Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let disk = Self(tempfile::tempdir()?);
        let options = format!("size={size}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(disk.0.path());
        let done = mount.status()?;
        ensure!(done.success(), "cannot mount a disk of {size}: {done}");
        Ok(Some(disk))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, since the server may have it open still.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}
