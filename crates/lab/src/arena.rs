//! Where a competitor stands while it is measured: its process on its own CPUs, the upstream beside the load.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use conformance::postgres::Postgres;
use conformance::{Server, Subject, until};
use github_stub::{Dials, Stub};
use load::Target;
use load::process::Held;

use crate::competitor::{Competitor, NOTES, Who};
use crate::machine;
use crate::results::Cpus;
use crate::scenarios::{Scenario, Step};

/// How long a server may take to end once told; past it, it is killed.
const ENDING: Duration = Duration::from_secs(3);
/// How long threads of a level that is over may take to end before the next begins.
const SETTLING: Duration = Duration::from_millis(500);

/// What all competitors stand on.
#[derive(Debug)]
pub struct Arena {
    /// Who has which CPUs.
    pub cpus: Cpus,
    /// The upstream; its names are dials, so one serves every scenario.
    pub stub: Stub,
    /// Given to every server, so that the same work is the same everywhere.
    pub rounds_per_ms: u64,
    /// Where rows are, if not in SQLite: each server that is started gets a database that nobody has used.
    postgres: Option<Postgres>,
}

/// A competitor that can be asked.
#[derive(Debug)]
pub struct Running {
    /// Where.
    pub target: Target,
    /// Its process, if it is one of ours.
    server: Option<Server>,
    /// Its threads when it had just started.
    threads: u64,
}

impl Arena {
    /// Starts the upstream, pinned with everything else that is not a server.
    ///
    /// # Errors
    /// When it cannot listen, or a CPU cannot be had.
    pub fn new(cpus: Cpus, stub: Option<SocketAddr>, rounds_per_ms: u64) -> anyhow::Result<Self> {
        machine::pin(&cpus.load).context("cannot pin to the CPUs of the load")?;
        let dials = Dials::default();
        let dials = Dials { addr: stub.unwrap_or(dials.addr), ..dials };
        let stub = Stub::start(dials).context("cannot start the stand-in for GitHub")?;
        Ok(Self { cpus, stub, rounds_per_ms, postgres: None })
    }

    /// Starts a PostgreSQL beside the load.
    ///
    /// # Errors
    /// When there is none, or it does not start.
    pub fn keeps_rows_in_postgres(&mut self) -> anyhow::Result<()> {
        self.postgres = Some(Postgres::start()?);
        Ok(())
    }

    /// The flags a server of ours gets for a scenario: every limit of ours above what is asked, so that none of them is
    /// what is measured.
    pub fn flags(&self, scenario: &Scenario, steps: &[Step]) -> Vec<String> {
        let most = steps.iter().map(|step| step.level.clients).max().unwrap_or(0);
        let mut flags = self.roomy(most);
        flags.extend(scenario.flags.iter().map(|&flag| flag.to_owned()));
        flags
    }

    /// Every limit of ours above what so many clients ask.
    pub fn roomy(&self, most: usize) -> Vec<String> {
        vec![
            "--log=off".to_owned(),
            format!("--github-url={}", self.stub.url()),
            format!("--rounds-per-ms={}", self.rounds_per_ms),
            // Each client may fan out.
            format!("--upstream-max={}", (8 * most).max(1_024)),
            "--upstream-connect=5".to_owned(),
            "--upstream-total=20".to_owned(),
            format!("--offload-queue={}", (2 * most).max(1_024)),
            format!("--cpu-queue={}", (2 * most).max(64)),
            format!("--connections={}", (most + 1_000).max(12_000)),
        ]
    }

    /// Starts a competitor of ours with these flags on the servers' CPUs, or finds a stranger where it is. A flag the
    /// competitor was typed with stands instead of ours.
    ///
    /// # Errors
    /// When it does not start, or is not there.
    pub fn start(&self, who: &Competitor, flags: &[String]) -> anyhow::Result<Running> {
        self.start_on(&self.cpus.servers, who, flags)
    }

