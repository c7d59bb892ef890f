//! Finds the servers' binaries beside the program that runs, and builds what is missing.
//!
//! Cargo tells a test where its own crate's binary is, but not another's, and tells `lab` and the benches nothing.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

/// The binary `name` of the same build profile as this program; built if it is not there.
///
/// # Errors
///
/// When it is not there and cannot be built; the message says what to run.
pub fn find(name: &str) -> anyhow::Result<PathBuf> {
    let folder = profile_folder()?;
    let binary = folder.join(name);
    if !binary.is_file() {
        build(&[name])?;
    }
    if !binary.is_file() {
        bail!("{} is not there; run `{}`", binary.display(), shown(&folder, &[name]));
    }
    Ok(binary)
}

/// Builds these binaries, or brings them up to date, in this program's profile.
///
/// # Errors
///
/// When there is no cargo or no workspace, or the build fails.
pub fn build(names: &[&str]) -> anyhow::Result<()> {
    build_in(&profile_folder()?, names)
}

/// Builds these binaries as they are measured, whatever this program's profile is, and tells their folder.
///
/// # Errors
///
/// As [`build`].
pub fn build_released(names: &[&str]) -> anyhow::Result<PathBuf> {
    let folder = profile_folder()?.with_file_name("release");
    build_in(&folder, names)?;
    Ok(folder)
}

fn build_in(folder: &Path, names: &[&str]) -> anyhow::Result<()> {
    let how = shown(folder, names);
    // Where this crate was compiled; a program that was copied elsewhere is on its own.
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    if !workspace.join("Cargo.toml").is_file() {
        bail!("{} is not in {} and its source is gone", names.join(", "), folder.display());
    }
    let target = folder.parent().context("a profile's folder has a parent")?;
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What `cargo run` says of this program is not said of those; a build script that asks would run again each time.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|of_ours| name.starts_with(of_ours)) {
            cargo.env_remove(&*name);
        }
    }
    let status = cargo
        .current_dir(workspace)
        .args(arguments(folder, names))
        .arg("--target-dir")
        .arg(target)
        .status()
        .with_context(|| format!("cannot run `{how}`"))?;
    if !status.success() {
        bail!("`{how}` failed ({status})");
    }
    Ok(())
}

/// The libraries that a package of ours is built with in this program's profile, by crate name.
///
/// # Errors
///
/// When it cannot be built.
pub fn libraries(package: &str) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let folder = profile_folder()?;
    let target = folder.parent().context("a profile's folder has a parent")?;
    let how = shown(&folder, &[package]);
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .args(arguments(&folder, &[package]))
        .args(["--message-format=json", "--quiet", "--target-dir"])
        .arg(target)
        .output()
        .with_context(|| format!("cannot run `{how}`"))?;
    if !output.status.success() {
        bail!("`{how}` failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let messages = String::from_utf8_lossy(&output.stdout).into_owned();
    let made = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let libraries =
        made.filter(|message| message["reason"] == "compiler-artifact").filter_map(|message| {
            let files = message["filenames"].as_array()?.iter().filter_map(Value::as_str);
            let library = files.into_iter().find(|file| file.ends_with(".rlib"))?;
            Some((message["target"]["name"].as_str()?.replace('-', "_"), library.into()))
        });
    Ok(libraries.collect())
}

/// `target/debug` or `target/release`: where this program is, or the folder above `deps` for tests and benches.
fn profile_folder() -> anyhow::Result<PathBuf> {
    let program = env::current_exe().context("cannot tell where this program is")?;
    let folder = program.parent().context("a program is in a folder")?;
    let folder = match folder.file_name() {
        Some(name) if name == "deps" || name == "examples" => folder.parent().unwrap_or(folder),
        _ => folder,
    };
    Ok(folder.to_owned())
}

fn arguments(folder: &Path, names: &[&str]) -> Vec<String> {
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    let mut arguments = vec!["build".to_owned(), "--profile".to_owned(), profile.to_owned()];
    // By binary, not by package: cargo then joins the features of the whole workspace, for `lab` and these alike, and does
    // not compile a shared dependency twice.
    for name in names {
        arguments.extend(["--bin".to_owned(), (*name).to_owned()]);
    }
    arguments
}

fn shown(folder: &Path, names: &[&str]) -> String {
    format!("cargo {}", arguments(folder, names).join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_run_names_the_profile_and_the_binaries() {
        let line = shown(Path::new("/x/target/release"), &["server-axum"]);
        assert_eq!(line, "cargo build --profile release --bin server-axum");
        assert!(shown(Path::new("/x/target/debug"), &["a"]).contains("--profile dev"));
        assert!(shown(Path::new("/x/target/debug"), &["bare-axum"]).ends_with("--bin bare-axum"));
    }
}
