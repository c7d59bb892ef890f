//! The command line: what can be asked of the instrument. Everything it lists exists.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::{Args, Parser, Subcommand};

use crate::choose::Choose;
use crate::code::Code;
use crate::competitor::{self, Competitor};
use crate::doctor::Doctor;
use crate::knee::Knee;
use crate::live::dial::Dial;
use crate::plan::{Plan, Wanted};
use crate::results::Arrivals;
use crate::since::Since;
use crate::workload::Workload;

/// Blocking or async? Measured here: one API served three ways, by threads, by actix-web and by axum.
///
/// Without a command it compares: builds the three servers, checks that each keeps the contract, measures them side by
/// side, answers in ten lines and writes lab-report/report.html.
#[derive(Debug, Parser)]
#[command(
    name = "lab",
    bin_name = "cargo lab",
    version,
    verbatim_doc_comment,
    subcommand_negates_reqs = true
)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What the instrument does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// One claim about async as an experiment: guess, run, chart, verdict
    Lesson(Lesson),
    /// Measure servers side by side, and say what each way of waiting costs (the default)
    Compare(Box<Compare>),
    /// A page in the browser: drag the load, watch the three side by side, make a mistake and see who suffers
    Live(Live),
    /// What each mistake of /pitfalls costs, beside its remedy, in each of the three servers
    Mistakes(Mistakes),
    /// How many jobs a second the queue takes in and gets done, by database and number of workers
    Queue(Queue),
    /// Run the same API in another language: fastapi
    Peers(Peers),
    /// Check a server against the contract, at any URL
    Check(Check),
    /// Blocking or async, for your own service: a model of what was measured here answers
    Choose(Box<Choose>),
    /// The highest rate whose p99 stays under an objective, for each server
    Knee(Box<Knee>),
    /// A handler in Python and in the three servers, side by side
    Code(Code),
    /// What this machine allows, what makes its numbers untrustworthy, what to change
    Doctor(Doctor),
    /// The answer, the tables, report.html and cells.csv once more, from a results.json
    Report(Report),
    /// What changed between two runs, and whether by more than noise: for a pull request, and for CI
    Since(Since),
}

/// Measure servers side by side: scenarios × competitors × levels, in interleaved rounds.
#[derive(Args, Clone, Debug)]
#[command(after_help = COMPARE_EXAMPLES)]
pub struct Compare {
    /// Who is compared, separated by commas [default: blocking,actix,axum]
    #[arg(long, value_name = "NAME[:FLAG=VALUE…],…")]
    pub servers: Option<String>,

    /// The first of them a second time, as a competitor of its own: what differs between the two is noise
    #[arg(long)]
    pub again: bool,

    /// Without the floor: one epoll loop with its answers ready, which shows what no server can undercut
    #[arg(long)]
    pub no_floor: bool,

    /// Another server beside them, in any language; may be repeated
    #[arg(long = "target", value_name = "NAME=http://HOST:PORT")]
    pub targets: Vec<String>,

    /// The same in another language beside them: fastapi
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = crate::peers::PEERS)]
    pub peers: Vec<String>,

    /// What is asked, separated by commas [default: the first eight]
    ///
    /// waiting, wait, plaintext, github, fan-out, pool-limit, blocked-loop, little-cpu
    ///
    /// db-read, db-write, db-slow, upload, download, stream, messages, scrape, thumbnail, seal, jobs, batches
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub scenarios: Vec<String>,

    /// Keep rows in a PostgreSQL of its own, instead of SQLite; it has to be installed
    #[arg(long)]
    pub postgres: bool,

    /// Your own requests, from a file (docs/src/examples/shop.toml is one), instead of the scenarios
    #[arg(long, value_name = "FILE.toml")]
    pub workload: Option<PathBuf>,

    /// Clients at once, in every scenario, separated by commas [default: each scenario's own]
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    pub levels: Vec<usize>,

    /// Seconds each level is measured; bursts last as long as they do [default: each level's own]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub duration: Option<Duration>,

    /// Requests a second, on a schedule that does not wait for answers (an open loop), where clients would ask in turn;
    /// give one level with it: how many connections may be busy
    #[arg(long, value_name = "PER_SECOND", value_parser = rate)]
    pub rate: Option<f64>,

    /// How the requests of --rate leave
    #[arg(long, value_enum, default_value_t, requires = "rate", value_name = "HOW")]
    pub arrivals: Arrivals,

    /// A new connection for each request, instead of one for each client
    #[arg(long)]
    pub reconnect: bool,

    /// How often all of it, in turns; from five on, comparisons have intervals
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub rounds: u32,

    /// Picks the order of turns and the names that are asked for: the same seed, the same run
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// Every level of every scenario, not only the telling ones
    #[arg(long)]
    pub full: bool,

    /// Print the plan and its time, and do nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Where report.html, results.json and the histograms go
    #[arg(long, value_name = "DIR", default_value = "lab-report")]
    pub out: PathBuf,

    /// Where the stand-in for GitHub listens, for a --target to be told [default: a free port]
    #[arg(long, value_name = "IP:PORT")]
    pub stub: Option<SocketAddr>,

    /// Let servers and load share all CPUs, instead of half for each
    #[arg(long)]
    pub share_cpus: bool,

    /// Take the servers' binaries as they are, without asking cargo whether they are up to date
    #[arg(long)]
    pub no_build: bool,

    /// Measure a server of ours that fails the contract all the same; every output says so
    #[arg(long)]
    pub keep_failing: bool,
}

