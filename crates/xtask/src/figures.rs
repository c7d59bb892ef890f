//! What the newest kept run found, as text for pages: without a run, a line saying how to make one.

use std::path::PathBuf;

use anyhow::bail;

use crate::pages::BOOK;
use crate::root::{files, root};

const NO_RUN: &str = "*No run is kept here yet. Make one: `cargo lab`, then `cargo xtask keep lab-report`.*\n";

/// The newest kept run; folders are named by date.
fn newest() -> Option<PathBuf> {
    files(&root().join(BOOK).join("results"), "results.json").pop()
}

/// One figure by its file name.
pub(crate) fn make(name: &str) -> anyhow::Result<String> {
    let known = ["answer.md"];
    if !known.contains(&name) {
        bail!("no run gives figures/{name}");
    }
    match newest() {
        None => Ok(NO_RUN.to_owned()),
        Some(_) => bail!("not yet"),
    }
}
