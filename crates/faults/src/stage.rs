//! What a fault is given: which server, how it is started, whether in full or short; and what it holds before and after.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use conformance::{Server, Subject, until};
use github_stub::{Dials, Stub};
use load::process::{Cpu, Held, Sampler};
use load::{Arrivals, Ask, Cancel, Outcome, Plan, Target};
use tempfile::TempDir;

use crate::found::Found;

/// Which server, and how much of everything.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    /// `blocking`, `actix` or `axum`.
    pub(crate) server: &'static str,
    /// Its binary.
    pub(crate) binary: PathBuf,
    /// Picks what is random.
    pub(crate) seed: u64,
    /// Fewer clients, shorter limits.
    pub(crate) short: bool,
}

/// A server that runs, and what it held before anything went wrong.
pub(crate) struct Arena {
    pub(crate) server: Server,
    pub(crate) subject: Subject,
    base: Holds,
    _folder: Option<TempDir>,
    data: Option<TempDir>,
}

/// What a process holds at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holds {
    pub(crate) threads: u64,
    pub(crate) descriptors: u64,
    pub(crate) rss_bytes: u64,
}

/// Normal traffic beside a fault.
pub(crate) struct Beside {
    cancel: Cancel,
    thread: JoinHandle<std::io::Result<Outcome>>,
}

/// How long threads and descriptors may take to be as few as before.
const RETURNING: Duration = Duration::from_secs(5);

/// The user who owns nothing.
const NOBODY: u32 = 65_534;

/// Traffic beside ends when it is told to; this is longer than any fault.
const FOR_EVER: Duration = Duration::from_secs(3_600);

impl Stage {
    /// An async server computes and writes files on its runtime's blocking pool, whose threads end after ten idle seconds.
    pub(crate) fn idle_pool(&self) {
        if self.server != "blocking" {
            thread::sleep(Duration::from_secs(10));
        }
    }

    /// Much in full, little when short.
    pub(crate) fn scaled<T>(&self, full: T, short: T) -> T {
        if self.short { short } else { full }
    }

    /// Starts the server with these flags.
    pub(crate) fn start(&self, flags: &[&str]) -> anyhow::Result<Arena> {
        self.arena(Server::start(&self.binary, flags, &[])?)
    }

    /// Starts it with the stub as its upstream.
    pub(crate) fn start_with_stub(&self, flags: &[&str]) -> anyhow::Result<(Arena, Stub)> {
        let stub = Stub::start(Dials::default())?;
        let upstream = format!("--github-url={}", stub.url());
        let arena = self.start(&[&[upstream.as_str()], flags].concat())?;
        Ok((arena, stub))
    }

    /// Starts the server as `prlimit` is told (`--nofile=128`).
    pub(crate) fn start_under(&self, limit: &str, flags: &[&str]) -> anyhow::Result<Arena> {
        let data = tempfile::tempdir()?;
        let command = self.limited(limit, &self.binary, data.path(), flags);
        let arena = self.arena(Server::spawn(command)?)?;
        Ok(Arena { data: Some(data), ..arena })
    }

    /// The same as a user who is not root, which is exempt from some limits. None when we are not root ourselves, and
    /// share our limit with everything else of ours that runs.
    pub(crate) fn start_as_nobody(
        &self,
        limit: &str,
        flags: &[&str],
    ) -> anyhow::Result<Option<Arena>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        // Nobody may not look into our folders.
        let folder = tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o755))
            .tempdir()
            .context("a folder for nobody")?;
        let binary = folder.path().join("server");
        fs::copy(&self.binary, &binary)?;
        let data = tempfile::tempdir()?;
        // Our umask would take this from a directory that is made with it.
        fs::set_permissions(data.path(), Permissions::from_mode(0o777))?;
        let mut command = self.limited(limit, &binary, data.path(), flags);
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
        let arena = self.arena(Server::spawn(command)?)?;
        Ok(Some(Arena { _folder: Some(folder), data: Some(data), ..arena }))
    }

    fn limited(&self, limit: &str, binary: &Path, data: &Path, flags: &[&str]) -> Command {
        let mut command = Command::new("prlimit");
        command.args([limit, "--"]).arg(binary).args(["--addr", "127.0.0.1:0"]).args(flags);
        command.env("WAITLAB_DATA", data);
        command
    }

    /// Asks a little, so that what is made on first use is there, and notes what it holds then.
    fn arena(&self, server: Server) -> anyhow::Result<Arena> {
        let subject = Subject::at(server.addr());
        let target = Target::new(server.addr());
        let warm_up = Plan::closed(target, Ask::get("/wait/0"), 8, load::Stop::Requests(400));
        load::run(&warm_up, &Cancel::new(), |_| {})?;
        let pid = server.pid();
        let base = settled(pid, &subject)?;
        Ok(Arena { server, subject, base, _folder: None, data: None })
    }
}

