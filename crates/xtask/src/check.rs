//! Whether the book is in step with itself and with the code. mdBook renders a missing anchor as nothing, logs a missing
//! include and is silent about a missing image; all three end well. So we look ourselves.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::numbers::typed_numbers;
use crate::pages::{BOOK, Page};
use crate::root::{files, read, root};
use crate::{commands, generate, pages};

/// Everything that is wrong, each with its page and line.
pub(crate) fn complaints() -> Vec<String> {
    let book = pages::written();
    let mut all = book.clone();
    all.push(pages::readme());
    let there = |path: &Path| std::fs::read_to_string(root().join(path)).ok();
    let exists = |path: &Path| root().join(path).exists();
    let mut wrong = Vec::new();
    for page in &all {
        wrong.extend(includes(page, there));
        wrong.extend(links(page, &all, exists));
        wrong.extend(paths(page, exists));
        wrong.extend(typed_numbers(page));
        wrong.extend(commands::refused(page));
    }
    wrong.extend(summary(&book));
    let lock = read(&root().join("Cargo.lock"));
    wrong.extend(all.iter().flat_map(|page| versions(page, &lock)));
    wrong.extend(terms(&book));
    wrong.extend(chapters(&book));
    wrong.extend(glossary(&book));
    wrong.extend(mentions());
    wrong.extend(generate::stale());
    wrong
}

/// Includes of files that are not there, or of parts that they do not have.
fn includes(page: &Page, there: impl Fn(&Path) -> Option<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for include in page.includes() {
        let at = format!("{}:{}", page.path.display(), include.line);
        let Some(text) = there(&page.resolve(&include.path)) else {
            wrong.push(format!("{at}: includes {}, which is not there", include.path));
            continue;
        };
        let Some(part) = include.part else { continue };
        if part.bytes().all(|byte| byte.is_ascii_digit() || byte == b':') {
            wrong.push(format!("{at}: includes lines {part} of {}, and lines move", include.path));
            continue;
        }
        let marked = |mark: &str| {
            text.lines().any(|line| line.trim_end().ends_with(&format!("{mark}: {part}")))
        };
        if !marked("ANCHOR") || !marked("ANCHOR_END") {
            wrong.push(format!("{at}: {} has no anchor `{part}`", include.path));
        }
    }
    wrong
}

/// Links to pages, headings, files and images that are not there.
fn links(page: &Page, all: &[Page], exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for link in page.links() {
        let at = format!("{}:{}", page.path.display(), link.line);
        let target = link.target.as_str();
        if target.contains("://") {
            if link.is_image {
                wrong.push(format!("{at}: {target} is an image from the network"));
            }
            continue;
        }
        let (file, heading) = target.split_once('#').unwrap_or((target, ""));
        let path = if file.is_empty() { page.path.clone() } else { page.resolve(file) };
        if !exists(&path) {
            wrong.push(format!("{at}: links to {target}, which is not there"));
        } else if !heading.is_empty() {
            let known = all.iter().find(|page| page.path == path).map(Page::anchors);
            if !known.is_some_and(|anchors| anchors.iter().any(|anchor| anchor == heading)) {
                wrong.push(format!("{at}: {file} has no heading `#{heading}`"));
            }
        }
    }
    wrong
}

/// Paths of this repository, named as code, that are not there.
fn paths(page: &Page, exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, line) in (1..).zip(page.text.lines()) {
        for code in line.split('`').skip(1).step_by(2) {
            let is_path =
                ["crates/", "docs/", "benches/"].iter().any(|root| code.starts_with(root));
            if is_path && !code.contains(['*', '{', '<', ' ']) && !exists(Path::new(code)) {
                let page = page.path.display();
                wrong.push(format!("{page}:{number}: names {code}, which is not there"));
            }
        }
    }
    wrong
}

/// Pages that no chapter leads to.
fn summary(book: &[Page]) -> Vec<String> {
    let summary = Path::new(BOOK).join("SUMMARY.md");
    let Some(page) = book.iter().find(|page| page.path == summary) else {
        return vec![format!("{}: is not there", summary.display())];
    };
    let listed: BTreeSet<PathBuf> =
        page.links().iter().map(|link| page.resolve(&link.target)).collect();
    book.iter()
        .filter(|page| page.path != summary && !listed.contains(&page.path))
        .map(|page| format!("{}: is in no chapter of SUMMARY.md", page.path.display()))
        .collect()
}

