//! The servers a run of the judge needs: the same binary, started several ways, each only when a check asks for it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use contract::{Limits, Seconds};
use github_stub::{Dials, Stub};
use tempfile::TempDir;

use crate::postgres::Shared;
use crate::turns::Lane;
use crate::{Needs, Server, Subject};

/// The flags of a server whose limits are short enough to be met within a test.
pub const NARROW: &[&str] = &[
    "--max-wait=2",
    "--offload-threads=2",
    "--offload-queue=2",
    "--cpu-threads=1",
    "--cpu-queue=2",
    "--upstream-max=2",
    "--upstream-connect=0.5",
    "--upstream-total=1",
    "--upstream-bytes=65536",
    "--head-bytes=8192",
    "--head-fields=16",
    "--head-line=1024",
    "--head-deadline=0.6",
    "--idle=0.8",
    "--body-bytes=1024",
    "--media-bytes=2048",
    "--body-budget=3000",
    "--upload-bytes=4096",
    "--files-quota=12288",
    "--body-idle=0.6",
    "--body-rate=1000",
    "--write-stall=0.8",
    "--handler-deadline=1.5",
    "--connections=40",
    "--drain=1.5",
    "--pool=2",
    "--database-acquire=0.4",
    "--database-statement=1",
    "--queue=4",
    "--room-queue=8",
    "--ping=0.4",
];

/// Each of those limits as good as switched off, and the check that must notice; what takes a server of its own is among
/// [`BOUNDS`](crate::bounds::BOUNDS).
pub const SWITCHED_OFF: &[(&str, &str)] = &[
    (
        "--pool=15",
        "limits: --pool bounds connections; who gets none within --database-acquire is a 503",
    ),
    (
        "--database-acquire=60",
        "limits: --pool bounds connections; who gets none within --database-acquire is a 503",
    ),
    (
        "--room-queue=100000",
        "limits: a subscriber further behind than --room-queue is dropped, and nobody waits for it",
    ),
    ("--ping=3600", "limits: a subscriber hears a comment after --ping without a message"),
    ("--queue=10000", "limits: a job beyond --queue is a 503"),
    ("--max-wait=60", "limits: --max-wait bounds waits and deadlines"),
    (
        "--offload-queue=100",
        "offload/wait runs as many as it has threads, lets as many wait as its queue holds, and refuses the rest",
    ),
    (
        "--offload-threads=100",
        "offload/wait runs as many as it has threads, lets as many wait as its queue holds, and refuses the rest",
    ),
    ("--cpu-threads=100", "limits: --cpu-threads compute, --cpu-queue wait, the rest is a 503"),
    ("--cpu-queue=100", "limits: --cpu-threads compute, --cpu-queue wait, the rest is a 503"),
    ("--media-bytes=16777216", "limits: an image or a text over --media-bytes is a 413"),
    (
        "--upstream-max=256",
        "limits: --upstream-max bounds calls; who gets no permit in time is a 503",
    ),
    (
        "--upstream-total=60",
        "limits: --upstream-max bounds calls; who gets no permit in time is a 503",
    ),
    (
        "--upstream-bytes=1048576",
        "limits: an answer of the upstream over --upstream-bytes is a 502",
    ),
    (
        "--head-bytes=65536",
        "limits: a head over --head-bytes, --head-fields or --head-line is a 431 or 414, then a close",
    ),
    (
        "--head-fields=96",
        "limits: a head over --head-bytes, --head-fields or --head-line is a 431 or 414, then a close",
    ),
    (
        "--head-line=16384",
        "limits: a head over --head-bytes, --head-fields or --head-line is a 431 or 414, then a close",
    ),
    (
        "--head-deadline=3600",
        "limits: a head slower than --head-deadline ends the connection, whatever drips",
    ),
    ("--idle=3600", "limits: a connection without a request is closed after --idle"),
    ("--body-bytes=1048576", "limits: a body over --body-bytes is a 413"),
    (
        "--body-budget=268435456",
        "limits: bodies over --body-budget together are a 503, and the next finds room",
    ),
    ("--upload-bytes=1048576", "limits: a file or a form over --upload-bytes is a 413"),
    ("--files-quota=1048576", "limits: files over --files-quota together are a 507"),
    ("--body-idle=3600", "limits: a body that stops for --body-idle is a 408"),
    ("--body-rate=1", "limits: a body slower than --body-rate is a 408"),
    ("--write-stall=3600", "limits: a client that does not read is cut off after --write-stall"),
    (
        "--handler-deadline=3600",
        "limits: --handler-deadline holds over the wait that was asked for",
    ),
    (
        "--connections=12000",
        "limits: a connection over --connections is a 503 or a close, and room is found again",
    ),
];

