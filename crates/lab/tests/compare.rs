//! `lab compare` as a process, with the real servers: what it leaves behind, and what it does not.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests, which the linter does not see"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use lab::results::{Results, SCHEMA};
use rustix::process::{Pid, Signal, kill_process};

/// Building the servers may be part of it.
const PATIENCE: Duration = Duration::from_secs(900);

fn lab(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    // Whether the servers keep the contract is their own tests' business.
    command.arg("compare").args(arguments).arg("--keep-failing").arg("--out").arg(folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What it left behind; where it left nothing, `said` is why.
fn results(folder: &Path, said: &str) -> Results {
    let text = fs::read_to_string(folder.join("results.json"))
        .unwrap_or_else(|error| panic!("no results.json: {error}\n{said}"));
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_short_comparison_answers_and_leaves_results_report_and_histograms() {
    let folder = tempfile::tempdir().unwrap();
    let short = [
        "--servers=blocking,axum:workers=1",
        "--scenarios=wait",
        "--levels=2",
        "--duration=0.2",
        "--rounds=1",
    ];
    let output = lab(folder.path(), &short).output().unwrap();
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));

    let results = results(folder.path(), &stderr);
    assert_eq!((results.schema, results.interrupted), (SCHEMA, false));
    assert!(results.machine.cores > 0 && results.versions.crates.contains_key("hyper"));
    let cells: Vec<_> = results
        .cells
        .iter()
        .map(|cell| (cell.competitor.as_str(), cell.level.as_str(), cell.round))
        .collect();
    let wanted =
        ["blocking", "axum:workers=1", "floor"].map(|competitor| (competitor, "closed/2", 1));
    assert!(wanted.iter().all(|cell| cells.contains(cell)) && cells.len() == 3, "{cells:?}");
    for cell in &results.cells {
        assert!(cell.ok >= 2 && cell.failed() == 0, "{cell:?}\n{stderr}");
        assert!(cell.latency.p50_ms >= 50.0, "a wait of 50 ms took {} ms", cell.latency.p50_ms);
        let usage = cell.usage.as_ref().unwrap();
        let least = if cell.competitor == "floor" { 1 } else { 2 };
        assert!(usage.threads_peak >= least && usage.rss_peak_bytes > 1 << 20, "{usage:?}");
        let histogram = folder.path().join(cell.histogram.as_ref().unwrap());
        assert!(fs::metadata(&histogram).unwrap().len() > 40, "{}", histogram.display());
    }
    let page = fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(page.to_lowercase().starts_with("<!doctype html>"), "{}", &page[..100]);

    let lines: Vec<&str> = stdout.lines().collect();
    assert!(lines[0].starts_with("waitlab: one API, two ways of waiting"), "{stdout}");
    assert!(lines[7].starts_with("So: "), "{stdout}");
    assert!(stdout.contains("closed/2") && stdout.contains("answers/s"), "{stdout}");
    assert!(!stdout.contains('\u{1b}') && !stderr.contains('\u{1b}'), "no terminal, no codes");
}

#[test]
fn a_workload_of_one_s_own_is_asked_of_a_server_of_ours_and_of_a_stranger() {
    // Where the stranger's upstream will be. Until then the port is nobody's, so it is one of an address that nobody else
    // here uses: on 127.0.0.1, a connection of another test could be given it.
    let upstream = TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap();
    conformance::binaries::build(&["server-blocking"]).unwrap();
    let binary = conformance::binaries::find("server-blocking").unwrap();
    let flag = format!("--github-url=http://{upstream}");
    let stranger = conformance::Server::start(&binary, [flag], &[]).unwrap();
    let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/examples/shop.toml");
    let folder = tempfile::tempdir().unwrap();
    let arguments = [
        "--servers=axum".to_owned(),
        format!("--target=mine={}", stranger.url()),
        format!("--stub={upstream}"),
        format!("--workload={}", shop.display()),
        "--levels=20".to_owned(),
        "--duration=0.5".to_owned(),
        "--rounds=1".to_owned(),
    ];
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let output = lab(folder.path(), &arguments).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let results = results(folder.path(), &stderr);
    assert_eq!(results.scenarios[0].name, "shop", "{stderr}");
    for who in ["axum", "mine"] {
        let cell = results.cells.iter().find(|cell| cell.competitor == who).expect(who);
        assert!(cell.ok > 20 && cell.failed() == 0, "{cell:?}\n{stderr}");
        // It thinks for 100 ms and waits for 24 ms on average.
        assert!(cell.rate < 20.0 / 0.1, "{} a second", cell.rate);
        assert_eq!(
            cell.usage.is_some(),
            who == "axum",
            "a stranger's process is not ours to look into"
        );
    }
}

#[test]
fn a_message_reaches_everybody_who_listens_in_each_server() {
    let folder = tempfile::tempdir().unwrap();
    let arguments =
        ["--scenarios=messages", "--levels=2,20", "--duration=1", "--rounds=1", "--no-floor"];
    let output = lab(folder.path(), &arguments).output().unwrap();
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let results = results(folder.path(), &stderr);
    assert_eq!(results.cells.len(), 6, "{stderr}");
    for cell in &results.cells {
        let listeners = if cell.level == "room/20" { 20 } else { 2 };
        assert_eq!((cell.ok, cell.failed()), (10 * listeners, 0), "{cell:?}");
        assert!(cell.usage.is_some() && cell.latency.min_ms > 0.0, "{cell:?}");
    }
    for who in ["blocking", "actix", "axum"] {
        let line = format!("{who} at room/20: of 200 deliveries 0 were lost, and 0 came again.");
        assert!(stdout.contains(&line), "{line} is missing in {stdout}");
    }
    let page = fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(page.contains("20 clients listen to one room"), "the page says what was asked");
}

#[test]
fn ctrl_c_keeps_what_was_measured_and_leaves_no_process_behind() {
    let folder = tempfile::tempdir().unwrap();
    let long = [
        "--servers=blocking,axum",
        "--scenarios=wait",
        "--levels=2",
        "--duration=2",
        "--rounds=50",
        "--no-floor",
    ];
    let mut lab = lab(folder.path(), &long).spawn().unwrap();
    let mut stderr = BufReader::new(lab.stderr.take().unwrap());
    // The second turn: the first one's cell is there to be kept.
    let mut line = String::new();
    for _turn in 0..2 {
        line.clear();
        while !line.starts_with("round 1 of 50") {
            line.clear();
            assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "it ended early");
        }
    }
    let server =
        until(Duration::from_secs(30), || children(&lab).into_iter().find(|pid| is_server(*pid)));
    let children = children(&lab);
    let pid = Pid::from_child(&lab);
    let stdout = lab.stdout.take().unwrap();
    let rest = thread::spawn(move || drain(stderr.into_inner(), stdout));
    let interrupted = Instant::now();
    kill_process(pid, Signal::INT).unwrap();
    let exit = ended(&mut lab);
    assert!(interrupted.elapsed() < Duration::from_secs(10), "{:?}", interrupted.elapsed());
    let said = rest.join().unwrap();
    assert_eq!(exit.code(), Some(130), "{said}");

    assert!(!is_server(server), "server {server} was left behind");
    for child in children {
        // A guard ends by itself when its input does; give it the moment it needs.
        until(Duration::from_secs(5), || {
            (!Path::new(&format!("/proc/{child}")).exists()).then_some(())
        });
    }
    let results = results(folder.path(), &said);
    assert!(results.interrupted && !results.cells.is_empty(), "{said}");
    assert!(results.cells.iter().all(|cell| cell.ok > 0), "only whole cells are kept");
    assert!(said.contains("interrupted, so some are missing"), "{said}");
    assert!(folder.path().join("report.html").exists());
}

#[test]
fn a_dry_run_prints_the_plan_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("none");
    let output = lab(&out, &["--dry-run"]).output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && stdout.contains("3 rounds of 8 scenarios"), "{stdout}");
    assert!(!out.exists());
}

/// Processes whose parent this is.
fn children(parent: &Child) -> Vec<u32> {
    let parent = parent.id();
    let all = fs::read_dir("/proc").unwrap();
    let pids = all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // After the name: state, then the parent.
        let after_name = stat.rsplit(") ").next().unwrap_or_default();
        after_name.split(' ').nth(1) == Some(&parent.to_string())
    })
    .collect()
}

fn is_server(pid: u32) -> bool {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.starts_with("server-")
}

fn until<T>(patience: Duration, mut event: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(value) = event() {
            return value;
        }
        assert!(Instant::now() < deadline, "it did not happen within {patience:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn ended(child: &mut Child) -> ExitStatus {
    until(PATIENCE, || child.try_wait().unwrap())
}

fn drain(mut stderr: impl Read, mut stdout: impl Read) -> String {
    let mut said = String::new();
    stderr.read_to_string(&mut said).unwrap();
    stdout.read_to_string(&mut said).unwrap();
    said
}
