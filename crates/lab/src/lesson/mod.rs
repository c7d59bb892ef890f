//! The lessons: each takes a claim at its word, lets the reader guess, runs an experiment, and judges by what it measured.
//!
//! | to find | look in |
//! |---|---|
//! | the lessons themselves: claim, guess, cases, verdict | [`first`], then [`waiting`], [`uses`], [`mistakes`], [`pitfalls`], [`limits`] |
//! | what can be tried on a server, and what one trial gives | [`case`] |
//! | what an experiment found, and how a verdict reads it | [`found`] |
//! | rounds, turns, servers that come and go | [`experiment`] |
//! | what the reader sees: chart, strips, the same as SVG | [`show`], [`picture`] |
//! | the command | [`run`] |

pub mod case;
pub mod experiment;
pub mod first;
pub mod found;
pub mod limits;
pub mod mistakes;
pub mod picture;
pub mod pitfalls;
pub mod run;
pub mod show;
pub mod uses;
pub mod waiting;

use std::time::Duration;

use case::Case;
use found::{Found, Judged};

/// One claim, and how it is put to the test.
#[derive(Clone, Debug)]
pub struct Lesson {
    /// What it is called: `blocked-loop`.
    pub name: &'static str,
    /// The kind of lesson.
    pub part: Part,
    /// The claim, in the words of those who make it.
    pub claim: &'static str,
    /// Who makes it.
    pub said_by: Said,
    /// What is done, in a sentence; `{unit}` is the lesson's second.
    pub experiment: &'static str,
    /// What the reader is asked before it runs.
    pub guess: Guess,
    /// How often all cases are tried.
    pub rounds: u32,
    /// What is tried; asked anew in each round, so that no name is asked for twice.
    pub cases: fn(&Scale) -> Vec<Case>,
    /// The figure that tells most.
    pub chart: Chart,
    /// The level whose requests are drawn one by one.
    pub strip: Option<&'static str>,
    /// What the figures say of the claim.
    pub judge: fn(&Found) -> Result<Judged, String>,
    /// The chapter of the book to read next, below `docs/src/`.
    pub chapter: &'static str,
}

/// The kinds of lessons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What waiting costs.
    Waiting,
    /// What goes wrong, and for whom.
    Mistakes,
    /// Where it ends.
    Limits,
}

impl Part {
    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Waiting => "Waiting",
            Self::Mistakes => "Mistakes",
            Self::Limits => "Limits and operation",
        }
    }
}

/// Who makes a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// The article this project began with, quoted.
    Article,
    /// The article, as a pitfall it warns of, or against what is often hoped.
    ArticleWarns,
    /// People who met it, in a public issue.
    Issue(&'static str),
    /// Nobody in particular, and many.
    Often,
}

impl Said {
    /// In words.
    pub fn words(self) -> String {
        match self {
            Self::Article => "the article".to_owned(),
            Self::ArticleWarns => "the article warns of it".to_owned(),
            Self::Issue(url) => format!("an issue: {url}"),
            Self::Often => "often assumed".to_owned(),
        }
    }
}

/// A question to the reader, and what may be answered.
#[derive(Clone, Copy, Debug)]
pub struct Guess {
    /// The question.
    pub question: &'static str,
    /// The answers to choose from; the verdict knows which of them the figures bear out.
    pub answers: &'static [&'static str],
}

/// The figure that is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Chart {
    /// Its name among the figures of a trial.
    pub figure: &'static str,
    /// What it is, with its unit.
    pub title: &'static str,
}

/// How large a lesson is.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// The lesson's second: waits, deadlines and the upstream's latency are multiples of it.
    pub unit: Duration,
    /// Fewer clients, one round: enough for the shape.
    pub short: bool,
    /// Cores of this machine, and at least two: workers of an async server that has one per core.
    pub cores: usize,
}

impl Scale {
    /// So many of the lesson's seconds.
    pub fn units(&self, count: f64) -> Duration {
        self.unit.mul_f64(count)
    }

    /// One number for the lesson, another for its short form.
    pub fn either<T>(&self, whole: T, short: T) -> T {
        if self.short { short } else { whole }
    }

    /// How often all cases of a lesson are tried.
    pub fn rounds(&self, lesson: &Lesson) -> u32 {
        if self.short { 1 } else { lesson.rounds }
    }

    /// An async server with one worker, and with one per core: a mistake that stops one loop stops a share of several.
    pub fn loops(&self) -> Vec<String> {
        let many = self.cores;
        ["actix", "axum"]
            .iter()
            .flat_map(|server| [format!("{server}:workers=1"), format!("{server}:workers={many}")])
            .collect()
    }
}

impl Default for Scale {
    fn default() -> Self {
        let cores = crate::machine::allowed_cpus().len().max(2);
        Self { unit: Duration::from_millis(100), short: false, cores }
    }
}

impl Lesson {
    /// How long it takes, by its own plan.
    pub fn takes(&self, scale: &Scale) -> Duration {
        let once: Duration =
            (self.cases)(scale).iter().map(|case| case.takes + experiment::STARTING).sum();
        once * scale.rounds(self)
    }

    /// What is done, with the lesson's second filled in.
    pub fn experiment(&self, scale: &Scale) -> String {
        self.experiment.replace("{unit}", &format!("{} s", scale.unit.as_secs_f64()))
    }
}

/// All lessons, in the order of a course: the first path first.
pub fn all() -> Vec<Lesson> {
    [
        first::lessons(),
        waiting::lessons(),
        uses::lessons(),
        mistakes::lessons(),
        pitfalls::lessons(),
        limits::lessons(),
    ]
    .concat()
}

/// A lesson by its name.
pub fn find(name: &str) -> Option<Lesson> {
    all().into_iter().find(|lesson| lesson.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_lesson_takes_at_most_fifteen_seconds_and_all_of_them_eight_minutes() {
        let scale = Scale::default();
        let mut all_of_them = Duration::ZERO;
        for lesson in all() {
            let takes = lesson.takes(&scale);
            assert!(takes <= Duration::from_secs(15), "{} takes {takes:?}", lesson.name);
            all_of_them += takes;
        }
        assert!(all_of_them <= Duration::from_secs(480), "{all_of_them:?}");
    }

    #[test]
    fn every_lesson_has_a_name_of_its_own_a_guess_and_a_chapter_that_is_there() {
        let mut names = BTreeSet::new();
        for lesson in all() {
            assert!(names.insert(lesson.name), "{} is there twice", lesson.name);
            assert!(lesson.guess.answers.len() >= 2, "{}", lesson.name);
            let book = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/src/");
            let chapter = lesson.chapter.split('#').next().unwrap();
            assert!(std::path::Path::new(&format!("{book}{chapter}")).exists(), "{chapter}");
        }
    }

    #[test]
    fn what_a_lesson_draws_stands_for_a_level_it_has() {
        let scale = Scale::default();
        for lesson in all() {
            let cases = (lesson.cases)(&scale);
            assert!(!cases.is_empty(), "{}", lesson.name);
            if let Some(level) = lesson.strip {
                assert!(cases.iter().any(|case| case.level == level), "{}: {level}", lesson.name);
            }
            for case in cases {
                case.who.parse::<crate::competitor::Competitor>().unwrap();
            }
        }
    }
}
