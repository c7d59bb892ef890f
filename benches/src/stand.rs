//! The servers under test: built, started with the first bench that asks one, checked, and stopped at the end.

use std::collections::HashMap;
use std::env;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use conformance::{Needs, Server, Subject, binaries, checks};
use github_stub::{Dials, Stub};

use crate::cpus::{self, Split};
use crate::routes::{self, Route};

/// A column of the table.
#[derive(Debug)]
pub(crate) struct Competitor {
    pub(crate) name: &'static str,
    who: Who,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Who {
    /// This harness again, sending one route's bytes.
    Floor,
    /// A server with flags.
    Server(&'static str, &'static [&'static str]),
}

const BLOCKING: Who = Who::Server("server-blocking", &[]);

/// All of them, in the order they are measured.
pub(crate) const COMPETITORS: [Competitor; 7] = [
    Competitor { name: routes::BASE, who: BLOCKING },
    Competitor {
        name: "blocking:threads=request",
        who: Who::Server("server-blocking", &["--threads=request"]),
    },
    Competitor {
        name: "blocking:threads=pool:64",
        who: Who::Server("server-blocking", &["--threads=pool:64"]),
    },
    Competitor { name: "actix", who: Who::Server("server-actix", &[]) },
    Competitor { name: "axum", who: Who::Server("server-axum", &[]) },
    Competitor { name: "floor", who: Who::Floor },
    Competitor { name: routes::AGAIN, who: BLOCKING },
];

/// What runs beside the clients.
pub(crate) struct Stand {
    split: Split,
    stub: Arc<Stub>,
    built: bool,
    /// The floor is one process a route; a server is one for all, under the empty name.
    running: HashMap<(Who, &'static str), Server>,
}

impl Stand {
    /// The stub, and no server yet.
    pub(crate) fn new(split: Split) -> anyhow::Result<Self> {
        let stub = Arc::new(Stub::start(Dials::default())?);
        Ok(Self { split, stub, built: false, running: HashMap::new() })
    }

    /// Where this competitor answers this route; it is started if nobody has asked for it yet.
    pub(crate) fn addr(
        &mut self,
        competitor: &Competitor,
        route: &Route,
    ) -> anyhow::Result<SocketAddr> {
        let key = match competitor.who {
            Who::Floor => (competitor.who, route.name),
            Who::Server(..) => (competitor.who, ""),
        };
        if let Some(server) = self.running.get_mut(&key) {
            let ended = server.ended();
            ensure!(ended.is_none(), "it has ended ({ended:?}); {}", server.output());
            return Ok(server.addr());
        }
        let server = self.start(competitor.who, route)?;
        let addr = server.addr();
        self.running.insert(key, server);
        Ok(addr)
    }

    fn start(&mut self, who: Who, route: &Route) -> anyhow::Result<Server> {
        let Who::Server(binary, flags) = who else {
            let mut floor = Command::new(env::current_exe()?);
            floor.args(["serve", route.name]);
            return cpus::on(&self.split.servers, || Server::spawn(floor));
        };
        if !self.built {
            // Not only found: a binary older than its source would be measured in its place.
            binaries::build(&["server-blocking", "server-actix", "server-axum"])?;
            self.built = true;
        }
        let binary = binaries::find(binary)?;
        let upstream = format!("--github-url={}", self.stub.url());
        let flags = [&[upstream.as_str()], flags].concat();
        let server = cpus::on(&self.split.servers, || Server::start(&binary, &flags, &[]))?;
        self.check(&server).map_err(anyhow::Error::msg).context("it is not timed")?;
        Ok(server)
    }

    /// No server is timed before it has passed the checks of what is asked of it.
    fn check(&self, server: &Server) -> Result<(), String> {
        let subject = Subject { stub: Some(Arc::clone(&self.stub)), ..Subject::at(server.addr()) };
        let checks = checks();
        for name in routes::checks() {
            let check = checks.iter().find(|check| check.name == name);
            let check = check.ok_or_else(|| format!("the contract has no check {name:?}"))?;
            let askable = matches!(check.needs, Needs::Address | Needs::Stub);
            assert!(askable, "{name:?} needs a server started otherwise");
            (check.run)(&subject).map_err(|error| format!("{name}: {error}"))?;
        }
        Ok(())
    }

    /// Stops the servers as they promise to stop, which tells of any request they think they still owe.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        for ((who, _), server) in self.running {
            let Who::Server(name, flags) = who else { continue };
            let exit = server.stop(Duration::from_secs(20))?;
            ensure!(exit.success(), "{name} {flags:?} ended with {exit}");
        }
        Ok(())
    }
}
