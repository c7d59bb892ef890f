//! The voices are one text: the same files, the same items in the same order, and exceptions that are written down.
//!
//! An exception names who has the item and why the others cannot; one that no longer applies is an error as well.

use std::collections::{BTreeMap, BTreeSet};

use crate::exceptions::{CALLS, Exception, SERVERS};
use crate::items::{Item, items};
use crate::lines::counts;
use crate::root::{root, rust_files};

/// A crate's name and its files: path below `src` and text.
pub(crate) type Voice = (String, BTreeMap<String, String>);

/// The handler whose diff is the first thing a reader sees, and how many lines of it may differ on each side.
const WAIT: &str = "handlers/wait.rs";
const ASYNC_MAY_CHANGE: usize = 6;
const THE_FRAMEWORK_MAY_CHANGE: usize = 3;

/// Everything in which the voices of this workspace are not one text.
pub(crate) fn complaints() -> Vec<String> {
    let [blocking, actix, axum] = ["server-blocking", "server-actix", "server-axum"].map(voice);
    let mut wrong = too_far_apart(&blocking, &axum, ASYNC_MAY_CHANGE);
    wrong.extend(too_far_apart(&actix, &axum, THE_FRAMEWORK_MAY_CHANGE));
    wrong.extend(misalignments(&[blocking, actix, axum], SERVERS));
    wrong.extend(misalignments(&["io-blocking", "io-async"].map(voice), CALLS));
    wrong
}

fn voice(name: &str) -> Voice {
    (name.to_owned(), rust_files(&root().join("crates").join(name).join("src")))
}

/// Two waits that differ in more lines than a reader should have to read.
fn too_far_apart(left: &Voice, right: &Voice, most: usize) -> Vec<String> {
    let (Some(a), Some(b)) = (left.1.get(WAIT), right.1.get(WAIT)) else {
        return vec![format!("{WAIT}: missing in {} or {}", left.0, right.0)];
    };
    let (from, to) = counts(a, b);
    if from <= most && to <= most {
        return Vec::new();
    }
    let (left, right) = (&left.0, &right.0);
    vec![format!("{WAIT}: {left} to {right} is {from} and {to} lines, and {most} are allowed")]
}

/// Everything in which the voices are not one text and no exception says why.
pub(crate) fn misalignments(voices: &[Voice], exceptions: &[Exception]) -> Vec<String> {
    let mut wrong = Vec::new();
    let files: BTreeSet<&String> = voices.iter().flat_map(|(_, files)| files.keys()).collect();
    let mut used = BTreeSet::new();
    for file in files {
        let without: Vec<_> =
            voices.iter().filter(|(_, files)| !files.contains_key(file)).collect();
        if !without.is_empty() {
            let names: Vec<_> = without.iter().map(|(name, _)| name.as_str()).collect();
            wrong.push(format!("{file}: missing in {}", names.join(" and ")));
            continue;
        }
        let lists: Vec<(&str, Vec<String>)> =
            voices.iter().map(|(name, files)| (name.as_str(), names(&files[file]))).collect();
        wrong.extend(only_some(file, &lists, exceptions, &mut used));
        wrong.extend(disordered(file, &lists));
    }
    for exception in exceptions {
        for item in exception.items {
            if !used.contains(&(exception.file, *item)) {
                let Exception { file, who, reason, .. } = exception;
                wrong.push(format!(
                    "{file}: the exception for `{item}` of {who:?} no longer applies ({reason})"
                ));
            }
        }
    }
    wrong
}

/// What a file declares, but for the insides of `impl Trait for Type`: those the trait dictates.
fn names(source: &str) -> Vec<String> {
    let items = items(source);
    let dictated = |inner: &Item| {
        items.iter().any(|outer| {
            outer.name.starts_with("impl ")
                && outer.name.contains(" for ")
                && outer.lines.start < inner.lines.start
                && inner.lines.end < outer.lines.end
        })
    };
    items.iter().filter(|item| !dictated(item)).map(|item| item.name.clone()).collect()
}

