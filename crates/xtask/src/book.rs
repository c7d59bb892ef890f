//! Builds the book with mdBook, after everything that is generated.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail, ensure};

use crate::root::root;

const INSTALL: &str = "cargo install mdbook --locked --version 0.5.4";

/// Builds the book into `out`.
pub(crate) fn build(out: &Path) -> anyhow::Result<()> {
    let mdbook = std::env::var_os("MDBOOK").unwrap_or_else(|| "mdbook".into());
    check_version(&mdbook)?;
    let out = std::env::current_dir()?.join(out);
    let built = Command::new(&mdbook)
        .arg("build")
        .arg(root().join("docs"))
        .arg("--dest-dir")
        .arg(&out)
        .output()
        .context("mdbook cannot be started")?;
    let log = String::from_utf8_lossy(&built.stderr);
    // mdBook ends well with a missing include; its log is all that tells.
    ensure!(built.status.success() && !log.contains("ERROR"), "mdbook failed:\n{log}");
    println!("{}", out.join("index.html").display());
    Ok(())
}

fn check_version(mdbook: &OsStr) -> anyhow::Result<()> {
    let Ok(said) = Command::new(mdbook).arg("--version").output() else {
        bail!("mdbook is not installed. Install it, or name it in MDBOOK:\n\n    {INSTALL}");
    };
    let said = String::from_utf8_lossy(&said.stdout);
    ensure!(
        said.trim().trim_start_matches("mdbook ").starts_with("v0.5."),
        "this is {}, and the book is written for 0.5:\n\n    {INSTALL}",
        said.trim()
    );
    Ok(())
}
