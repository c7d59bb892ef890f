//! A PostgreSQL of one's own: a cluster in a temporary folder, on a free port of this machine, gone when it is dropped.
//!
//! Its settings are PostgreSQL's own, `fsync` too: what a test sees of a commit is what a user would.

use std::env;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Signal, geteuid, kill_process};
use tempfile::TempDir;

use crate::process::{guard, pid};

/// How to get it, for whoever has none.
pub const MISSING: &str = "needs PostgreSQL 15 or newer; on Debian: apt-get install postgresql, elsewhere name the folder of its programs in WAITLAB_POSTGRES_BIN";

/// The oldest that is tried.
const OLDEST: u32 = 15;

/// How long making, starting and stopping it may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running cluster.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    /// Whom it runs as: PostgreSQL refuses to be root.
    user: Option<(u32, u32)>,
    port: u16,
    running: Option<(Child, Option<Child>)>,
    made: AtomicU32,
    folder: TempDir,
}

/// A cluster for many tests, started by the first that asks for a database.
#[derive(Debug, Default)]
pub struct Shared(OnceLock<Result<Postgres, String>>);

impl Shared {
    /// A database that nobody has used: its URL.
    ///
    /// # Errors
    ///
    /// When there is no PostgreSQL, or it does not start.
    pub fn database(&self) -> Result<String, String> {
        let told = |error: anyhow::Error| format!("{error:#}");
        let postgres = self.0.get_or_init(|| Postgres::start().map_err(told));
        postgres.as_ref().map_err(Clone::clone)?.database().map_err(told)
    }

    /// Runs a statement in a database that it gave.
    ///
    /// # Errors
    ///
    /// When it gave none, or the statement fails.
    pub fn say(&self, database: &str, statement: &str) -> Result<(), String> {
        let Some(Ok(postgres)) = self.0.get() else { return Err("it does not run".to_owned()) };
        postgres.say(database, statement).map_err(|error| format!("{error:#}"))
    }
}

impl Postgres {
    /// Makes a cluster and starts it.
    ///
    /// # Errors
    ///
    /// When PostgreSQL is not there or does not start; with what it wrote.
    pub fn start() -> anyhow::Result<Self> {
        let programs = programs().context(MISSING)?.to_owned();
        let folder = tempfile::tempdir().context("no folder for a database")?;
        let user = if geteuid().is_root() { Some(somebody()?) } else { None };
        if let Some((uid, gid)) = user {
            chown(folder.path(), Some(uid), Some(gid))?;
        }
        let made = AtomicU32::new(0);
        let mut postgres = Self { programs, user, port: 0, running: None, made, folder };
        let flags = ["--username=waitlab", "--auth=trust", "--encoding=UTF8", "--locale=C"];
        let mut initdb = postgres.command("initdb");
        initdb.args(flags).args(["--no-sync", "-D"]).arg(postgres.data());
        succeeded("initdb", initdb.output()?)?;
        // Between its being found free and its being taken, somebody else may take a port.
        let deadline = Instant::now() + PATIENCE;
        loop {
            postgres.port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            match postgres.start_again() {
                Ok(()) => return Ok(postgres),
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => {}
            }
        }
    }

