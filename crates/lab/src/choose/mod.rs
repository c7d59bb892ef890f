//! `lab choose`: blocking or async, for the service that is described?

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use comfy_table::presets::{ASCII_MARKDOWN, UTF8_HORIZONTAL_ONLY};
use comfy_table::{CellAlignment, Table};

use crate::plan::in_words;
use crate::stop;
use crate::verdict::thousands;
use crate::workload::{Service, Workload};
use crate::{competitor, knee, machine};

use decide::{Answer, Decision, decide, flips};
use model::{Asked, Calibration, Limit, Load};

mod calibrate;
pub mod decide;
pub mod model;
pub mod network;
mod price;
mod verify;

/// Blocking or async, for a service that is described by flags or by a file.
///
/// A short run finds what each server costs on this machine, once for each commit; a queueing network says what follows
/// for the service: throughput, latency, memory of the three, what is met first, and what would change the answer.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES, verbatim_doc_comment)]
pub struct Choose {
    /// The service, from a file: its `[service]` table, and the mix of its requests
    #[arg(long, value_name = "FILE.toml")]
    pub workload: Option<PathBuf>,

    /// Requests a second, at the busiest hour
    #[arg(long, value_name = "PER_SECOND", conflicts_with = "in_flight")]
    pub rate: Option<f64>,

    /// Requests under way at once, where that is known instead
    #[arg(long, value_name = "N")]
    pub in_flight: Option<u64>,

    /// What a request waits for others: a database, an upstream
    #[arg(long, value_name = "MS")]
    pub wait_ms: Option<f64>,

    /// What a request computes, on one core
    #[arg(long, value_name = "MS")]
    pub cpu_ms: Option<f64>,

    /// Memory the process may have
    #[arg(long, value_name = "MB")]
    pub memory_mb: Option<f64>,

    /// Cores the process has [default: this machine's]
    #[arg(long, value_name = "N")]
    pub cores: Option<usize>,

    /// Ninety-nine of a hundred requests are to be answered within this
    #[arg(long, value_name = "MS")]
    pub p99_ms: Option<f64>,

    /// Places that the wait holds: database connections, permits
    #[arg(long, value_name = "N")]
    pub pool: Option<u64>,

    /// Connections that are open and ask nothing: streams, subscribers, idle keep-alive
    #[arg(long, value_name = "N")]
    pub long_lived: Option<u64>,

    /// Where the calibration is kept; one of another machine or commit is made again
    #[arg(long, value_name = "FILE.json", default_value = CALIBRATION)]
    pub calibration: PathBuf,

    /// Calibrate again
    #[arg(long)]
    pub calibrate: bool,

    /// Take the calibration as it is, whatever machine and commit it is of
    #[arg(long, conflicts_with = "calibrate")]
    pub trust: bool,

    /// How often a calibration asks each server, and --verify after it
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    pub rounds: u32,

    /// Run the workload on the real servers, below the knee and past it, and put what was predicted beside it, in a table and
    /// as verify/verify.svg beside the calibration; without a workload: waiting, computing and a pool
    #[arg(long)]
    pub verify: bool,

    /// Tables and text as Markdown
    #[arg(long)]
    pub markdown: bool,

    /// Say what would be measured and how long it takes, and do nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Take the servers' binaries as they are, without asking cargo whether they are up to date
    #[arg(long)]
    pub no_build: bool,
}

const EXAMPLES: &str = "\
Examples:
  cargo lab choose --rate 400 --wait-ms 30 --cpu-ms 0.5    a usual service on this machine
  cargo lab choose --in-flight 20000 --wait-ms 5000 --memory-mb 512 --cores 4
  cargo lab choose --rate 200 --wait-ms 50 --pool 15 --p99-ms 300
                                                           the wait is a query, the pool has 15 connections
  cargo lab choose --rate 10 --wait-ms 1 --long-lived 1000000
  cargo lab choose --workload docs/src/examples/shop.toml --markdown
  cargo lab choose --workload docs/src/examples/shop.toml --verify
                                                           … and what the real servers say to that
  cargo lab choose --verify                                the model against waiting, computing and a pool

The answer is one of: either · blocking is enough · async · neither: {CPU|pool|upstream|memory} is the limit.
It is computed from what was measured here; what is beyond that is named as extrapolated.

Exit codes: 0 answered; 1 not calibrated, or a verification off by more than 15 % in throughput or 25 % in memory;
2 bad arguments; 130 interrupted.";