/// A page in the browser: drag the load, watch the three side by side, make a mistake and see who suffers.
///
/// It is for looking: page, clients and servers share all cores. What is to be believed comes from `lab compare`.
#[derive(Args, Clone, Debug)]
#[command(after_help = LIVE_EXAMPLES)]
pub struct Live {
    /// Where the page is served; only this machine can open it
    #[arg(long, value_name = "127.0.0.1:PORT", default_value = "127.0.0.1:0", value_parser = loopback)]
    pub addr: SocketAddr,

    /// Who runs, separated by commas [default: blocking,actix,axum]
    #[arg(long, value_name = "NAME[:FLAG=VALUE…],…")]
    pub servers: Option<String>,

    /// Another server beside them, in any language; may be repeated
    #[arg(long = "target", value_name = "NAME=http://HOST:PORT")]
    pub targets: Vec<String>,

    /// The same in another language beside them: fastapi
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = crate::peers::PEERS)]
    pub peers: Vec<String>,

    /// The scene to begin with: wait, github, fan-out, offload, cpu, plaintext
    #[arg(long, value_name = "NAME", default_value = "wait")]
    pub scene: String,

    /// Clients at once for each server, 0 to 1000
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub clients: usize,

    /// Requests a second for each server, on a schedule that does not wait for answers, 0 to 1000; 0 is none
    #[arg(long, value_name = "PER_SECOND", default_value_t = 0)]
    pub rate: usize,

    /// Begin with the scene's mistake switched on
    #[arg(long)]
    pub pitfall: bool,

    /// Take the servers' binaries as they are, without asking cargo whether they are up to date
    #[arg(long)]
    pub no_build: bool,
}

impl Live {
    /// What the page begins with.
    pub fn dial(&self) -> Dial {
        let Self { scene, clients, rate, pitfall, .. } = self;
        Dial { scene: scene.clone(), clients: *clients, rate: *rate, pitfall: *pitfall }
    }
}

/// One claim about async as an experiment: guess, run, chart, verdict.
#[derive(Args, Clone, Debug)]
#[command(after_help = LESSON_EXAMPLES)]
pub struct Lesson {
    /// Which; --list tells
    #[arg(value_name = "NAME", required_unless_present_any = ["list", "all"])]
    pub names: Vec<String>,

    /// Every lesson, with its claim, who makes it, and its time
    #[arg(long, conflicts_with_all = ["names", "all"])]
    pub list: bool,

    /// All of them, one after the other
    #[arg(long, conflicts_with = "names")]
    pub all: bool,

    /// The lesson's second: waits, deadlines and the upstream's latency are multiples of it (`1s` for a class)
    #[arg(long, value_name = "TIME", value_parser = unit, default_value = "0.1s")]
    pub unit: Duration,

    /// Do not ask for a guess; without a terminal nothing is asked anyway
    #[arg(long, visible_alias = "yes")]
    pub no_guess: bool,

    /// One round with fewer clients: the shape, without its uncertainty
    #[arg(long)]
    pub short: bool,

    /// The same in another language beside them, where it serves the route: fastapi
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = crate::peers::PEERS)]
    pub peers: Vec<String>,

    /// Where NAME.json and NAME.svg go
    #[arg(long, value_name = "DIR", default_value = "lab-report/lessons")]
    pub out: PathBuf,

    /// Take the servers' binaries as they are, without asking cargo whether they are up to date
    #[arg(long)]
    pub no_build: bool,
}