/// What it holds when the connections of the warm-up are gone.
fn settled(pid: u32, subject: &Subject) -> anyhow::Result<Holds> {
    let deadline = Instant::now() + RETURNING;
    let closed = subject.metric_until("http_connections", RETURNING, |open| open <= 1.0);
    closed.map_err(|error| anyhow!("behind the warm-up {error}"))?;
    let mut before = Holds::of(pid)?;
    while Instant::now() < deadline {
        thread::sleep(Duration::from_millis(100));
        let now = Holds::of(pid)?;
        if (now.threads, now.descriptors) == (before.threads, before.descriptors) {
            return Ok(now);
        }
        before = now;
    }
    Ok(before)
}

impl Holds {
    /// Reads it.
    pub(crate) fn of(pid: u32) -> anyhow::Result<Self> {
        let Held { threads, rss_bytes, .. } = Held::by(pid)?;
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd"))
            .with_context(|| format!("the descriptors of {pid}"))?
            .count() as u64;
        Ok(Self { threads, descriptors, rss_bytes })
    }
}

impl Arena {
    /// The folder it keeps its data in, if that is its own.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.data.as_ref().map(TempDir::path).or_else(|| self.server.data())
    }

    /// What it holds now.
    pub(crate) fn holds(&self) -> anyhow::Result<Holds> {
        Holds::of(self.server.pid())
    }

    /// Its CPU time so far.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        Ok(Cpu::of(self.server.pid())?.total)
    }

    /// A sample of `/metrics`.
    pub(crate) fn metric(&self, name: &str) -> anyhow::Result<f64> {
        self.subject.metric(name).map_err(|error| anyhow!(error))
    }

    /// How many lines of its log are about a panic.
    pub(crate) fn panics_logged(&self) -> u64 {
        self.server.output().lines().filter(|line| line.contains("panicked")).count() as u64
    }

    /// Watches memory and threads until it is told to stop.
    pub(crate) fn watch(&self) -> anyhow::Result<Sampler> {
        Ok(Sampler::start(self.server.pid(), Duration::from_millis(50))?)
    }

    /// `GET /wait/0` so many times a second, on connections that are open before.
    pub(crate) fn beside(&self, rate: f64) -> Beside {
        self.asking("/wait/0", rate)
    }

    /// The same with another path.
    pub(crate) fn asking(&self, path: &str, rate: f64) -> Beside {
        let (target, arrivals) = (Target::new(self.server.addr()), Arrivals::Fixed { rate });
        let plan = Plan::open(target, Ask::get(path), 4, arrivals, FOR_EVER);
        let cancel = Cancel::new();
        let told = cancel.clone();
        let thread = thread::spawn(move || load::run(&plan, &told, |_| {}));
        Beside { cancel, thread }
    }

    /// Threads and descriptors must be as many as before within five seconds, and memory about what it was.
    ///
    /// An allocator keeps some of what it got, so `kept` says how much may stay.
    pub(crate) fn returns_to_base(&self, found: &mut Found, kept: u64) -> anyhow::Result<()> {
        let base = self.base;
        // Fewer is no better: a thread or a listener may have died.
        let near = |now: u64, base: u64| now.abs_diff(base) <= 2;
        let back = |now: &Holds| {
            near(now.threads, base.threads) && near(now.descriptors, base.descriptors)
        };
        until(RETURNING, || self.holds().is_ok_and(|now| back(&now)));
        let now = self.holds()?;
        let shown = |of: fn(&Holds) -> u64| format!("{} after {} before", of(&now), of(&base));
        let text = shown(|holds| holds.threads);
        found.holds("threads back to base ± 2 within 5 s", near(now.threads, base.threads), text);
        let text = shown(|holds| holds.descriptors);
        let returned = near(now.descriptors, base.descriptors);
        found.holds("descriptors back to base ± 2 within 5 s", returned, text);
        found.bytes("memory kept over base", now.rss_bytes.saturating_sub(base.rss_bytes), kept);
        Ok(())
    }
}

impl Beside {
    /// Ends it and tells what it saw.
    pub(crate) fn stop(self) -> anyhow::Result<Outcome> {
        self.cancel.finish();
        let outcome = self.thread.join().map_err(|_| anyhow!("the traffic beside panicked"))?;
        outcome.context("the traffic beside")
    }
}
