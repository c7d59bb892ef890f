//! No number without its run: a figure with a unit of measurement, typed by hand in prose, is refused.
//!
//! A heuristic: it knows units, not meanings. Limits and sizes that are part of the contract come from the code as
//! generated tables; examples stand in code.

use crate::pages::Page;

/// What follows a number that someone has measured.
const UNITS: [&str; 23] = [
    "ms",
    "µs",
    "us",
    "ns",
    "milliseconds",
    "microseconds",
    "req/s",
    "requests/s",
    "rps",
    "B",
    "KB",
    "KiB",
    "MB",
    "MiB",
    "GB",
    "GiB",
    "x",
    "×",
    "%",
    "percent",
    "times",
    "fold",
    "s",
];

/// Phrases that are no measurement, each where it stands and why.
const LISTED: &[(&str, &str, &str)] = &[];

/// The numbers of a page that look measured.
pub(crate) fn typed_numbers(page: &Page) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, line) in (1..).zip(page.prose().lines()) {
        for found in measured(line) {
            let listed = LISTED
                .iter()
                .any(|(file, phrase, _)| page.path.ends_with(file) && *phrase == found);
            if !listed {
                let page = page.path.display();
                wrong
                    .push(format!("{page}:{number}: `{found}` is typed by hand; include a figure"));
            }
        }
    }
    wrong
}

/// `12 ms`, `1.5x`, `10–13 s`: digits, then a unit that ends there.
fn measured(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = line;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let tail = &rest[start..];
        let end =
            tail.find(|c: char| !(c.is_ascii_digit() || ".,–-".contains(c))).unwrap_or(tail.len());
        let after = &tail[end..];
        let spaced = after.trim_start_matches([' ', '\u{a0}', '-']);
        let unit = UNITS.iter().find(|unit| {
            spaced
                .strip_prefix(**unit)
                .is_some_and(|after| !after.starts_with(|c: char| c.is_alphanumeric()))
        });
        // A digit within a word (`http11`, `v2`) begins no number.
        let begins = rest[..start].chars().next_back().is_none_or(|c| !c.is_alphanumeric());
        if let (Some(unit), true) = (unit, begins) {
            found.push(format!("{} {unit}", &tail[..end]));
        }
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::tests::page;

    #[test]
    fn a_number_with_a_unit_is_refused_in_prose_and_allowed_in_code() {
        assert_eq!(
            typed_numbers(&page("`12 ms`\n```text\n3 MB\n```\n{{#include 4 ms}}\n")),
            [""; 0]
        );
        for typed in ["It took 12 ms.", "ten 1.5x", "about 40 %", "10–13 s", "3,000 req/s", "2×"]
        {
            assert_eq!(typed_numbers(&page(typed)).len(), 1, "{typed}");
        }
    }

    #[test]
    fn names_counts_and_references_are_no_measurements() {
        for text in
            ["HTTP/1.1", "RFC 9112 section 3", "20 names", "three servers", "a 503", "http11 s"]
        {
            assert_eq!(typed_numbers(&page(text)), [""; 0], "{text}");
        }
    }
}
