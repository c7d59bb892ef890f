//! What programs write into the book and the README: cuts of code, diffs, tables, figures.
//!
//! A page asks for a file by including it, and the name says what it is; nothing else is made. The files are part of the
//! repository, so that the book also reads without a build, and a test holds them in step with the code:
//!
//! | name below `docs/src/` | what it is |
//! |---|---|
//! | `generated/cut/server-axum/deadline/within.rs` | an item of `crates/server-axum/src/deadline.rs`; `Offload.run` is a function in an `impl`, `impl-Drop-for-Permit` the whole of one |
//! | `generated/diff/blocking-axum/handlers/wait.diff` | a file of two servers, or of `io-blocking` and `io-async`, as one |
//! | `generated/lessons.md` | the lessons, as `cargo lab lesson --list` has them |
//! | `generated/routes.md`, `generated/flags.md`, `generated/worker-flags.md`, `generated/problem.json` | the contract's document, the servers' flags, a worker's, a refusal |
//! | `generated/errors.md`, `generated/pitfalls.md` | the rows that are asked of each server: failures, mistakes and remedies |
//! | `generated/python/wait.py` | a function of the article |
//! | `figures/….md`, `figures/….svg` | what the newest run in `docs/src/results/` found |
//! | `figures/measured-….md` | what the newest run of `cargo lab mistakes` or `cargo lab queue` there found |
//! | `figures/lesson-….md`, `figures/lesson-….svg` | what the newest run of a lesson there found |
//!
//! The README has blocks: `<!-- generated: NAME -->` to `<!-- /generated -->`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use crate::items::cut;
use crate::lines::diff;
use crate::pages::{self, BOOK, Page};
use crate::root::{files, root};
use crate::{figures, tables};

/// Files that are not what they should be: to be made, to be made anew, to be removed.
pub(crate) fn stale() -> Vec<String> {
    let (wanted, mut wrong) = wanted();
    for (path, text) in &wanted {
        match fs::read_to_string(root().join(path)) {
            Ok(found) if found == *text => {}
            Ok(_) => wrong.push(format!("{}: is not what the code says now", path.display())),
            Err(_) => wrong.push(format!("{}: has not been generated", path.display())),
        }
    }
    wrong.extend(
        unwanted(&wanted).map(|path| format!("{}: is asked for by no page", path.display())),
    );
    wrong
}

/// Writes what pages ask for, removes what none asks for; tells how many files changed.
pub(crate) fn write() -> anyhow::Result<usize> {
    let (wanted, wrong) = wanted();
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    let mut changed = 0;
    for path in unwanted(&wanted) {
        fs::remove_file(root().join(&path)).with_context(|| format!("{}", path.display()))?;
        changed += 1;
    }
    for (path, text) in wanted {
        let path = root().join(path);
        if fs::read_to_string(&path).is_ok_and(|found| found == text) {
            continue;
        }
        fs::create_dir_all(path.parent().expect("a file lies in a folder"))?;
        fs::write(&path, text).with_context(|| format!("{}", path.display()))?;
        changed += 1;
    }
    Ok(changed)
}

/// Everything that pages ask for, with its text, and what cannot be made.
fn wanted() -> (BTreeMap<PathBuf, String>, Vec<String>) {
    let (mut made, mut wrong) = (BTreeMap::new(), Vec::new());
    let book = pages::written();
    let mut readme = pages::readme();
    match filled(&readme.text) {
        Ok(text) => readme.text = text,
        Err(error) => wrong.push(format!("{}: {error:#}", readme.path.display())),
    }
    for page in book.iter().chain([&readme]) {
        for (line, path) in asked(page) {
            let Ok(name) = path.strip_prefix(BOOK) else { continue };
            match make(&name.to_string_lossy()) {
                Ok(Some(text)) => drop(made.insert(path, text)),
                Ok(None) => {}
                Err(error) => wrong.push(format!("{}:{line}: {error:#}", page.path.display())),
            }
        }
    }
    made.insert(readme.path, readme.text);
    (made, wrong)
}

/// What a page includes or shows.
fn asked(page: &Page) -> Vec<(usize, PathBuf)> {
    let includes = page.includes().into_iter().map(|include| (include.line, include.path));
    let images = page.links().into_iter().filter(|link| link.is_image);
    let images = images.map(|link| (link.line, link.target));
    includes.chain(images).map(|(line, path)| (line, page.resolve(&path))).collect()
}

fn unwanted(wanted: &BTreeMap<PathBuf, String>) -> impl Iterator<Item = PathBuf> {
    let folders = ["generated", "figures"].map(|folder| root().join(BOOK).join(folder));
    let found: Vec<_> = folders.iter().flat_map(|folder| files(folder, "")).collect();
    found
        .into_iter()
        .map(|path| path.strip_prefix(root()).expect("it was found below").to_owned())
        .filter(|path| !wanted.contains_key(path))
}

