//! The book as text: its pages, what they include, and where they link to.

use std::path::{Path, PathBuf};

use crate::root::{files, read, root};

/// One page of the book, or the README.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// From the root of the workspace: `docs/src/waiting.md`.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// `{{#include path:anchor}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Include {
    pub(crate) line: usize,
    /// As written, from the page's folder.
    pub(crate) path: String,
    /// A name, or numbers of lines.
    pub(crate) part: Option<String>,
}

/// `[text](target)` or `![text](target)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) line: usize,
    pub(crate) target: String,
    pub(crate) is_image: bool,
}

/// The folder of the book's text, from the root.
pub(crate) const BOOK: &str = "docs/src";

/// Whatever a program wrote, below the book's folder.
pub(crate) const GENERATED: [&str; 3] = ["generated", "figures", "results"];

/// The pages that people write, `SUMMARY.md` among them.
pub(crate) fn written() -> Vec<Page> {
    let book = root().join(BOOK);
    files(&book, ".md")
        .into_iter()
        .filter(|path| !GENERATED.iter().any(|folder| path.starts_with(book.join(folder))))
        .map(|path| page(&path))
        .collect()
}

/// The README, which is no page of the book and has its links checked all the same.
pub(crate) fn readme() -> Page {
    page(&root().join("README.md"))
}

fn page(path: &Path) -> Page {
    let within = path.strip_prefix(root()).expect("it was found below");
    Page { path: within.to_owned(), text: read(path) }
}

impl Page {
    /// A path as it stands on this page, from the root of the workspace.
    pub(crate) fn resolve(&self, target: &str) -> PathBuf {
        let mut resolved = self.path.parent().expect("a page lies in a folder").to_owned();
        for part in target.split('/') {
            match part {
                "." | "" => {}
                ".." => drop(resolved.pop()),
                part => resolved.push(part),
            }
        }
        resolved
    }

    /// What it includes, within blocks of code and outside.
    pub(crate) fn includes(&self) -> Vec<Include> {
        let mut found = Vec::new();
        for (number, line) in (1..).zip(self.text.lines()) {
            for rest in line.split("{{#include ").skip(1) {
                let Some((inside, _)) = rest.split_once("}}") else { continue };
                let (path, part) = match inside.trim().split_once(':') {
                    Some((path, part)) => (path, Some(part.to_owned())),
                    None => (inside.trim(), None),
                };
                found.push(Include { line: number, path: path.to_owned(), part });
            }
        }
        found
    }

    /// Where it links to, outside code.
    pub(crate) fn links(&self) -> Vec<Link> {
        let mut found = Vec::new();
        for (number, line) in (1..).zip(self.without_code(true).lines()) {
            let mut rest = line;
            while let Some(at) = rest.find("](") {
                let before = &rest[..at];
                let opened = before.rfind('[').unwrap_or(0);
                let is_image = before[..opened].ends_with('!');
                let after = &rest[at + 2..];
                let target = after.split([')', ' ']).next().unwrap_or_default();
                found.push(Link { line: number, target: target.to_owned(), is_image });
                rest = after;
            }
        }
        found
    }

    /// What a person wrote: the page without code, comments, directives and generated parts.
    pub(crate) fn prose(&self) -> String {
        self.without_code(false)
    }

    /// The page without code, comments and directives; every line stays where it was.
    fn without_code(&self, generated: bool) -> String {
        let mut prose = String::new();
        let (mut in_fence, mut in_generated) = (false, false);
        for line in self.text.lines() {
            let text = line.trim_start();
            let is_fence = text.starts_with("```");
            in_generated |= text.starts_with("<!-- generated");
            if !is_fence && !in_fence && (generated || !in_generated) {
                prose.push_str(&without_spans(line));
            }
            in_fence ^= is_fence;
            in_generated &= !text.starts_with("<!-- /generated");
            prose.push('\n');
        }
        prose
    }

    /// Its headings, as the anchors that mdBook and GitHub make of them.
    pub(crate) fn anchors(&self) -> Vec<String> {
        let mut in_fence = false;
        let mut found = Vec::new();
        for line in self.text.lines() {
            in_fence ^= line.trim_start().starts_with("```");
            if !in_fence && line.starts_with('#') {
                found.push(anchor(line.trim_start_matches('#').trim()));
            }
        }
        found
    }
}

fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|&c| c.is_alphanumeric() || " -_".contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// A line without `code`, comments and directives.
fn without_spans(line: &str) -> String {
    let mut text = String::new();
    for (number, part) in line.split('`').enumerate() {
        if number % 2 == 0 {
            text.push_str(part);
        } else {
            // So that the text of a link stays a text.
            text.push_str("code");
        }
    }
    for (open, close) in [("<!--", "-->"), ("{{", "}}")] {
        while let Some(start) = text.find(open) {
            let end = text[start..].find(close).map_or(text.len(), |end| start + end + close.len());
            text.replace_range(start..end, "");
        }
    }
    text
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn page(text: &str) -> Page {
        Page { path: Path::new(BOOK).join("a.md"), text: text.to_owned() }
    }

    #[test]
    fn includes_and_links_are_found_with_their_lines() {
        let page = page("x\n{{#include b.md:all}}\n[a](b.md#c) ![d](e.svg)\n`[no](code.md)`\n");
        let include = Include { line: 2, path: "b.md".to_owned(), part: Some("all".to_owned()) };
        assert_eq!(page.includes(), [include]);
        let link = |target: &str, is_image| Link { line: 3, target: target.to_owned(), is_image };
        assert_eq!(page.links(), [link("b.md#c", false), link("e.svg", true)]);
    }

    #[test]
    fn prose_is_what_no_program_wrote() {
        let page = page(
            "one `two` <!-- three -->\n```text\nfour\n```\n<!-- generated: x -->\nfive\n<!-- /generated -->\nsix",
        );
        assert_eq!(page.prose(), "one code \n\n\n\n\n\n\nsix\n");
        assert!(page.without_code(true).contains("five"));
    }

    #[test]
    fn paths_are_resolved_from_the_page() {
        let resolved = page("").resolve("../../crates/contract/src/lib.rs");
        assert_eq!(resolved, Path::new("crates/contract/src/lib.rs"));
    }

    #[test]
    fn headings_are_anchors() {
        let page = page("# The `wait` route\n```sh\n# no heading\n```\n## When not to?\n");
        assert_eq!(page.anchors(), ["the-wait-route", "when-not-to"]);
    }
}