/// What each mistake of /pitfalls costs, beside its remedy, in each of the three servers.
///
/// The trials are those of the tests, which fail when a mistake is not seen, or its remedy does not help.
#[derive(Args, Clone, Debug)]
#[command(after_help = MISTAKES_EXAMPLES)]
pub struct Mistakes {
    /// How often, and where to
    #[command(flatten)]
    pub rounds: Rounds,
}

/// How many jobs a second the queue takes in and gets done: SQLite and, where it is installed, PostgreSQL; one worker and
/// four, each a process of its own. And how soon the job of a worker that was killed is begun again.
#[derive(Args, Clone, Debug)]
#[command(after_help = QUEUE_EXAMPLES)]
pub struct Queue {
    /// Jobs of one trial: half of them must be left when the last worker is ready
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(10..=100_000))]
    pub jobs: u64,

    /// How often, and where to
    #[command(flatten)]
    pub rounds: Rounds,
}

/// How often something is measured, and where that goes.
#[derive(Args, Clone, Debug)]
pub struct Rounds {
    /// How often all of it
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,

    /// Where the file with every trial goes
    #[arg(long, value_name = "DIR", default_value = "lab-report")]
    pub out: PathBuf,

    /// Take the binaries as they are, without asking cargo whether they are up to date
    #[arg(long)]
    pub no_build: bool,
}

/// Run the same API in another language, until Ctrl-C. Its environment is made on first use, below target/.
#[derive(Args, Clone, Debug)]
pub struct Peers {
    /// Which: fastapi
    #[arg(value_name = "NAME", value_parser = crate::peers::PEERS)]
    pub name: String,

    /// Processes that serve
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub workers: u16,

    /// With the mistakes made on purpose
    #[arg(long)]
    pub pitfalls: bool,

    /// Where GitHub's API is [default: the real one]
    #[arg(long, value_name = "URL")]
    pub github_url: Option<String>,
}

/// Check a server against the contract, at any URL.
#[derive(Args, Clone, Debug)]
#[command(after_help = CHECK_EXAMPLES)]
pub struct Check {
    /// Where the server is
    #[arg(value_name = "http://HOST:PORT")]
    pub url: String,

    /// Start the stand-in for GitHub here, and check what the server makes of it
    #[arg(long, value_name = "IP:PORT")]
    pub stub: Option<SocketAddr>,

    /// It serves /pitfalls/…
    #[arg(long)]
    pub pitfalls: bool,

    /// The HTTP/1.1 cases too: requests no client would send, and what may come back
    #[arg(long)]
    pub wire: bool,
}

/// The answer, the tables, report.html and cells.csv once more, from a results.json.
#[derive(Args, Clone, Debug)]
#[command(after_help = REPORT_EXAMPLES)]
pub struct Report {
    /// The results of a run, or the folder they lie in; the page and the CSV are written beside them
    #[arg(value_name = "RESULTS", default_value = "lab-report/results.json")]
    pub results: PathBuf,
}

const REPORT_EXAMPLES: &str = "\
Examples:
  cargo lab report                        of the last run, after an update of this program
  cargo lab report before                 of a run that was kept with --out before

Nothing is measured: whatever stands in the page is computed from the file, and so can be computed again by anyone.

Exit codes: 0 written; 2 no results there, or of a later version.";

const COMPARE_EXAMPLES: &str = "\
Examples:
  cargo lab                                                the default run
  cargo lab compare --dry-run                              its plan and its time
  cargo lab compare --scenarios waiting,wait --rounds 5    two scenarios, with intervals
  cargo lab compare --servers blocking,blocking:threads=request,blocking:threads=pool:40
                                                           three ways to have threads
  cargo lab compare --servers axum,axum:workers=1 --scenarios blocked-loop
  cargo lab compare --servers axum,bare-axum --scenarios plaintext --rounds 10
                                                           what our layers cost over the framework alone
  cargo lab compare --servers axum --again --rounds 10     what noise looks like here
  cargo lab compare --scenarios db-read --postgres --servers blocking,axum,bare-notes:driver=async,bare-notes:driver=blocking
                                                           is it the model, or the driver?
  cargo lab compare --scenarios messages --levels 1000     one room, a thousand who listen
  cargo lab compare --scenarios plaintext --levels 1,8,64,512 --duration 2
  cargo lab compare --scenarios wait --rate 1000 --levels 256 --duration 5
                                                           a rate that does not wait for answers
  cargo lab compare --scenarios plaintext --rate 20000 --arrivals ramp --levels 512 --duration 10
                                                           … that grows until somebody cannot follow
  cargo lab compare --scenarios plaintext --reconnect --levels 64
                                                           a connection for each request
  cargo lab compare --workload docs/src/examples/shop.toml your own requests, from a file
  cargo lab compare --stub 127.0.0.1:9000 --target mine=http://127.0.0.1:8080
                                                           yours, its upstream on port 9000