/// `axum 0.8.9` in prose, when that is not what the lock file says: a line of its source may have moved.
fn versions(page: &Page, lock: &str) -> Vec<String> {
    const NAMED: [&str; 6] = ["axum", "hyper", "actix-http", "actix-web", "actix-server", "tokio"];
    let mut wrong = Vec::new();
    for (number, line) in (1..).zip(page.text.lines()) {
        let words: Vec<&str> = line.split([' ', '(', ',', '|']).collect();
        for pair in words.windows(2) {
            let [name, version] = [pair[0], pair[1]];
            let is_version = version.matches('.').count() == 2
                && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            let locked = format!("name = \"{name}\"\nversion = \"{version}\"\n");
            if NAMED.contains(&name) && is_version && !lock.contains(&locked) {
                let page = page.path.display();
                wrong.push(format!(
                    "{page}:{number}: {name} {version} is not the one that is locked"
                ));
            }
        }
    }
    wrong
}

/// Words of the article that the page for its readers leaves out.
fn terms(book: &[Page]) -> Vec<String> {
    const TERMS: [&str; 11] = [
        "`async def`",
        "event loop",
        "`asyncio.sleep`",
        "`httpx",
        "`requests`",
        "SQLAlchemy async",
        "Tortoise",
        "Celery",
        "`run_in_executor`",
        "`try` / `except`",
        "`logging`",
    ];
    let path = Path::new(BOOK).join("fastapi.md");
    let Some(page) = book.iter().find(|page| page.path == path) else {
        return vec![format!("{}: is not there", path.display())];
    };
    // The first cell of each row.
    let cells: Vec<&str> = page.text.lines().filter_map(|line| line.split('|').nth(1)).collect();
    let missing = TERMS.iter().filter(|term| !cells.iter().any(|cell| cell.contains(**term)));
    missing.map(|term| format!("{}: has no row for {term}", path.display())).collect()
}

/// What every chapter on a subject has, and which of them lacks it.
fn chapters(book: &[Page]) -> Vec<String> {
    const ARTICLE: &str = "## The article's way";
    const PARTS: [&str; 7] = [
        "**The question.**",
        ARTICLE,
        "```sh",
        "figures/lesson-",
        "## What surprises",
        "## When not to",
        "## An exercise",
    ];
    const SUBJECTS: [&str; 18] = [
        "beyond",
        "blocked-loop",
        "computing",
        "database",
        "errors",
        "fan-out",
        "files",
        "giving-up",
        "jobs",
        "messaging",
        "offload",
        "pitfalls",
        "shutdown",
        "slow-clients",
        "streaming",
        "too-many",
        "upstream",
        "waiting",
    ];
    // The article is silent on what a server does at its limits, and the pitfalls are in the chapters they belong to.
    const BEYOND_THE_ARTICLE: [&str; 5] =
        ["beyond", "pitfalls", "shutdown", "slow-clients", "too-many"];
    let mut wrong = Vec::new();
    for subject in SUBJECTS {
        let path = Path::new(BOOK).join(format!("{subject}.md"));
        let text = book.iter().find(|page| page.path == path).map_or("", |page| &page.text);
        for part in PARTS {
            let is_due = part != ARTICLE || !BEYOND_THE_ARTICLE.contains(&subject);
            if is_due && !text.contains(part) {
                wrong.push(format!("{}: has no `{part}`", path.display()));
            }
        }
    }
    wrong
}

/// Words of the glossary that are out of order, or that no other page uses.
fn glossary(book: &[Page]) -> Vec<String> {
    let path = Path::new(BOOK).join("glossary.md");
    let text = |of: &Page| of.text.to_lowercase();
    let Some(page) = book.iter().find(|page| page.path == path) else {
        return vec![format!("{}: is not there", path.display())];
    };
    let lower = text(page);
    let words: Vec<&str> = lower
        .lines()
        .filter_map(|line| line.strip_prefix("| **")?.split_once("** |"))
        .map(|(word, _)| word)
        .collect();
    let mut wrong = Vec::new();
    for pair in words.windows(2).filter(|pair| pair[0] >= pair[1]) {
        wrong.push(format!("{}: {} stands before {}", path.display(), pair[0], pair[1]));
    }
    let others: Vec<String> = book.iter().filter(|page| page.path != path).map(text).collect();
    for word in words {
        let mut parts = word.split(", ");
        if !parts.all(|part| others.iter().any(|text| text.contains(part))) {
            wrong.push(format!("{}: no page uses {word}", path.display()));
        }
    }
    wrong
}

/// Pages that code sends its reader to, and that are not there.
fn mentions() -> Vec<String> {
    let mut wrong = Vec::new();
    for path in ["crates", "benches"].iter().flat_map(|dir| files(&root().join(dir), ".rs")) {
        if path.starts_with(root().join("crates/xtask")) {
            continue;
        }
        for page in mentioned(&read(&path)) {
            if !root().join(&page).exists() {
                wrong.push(format!("{}: sends its reader to {page}", path.display()));
            }
        }
    }
    wrong
}