/// What those flags set.
fn narrow() -> Limits {
    Limits {
        max_wait: Seconds::whole(2),
        upstream_max: 2,
        cpu_queue: 2,
        upstream_connect: Duration::from_millis(500),
        upstream_total: Duration::from_secs(1),
        upstream_bytes: 65_536,
        head_bytes: 8_192,
        head_fields: 16,
        head_line: 1_024,
        head_deadline: Duration::from_millis(600),
        idle: Duration::from_millis(800),
        body_bytes: 1_024,
        media_bytes: 2_048,
        body_budget: 3_000,
        upload_bytes: 4_096,
        files_quota: 12_288,
        body_idle: Duration::from_millis(600),
        body_rate: 1_000,
        write_stall: Duration::from_millis(800),
        handler: Duration::from_millis(1_500),
        connections: 40,
        drain: Duration::from_millis(1_500),
        pool: 2,
        database_acquire: Duration::from_millis(400),
        database_statement: Duration::from_secs(1),
        queue: 4,
        room_queue: 8,
        ping: Duration::from_millis(400),
    }
}

/// A binary to be judged, and the servers started from it so far.
#[derive(Debug)]
pub struct Setup {
    binary: PathBuf,
    has_event_loop: bool,
    plain: Place,
    pitfalls: Place,
    accused: Place,
    narrow: Place,
    /// For commands that keep something before they end.
    scratch: OnceLock<TempDir>,
    /// Where rows are kept, if not in SQLite. It ends when the servers have.
    postgres: Option<Shared>,
}

/// Where one of the servers stands once a check has asked for it.
#[derive(Debug, Default)]
struct Place {
    running: OnceLock<Result<Running, String>>,
    lane: Lane,
}

#[derive(Debug)]
struct Running {
    server: Mutex<Server>,
    subject: Subject,
}

/// A proxy that refuses: whoever heeds these variables reaches nothing.
const PROXIES: &[(&str, &str)] = &[
    ("http_proxy", "http://127.0.0.1:9"),
    ("HTTP_PROXY", "http://127.0.0.1:9"),
    ("ALL_PROXY", "http://127.0.0.1:9"),
    ("no_proxy", ""),
    ("NO_PROXY", ""),
];

impl Setup {
    /// Starts nothing yet. Only `server-blocking` has no event loop that a handler could block.
    pub fn new(binary: &Path) -> Self {
        let blocking = binary.file_name().is_some_and(|name| name == "server-blocking");
        Self {
            binary: binary.to_owned(),
            has_event_loop: !blocking,
            plain: Place::default(),
            pitfalls: Place::default(),
            accused: Place::default(),
            narrow: Place::default(),
            scratch: OnceLock::new(),
            postgres: None,
        }
    }

    /// The same on a PostgreSQL of its own: each server gets a database that nobody has used.
    pub fn on_postgres(binary: &Path) -> Self {
        Self { postgres: Some(Shared::default()), ..Self::new(binary) }
    }

    /// The server that a check needs, started if this is the first to need it.
    ///
    /// # Errors
    ///
    /// When it does not start, or has died since; with what it wrote.
    pub fn subject(&self, needs: Needs) -> Result<Subject, String> {
        let running = self.place(needs).running.get_or_init(|| match needs {
            Needs::Address | Needs::Stub => self.start_plain(),
            Needs::Pitfalls | Needs::NoUpstream | Needs::Accused => self.start_pitfalls(),
            Needs::Narrow => self.start_narrow(),
        });
        let running = running.as_ref().map_err(Clone::clone)?;
        let mut server = running.server.lock().expect("no holder panics");
        match server.ended() {
            None => Ok(running.subject.clone()),
            Some(exit) => Err(format!("the server has ended ({exit}); {}", server.output())),
        }
    }

    /// Whoever holds this asks that server alone, and its upstream.
    pub fn lane(&self, needs: Needs) -> Lane {
        Arc::clone(&self.place(needs).lane)
    }

    fn place(&self, needs: Needs) -> &Place {
        match needs {
            Needs::Address | Needs::Stub => &self.plain,
            Needs::Pitfalls | Needs::NoUpstream => &self.pitfalls,
            Needs::Accused => &self.accused,
            Needs::Narrow => &self.narrow,
        }
    }

