//! Who is compared: a server with flags, named as typed, or a stranger's by its address.

use std::collections::BTreeSet;
use std::str::FromStr;

use anyhow::{Context, bail, ensure};
use conformance::Subject;

use crate::results;

/// The three servers, in the order of every table, each with how it waits.
pub const SERVERS: [(&str, &str); 3] =
    [("blocking", "a thread each"), ("actix", "a loop per core"), ("axum", "one shared loop")];

/// What is named beside them: bare programs that send the same bytes on `/plaintext` and `/wait`, each with how it waits.
pub const CONTROLS: [(&str, &str); 5] = [
    (FLOOR, "one epoll loop, its answers ready"),
    ("bare-threads", "a thread each, nothing else"),
    ("bare-actix", "actix-web, nothing else"),
    ("bare-axum", "axum, nothing else"),
    (NOTES, "axum, nothing else but the driver it is told"),
];

/// The control of drivers: `/notes` on axum, by the async driver or by the blocking one.
pub const NOTES: &str = "bare-notes";

/// The control that nobody undercuts.
pub const FLOOR: &str = "floor";

/// `blocking`, `blocking:threads=pool:40`, `axum:workers=1:offload-threads=8`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Competitor {
    /// As typed.
    pub name: String,
    /// Who it is.
    pub who: Who,
}

/// One of ours, to be started, or a stranger, to be asked where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// A binary of this workspace.
    Ours {
        /// `blocking`, `actix` or `axum`.
        server: &'static str,
        /// How it waits, in a few words.
        waits: &'static str,
        /// Its flags.
        flags: Vec<String>,
    },
    /// A bare program of this workspace, which serves two routes and keeps no contract.
    Control {
        /// One of [`CONTROLS`].
        program: &'static str,
        /// How it waits, in a few words.
        waits: &'static str,
        /// Its flags.
        flags: Vec<String>,
    },
    /// The same API in another language, to be started.
    Peer {
        /// One of [`PEERS`](crate::peers::PEERS).
        name: String,
    },
    /// `--target name=URL`.
    Stranger {
        /// `http://HOST:PORT`.
        url: String,
    },
}

impl Competitor {
    /// All three, without flags.
    pub fn defaults() -> Vec<Self> {
        SERVERS
            .iter()
            .map(|(name, _)| name.parse().expect("the servers' own names are competitors"))
            .collect()
    }

    /// The same API in another language, by its name.
    pub fn peer(name: &str) -> Self {
        Self { name: name.to_owned(), who: Who::Peer { name: name.to_owned() } }
    }

    /// The floor.
    pub fn floor() -> Self {
        FLOOR.parse().expect("the floor's own name is a competitor")
    }

    /// The same once more, so that what differs between the two is noise.
    #[must_use]
    pub fn again(&self) -> Self {
        Self { name: format!("{} again", self.name), who: self.who.clone() }
    }

    /// Whether it is no server but a bare program, to tell model, framework and our layers apart.
    pub fn is_control(&self) -> bool {
        matches!(self.who, Who::Control { .. })
    }

    /// Whether it is the floor.
    pub fn is_floor(&self) -> bool {
        matches!(self.who, Who::Control { program: FLOOR, .. })
    }

    /// A stranger, as `--target` takes it.
    ///
    /// # Errors
    /// When it is not `name=http://HOST:PORT`.
    pub fn target(text: &str) -> anyhow::Result<Self> {
        let Some((name, url)) = text.split_once('=') else {
            bail!("{text:?} is not NAME=http://HOST:PORT");
        };
        ensure!(!name.is_empty(), "{text:?} has no name before the `=`");
        ensure!(url.starts_with("http://"), "{url:?} does not begin with http://");
        let who = Who::Stranger { url: url.trim_end_matches('/').to_owned() };
        Ok(Self { name: name.to_owned(), who })
    }

    /// A stranger has to be there already; it is not for us to start it.
    ///
    /// # Errors
    /// When it is not.
    pub fn ensure_there(&self) -> anyhow::Result<()> {
        let Who::Stranger { url } = &self.who else { return Ok(()) };
        let there = Subject::at_url(url).and_then(|subject| subject.ensure_there());
        there.with_context(|| format!("--target {}", self.name))
    }

    /// The binary to start, if it is one of ours.
    pub fn binary(&self) -> Option<String> {
        match self.who {
            Who::Ours { server, .. } => Some(format!("server-{server}")),
            Who::Control { program, .. } => Some(program.to_owned()),
            Who::Peer { .. } | Who::Stranger { .. } => None,
        }
    }

    /// Whether a handler that blocks stalls others: an event loop of ours, or a stranger of whom nothing is known.
    pub fn has_event_loop(&self) -> bool {
        !matches!(self.who, Who::Ours { server: "blocking", .. })
    }

    /// Its entry in the results.
    pub fn entry(&self) -> results::Competitor {
        let name = self.name.clone();
        match &self.who {
            Who::Ours { server, waits, flags } => results::Competitor {
                name,
                server: Some((*server).to_owned()),
                flags: flags.clone(),
                waits: waits_of(flags).unwrap_or(waits).to_owned(),
                ..Default::default()
            },
            Who::Control { program, waits, flags } => results::Competitor {
                name,
                control: Some((*program).to_owned()),
                flags: flags.clone(),
                waits: (*waits).to_owned(),
                ..Default::default()
            },
            Who::Peer { .. } => results::Competitor {
                name,
                waits: "FastAPI on uvicorn, its access log off".to_owned(),
                ..Default::default()
            },
            Who::Stranger { url } => {
                results::Competitor { name, waits: url.clone(), ..Default::default() }
            }
        }
    }
}