A competitor is a server (blocking, actix, axum) with flags behind colons, named as typed. Controls (floor,
bare-threads, bare-actix, bare-axum) send the same bytes with nothing around them, on /plaintext and /wait.
`cargo run --release -p server-axum -- --help` lists the flags.

Exit codes: 0 answered; 1 nothing measured, or a server failed the contract; 2 bad arguments;
130 interrupted, with what was measured until then.";

const LIVE_EXAMPLES: &str = "\
Examples:
  cargo lab live                                           the page; its address is printed
  cargo lab live --addr 127.0.0.1:8000                     always the same address
  cargo lab live --scene wait --clients 20 --pitfall       begin with the blocked loop
  cargo lab live --servers axum:workers=1,axum:workers=2   one server with itself
  cargo lab live --peers fastapi                           FastAPI beside the three

On the page: keys 1 to 9 step through a class, Esc sets everything back, c copies the command for this moment.

Exit codes: 0 ended by Ctrl-C; 1 a server could not be started; 2 bad arguments.";

const LESSON_EXAMPLES: &str = "\
Examples:
  cargo lab lesson --list
  cargo lab lesson others-go-on                 the first of six that lead through the subject
  cargo lab lesson blocked-loop --unit 1s       slow enough to watch
  cargo lab lesson --all --no-guess

Exit codes: 0 tried; 1 nothing could be tried, or a server failed the contract; 2 bad arguments; 130 interrupted.";

const MISTAKES_EXAMPLES: &str = "\
Examples:
  cargo lab mistakes                  about six minutes
  cargo lab mistakes --rounds 1

Exit codes: 0 each was seen, and each remedy helps; 1 one was not, or a server failed the contract; 130 interrupted.";

const QUEUE_EXAMPLES: &str = "\
Examples:
  cargo lab queue                     about five minutes
  cargo lab queue --rounds 1

Exit codes: 0 measured; 1 a trial failed, or a server failed the contract; 130 interrupted.";

const CHECK_EXAMPLES: &str = "\
Examples:
  cargo lab check http://127.0.0.1:8080
  cargo lab check http://127.0.0.1:8080 --wire            and HTTP/1.1 itself, case by case, on raw sockets
  cargo lab check http://127.0.0.1:8080 --pitfalls        it was started with --pitfalls
  cargo lab check http://127.0.0.1:8080 --stub 127.0.0.1:9000
                                                          its upstream is http://127.0.0.1:9000, which is ours

Exit codes: 0 all passed; 1 some failed; 2 bad arguments, or nobody answers there.";

impl Default for Compare {
    /// As typed without arguments.
    fn default() -> Self {
        #[derive(Parser)]
        struct Bare {
            #[command(flatten)]
            compare: Compare,
        }
        Bare::parse_from(["lab"]).compare
    }
}

impl Compare {
    /// What the arguments ask for.
    ///
    /// # Errors
    /// When a name is no competitor or no scenario.
    pub fn plan(&self) -> anyhow::Result<Plan> {
        let mut competitors = match &self.servers {
            Some(list) => competitor::parse_list(list).context("--servers")?,
            None => Competitor::defaults(),
        };
        if self.again {
            competitors.insert(1, competitors[0].again());
        }
        competitors.extend(self.peers.iter().map(|name| Competitor::peer(name)));
        for target in &self.targets {
            competitors.push(Competitor::target(target).context("--target")?);
        }
        if !self.no_floor && !competitors.iter().any(Competitor::is_floor) {
            competitors.push(Competitor::floor());
        }
        competitor::ensure_distinct(&competitors)?;
        // Levels of one rate would bear one name.
        ensure!(
            self.rate.is_none() || self.levels.len() == 1,
            "--rate needs --levels with one number"
        );
        let wanted = Wanted {
            scenarios: self.scenarios.clone(),
            levels: self.levels.clone(),
            window: self.duration,
            rate: self.rate,
            arrivals: self.arrivals,
            reconnect: self.reconnect,
            full: self.full,
            workload: self
                .workload
                .as_deref()
                .map(Workload::read)
                .transpose()?
                .map(Workload::scenario),
        };
        Plan::new(competitors, &wanted, self.rounds, self.seed)
    }
}