    /// The same on these CPUs.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_on(
        &self,
        cpus: &[usize],
        who: &Competitor,
        flags: &[String],
    ) -> anyhow::Result<Running> {
        let typed = match &who.who {
            Who::Peer { name } => return self.peer(name, flags),
            Who::Stranger { url } => {
                let Subject { addr, host, .. } = Subject::at_url(url)?;
                let target = Target { addr, host };
                return Ok(Running { target, server: None, threads: 0 });
            }
            Who::Ours { flags, .. } | Who::Control { flags, .. } => flags,
        };
        let mut flags = match &who.who {
            // A control has the servers' workers and none of their limits.
            Who::Control { .. } => vec![format!("--workers={}", self.cpus.servers.len())],
            _ => flags.to_vec(),
        };
        let keeps_rows = !matches!(who.who, Who::Control { program, .. } if program != NOTES);
        if let Some(postgres) = self.postgres.as_ref().filter(|_| keeps_rows) {
            flags.push(format!("--database={}", postgres.database()?));
        }
        let name_of = |flag: &str| flag.split('=').next().unwrap_or_default().to_owned();
        let overruled = |flag: &&String| typed.iter().any(|other| name_of(other) == name_of(flag));
        let arguments: Vec<_> = flags.iter().filter(|flag| !overruled(flag)).chain(typed).collect();
        machine::pin(cpus)?;
        let server = Server::start(&binary(who)?, &arguments, &[]);
        machine::pin(&self.cpus.load)?;
        let server = server.with_context(|| format!("{} did not start", who.name))?;
        let threads = Held::by(server.pid()).map_or(0, |held| held.threads);
        Ok(Running { target: Target::new(server.addr()), server: Some(server), threads })
    }
}

impl Arena {
    /// Starts a peer on the servers' CPUs, with as many workers as there are of those, unless a flag says how many.
    ///
    /// # Errors
    /// When it cannot be had.
    pub fn peer(&self, name: &str, flags: &[String]) -> anyhow::Result<Running> {
        let workers = format!("--workers={}", self.cpus.servers.len());
        let is_told = flags.iter().any(|flag| flag.starts_with("--workers="));
        let workers = (!is_told).then_some(workers);
        let flags: Vec<String> = flags.iter().cloned().chain(workers).collect();
        machine::pin(&self.cpus.servers)?;
        let server = crate::peers::start(name, &flags);
        machine::pin(&self.cpus.load)?;
        let server = server?;
        // It listens before it is ready, and its first answers are slow: neither is the subject.
        for _ in 0..20 {
            let ready = Subject::at(server.addr()).get_with("/plaintext", 200);
            ready.map_err(anyhow::Error::msg).with_context(|| format!("{name} is not ready"))?;
        }
        let threads = Held::by(server.pid()).map_or(0, |held| held.threads);
        Ok(Running { target: Target::new(server.addr()), server: Some(server), threads })
    }
}

impl Running {
    /// Its process, if it is one of ours.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Server::pid)
    }

    /// Where it keeps its data, if it is one of ours.
    pub fn data(&self) -> Option<&Path> {
        self.server.as_ref()?.data()
    }

    /// Itself, to be asked one thing at a time.
    pub fn subject(&self) -> Subject {
        Subject { host: self.target.host.clone(), ..Subject::at(self.target.addr) }
    }

    /// The process itself, to be signalled and listened to, if it is one of ours.
    pub fn server(&mut self) -> Option<&mut Server> {
        self.server.as_mut()
    }

    /// Waits until the threads of the level before have ended, or enough.
    pub fn settle(&self) {
        let Some(pid) = self.pid() else { return };
        // A few more than at the start: pools that have grown.
        let settled = |held: Held| held.threads <= self.threads + 8;
        until(SETTLING, || Held::by(pid).is_ok_and(settled));
    }

    /// Why it is no longer there, if it is not: a crash is told, never measured.
    pub fn crashed(&mut self) -> Option<String> {
        let server = self.server.as_mut()?;
        let exit = server.ended()?;
        Some(format!("the server ended ({exit}); {}", server.output()))
    }

    /// Ends it, if it is one of ours.
    pub fn stop(self) {
        if let Some(server) = self.server {
            // One that does not end in time is killed, which is for the faults to judge and not for a comparison.
            let _ = server.stop(ENDING);
        }
    }
}

/// The binary of a competitor of ours.
///
/// # Errors
/// When it is not there.
pub fn binary(who: &Competitor) -> anyhow::Result<PathBuf> {
    let name = who.binary().with_context(|| format!("{} is none of ours", who.name))?;
    conformance::binaries::find(&name)
}