/// How a server waits when its flags change that.
fn waits_of(flags: &[String]) -> Option<&'static str> {
    flags.iter().find_map(|flag| match flag.as_str() {
        "--threads=request" => Some("a new thread for each request"),
        pool if pool.starts_with("--threads=pool:") => Some("a pool of threads"),
        "--workers=1" => Some("one loop"),
        _ => None,
    })
}

/// Competitors as a list, split at commas.
///
/// # Errors
/// When one is not a competitor, or named twice.
pub fn parse_list(text: &str) -> anyhow::Result<Vec<Competitor>> {
    let all: Vec<Competitor> =
        text.split(',').map(|name| name.trim().parse()).collect::<anyhow::Result<_>>()?;
    ensure_distinct(&all)?;
    Ok(all)
}

/// Two of one name could not be told apart.
///
/// # Errors
/// When there are.
pub fn ensure_distinct(competitors: &[Competitor]) -> anyhow::Result<()> {
    let mut seen = BTreeSet::new();
    for competitor in competitors {
        ensure!(seen.insert(&competitor.name), "{} is named twice", competitor.name);
    }
    Ok(())
}

impl FromStr for Competitor {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let mut pieces = text.split(':');
        let server = pieces.next().unwrap_or_default();
        let mut flags: Vec<String> = Vec::new();
        for piece in pieces {
            match flags.last_mut() {
                _ if piece.contains('=') => flags.push(format!("--{piece}")),
                // The value itself holds a colon: `threads=pool:40`.
                Some(flag) => *flag = format!("{flag}:{piece}"),
                None => bail!("{piece:?} in {text:?} is not FLAG=VALUE, as in {server}:workers=1"),
            }
        }
        let named = |(name, _): &&(&str, &str)| *name == server;
        let who = if let Some(&(server, waits)) = SERVERS.iter().find(named) {
            Who::Ours { server, waits, flags }
        } else if let Some(&(program, waits)) = CONTROLS.iter().find(named) {
            Who::Control { program, waits, flags }
        } else {
            let names = |all: &[(&str, &str)]| {
                all.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
            };
            bail!(
                "{server:?} is none of {}, nor a control ({}); another server is --target NAME=http://HOST:PORT",
                names(&SERVERS),
                names(&CONTROLS)
            );
        };
        Ok(Self { name: text.to_owned(), who })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(text: &str) -> Vec<String> {
        match text.parse::<Competitor>().unwrap().who {
            Who::Ours { flags, .. } => flags,
            Who::Control { flags, .. } => flags,
            Who::Peer { .. } | Who::Stranger { .. } => panic!("{text} is ours"),
        }
    }

    #[test]
    fn a_competitor_is_a_server_with_flags_named_as_typed() {
        assert_eq!(flags("axum"), [""; 0]);
        assert_eq!(flags("axum:workers=1"), ["--workers=1"]);
        assert_eq!(flags("blocking:threads=pool:40"), ["--threads=pool:40"]);
        assert_eq!(flags("blocking:threads=pool:40:drain=5"), ["--threads=pool:40", "--drain=5"]);
        let all = parse_list("blocking,blocking:threads=request,axum:workers=1").unwrap();
        assert_eq!(all[1].name, "blocking:threads=request");
        assert_eq!(all[1].binary().unwrap(), "server-blocking");
        assert_eq!(all[1].entry().waits, "a new thread for each request");
        assert_eq!(flags("bare-axum:burn-us=1.5"), ["--burn-us=1.5"]);
    }

    #[test]
    fn what_is_no_competitor_is_told_with_what_is() {
        let error = "nginx".parse::<Competitor>().unwrap_err().to_string();
        assert!(error.contains("blocking, actix, axum") && error.contains("--target"), "{error}");
        assert!("axum:fast".parse::<Competitor>().is_err());
        assert!(parse_list("axum,axum").unwrap_err().to_string().contains("twice"));
    }

    #[test]
    fn a_control_is_no_server() {
        let bare: Competitor = "bare-axum".parse().unwrap();
        assert_eq!((bare.is_control(), bare.is_floor()), (true, false));
        assert_eq!(bare.binary().unwrap(), "bare-axum");
        let entry = bare.entry();
        assert_eq!((entry.server, entry.control.as_deref()), (None, Some("bare-axum")));
        assert!(Competitor::floor().is_floor());
        let again = bare.again();
        assert_eq!((again.name.as_str(), again.who), ("bare-axum again", bare.who));
    }

    #[test]
    fn a_target_is_a_name_and_a_url() {
        let target = Competitor::target("go=http://127.0.0.1:8080/").unwrap();
        assert_eq!(target.name, "go");
        assert_eq!(target.who, Who::Stranger { url: "http://127.0.0.1:8080".into() });
        assert!(target.binary().is_none() && target.has_event_loop());
        assert!(Competitor::target("http://127.0.0.1").is_err());
        assert!(Competitor::target("go=https://x").is_err());
    }
}
