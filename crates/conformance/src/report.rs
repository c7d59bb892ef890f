//! `lab check URL`: what can be asked of a server of which nothing is known but where it listens.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use crate::wire::{self, Grade};
use crate::{Needs, Subject, checks};

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The check's sentence, or the case's.
    pub name: String,
    /// How it went.
    pub outcome: Outcome,
}

/// How one question went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It holds only as far as must be; with what was wanted.
    Tolerated(String),
    /// It does not hold.
    Failed(String),
    /// It was not asked; with what it would need.
    Skipped(&'static str),
}

/// How all went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// Lines that passed.
    pub passed: usize,
    /// Lines that are only tolerated.
    pub tolerated: usize,
    /// Lines that failed.
    pub failed: usize,
    /// Lines that were not asked.
    pub skipped: usize,
}

/// How many questions are asked at once, where they do not measure time.
const SIDE_BY_SIDE: usize = 8;

type Question<'a> = (String, Box<dyn Fn() -> Outcome + Send + Sync + 'a>);

/// Asks all that an address is enough for, and tells each line as it is known.
///
/// With `wire` also the HTTP/1.1 cases, each at once and, where short, byte by byte.
pub fn report(subject: &Subject, wire: bool, mut tell: impl FnMut(&Line)) -> Total {
    let mut total = Total::default();
    let mut take = |line: Line| {
        match line.outcome {
            Outcome::Passed => total.passed += 1,
            Outcome::Tolerated(_) => total.tolerated += 1,
            Outcome::Failed(_) => total.failed += 1,
            Outcome::Skipped(_) => total.skipped += 1,
        }
        tell(&line);
    };
    let (mut together, mut alone): (Vec<Question<'_>>, Vec<Question<'_>>) = Default::default();
    for check in checks() {
        if let Some(needed) = missing(check.needs) {
            take(Line { name: check.name.to_owned(), outcome: Outcome::Skipped(needed) });
            continue;
        }
        let ask = move || (check.run)(subject).map_or_else(Outcome::Failed, |()| Outcome::Passed);
        let question = (check.name.to_owned(), Box::new(ask) as Box<_>);
        if check.alone { alone.push(question) } else { together.push(question) }
    }
    if wire {
        together.extend(wire_questions(subject));
    }
    ask_all(&together, SIDE_BY_SIDE, &mut take);
    ask_all(&alone, 1, &mut take);
    total
}

/// What a check needs that an address does not give.
fn missing(needs: Needs) -> Option<&'static str> {
    match needs {
        Needs::Address => None,
        Needs::Stub => Some("needs the stub as upstream"),
        Needs::Pitfalls | Needs::Accused => Some("needs a server started with --pitfalls"),
        Needs::NoUpstream => Some("needs an upstream that refuses"),
        Needs::Narrow => Some("needs a server started with short limits"),
    }
}

fn wire_questions(subject: &Subject) -> Vec<Question<'_>> {
    let mut questions: Vec<Question<'_>> = Vec::new();
    for case in wire::cases() {
        for pace in case.paces() {
            let (name, case) = (case.name_at(pace), case.clone());
            let ask = move || match wire::run(subject, &case, pace) {
                Grade::Passed => Outcome::Passed,
                Grade::Tolerated(missed) => Outcome::Tolerated(missed),
                Grade::Failed(missed) => Outcome::Failed(missed),
            };
            questions.push((name, Box::new(ask)));
        }
    }
    questions
}

/// Asks side by side and takes the lines in the order of the questions.
fn ask_all(questions: &[Question<'_>], side_by_side: usize, mut take: impl FnMut(Line)) {
    let next = AtomicUsize::new(0);
    let (send, receive) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..side_by_side.min(questions.len()) {
            let send = send.clone();
            let next = &next;
            scope.spawn(move || {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some((_, ask)) = questions.get(place) else { return };
                    // Whoever takes the lines outlives whoever asks.
                    let _ = send.send((place, ask()));
                }
            });
        }
        // What is left of it must go, or the wait below would not end should a question panic.
        drop(send);
        let mut early = std::collections::BTreeMap::new();
        for (place, (name, _)) in questions.iter().enumerate() {
            let outcome = loop {
                if let Some(outcome) = early.remove(&place) {
                    break outcome;
                }
                match receive.recv() {
                    Ok((other, outcome)) => drop(early.insert(other, outcome)),
                    Err(_) => break Outcome::Failed("the question was never asked".to_owned()),
                }
            };
            take(Line { name: name.clone(), outcome });
        }
    });
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn lines_come_in_the_order_of_the_questions_though_the_answers_do_not() {
        let questions: Vec<Question<'_>> = (0..20_u64)
            .map(|n| {
                let ask = move || {
                    thread::sleep(Duration::from_millis((n * 7) % 11));
                    Outcome::Passed
                };
                (n.to_string(), Box::new(ask) as Box<_>)
            })
            .collect();
        let mut names = Vec::new();
        ask_all(&questions, 4, |line| names.push(line.name));
        assert_eq!(names, (0..20).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}
