//! The price in code: counted from the checkout and the binaries, not typed.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What one server is made of; a part that could not be counted here is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Price {
    pub(super) server: &'static str,
    /// Crates of others that a build of it takes.
    pub(super) crates: Option<usize>,
    /// Its binary.
    pub(super) bytes: Option<u64>,
    /// Lines of its handlers.
    pub(super) handlers: usize,
    /// Lines of ours that it stands on: the server itself, its calls to the outside, its HTTP.
    pub(super) ours: Option<usize>,
}

/// The three, in the order of every table.
pub(super) fn prices() -> [Price; 3] {
    crate::code::VOICES.map(|server| {
        let (io, http) = match server {
            "blocking" => ("io-blocking", "http-blocking"),
            _ => ("io-async", "http-async"),
        };
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let folders = [&format!("server-{server}"), io, http];
        let ours = folders.map(|name| lines(&crates.join(name).join("src"))).into_iter().sum();
        let voice = crate::code::VOICES.iter().position(|name| *name == server).unwrap_or(0);
        let handlers = crate::code::Handler::all().filter_map(|handler| handler.voices[voice]);
        Price {
            server,
            crates: others(&crates, server),
            bytes: binary(server),
            handlers: handlers.map(|text| text.lines().count()).sum(),
            ours,
        }
    })
}

/// Crates of others in a server's build, by cargo.
fn others(crates: &Path, server: &str) -> Option<usize> {
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(crates)
        .args(["tree", "--package", &format!("server-{server}"), "--edges", "normal"])
        .args(["--prefix", "none", "--locked", "--offline"])
        // What is there for a mistake on purpose alone (`/pitfalls/blocking-client`) is no price of async.
        .args(if server == "blocking" { &[][..] } else { &["--prune", "io-blocking"][..] })
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // Ours have a path behind the version.
    let theirs = text.lines().filter(|line| !line.contains(" (/") && !line.is_empty());
    Some(theirs.map(|line| line.trim_end_matches(" (*)")).collect::<BTreeSet<_>>().len())
}

/// The size of a binary that stands beside this one.
fn binary(server: &str) -> Option<u64> {
    let program = env::current_exe().ok()?;
    Some(fs::metadata(program.with_file_name(format!("server-{server}"))).ok()?.len())
}

/// Lines of all Rust files below a folder.
fn lines(folder: &Path) -> Option<usize> {
    let mut count = 0;
    for entry in fs::read_dir(folder).ok()? {
        let path = entry.ok()?.path();
        if path.is_dir() {
            count += lines(&path)?;
        } else if path.extension().is_some_and(|end| end == "rs") {
            count += fs::read_to_string(&path).ok()?.lines().count();
        }
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_price_is_counted_from_the_checkout() {
        let [blocking, actix, axum] = prices();
        for price in [&blocking, &actix, &axum] {
            assert!(price.handlers > 200 && price.ours.unwrap() > price.handlers, "{price:?}");
            assert!(price.crates.unwrap() > 20, "{price:?}");
        }
        assert!(blocking.crates < axum.crates, "no runtime below the blocking server");
    }
}
