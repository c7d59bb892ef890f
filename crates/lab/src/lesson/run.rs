//! `lab lesson`: lists, asks for a guess, runs, shows, keeps.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, IsTerminal, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use compute::RoundsPerMs;
use load::Cancel;

use crate::arena::Arena;
use crate::args;
use crate::compare::{BAD_ARGUMENTS, INTERRUPTED, as_typed};
use crate::competitor::Competitor;
use crate::judge::{Judged, judge, refuse};
use crate::lesson::found::Found;
use crate::lesson::{Guess, Lesson, Part, Said, Scale, all, experiment, find, picture, show};
use crate::plan::in_words;
use crate::progress::Progress;
use crate::{machine, stop};

/// Runs it.
///
/// # Errors
/// When a server cannot be built or started, or breaks the contract, or a folder cannot be written.
pub fn run(args: &args::Lesson) -> anyhow::Result<ExitCode> {
    let scale = Scale { unit: args.unit, short: args.short, ..Scale::default() };
    if args.list {
        print!("{}", listed(&scale));
        return Ok(ExitCode::SUCCESS);
    }
    let lessons = match chosen(args) {
        Ok(lessons) => lessons,
        Err(error) => {
            eprintln!("lab: {error:#}");
            return Ok(BAD_ARGUMENTS.into());
        }
    };
    let whole: Duration = lessons.iter().map(|lesson| lesson.takes(&scale)).sum();
    if lessons.len() > 1 {
        eprintln!("{} lessons, about {}", lessons.len(), in_words(whole));
    }
    let cancel = stop::on_signal()?;
    let binaries = built(&lessons, &scale, args.no_build)?;
    fs::create_dir_all(&args.out).with_context(|| format!("cannot make {}", args.out.display()))?;
    for peer in &args.peers {
        crate::peers::environment(peer)?;
        let without = lessons.iter().map(|lesson| lesson.name);
        let without: Vec<_> =
            without.filter(|name| !crate::peers::LESSONS.contains(name)).collect();
        if !without.is_empty() {
            eprintln!(
                "{peer} does not serve what these ask, and is left out: {}",
                without.join(", ")
            );
        }
    }
    let asks = !args.no_guess && lessons.len() == 1 && std::io::stdin().is_terminal();
    // The contract is checked while the reader reads and guesses.
    let checks = check(binaries, &cancel);
    let guess = match lessons.as_slice() {
        [lesson] => {
            println!("{}", show::opening(lesson, &scale));
            if asks { ask(&lesson.guess) } else { None }
        }
        _ => None,
    };
    match checked(&checks, &cancel) {
        Ok(()) => {}
        Err(_) if cancel.cancelled() => return Ok(INTERRUPTED.into()),
        Err(error) => return Err(error),
    }
    let arena = Arena::new(machine::divided(false), None, RoundsPerMs::measure().0)?;
    let mut progress = Progress::new(whole);
    let mut told = Vec::new();
    for lesson in &lessons {
        progress.says(lesson.name);
        let found =
            match experiment::run(lesson, &scale, &arena, &args.peers, &cancel, &mut progress) {
                Ok(found) => Found { command: as_typed(), ..found },
                Err(_) if cancel.cancelled() => {
                    progress.ends();
                    return Ok(INTERRUPTED.into());
                }
                Err(error) => return Err(error),
            };
        keep(lesson, &found, &args.out)?;
        if lessons.len() > 1 {
            progress.prints(&format!("{:<20} {}", lesson.name, found.verdict));
        }
        told.push(found);
    }
    progress.ends();
    if let ([lesson], [found]) = (lessons.as_slice(), told.as_slice()) {
        print!("{}", show::closing(lesson, found, guess));
    }
    let tried = told.iter().any(|found| found.trials.iter().any(|trial| !trial.is_void()));
    eprintln!("kept in {}: NAME.json with every trial, NAME.svg", args.out.display());
    Ok(if tried { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Every lesson with its claim and its time.
fn listed(scale: &Scale) -> String {
    let mut text = String::new();
    let mut part = None;
    for lesson in in_parts() {
        if part != Some(lesson.part) {
            part = Some(lesson.part);
            text +=
                &format!("{}{}\n", if text.is_empty() { "" } else { "\n" }, lesson.part.title());
        }
        let takes = in_words(lesson.takes(scale));
        text += &format!(
            "  {:<20} {takes:>5}  \"{}\" ({})\n",
            lesson.name,
            lesson.claim,
            lesson.said_by.words()
        );
    }
    text
}

/// The same as a table of the book.
pub fn listed_as_markdown() -> String {
    let mut text = String::new();
    let mut part = None;
    for lesson in in_parts() {
        if part != Some(lesson.part) {
            part = Some(lesson.part);
            text += &format!("\n**{}**\n\n", lesson.part.title());
            text += "| lesson | the claim | said by | to read |\n|---|---|---|---|\n";
        }
        let said_by = match lesson.said_by {
            Said::Issue(url) => format!("[an issue]({url})"),
            other => other.words(),
        };
        let Lesson { name, claim, chapter, .. } = lesson;
        text += &format!("| `{name}` | {claim} | {said_by} | [{chapter}]({chapter}) |\n");
    }
    text.trim_start().to_owned()
}

/// All lessons, those of a part together.
fn in_parts() -> Vec<Lesson> {
    let of = |part| all().into_iter().filter(move |lesson| lesson.part == part);
    [Part::Waiting, Part::Mistakes, Part::Limits].into_iter().flat_map(of).collect()
}

fn chosen(args: &args::Lesson) -> anyhow::Result<Vec<Lesson>> {
    if args.all {
        return Ok(all());
    }
    if args.names.is_empty() {
        bail!("name a lesson, or --list, or --all");
    }
    let lesson = |name: &String| {
        let names = all().iter().map(|lesson| lesson.name).collect::<Vec<_>>().join(", ");
        find(name).with_context(|| format!("{name:?} is no lesson; there are {names}"))
    };
    args.names.iter().map(lesson).collect()
}

/// Brings the servers up to date that these lessons need, and finds them.
fn built(
    lessons: &[Lesson],
    scale: &Scale,
    as_they_are: bool,
) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let (mut names, mut beside) = (Vec::new(), Vec::new());
    for case in lessons.iter().flat_map(|lesson| (lesson.cases)(scale)) {
        names.extend(case.who.parse::<Competitor>().ok().and_then(|who| who.binary()));
        beside.extend(case.beside.map(str::to_owned));
    }
    names.extend(beside.iter().cloned());
    names.sort();
    names.dedup();
    let mut all = crate::compare::binaries(names, as_they_are)?;
    // What only takes part keeps no contract that could be checked.
    all.retain(|name, _| !beside.contains(name));
    Ok(all)
}

/// What the checks say, once they are through.
type Checks = mpsc::Receiver<anyhow::Result<BTreeMap<String, Judged>>>;

fn check(binaries: BTreeMap<String, PathBuf>, cancel: &Cancel) -> Checks {
    let (tell, told) = mpsc::channel();
    let cancel = cancel.clone();
    thread::spawn(move || {
        let _ = tell.send(judge(&binaries, &cancel, |_, _| {}));
    });
    told
}

/// No server is timed before it has passed the contract's checks.
fn checked(checks: &Checks, cancel: &Cancel) -> anyhow::Result<()> {
    let judged = loop {
        match checks.recv_timeout(Duration::from_millis(100)) {
            Ok(judged) => break judged?,
            Err(mpsc::RecvTimeoutError::Timeout) if !cancel.cancelled() => {}
            Err(_) => bail!("the checks of the contract did not end"),
        }
    };
    refuse(judged)
}

/// Asks the reader; Enter alone skips.
fn ask(guess: &Guess) -> Option<usize> {
    println!("{}", guess.question);
    for (number, answer) in (1..).zip(guess.answers) {
        println!("  {number}  {answer}");
    }
    print!("Your guess (Enter skips): ");
    let _ = std::io::stdout().flush();
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).ok()?;
    picked(&line, guess.answers.len())
}

fn picked(line: &str, answers: usize) -> Option<usize> {
    line.trim().parse::<usize>().ok()?.checked_sub(1).filter(|&at| at < answers)
}

/// What a lesson leaves behind.
fn keep(lesson: &Lesson, found: &Found, folder: &Path) -> anyhow::Result<()> {
    let save = |name: String, text: String| {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    let json = serde_json::to_string_pretty(found).context("cannot write the result")?;
    save(format!("{}.json", lesson.name), json + "\n")?;
    save(format!("{}.svg", lesson.name), picture::svg(lesson, found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guess_is_one_of_the_numbers_and_anything_else_skips() {
        assert_eq!(picked("2\n", 3), Some(1));
        for skipped in ["\n", "0", "4", "two", ""] {
            assert_eq!(picked(skipped, 3), None, "{skipped}");
        }
    }

    #[test]
    fn the_list_has_every_lesson_with_its_claim() {
        let list = listed(&Scale::default());
        for lesson in all() {
            assert!(list.contains(lesson.name) && list.contains(lesson.claim), "{}", lesson.name);
        }
    }
}