/// The page starts load, so nobody else may reach it.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let addr: SocketAddr = text.parse().map_err(|_| "give 127.0.0.1:PORT".to_owned())?;
    if addr.ip().is_loopback() { Ok(addr) } else { Err("give an address of 127.0.0.1".to_owned()) }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "give requests a second, such as 500".to_owned())?;
    if (1.0..=1e6).contains(&rate) {
        Ok(rate)
    } else {
        Err("give from 1 to 1,000,000 a second".to_owned())
    }
}

fn unit(text: &str) -> Result<Duration, String> {
    let why = || "give a time from 0.02s to 5s, such as 0.1s".to_owned();
    let seconds: f64 = text.trim_end_matches('s').parse().map_err(|_| why())?;
    if (0.02..=5.0).contains(&seconds) { Ok(Duration::from_secs_f64(seconds)) } else { Err(why()) }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "give seconds, such as 2 or 0.5".to_owned())?;
    if !(0.05..=3600.0).contains(&seconds) {
        return Err("give from 0.05 to 3600 seconds".to_owned());
    }
    Ok(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::scenarios;

    #[test]
    fn no_argument_means_the_default_comparison() {
        let compare = Compare::default();
        assert_eq!((compare.rounds, compare.seed, compare.dry_run), (3, 1, false));
        assert_eq!(
            compare.plan().unwrap().competitors,
            [Competitor::defaults(), vec![Competitor::floor()]].concat()
        );
    }

    #[test]
    fn the_help_names_every_scenario_and_no_other() {
        let mut compare = Cli::command().find_subcommand("compare").unwrap().clone();
        let help = compare.render_long_help().to_string();
        // A line that is too long goes on in the next.
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        for some in [scenarios::all(), crate::uses::all()] {
            let listed: Vec<_> = some.iter().map(|scenario| scenario.name).collect();
            let listed = listed.join(", ");
            assert!(help.contains(&listed), "the help should say {listed}");
        }
        assert!(help.contains("Examples:") && help.contains("Exit codes:"), "{help}");
    }

    #[test]
    fn the_help_of_live_names_every_scene_and_its_examples_are_valid() {
        let mut command = Cli::command().find_subcommand("live").unwrap().clone();
        let help = command.render_long_help().to_string();
        let listed: Vec<_> = crate::live::scene::ALL.iter().map(|scene| scene.name).collect();
        let listed = listed.join(", ");
        assert!(
            help.replace("\n          ", " ").contains(&listed),
            "the help should say {listed}"
        );
        for line in help.lines().filter_map(|line| line.trim().strip_prefix("cargo ")) {
            let line = line.split("   ").next().unwrap_or_default();
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            let Some(Command::Live(live)) = cli.command else { panic!("{line}") };
            live.dial().scene().unwrap();
        }
        assert!(Cli::try_parse_from(["lab", "live", "--addr", "0.0.0.0:80"]).is_err());
    }

    #[test]
    fn the_examples_of_the_help_are_valid() {
        for line in [
            "lab compare --scenarios waiting,wait --rounds 5",
            "lab compare --servers blocking,blocking:threads=request,blocking:threads=pool:40",
            "lab compare --servers axum,bare-axum --scenarios plaintext --rounds 10",
            "lab compare --servers axum --again --rounds 10",
            "lab compare --scenarios db-read --postgres --servers blocking,axum,bare-notes:driver=async,bare-notes:driver=blocking",
            "lab compare --scenarios wait --rate 1000 --levels 256 --duration 5",
            "lab compare --scenarios plaintext --rate 20000 --arrivals ramp --levels 512 --duration 10",
            "lab compare --scenarios plaintext --reconnect --levels 64",
            "lab compare --scenarios messages --levels 1000",
            "lab compare --scenarios plaintext --levels 1,8,64,512 --duration 2",
            "lab compare --stub 127.0.0.1:9000 --target mine=http://127.0.0.1:8080",
        ] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            let Some(Command::Compare(compare)) = cli.command else { panic!("{line}") };
            compare.plan().unwrap();
        }
    }
}