/// Items that not all have.
fn only_some<'a>(
    file: &str,
    lists: &[(&str, Vec<String>)],
    exceptions: &'a [Exception],
    used: &mut BTreeSet<(&'a str, &'a str)>,
) -> Vec<String> {
    let all: BTreeSet<&String> = lists.iter().flat_map(|(_, names)| names).collect();
    let mut wrong = Vec::new();
    for item in all {
        let has = |names: &Vec<String>| names.contains(item);
        let who: Vec<&str> =
            lists.iter().filter(|(_, names)| has(names)).map(|(name, _)| *name).collect();
        if who.len() == lists.len() {
            continue;
        }
        let excepted = exceptions.iter().find_map(|exception| {
            let named = exception.items.iter().find(|&named| named == item)?;
            (exception.file == file && exception.who == who).then_some((exception.file, *named))
        });
        match excepted {
            Some(exception) => {
                used.insert(exception);
            }
            None => wrong.push(format!("{file}: only {} has `{item}`", who.join(" and "))),
        }
    }
    wrong
}

/// Items that two voices share, but not in the same order.
fn disordered(file: &str, lists: &[(&str, Vec<String>)]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (i, (left_name, left)) in lists.iter().enumerate() {
        for (right_name, right) in &lists[i + 1..] {
            let in_left: Vec<_> = left.iter().filter(|item| right.contains(item)).collect();
            let in_right: Vec<_> = right.iter().filter(|item| left.contains(item)).collect();
            if let Some((a, b)) = in_left.iter().zip(&in_right).find(|(a, b)| a != b) {
                wrong.push(format!(
                    "{file}: {left_name} goes on with `{a}` where {right_name} has `{b}`"
                ));
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_voices_are_one_text() {
        let wrong = complaints();
        assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    }

    #[test]
    fn a_wait_with_a_line_too_many_is_seen() {
        let voice = |text: &str| {
            let files = BTreeMap::from([(WAIT.to_owned(), text.to_owned())]);
            ("one".to_owned(), files)
        };
        assert_eq!(too_far_apart(&voice("a\nb\nc\n"), &voice("a\nB\nC\n"), 2), [""; 0]);
        assert_eq!(too_far_apart(&voice("a\nb\nc\n"), &voice("A\nB\nC\n"), 2).len(), 1);
        assert_eq!(too_far_apart(&voice("a\n"), &voice("a\nb\nc\nd\n"), 2).len(), 1);
    }

    #[test]
    fn every_exception_has_a_reason() {
        for exception in SERVERS.iter().chain(CALLS) {
            assert!(exception.reason.len() >= 20, "{exception:?}");
        }
    }

    fn broken(changed: impl Fn(&mut [Voice])) -> Vec<String> {
        let files = BTreeMap::from([("a.rs".to_owned(), "fn a() {}\n\nfn b() {}\n".to_owned())]);
        let mut voices = ["one", "two", "three"].map(|name| (name.to_owned(), files.clone()));
        changed(&mut voices);
        misalignments(&voices, &[])
    }

    fn rewrite(voices: &mut [Voice], text: &str) {
        voices[1].1.insert("a.rs".to_owned(), text.to_owned());
    }

    #[test]
    fn a_file_that_one_lacks_is_seen() {
        assert_eq!(broken(|_| ()), [""; 0]);
        let wrong = broken(|voices| drop(voices[2].1.remove("a.rs")));
        assert_eq!(wrong, ["a.rs: missing in three"]);
    }

    #[test]
    fn an_item_that_one_has_alone_is_seen() {
        let wrong = broken(|voices| rewrite(voices, "fn a() {}\n\nfn b() {}\n\nfn c() {}\n"));
        assert_eq!(wrong, ["a.rs: only two has `c`"]);
    }

    #[test]
    fn items_in_another_order_are_seen() {
        let wrong = broken(|voices| rewrite(voices, "fn b() {}\n\nfn a() {}\n"));
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert_eq!(wrong[0], "a.rs: one goes on with `a` where two has `b`");
    }

    #[test]
    fn an_exception_that_no_longer_applies_is_seen() {
        let exception =
            Exception { file: "a.rs", items: &["c"], who: &["two"], reason: "it was so once" };
        let files = BTreeMap::from([("a.rs".to_owned(), "fn a() {}\n".to_owned())]);
        let voices = ["one", "two"].map(|name| (name.to_owned(), files.clone()));
        let wrong = misalignments(&voices, &[exception]);
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        assert!(wrong[0].contains("no longer applies"), "{wrong:?}");
    }
}