    /// A server of one's own, to be stopped: with a stub of its own as upstream and these flags.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn fresh(&self, flags: &[&str]) -> Result<(Server, Subject), String> {
        let stub = Stub::start(Dials::default()).map_err(|error| format!("{error:#}"))?;
        let upstream = format!("--github-url={}", stub.url());
        let (server, mut subject) = self.start(&[&[upstream.as_str()], flags].concat())?;
        subject.stub = Some(Arc::new(stub));
        Ok((server, subject))
    }

    /// The same with `--pitfalls`, and so many workers where there are any.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn mistaken(&self, workers: &str, flags: &[&str]) -> Result<(Server, Subject), String> {
        let workers = self.has_event_loop.then_some(workers);
        let flags: Vec<&str> =
            workers.into_iter().chain(["--pitfalls"]).chain(flags.iter().copied()).collect();
        self.fresh(&flags)
    }

    /// Runs the binary with arguments of one's own.
    pub fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(&self.binary);
        command.args(arguments).env("WAITLAB_DATA", self.scratch());
        command
    }

    fn scratch(&self) -> &Path {
        let scratch = || tempfile::tempdir().expect("a test may make a directory");
        self.scratch.get_or_init(scratch).path()
    }

    /// A server of one's own that may have so many descriptors and no more, by `prlimit` (util-linux).
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub(crate) fn with_descriptors(&self, most: u32) -> Result<(Server, Subject), String> {
        let mut command = std::process::Command::new("prlimit");
        command.arg(format!("--nofile={most}")).arg("--").arg(&self.binary);
        command.args(["--addr", "127.0.0.1:0"]).args(self.workers("2"));
        command.env("WAITLAB_DATA", self.scratch());
        let server = Server::spawn(command).map_err(|error| format!("{error:#}"))?;
        let subject = Subject::at(server.addr());
        Ok((server, subject))
    }

    /// Two workers, so that one blocked event loop is not all of them.
    fn workers(&self, count: &'static str) -> &'static [&'static str] {
        match (self.has_event_loop, count) {
            (false, _) => &[],
            (true, "1") => &["--workers=1"],
            (true, _) => &["--workers=2"],
        }
    }

    fn start_plain(&self) -> Result<Running, String> {
        let (server, subject) = self.fresh(self.workers("2"))?;
        Ok(Running { server: Mutex::new(server), subject })
    }

    fn start_pitfalls(&self) -> Result<Running, String> {
        let flags =
            [self.workers("2"), &["--pitfalls", "--github-url=http://127.0.0.1:9"]].concat();
        let (server, subject) = self.start(&flags)?;
        Ok(Running { server: Mutex::new(server), subject })
    }

    fn start_narrow(&self) -> Result<Running, String> {
        // One worker: the offload pool is divided among them.
        let (server, mut subject) = self.fresh(&[self.workers("1"), NARROW].concat())?;
        subject.limits = narrow();
        Ok(Running { server: Mutex::new(server), subject })
    }

    /// A server with narrow limits but for this one flag. Its subject still expects all of them.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn narrow_but(&self, flag: &str) -> Result<(Server, Subject), String> {
        let name = flag.split_inclusive('=').next().unwrap_or(flag);
        let kept = NARROW.iter().copied().filter(|other| !other.starts_with(name));
        let flags: Vec<&str> =
            self.workers("1").iter().copied().chain(kept).chain([flag]).collect();
        let (server, mut subject) = self.fresh(&flags)?;
        subject.limits = narrow();
        Ok((server, subject))
    }

    /// A server of one's own with these flags and no others.
    pub(crate) fn start(&self, flags: &[&str]) -> Result<(Server, Subject), String> {
        let database = self.postgres.as_ref().map(Shared::database).transpose()?;
        let flag = database.as_ref().map(|url| format!("--database={url}"));
        let server =
            Server::start(&self.binary, flags.iter().copied().chain(flag.as_deref()), PROXIES)
                .map_err(|error| format!("{flags:?}: {error:#}"))?;
        let has_event_loop = self.has_event_loop;
        let data = server.data().map(Path::to_owned);
        let subject = Subject { has_event_loop, data, database, ..Subject::at(server.addr()) };
        Ok((server, subject))
    }

    /// Runs a statement in the subject's database, by a connection that is not the server's.
    pub(crate) fn say(&self, subject: &Subject, statement: &str) -> Result<(), String> {
        match (&self.postgres, &subject.database) {
            (Some(postgres), Some(database)) => postgres.say(database, statement),
            _ => Err("this rule needs PostgreSQL".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::BOUNDS;

    #[test]
    fn each_limit_that_is_switched_off_is_a_narrow_one_and_has_its_check() {
        let names: Vec<_> = crate::checks().into_iter().map(|check| check.name).collect();
        for (flag, check) in SWITCHED_OFF {
            let name = flag.split_inclusive('=').next().unwrap();
            assert!(NARROW.iter().any(|other| other.starts_with(name) && other != flag), "{flag}");
            assert!(names.contains(check), "{check}");
        }
    }

    #[test]
    fn every_narrow_limit_is_switched_off_and_no_other() {
        let name = |flag: &'static str| flag.split('=').next().unwrap();
        let off = SWITCHED_OFF.iter().map(|(off, _)| *off).chain(BOUNDS.iter().map(|one| one.off));
        let mut off: Vec<_> = off.map(name).collect();
        let mut narrow: Vec<_> = NARROW.iter().copied().map(name).collect();
        off.sort_unstable();
        off.dedup();
        narrow.sort_unstable();
        assert_eq!(off, narrow);
    }

    #[test]
    fn every_limit_of_the_contract_is_narrow() {
        for (narrow, wide) in narrow().gauges().iter().zip(Limits::default().gauges()) {
            assert_ne!(*narrow, wide);
        }
    }
}