fn mentioned(source: &str) -> Vec<String> {
    let pages = source.match_indices("docs/src/").map(|(at, _)| {
        let name = |c: &char| c.is_alphanumeric() || "-_/.".contains(*c);
        source[at..].chars().take_while(name).collect::<String>()
    });
    pages.filter(|page| page.ends_with(".md")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::tests::page;

    #[test]
    fn the_book_and_the_readme_are_in_step_with_the_code() {
        let wrong = complaints();
        assert!(wrong.is_empty(), "\n{}\n\nMend, then: cargo xtask generate\n", wrong.join("\n"));
    }

    #[test]
    fn a_missing_include_or_anchor_is_seen() {
        let text = "// ANCHOR: all\nx\n// ANCHOR_END: all\n// ANCHOR: open\n";
        let there = |path: &Path| path.ends_with("a.rs").then(|| text.to_owned());
        assert_eq!(includes(&page("{{#include a.rs}} {{#include a.rs:all}}"), there), [""; 0]);
        for broken in [
            "{{#include b.rs}}",
            "{{#include a.rs:none}}",
            "{{#include a.rs:open}}",
            "{{#include a.rs:1:2}}",
        ] {
            assert_eq!(includes(&page(broken), there).len(), 1, "{broken}");
        }
    }

    #[test]
    fn a_missing_page_heading_or_image_is_seen() {
        let all = [page("# One\n")];
        let exists = |path: &Path| path.ends_with("a.md");
        assert_eq!(links(&page("[a](a.md#one) [b](https://a.b/c)"), &all, exists), [""; 0]);
        for broken in ["[a](b.md)", "[a](a.md#two)", "![a](b.svg)", "![a](https://a.b/c.svg)"] {
            assert_eq!(links(&page(broken), &all, exists).len(), 1, "{broken}");
        }
    }

    #[test]
    fn a_chapter_that_lacks_a_part_and_a_word_that_nobody_uses_are_seen() {
        assert!(chapters(&[page("# One\n")]).len() > 18);
        let named = |path: &str, text: &str| {
            let mut page = page(text);
            page.path = Path::new(BOOK).join(path);
            page
        };
        let other = named("a.md", "A task waits.");
        let words = |text: &str| glossary(&[named("glossary.md", text), other.clone()]);
        assert_eq!(words("| **task** | it |\n| **waits** | it |\n"), [""; 0]);
        assert_eq!(words("| **waits** | it |\n| **task** | it |\n").len(), 1);
        assert_eq!(words("| **nap** | it |\n").len(), 1);
    }

    #[test]
    fn a_path_that_moved_is_seen() {
        let exists = |path: &Path| path == Path::new("crates/a");
        assert_eq!(paths(&page("`crates/a` and `cargo b`"), exists), [""; 0]);
        assert_eq!(paths(&page("`crates/b`"), exists).len(), 1);
    }

    #[test]
    fn a_page_in_no_chapter_is_seen() {
        let mut summary_page = page("[A](a.md)\n");
        summary_page.path = Path::new(BOOK).join("SUMMARY.md");
        let mut lost = page("");
        lost.path = Path::new(BOOK).join("b.md");
        assert_eq!(summary(&[summary_page.clone(), page("")]), [""; 0]);
        assert_eq!(summary(&[summary_page, page(""), lost]).len(), 1);
        assert_eq!(summary(&[page("")]).len(), 1);
    }

    #[test]
    fn a_version_that_is_no_longer_locked_is_seen() {
        let lock = "name = \"hyper\"\nversion = \"1.12.0\"\n";
        assert_eq!(versions(&page("| hyper 1.12.0, `src/a.rs:1` | axum |"), lock), [""; 0]);
        assert_eq!(versions(&page("(hyper 1.11.0, `src/a.rs:1`)"), lock).len(), 1);
    }

    #[test]
    fn a_word_of_the_article_without_a_row_is_seen() {
        let mut fastapi = page("| `requests` | `ureq` |\n");
        fastapi.path = Path::new(BOOK).join("fastapi.md");
        let wrong = terms(&[fastapi]);
        assert_eq!(wrong.len(), 10, "{wrong:?}");
        assert_eq!(terms(&[]).len(), 1);
    }

    #[test]
    fn a_page_mentioned_in_code_is_found() {
        assert_eq!(mentioned("//! see `docs/src/blocked-loop.md`."), ["docs/src/blocked-loop.md"]);
    }
}
