//! The contract before the first number: who keeps it is asked and timed, and the page says what was found.

use anyhow::ensure;
use load::Cancel;

use crate::competitor::{Competitor, Who};
use crate::judge::{Judged, asked_where_it_is, judge, of_ours};

/// Those who may be timed, and what the page says of all.
#[derive(Debug)]
pub struct Admitted {
    /// In the order they were named.
    pub who: Vec<Competitor>,
    /// Sentences.
    pub told: String,
}

/// Judges all of them, once.
///
/// # Errors
/// When it was cancelled, a binary cannot be found, or nobody is left.
pub fn admitted(
    who: Vec<Competitor>,
    cancel: &Cancel,
    progress: impl FnMut(usize, usize),
) -> anyhow::Result<Admitted> {
    let judged = judge(&of_ours(&who)?, cancel, progress)?;
    let of = |who: &Competitor| match who.binary() {
        Some(binary) => judged.get(&binary).cloned(),
        None => asked_where_it_is(who),
    };
    let admitted = Admitted::of(who, of);
    ensure!(!admitted.who.is_empty(), "{}", admitted.told);
    Ok(admitted)
}

impl Admitted {
    /// A server of ours that fails is left out. A stranger may keep part of the contract, so it runs and is told of.
    fn of(all: Vec<Competitor>, judged: impl Fn(&Competitor) -> Option<Judged>) -> Self {
        let (mut who, mut passed, mut told) = (Vec::new(), Vec::new(), Vec::new());
        for one in all {
            let name = &one.name;
            let Some(Judged { passed: kept, failed }) = judged(&one) else {
                told.push(format!("{name} keeps no contract that could be checked."));
                who.push(one);
                continue;
            };
            // A page has room for a line.
            let (count, first) = (failed.len(), failed.first().and_then(|all| all.lines().next()));
            match first {
                None => passed.push(format!("{name} {kept}")),
                Some(first) if matches!(one.who, Who::Ours { .. }) => {
                    told.push(format!("{name} fails {count} checks, so it is not timed: {first}."));
                    continue;
                }
                Some(first) => told.push(format!(
                    "{name} keeps {kept} checks and fails {count}, and runs all the same: {first}."
                )),
            }
            who.push(one);
        }
        if !passed.is_empty() {
            let passed = passed.join(" · ");
            let first =
                format!("Checks of the contract passed before anything was timed: {passed}.");
            told.insert(0, first);
        }
        Self { who, told: told.join(" ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_of_ours_that_breaks_the_contract_is_left_out_and_the_page_says_why() {
        let mut all = Competitor::defaults();
        all.push(Competitor::target("mine=http://127.0.0.1:1").unwrap());
        all.push(Competitor::floor());
        let judged = |who: &Competitor| {
            let failed: &[&str] = match who.name.as_str() {
                "actix" => &["wait waits: it did not", "docs are there: 404"],
                "mine" => &["notes are kept: 404\nand 405"],
                "floor" => return None,
                _ => &[],
            };
            let failed = failed.iter().map(|&why| why.to_owned()).collect();
            Some(Judged { passed: 9, failed })
        };
        let admitted = Admitted::of(all, judged);
        let names: Vec<_> = admitted.who.iter().map(|who| who.name.as_str()).collect();
        assert_eq!(names, ["blocking", "axum", "mine", "floor"]);
        assert_eq!(
            admitted.told,
            "Checks of the contract passed before anything was timed: blocking 9 · axum 9. \
             actix fails 2 checks, so it is not timed: wait waits: it did not. \
             mine keeps 9 checks and fails 1, and runs all the same: notes are kept: 404. \
             floor keeps no contract that could be checked."
        );
    }
}
