//! Embeds the handlers of the three servers, so that `lab code` shows them wherever its binary lies.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// In the order of every table.
const SERVERS: [&str; 3] = ["blocking", "actix", "axum"];

fn main() -> io::Result<()> {
    let crates = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("..");
    let folder = |server: &str| crates.join(format!("server-{server}/src/handlers"));
    let mut names = BTreeSet::new();
    for server in SERVERS {
        let handlers = folder(server);
        println!("cargo::rerun-if-changed={}", handlers.display());
        collect(&handlers, "", &mut names)?;
    }
    let mut table = String::from("[\n");
    for name in &names {
        let _ = write!(table, "({name:?}, [");
        for server in SERVERS {
            let file = folder(server).join(format!("{name}.rs"));
            match file.canonicalize() {
                Ok(file) => write!(table, "Some(include_str!({:?})), ", file.display().to_string()),
                Err(_) => write!(table, "None, "),
            }
            .expect("a string takes what is written");
        }
        table.push_str("]),\n");
    }
    table.push(']');
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("handlers.rs"), table)
}

/// `wait`, `pitfalls/blocking_wait`: every file but the lists of modules.
fn collect(folder: &Path, prefix: &str, names: &mut BTreeSet<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
        if path.is_dir() {
            collect(&path, &format!("{prefix}{stem}/"), names)?;
        } else if stem != "mod" && path.extension().is_some_and(|end| end == "rs") {
            names.insert(format!("{prefix}{stem}"));
        }
    }
    Ok(())
}
