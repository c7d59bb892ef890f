//! Peers: the same API in another language, beside the three. FastAPI has its own environment, made on first use.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use conformance::Server;

use crate::{args, stop};

/// The peers there are.
pub const PEERS: [&str; 1] = ["fastapi"];

/// Lessons whose routes the peer serves, and whose figures say something beside what one client gets.
pub const LESSONS: [&str; 11] = [
    "others-go-on",
    "waiting",
    "blocked-loop",
    "pool-limit",
    "memory",
    "cpu-cycles",
    "floor",
    "fan-out",
    "long-lived",
    "blocking-library",
    "stream-blocked",
];

/// `lab peers NAME`: makes its environment, runs it until Ctrl-C.
///
/// # Errors
/// When Python, or what the peer needs, cannot be had.
pub fn run(args: &args::Peers) -> anyhow::Result<ExitCode> {
    let cancel = stop::on_signal()?;
    let mut flags = vec![format!("--workers={}", args.workers)];
    flags.extend(args.pitfalls.then(|| "--pitfalls".to_owned()));
    flags.extend(args.github_url.as_ref().map(|url| format!("--github-url={url}")));
    let mut server = start(&args.name, &flags)?;
    println!("{} is on {}; its access log is off; Ctrl-C ends it", args.name, server.url());
    while !cancel.cancelled() {
        if let Some(exit) = server.ended() {
            bail!("{} ended ({exit}); {}", args.name, server.output());
        }
        thread::sleep(Duration::from_millis(50));
    }
    server.stop(Duration::from_secs(12))?;
    Ok(ExitCode::SUCCESS)
}

/// Starts a peer on a free port, with its environment made if need be. Flags it does not know are left out.
///
/// # Errors
/// When Python, or what the peer needs, cannot be had.
pub fn start(name: &str, flags: &[String]) -> anyhow::Result<Server> {
    let python = environment(name)?;
    let mut command = Command::new(python);
    command.arg(source(name)?.join("app.py")).arg("--addr=127.0.0.1:0");
    command.args(flags.iter().filter(|flag| is_known(flag)));
    Server::spawn(command).with_context(|| format!("{name} did not start"))
}

fn is_known(flag: &str) -> bool {
    let known = ["--workers", "--github-url", "--upstream-max", "--offload-threads", "--pitfalls"];
    known.contains(&flag.split('=').next().unwrap_or_default())
}

/// The interpreter of the peer's environment: made once below `target/`, and anew when its requirements change.
///
/// # Errors
/// When there is no Python 3, or its packages cannot be had.
pub fn environment(name: &str) -> anyhow::Result<PathBuf> {
    let requirements = source(name)?.join("requirements.txt");
    let wanted = fs::read_to_string(&requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let folder = root().join("target/peers").join(name);
    let (python, made) = (folder.join("bin/python"), folder.join("made-of.txt"));
    if python.is_file() && fs::read_to_string(&made).is_ok_and(|text| text == wanted) {
        return Ok(python);
    }
    eprintln!("{name}: making its environment in {}", folder.display());
    let venv = Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder).output();
    let venv = venv.with_context(|| format!("{name} needs Python 3, and there is no python3"))?;
    ensure!(
        venv.status.success(),
        "{name} needs Python 3 with venv: {}",
        String::from_utf8_lossy(&venv.stderr).trim()
    );
    let pip = Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
        .arg(&requirements)
        .output()
        .context("cannot run pip")?;
    ensure!(
        pip.status.success(),
        "{name}'s packages cannot be had (is the registry reachable?): {}",
        String::from_utf8_lossy(&pip.stderr).trim().lines().last().unwrap_or_default()
    );
    fs::write(&made, wanted).with_context(|| format!("cannot write {}", made.display()))?;
    Ok(python)
}

fn source(name: &str) -> anyhow::Result<PathBuf> {
    ensure!(PEERS.contains(&name), "{name:?} is no peer; there is {}", PEERS.join(", "));
    Ok(root().join("benches/peers").join(name))
}

fn root() -> PathBuf {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    crates.expect("this crate lies in crates/ of the workspace").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_peer_has_a_program_and_pinned_requirements() {
        for name in PEERS {
            let source = source(name).unwrap();
            assert!(source.join("app.py").is_file(), "{name}");
            let requirements = fs::read_to_string(source.join("requirements.txt")).unwrap();
            for line in requirements.lines() {
                assert!(line.contains("=="), "{name}: {line} is not pinned");
            }
        }
        assert!(start("django", &[]).unwrap_err().to_string().contains("fastapi"));
    }

    #[test]
    fn lessons_with_a_peer_exist() {
        for name in LESSONS {
            assert!(crate::lesson::find(name).is_some(), "{name}");
        }
    }
}
