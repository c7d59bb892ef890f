//! What a Rust file declares, in order, with the lines of each item.
//!
//! A reader of lines, not a parser: rustfmt puts every item at a known column, and CI runs rustfmt. A whole parser would
//! compile for longer than all checks here take.

use std::ops::Range;

/// One item: a function, a type, an `impl` and each function in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// `within`, `impl Drop for Counted`, `Offload::run`; unique enough within a file.
    pub(crate) name: String,
    /// Its lines, from the first comment or attribute to the last brace, counted from 0.
    pub(crate) lines: Range<usize>,
}

/// The items of a file, top down, tests left out.
pub(crate) fn items(source: &str) -> Vec<Item> {
    let lines: Vec<&str> = source.lines().collect();
    let mut found = Vec::new();
    collect(&lines, 0..lines.len(), 0, "", &mut found);
    found
}

/// The text of one item, moved to the left margin.
pub(crate) fn cut(source: &str, name: &str) -> Option<String> {
    let item = items(source).into_iter().find(|item| item.name == name)?;
    let lines: Vec<&str> = source.lines().collect();
    let indent = indent_of(lines[item.lines.start]);
    let text: Vec<&str> =
        lines[item.lines].iter().map(|line| line.get(indent..).unwrap_or("")).collect();
    Some(text.join("\n") + "\n")
}

fn collect(
    lines: &[&str],
    within: Range<usize>,
    indent: usize,
    owner: &str,
    found: &mut Vec<Item>,
) {
    let mut at = within.start;
    while at < within.end {
        let Some(name) = name_of(lines, at, indent) else {
            at += 1;
            continue;
        };
        let last = end_of(lines, at, indent);
        let start = with_comments(lines, at, indent);
        let is_test = lines[start..at].iter().any(|line| line.trim() == "#[cfg(test)]");
        if !is_test {
            found.push(Item { name: format!("{owner}{name}"), lines: start..last + 1 });
            if let Some(subject) = name.strip_prefix("impl ") {
                let owner = subject.rsplit(" for ").next().unwrap_or(subject);
                collect(lines, at + 1..last, indent + 4, &format!("{owner}::"), found);
            }
        }
        at = last + 1;
    }
}

/// The name of the item that begins at this line, if one does.
fn name_of(lines: &[&str], at: usize, indent: usize) -> Option<String> {
    let line = lines[at];
    if indent_of(line) != indent || line.trim().is_empty() {
        return None;
    }
    let mut words = line.trim_start();
    for qualifier in ["pub(crate) ", "pub(super) ", "pub ", "default ", "async ", "unsafe "] {
        words = words.strip_prefix(qualifier).unwrap_or(words);
    }
    if let Some(function) = words.strip_prefix("const fn ") {
        return Some(ident(function));
    }
    let kinds = ["fn ", "struct ", "enum ", "trait ", "const ", "static ", "type ", "mod "];
    if let Some(rest) = kinds.iter().find_map(|kind| words.strip_prefix(kind)) {
        return Some(ident(rest));
    }
    if let Some(rest) = words.strip_prefix("macro_rules! ") {
        return Some(format!("{}!", ident(rest)));
    }
    if ["thread_local!", "task_local!", "pin_project!"].iter().any(|call| words.starts_with(call)) {
        return Some(ident(words) + "!");
    }
    if words.starts_with("impl ") || words.starts_with("impl<") {
        return Some(impl_name(lines, at));
    }
    None
}

/// `impl<T: A> FromRequest<App> for Path<T>` is `impl FromRequest for Path`: parameters differ by framework.
fn impl_name(lines: &[&str], at: usize) -> String {
    let mut head = String::new();
    for line in &lines[at..] {
        head.push_str(line.trim());
        head.push(' ');
        if line.contains('{') {
            break;
        }
    }
    let mut depth = 0_usize;
    let mut plain = String::new();
    for character in head.chars() {
        match character {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            '{' if depth == 0 => break,
            _ if depth == 0 => plain.push(character),
            _ => {}
        }
    }
    let plain = plain.split(" where ").next().unwrap_or_default();
    let words: Vec<&str> = plain.split_whitespace().collect();
    let last = |path: &str| path.rsplit("::").next().unwrap_or(path).to_owned();
    words.into_iter().map(last).collect::<Vec<_>>().join(" ")
}

fn ident(text: &str) -> String {
    text.chars().take_while(|&c| c.is_alphanumeric() || c == '_').collect()
}

/// The last line of the item: the first one at its column that ends it.
fn end_of(lines: &[&str], at: usize, indent: usize) -> usize {
    let ends = |line: &str| line.ends_with(';') || line.ends_with('}');
    (at..lines.len())
        .find(|&i| indent_of(lines[i]) == indent && ends(lines[i]))
        .unwrap_or(lines.len() - 1)
}

/// The first line of the comments and attributes that belong to the item at this line.
fn with_comments(lines: &[&str], at: usize, indent: usize) -> usize {
    let belongs = |line: &str| {
        let text = line.trim_start();
        !text.is_empty()
            && (indent_of(line) > indent
                || text.starts_with("//")
                || text.starts_with("#[")
                || text.starts_with(")]"))
            && !text.starts_with("//!")
    };
    let mut first = at;
    while first > 0 && belongs(lines[first - 1]) {
        first -= 1;
    }
    first
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r#"//! A file.

use std::io;

/// A struct.
#[derive(
    Debug,
)]
pub(crate) struct Pool<T>(T);

const MANY: [u8; 2] = [
    1,
    2,
];

impl<T: Send> crate::Offer<T> for Pool<T>
where
    T: Clone,
{
    type Error = io::Error;

    /// Runs.
    async fn run(
        &self,
    ) -> u8 {
        fn inner() {}
        1
    }
}

pub(crate) const fn last() {}

#[cfg(test)]
mod tests {
    fn not_seen() {}
}
"#;

    #[test]
    fn items_come_in_order_with_what_is_inside_an_impl_and_without_tests() {
        let names: Vec<_> = items(SOURCE).into_iter().map(|item| item.name).collect();
        let expected = ["Pool", "MANY", "impl Offer for Pool", "Pool::Error", "Pool::run", "last"];
        assert_eq!(names, expected);
    }

    #[test]
    fn an_item_is_cut_with_its_comments_and_moved_to_the_margin() {
        let run = cut(SOURCE, "Pool::run").unwrap();
        assert!(run.starts_with("/// Runs.\nasync fn run("), "{run}");
        assert!(run.ends_with("    1\n}\n"), "{run}");
        let pool = cut(SOURCE, "Pool").unwrap();
        assert!(pool.starts_with("/// A struct.\n#[derive("), "{pool}");
        assert_eq!(cut(SOURCE, "Nobody"), None);
    }
}