/// The text of one file; none when no program writes it.
fn make(name: &str) -> anyhow::Result<Option<String>> {
    let text = match name {
        "generated/routes.md" => tables::routes(),
        "generated/flags.md" => tables::flags(),
        "generated/worker-flags.md" => tables::worker_flags(),
        "generated/errors.md" => tables::errors(),
        "generated/pitfalls.md" => tables::pitfalls(),
        "generated/lessons.md" => lab::lesson::run::listed_as_markdown(),
        "generated/problem.json" => tables::problem(),
        _ => match name.split_once('/') {
            Some(("figures", figure)) => figures::make(figure)?,
            Some(("generated", rest)) => match rest.split_once('/') {
                Some(("cut", item)) => cut_of(item)?,
                Some(("diff", files)) => diff_of(files)?,
                Some(("python", name)) => tables::python(name.trim_end_matches(".py"))?,
                _ => bail!("nothing makes {name}"),
            },
            _ => return Ok(None),
        },
    };
    Ok(Some(text))
}

/// `server-axum/handlers/wait/wait.rs`: crate, file, item.
fn cut_of(name: &str) -> anyhow::Result<String> {
    let whole = || {
        let (krate, rest) = name.split_once('/')?;
        let (file, item) = rest.strip_suffix(".rs")?.rsplit_once('/')?;
        Some((krate, file, item))
    };
    let (krate, file, item) = whole().context("a cut is crate/file/item.rs")?;
    let path = format!("crates/{krate}/src/{file}.rs");
    let item = item.replace('.', "::").replace('-', " ");
    let source = source(&path)?;
    cut(&source, &item).with_context(|| format!("{path} has no `{item}`"))
}

/// `blocking-axum/handlers/wait.diff`: which two, and the file that both have.
fn diff_of(name: &str) -> anyhow::Result<String> {
    let whole = || {
        let (pair, rest) = name.split_once('/')?;
        let (left, right) = pair.split_once('-')?;
        Some((left, right, rest.strip_suffix(".diff")?))
    };
    let (left, right, file) = whole().context("a diff is left-right/file.diff")?;
    let both = match (left, right) {
        ("blocking" | "actix", "actix" | "axum") => {
            [left, right].map(|name| format!("server-{name}"))
        }
        ("io", "both") => ["io-blocking", "io-async"].map(str::to_owned),
        _ => bail!("there are no two voices called {left} and {right}"),
    };
    let [left, right] = both.map(|krate| format!("crates/{krate}/src/{file}.rs"));
    Ok(diff((&left, &source(&left)?), (&right, &source(&right)?)))
}

/// The text of a file of this repository.
pub(crate) fn source(path: &str) -> anyhow::Result<String> {
    fs::read_to_string(root().join(Path::new(path))).with_context(|| path.to_owned())
}

/// A text with its blocks filled.
fn filled(text: &str) -> anyhow::Result<String> {
    const OPEN: &str = "<!-- generated: ";
    const CLOSE: &str = "<!-- /generated -->";
    let mut filled = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(OPEN) {
        let (before, after) = rest.split_at(start);
        let (name, _) =
            after[OPEN.len()..].split_once(" -->").context("a block's name has an end")?;
        let end = after.find(CLOSE).with_context(|| format!("the block `{name}` has no end"))?;
        let inside = block(name)?;
        filled.push_str(&format!("{before}{OPEN}{name} -->\n{}\n{CLOSE}", inside.trim_end()));
        rest = &after[end + CLOSE.len()..];
    }
    Ok(filled + rest)
}

fn block(name: &str) -> anyhow::Result<String> {
    match name {
        "wait" => tables::wait_side_by_side(),
        "picture" => figures::picture(),
        "report" => figures::report_to_read(),
        figure => figures::make(&format!("{figure}.md")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_or_a_diff_of_what_is_not_there_is_refused() {
        for name in [
            "generated/cut/server-axum/handlers/wait/nap.rs",
            "generated/cut/server-axum/nap/wait.rs",
            "generated/diff/blocking-axum/nap.diff",
            "generated/diff/axum-nginx/serve.diff",
            "generated/nap.md",
            "figures/nap.md",
        ] {
            assert!(make(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_cut_and_a_diff_are_of_the_code() {
        let wait = make("generated/cut/server-axum/handlers/wait/wait.rs").unwrap().unwrap();
        assert!(wait.contains("pub(crate) async fn wait("), "{wait}");
        let diff = make("generated/diff/blocking-axum/handlers/wait.diff").unwrap().unwrap();
        assert!(diff.contains("\n-pub(crate) fn wait(\n"), "{diff}");
        assert!(diff.contains("\n+pub(crate) async fn wait(\n"), "{diff}");
    }

    #[test]
    fn a_block_keeps_what_stands_around_it() {
        let text = "a\n<!-- generated: wait -->\nold\n<!-- /generated -->\nb\n";
        let new = filled(text).unwrap();
        assert!(new.starts_with("a\n<!-- generated: wait -->\n"), "{new}");
        assert!(new.ends_with("\n<!-- /generated -->\nb\n"), "{new}");
        assert!(!new.contains("old"), "{new}");
        assert_eq!(filled(&new).unwrap(), new);
        assert!(filled("<!-- generated: wait -->").is_err());
    }
}
