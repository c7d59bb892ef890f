//! Where the workspace is, and the files below a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the workspace's `Cargo.toml`.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("xtask lies in crates/ of the workspace")
}

/// The files below a folder that end so, sorted; none when there is no such folder.
pub(crate) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The Rust files below a folder: path within it, and text.
pub(crate) fn rust_files(folder: &Path) -> BTreeMap<String, String> {
    files(folder, ".rs")
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(folder).expect("it was found below").to_string_lossy();
            (name.into_owned(), read(&path))
        })
        .collect()
}

/// The text of a file that is known to be there.
pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