/// Where the calibration is kept.
pub(crate) const CALIBRATION: &str = "lab-report/calibration.json";

/// What the model expects of the servers by name.
pub(crate) struct Expectation(Calibration);

impl Expectation {
    /// By the calibration there, if it is of this machine and commit.
    pub(crate) fn kept(calibration: &Path) -> Option<Self> {
        calibrate::kept(calibration).map(Self)
    }

    /// The highest rate whose p99 stays under this, of requests that wait for so long and compute for so long.
    pub(crate) fn knee(
        &self,
        name: &str,
        asked: (Duration, Duration),
        p99: Duration,
    ) -> Option<f64> {
        let Self(calibration) = self;
        let costs = calibration.servers.iter().find(|costs| costs.name == name)?;
        let asked = Asked {
            load: Load::Rate(0.0),
            wait_s: asked.0.as_secs_f64(),
            held_s: 0.0,
            cpu_s: asked.1.as_secs_f64(),
            cores: calibration.cores as f64,
            pool: None,
            memory_bytes: None,
            p99_s: None,
            long_lived: 0.0,
        };
        Some(costs.network(&asked).knee(p99.as_secs_f64()))
    }
}

/// Runs it.
///
/// # Errors
/// When nothing can be measured.
pub fn run(args: &Choose) -> anyhow::Result<ExitCode> {
    let asked = match asked(args) {
        Ok(asked) => asked,
        Err(error) => {
            eprintln!("lab: {error:#}");
            return Ok(ExitCode::from(2));
        }
    };
    let kept = if args.trust {
        let text = std::fs::read_to_string(&args.calibration)
            .with_context(|| format!("cannot read {}", args.calibration.display()))?;
        Some(
            serde_json::from_str(&text)
                .with_context(|| format!("{} is no calibration", args.calibration.display()))?,
        )
    } else {
        calibrate::kept(&args.calibration).filter(|_| !args.calibrate)
    };
    let takes = calibrate::EACH * args.rounds * competitor::SERVERS.len() as u32;
    let mut plan = match &kept {
        Some(kept) => format!(
            "calibrated {} on this machine and commit: {}\n",
            kept.started,
            args.calibration.display()
        ),
        None => format!(
            "calibrating the three servers, {} rounds, {}; kept in {}\n",
            args.rounds,
            in_words(takes),
            args.calibration.display()
        ),
    };
    if args.verify {
        plan += &format!(
            "then asking the real servers, about {}\n",
            in_words(verify::takes(args.rounds, asked.is_some()))
        );
    }
    if args.dry_run {
        print!("{plan}");
        return Ok(ExitCode::SUCCESS);
    }
    eprint!("{plan}");
    let cancel = stop::on_signal()?;
    let calibration = match kept {
        Some(kept) => kept,
        None => match calibrate::calibrate(&args.calibration, args.rounds, !args.no_build, &cancel)
        {
            Err(_) if cancel.cancelled() => return Ok(ExitCode::from(130)),
            calibrated => calibrated?,
        },
    };
    if let Some(asked) = &asked {
        let knee = knee::kept(&args.calibration.with_file_name("knee"));
        let here = |knee: &knee::Evidence| {
            calibrate::is_here(
                &knee.machine,
                knee.versions.commit.as_deref(),
                &knee.versions.profile,
            )
        };
        let knee = knee.filter(here);
        print!("{}", shown(&calibration, asked, knee.as_ref(), args.markdown));
    }
    if !args.verify {
        return Ok(ExitCode::SUCCESS);
    }
    let folder = args.calibration.with_file_name("verify");
    let (text, held) = verify::verify(
        &calibration,
        asked.as_ref(),
        &folder,
        (args.rounds, args.markdown),
        &cancel,
    )?;
    if cancel.cancelled() {
        return Ok(ExitCode::from(130));
    }
    println!("\nPredicted, and measured:\n\n{text}");
    Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The service, as flags and file say it together; none when nothing was said.
fn asked(args: &Choose) -> anyhow::Result<Option<Asked>> {
    let workload = args.workload.as_deref().map(Workload::read).transpose()?;
    let of_file = workload.as_ref().map(|workload| workload.service).unwrap_or_default();
    // One of the two replaces the other.
    let (rate, in_flight) = match (args.rate, args.in_flight) {
        (None, None) => (of_file.rate, of_file.in_flight),
        given => given,
    };
    let service = Service {
        rate,
        in_flight,
        wait_ms: args.wait_ms.or(of_file.wait_ms),
        cpu_ms: args.cpu_ms.or(of_file.cpu_ms),
        memory_mb: args.memory_mb.or(of_file.memory_mb),
        cores: args.cores.or(of_file.cores),
        p99_ms: args.p99_ms.or(of_file.p99_ms),
        pool: args.pool.or(of_file.pool),
        long_lived: args.long_lived.or(of_file.long_lived),
    };
    if workload.is_none() && service == Service::default() && args.verify {
        return Ok(None);
    }
    service.check()?;
    let mean = |of: &dyn Fn(&crate::workload::Request) -> f64| {
        workload.as_ref().map_or(0.0, |workload| workload.mean(of))
    };
    let mut wait_s =
        service.wait_ms.map_or_else(|| mean(&|request| request.wait.as_secs_f64()), |ms| ms / 1e3);
    let cpu_s =
        service.cpu_ms.map_or_else(|| mean(&|request| request.cpu.as_secs_f64()), |ms| ms / 1e3);
    let mut held_s = 0.0;
    if service.pool.is_some() {
        let pooled = mean(&|request| if request.pooled { request.wait.as_secs_f64() } else { 0.0 });
        // A file that says which requests hold the pool is believed; else the wait is what holds it.
        held_s = if pooled > 0.0 && service.wait_ms.is_none() { pooled } else { wait_s };
        wait_s -= held_s;
    }
    let from_file = || {
        let workload = workload.as_ref()?;
        let clients = *workload.clients.iter().max()? as f64;
        let each = workload.think.as_secs_f64() + wait_s + held_s + cpu_s;
        Some(Load::Rate(workload.rate.unwrap_or(clients / each.max(1e-4))))
    };
    let load = match (service.rate, service.in_flight) {
        (Some(rate), _) => Some(Load::Rate(rate)),
        (None, Some(count)) => Some(Load::InFlight(count as f64)),
        (None, None) => from_file().or(service.long_lived.map(|_| Load::Rate(0.0))),
    };
    ensure!(
        load.is_some(),
        "how much is asked? give --rate, --in-flight, --long-lived or a --workload; examples: cargo lab choose --help"
    );
    Ok(load.map(|load| Asked {
        load,
        wait_s,
        held_s,
        cpu_s,
        cores: service.cores.unwrap_or_else(|| machine::allowed_cpus().len()) as f64,
        pool: service.pool,
        memory_bytes: service.memory_mb.map(|mb| mb * 1e6),
        p99_s: service.p99_ms.map(|ms| ms / 1e3),
        long_lived: service.long_lived.unwrap_or(0) as f64,
    }))
}

/// Everything it has to say.
fn shown(
    calibration: &Calibration,
    asked: &Asked,
    knee: Option<&knee::Evidence>,
    markdown: bool,
) -> String {
    let decision = decide(calibration, asked);
    let bold = |text: &str| if markdown { format!("**{text}**") } else { text.to_owned() };
    let mut text = format!(
        "{}\n\n{} {}\n\n",
        described(asked),
        bold(&format!("{}.", decision.answer.words())),
        because(&decision)
    );
    let _ = writeln!(text, "{}\n", table(&decision, markdown));
    let mut item = |what: &str, says: String| {
        let _ = writeln!(text, "{}{}: {says}", if markdown { "- " } else { "" }, bold(what));
    };
    item("What would flip it", flipped(calibration, asked));
    item("Measured here", measured(calibration));
    if let Some(knees) = knee.and_then(|knee| knees(calibration, asked, knee)) {
        item("Knee, measured", knees);
    }
    let beyond = extrapolated(calibration, asked, &decision);
    item("Extrapolated", if beyond.is_empty() { "nothing".into() } else { beyond.join("; ") });
    item("Assumed", "requests come by chance and are alike; a core is shared evenly; one process; the clients read at once".into());
    item("The lesson behind it", lesson(&decision));
    let _ = write!(text, "\n{}\n", priced(markdown));
    text
}

fn described(asked: &Asked) -> String {
    let load = match asked.load {
        Load::Rate(rate) => format!("{} requests a second", thousands(rate)),
        Load::InFlight(count) => format!("{} requests at once", thousands(count)),
    };
    let mut text = format!(
        "{load}, each waits {} and computes {}; {} cores",
        ms(asked.wait_s + asked.held_s),
        ms(asked.cpu_s),
        asked.cores
    );
    if let Some(places) = asked.pool {
        let _ = write!(text, ", a pool of {places}");
    }
    if asked.long_lived > 0.0 {
        let _ = write!(text, ", {} more connections that ask nothing", thousands(asked.long_lived));
    }
    if let Some(bytes) = asked.memory_bytes {
        let _ = write!(text, ", {} MB", thousands(bytes / 1e6));
    }
    if let Some(p99) = asked.p99_s {
        let _ = write!(text, ", p99 within {}", ms(p99));
    }
    text
}

/// The answer in a sentence, with its figures.
fn because(decision: &Decision) -> String {
    let [blocking, others @ ..] = decision.servers.as_slice() else { return String::new() };
    let best = others.iter().max_by(|a, b| a.margin.total_cmp(&b.margin)).unwrap_or(blocking);
    let times = |margin: f64| {
        if margin >= 100.0 { "more than 100 ×".into() } else { format!("{margin:.1} ×") }
    };
    match decision.answer {
        Answer::Either => format!(
            "Each has what is needed ({} threads, {} async); the same limit comes first: choose by code.",
            times(blocking.margin), times(best.margin)
        ),
        Answer::BlockingIsEnough if best.fits() => format!(
            "Threads have {} what is needed ({}); async would have {} ({}).",
            times(blocking.margin), blocking.first.name(), times(best.margin), best.first.name()
        ),
        Answer::BlockingIsEnough => format!("Threads do it; async meets {} first.", best.first.name()),
        Answer::Async if blocking.fits() => format!(
            "Threads only just do it ({} of {}); {} has {} ({}).",
            times(blocking.margin), blocking.first.name(), best.name, times(best.margin), best.first.name()
        ),
        Answer::Async => format!(
            "With threads there is only {:.2} × the {} that is needed; {} has {} ({}).",
            blocking.margin, blocking.first.name(), best.name, times(best.margin), best.first.name()
        ),
        Answer::Neither(Limit::Upstream) => {
            "What a request waits for takes longer than its answer may: ask for less of it, or for several at once.".into()
        }
        Answer::Neither(limit) => {
            let best = decision.servers.iter().max_by(|a, b| a.margin.total_cmp(&b.margin)).unwrap_or(blocking);
            format!("Of {} there is {:.2} × what is needed, whichever is chosen.", limit.name(), best.margin)
        }
    }
}

fn table(decision: &Decision, markdown: bool) -> Table {
    let mut table = Table::new();
    table.load_style(if markdown { ASCII_MARKDOWN } else { UTF8_HORIZONTAL_ONLY });
    table.set_header([
        "server",
        "answers/s at most",
        "mean ms",
        "p99 ms",
        "in flight",
        "threads",
        "memory MB",
        "met first",
        "has × needs",
    ]);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for server in &decision.servers {
        let steady = |of: fn(&network::Steady) -> f64, unit: f64| {
            server
                .steady
                .as_ref()
                .map_or_else(|| "grows".into(), |steady| figure(of(steady) * unit))
        };
        let margin =
            if server.margin >= 100.0 { "> 100".into() } else { format!("{:.2}", server.margin) };
        table.add_row([
            server.name.clone(),
            thousands(server.capacity),
            steady(|steady| steady.mean_s, 1e3),
            steady(|steady| steady.p99_s, 1e3),
            steady(|steady| steady.in_flight, 1.0),
            thousands(server.threads),
            figure(server.bytes / 1e6),
            server.first.name().to_owned(),
            margin,
        ]);
    }
    table
}

fn flipped(calibration: &Calibration, asked: &Asked) -> String {
    let flips = flips(calibration, asked);
    if flips.is_empty() {
        return "nothing within a thousand times what was asked".into();
    }
    let one = |flip: &decide::Flip| {
        let way = if flip.factor > 1.0 { "from" } else { "down from" };
        format!("{way} {} {} it is *{}*", flip.what, figure(flip.value), flip.answer.words())
    };
    flips.iter().take(5).map(one).collect::<Vec<_>>().join("; ")
}

fn measured(calibration: &Calibration) -> String {
    let one = |costs: &model::Costs| {
        format!(
            "{} {:.0} µs a request that waits, {:.1} KB a client",
            costs.name,
            costs.wait_us,
            costs.client_bytes / 1e3
        )
    };
    let servers: Vec<_> = calibration.servers.iter().map(one).collect();
    let commit = calibration.commit.as_deref().map_or("", |commit| &commit[..commit.len().min(12)]);
    let debug = if calibration.profile == "debug" {
        "; a debug build, which says nothing about speed"
    } else {
        ""
    };
    format!(
        "{} ({} core for the servers, up to {} clients, at most {} threads by {}; {} {commit}{debug})",
        servers.join(" · "),
        calibration.cores,
        thousands(calibration.most_clients as f64),
        thousands(calibration.thread_cap as f64),
        calibration.thread_cap_by,
        calibration.started.get(..10).unwrap_or(""),
    )
}

/// What `lab knee` found for the same service, beside what the model expects of it; nothing where it asked something else.
fn knees(calibration: &Calibration, asked: &Asked, knee: &knee::Evidence) -> Option<String> {
    let alike = |ours: f64, theirs: Option<f64>| {
        theirs.is_some_and(|ms| (ours * 1e3 - ms).abs() <= 0.02 * ms + 1e-6)
    };
    let cores = calibration.cores as f64;
    if asked.pool.is_some()
        || !alike(asked.wait_s, knee.wait_ms)
        || !alike(asked.cpu_s, knee.cpu_ms)
    {
        return None;
    }
    let each = calibration.servers.iter().filter_map(|costs| {
        let found = knee.servers.iter().find(|found| found.name == costs.name)?;
        let least = if found.end == "at least" { "at least " } else { "" };
        let here = Asked { cores, ..*asked };
        let expected = costs.network(&here).knee(knee.objective_ms / 1e3);
        Some(format!(
            "{} {least}{} a second (the model: {})",
            costs.name,
            thousands(found.knee_per_second?),
            thousands(expected)
        ))
    });
    let each: Vec<_> = each.collect();
    (!each.is_empty()).then(|| {
        format!(
            "p99 under {} on {cores} {}: {}",
            ms(knee.objective_ms / 1e3),
            if calibration.cores == 1 { "core" } else { "cores" },
            each.join(" · ")
        )
    })
}

/// What lies beyond the calibration, and what was assumed of it.
fn extrapolated(calibration: &Calibration, asked: &Asked, decision: &Decision) -> Vec<String> {
    let mut beyond = Vec::new();
    if asked.cores > calibration.cores as f64 {
        beyond.push(format!(
            "{} cores answer {} times what {} did",
            asked.cores,
            asked.cores / calibration.cores as f64,
            calibration.cores
        ));
    }
    let connections = decision
        .servers
        .iter()
        .map(|server| server.steady.map_or(0.0, |steady| steady.in_flight))
        .fold(0.0, f64::max)
        + asked.long_lived;
    if connections > calibration.most_clients as f64 {
        beyond.push(format!(
            "{} clients cost what {} did, each",
            thousands(connections),
            thousands(calibration.most_clients as f64)
        ));
    }
    if asked.long_lived > 0.0 {
        beyond.push("a connection that asks nothing holds as much as one that waits".into());
    }
    if connections > 60_000.0 {
        beyond.push("descriptors, ports and the kernel's socket memory allow so many".into());
    }
    if asked.cpu_s > 0.01 {
        beyond.push("long computing is offloaded or inline alike: neighbours on an event loop feel it more than this mean".into());
    }
    beyond
}

fn lesson(decision: &Decision) -> String {
    let blocking = decision.servers.first();
    let name = match decision.answer {
        Answer::Either => "waiting",
        Answer::Neither(limit) => limit.lesson(),
        Answer::Async | Answer::BlockingIsEnough => {
            blocking.map_or("waiting", |server| match server.first {
                Limit::Cpu => "cpu-cycles",
                limit => limit.lesson(),
            })
        }
    };
    name.to_owned()
}

/// What each costs in code.
fn priced(markdown: bool) -> Table {
    let mut table = Table::new();
    table.load_style(if markdown { ASCII_MARKDOWN } else { UTF8_HORIZONTAL_ONLY });
    table.set_header([
        "price in code",
        "crates of others",
        "binary MB",
        "lines of handlers",
        "lines of ours below",
    ]);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let or = |value: Option<String>| value.unwrap_or_else(|| "not counted here".into());
    for price in price::prices() {
        table.add_row([
            price.server.to_owned(),
            or(price.crates.map(|count| count.to_string())),
            or(price.bytes.map(|bytes| format!("{:.1}", bytes as f64 / 1e6))),
            price.handlers.to_string(),
            or(price.ours.map(|lines| thousands(lines as f64))),
        ]);
    }
    table
}

fn ms(seconds: f64) -> String {
    format!("{} ms", figure(seconds * 1e3))
}

/// Three digits, and no more after the point than that needs.
fn figure(value: f64) -> String {
    match value {
        _ if value >= 100.0 => thousands(value),
        _ if value >= 10.0 => format!("{value:.1}"),
        _ if value == value.trunc() => format!("{value}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::choose::decide::tests;

    #[derive(Parser)]
    struct Bare {
        #[command(flatten)]
        choose: Choose,
    }

    fn typed(line: &str) -> anyhow::Result<Option<Asked>> {
        let line = line.replace("docs/", "../../docs/");
        let typed = std::iter::once("lab").chain(line.split(' '));
        asked(&Bare::try_parse_from(typed)?.choose)
    }

    #[test]
    fn the_examples_of_the_help_are_valid() {
        let mut count = 0;
        for line in
            EXAMPLES.lines().filter_map(|line| line.trim().strip_prefix("cargo lab choose "))
        {
            typed(line.split("   ").next().unwrap())
                .unwrap_or_else(|error| panic!("{line}: {error:#}"));
            count += 1;
        }
        assert_eq!(count, 7);
    }

    #[test]
    fn flags_stand_before_the_file() {
        let shop = typed("--workload docs/src/examples/shop.toml").unwrap().unwrap();
        assert_eq!((shop.load, shop.cores), (Load::Rate(400.0), 2.0));
        assert!(
            (shop.wait_s - 0.024).abs() < 1e-9 && (shop.cpu_s - 0.000_24).abs() < 1e-9,
            "{shop:?}"
        );
        let changed = typed("--workload docs/src/examples/shop.toml --in-flight 9 --wait-ms 5")
            .unwrap()
            .unwrap();
        assert_eq!((changed.load, changed.wait_s), (Load::InFlight(9.0), 0.005));
        assert_eq!(typed("--verify").unwrap(), None);
        let error = typed("--wait-ms 5").unwrap_err().to_string();
        assert!(error.contains("how much is asked"), "{error}");
        assert!(typed("--rate 1 --pool 0").is_err() && typed("--rate 1 --cores 0").is_err());
    }

    #[test]
    fn the_answer_comes_first_and_everything_it_rests_on_below() {
        let text = shown(&tests::scripted(), &tests::asked(), None, false);
        let second = text.lines().nth(2).unwrap();
        assert!(second.starts_with("either."), "{text}");
        for part in [
            "What would flip it",
            "Measured here",
            "Extrapolated",
            "Assumed",
            "lesson",
            "price in code",
            "axum",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        let beyond = Asked { long_lived: 1e6, ..tests::asked() };
        let text = shown(&tests::scripted(), &beyond, None, true);
        assert!(
            text.contains("**async.**")
                && text.contains("1,000,0")
                && text.contains("thread-limit"),
            "{text}"
        );
        assert!(text.lines().any(|line| line.starts_with("| axum")), "{text}");
    }

    #[test]
    fn a_knee_that_was_measured_for_the_same_service_stands_beside_what_the_model_expects() {
        let evidence = |wait_ms: f64| -> knee::Evidence {
            let server = |name: &str, end: &str, knee: f64| {
                serde_json::json!({
                    "name": name, "end": end, "knee_per_second": knee, "model_per_second": null,
                    "missed_per_second": null, "verdict": "", "probes": [],
                })
            };
            serde_json::from_value(serde_json::json!({
                "schema": 1, "started": "", "command": [], "machine": crate::results::Machine::default(),
                "versions": crate::results::Versions::default(), "cpus": crate::results::Cpus::default(),
                "seed": 1, "interrupted": false, "request": "GET /work", "wait_ms": wait_ms, "cpu_ms": 1.0,
                "objective_ms": 100.0,
                "servers": [server("blocking", "found", 812.0), server("axum", "at least", 900.0)],
            }))
            .unwrap()
        };
        let asked = tests::asked();
        let text = shown(&tests::scripted(), &asked, Some(&evidence(50.0)), false);
        let line = text.lines().find(|line| line.starts_with("Knee, measured: ")).unwrap();
        assert!(
            line.contains("p99 under 100 ms on 1 core: blocking 812 a second (the model: "),
            "{line}"
        );
        assert!(line.contains("axum at least 900 a second") && !line.contains("actix"), "{line}");
        let other = shown(&tests::scripted(), &asked, Some(&evidence(20.0)), false);
        assert!(!other.contains("Knee, measured"), "of another service: {other}");
    }
}