    /// A database that nobody has used: its URL.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn database(&self) -> anyhow::Result<String> {
        let name = format!("waitlab{}", self.made.fetch_add(1, Ordering::Relaxed));
        self.say("postgres", &format!("CREATE DATABASE {name}"))?;
        Ok(format!("postgres://waitlab@127.0.0.1:{}/{name}", self.port))
    }

    /// Runs a statement in a database, by its name or its URL.
    ///
    /// # Errors
    ///
    /// When it fails.
    pub fn say(&self, database: &str, statement: &str) -> anyhow::Result<()> {
        let mut psql = self.command("psql");
        psql.args(["-Xq", "-h", "127.0.0.1", "-U", "waitlab", "-p", &self.port.to_string()]);
        psql.args(["-v", "ON_ERROR_STOP=1", "-d", database, "-c", statement]);
        succeeded(statement, psql.output()?)
    }

    /// Ends it as a crash would: every connection is cut, nothing is written any more.
    ///
    /// # Errors
    ///
    /// When it does not end.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        if self.running.is_none() {
            return Ok(());
        }
        // One that is stopped would not hear of its end.
        let _ = self.go_on();
        let Some((mut server, guard)) = self.running.take() else { return Ok(()) };
        if server.try_wait()?.is_none() {
            let _ = kill_process(pid(server.id()), Signal::QUIT);
        }
        let deadline = Instant::now() + PATIENCE;
        while server.try_wait()?.is_none() {
            if Instant::now() > deadline {
                server.kill()?;
            }
            thread::sleep(Duration::from_millis(2));
        }
        if let Some(mut guard) = guard {
            guard.kill()?;
            guard.wait()?;
        }
        Ok(())
    }

    /// Stops its processes where they are: its port takes connections, and nobody answers on any.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on after a pause.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub fn go_on(&self) -> anyhow::Result<()> {
        self.signal(Signal::CONT)
    }

    /// To the first process, and then to those that it has started: stopped, it starts no more.
    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let (server, _) = self.running.as_ref().context("it does not run")?;
        kill_process(pid(server.id()), signal)?;
        for process in fs::read_dir("/proc")?.flatten() {
            let Some(id) = process.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            let status = fs::read_to_string(process.path().join("status")).unwrap_or_default();
            if status.lines().any(|line| line == format!("PPid:\t{}", server.id())) {
                // It may have ended by now.
                let _ = kill_process(pid(id), signal);
            }
        }
        Ok(())
    }

    /// Starts it where it was before, and waits until it takes connections.
    ///
    /// # Errors
    ///
    /// When it does not start; with what it wrote.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        let log = self.folder.path().join("log");
        let said = File::create(&log)?;
        let mut postgres = self.command("postgres");
        postgres.arg("-D").arg(self.data()).args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        // Room for the pools of many servers; and no socket outside of the folder.
        postgres.args(["-c", "max_connections=200", "-c", "unix_socket_directories="]);
        postgres.process_group(0).stdout(said.try_clone()?).stderr(said);
        let server = postgres.spawn().context("cannot start postgres")?;
        let id = server.id();
        self.running = Some((server, guard(id, "QUIT")));
        let deadline = Instant::now() + PATIENCE;
        while !self.is_ready(id) {
            let running = self.running.as_mut().map(|(server, _)| server.try_wait());
            if let Some(exit) = running.transpose()?.flatten() {
                self.stop()?;
                bail!("postgres: {exit}; {}", fs::read_to_string(&log)?.trim_end());
            }
            if Instant::now() > deadline {
                bail!("postgres takes no connections for {PATIENCE:?}");
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Its own word, in the file in which it also keeps its process id.
    fn is_ready(&self, id: u32) -> bool {
        let told = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        let mut lines = told.lines();
        lines.next() == Some(&id.to_string()) && lines.nth(6).map(str::trim) == Some("ready")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

/// The folder of PostgreSQL's programs, if there is one that is new enough: the named one, or one of the path, or the
/// newest of Debian's.
pub fn programs() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOUND.get_or_init(found).as_deref()
}

fn found() -> Option<PathBuf> {
    if let Some(named) = env::var_os("WAITLAB_POSTGRES_BIN") {
        return Some(named.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let of_debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let of_debian = of_debian.map(|version| version.path().join("bin"));
    let all = env::split_paths(&path).chain(of_debian);
    let newest = all.filter_map(|folder| Some((version(&folder)?, folder))).max();
    newest.filter(|(version, _)| *version >= OLDEST).map(|(_, folder)| folder)
}

/// `postgres (PostgreSQL) 15.14 (Debian …)`
fn version(folder: &Path) -> Option<u32> {
    if !["initdb", "postgres", "psql"].iter().all(|name| folder.join(name).is_file()) {
        return None;
    }
    let told = Command::new(folder.join("postgres")).arg("--version").output().ok()?.stdout;
    let told = String::from_utf8(told).ok()?;
    told.split(' ').nth(2)?.split('.').next()?.trim().parse().ok()
}

/// A user who is not root: PostgreSQL's own, or nobody.
fn somebody() -> anyhow::Result<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").context("cannot read who there is")?;
    let ids = |name: &str| {
        let mut fields = users.lines().map(|line| line.split(':'));
        let mut found = fields.find(|fields| fields.clone().next() == Some(name))?.skip(2);
        Some((found.next()?.parse().ok()?, found.next()?.parse().ok()?))
    };
    let found = ids("postgres").or_else(|| ids("nobody"));
    found.context("PostgreSQL refuses to be root, and there is no user postgres or nobody")
}

fn succeeded(what: &str, output: Output) -> anyhow::Result<()> {
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("{what}: {}; {}", output.status, said.trim_end());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_its_programs_is_no_postgresql() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(version(folder.path()), None);
        for name in ["initdb", "psql"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let postgres = folder.path().join("postgres");
        fs::write(&postgres, "#!/bin/sh\necho 'postgres (PostgreSQL) 17.2 (Debian 17.2-1)'\n")
            .unwrap();
        fs::set_permissions(&postgres, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        assert_eq!(version(folder.path()), Some(17));
    }
}
