//! The instrument: runs the servers side by side and says what each way of waiting costs.
//!
//! | to find | look in |
//! |---|---|
//! | what is asked, of whom, in which order, for how long | [`scenarios`], [`uses`], [`workload`], [`question`], [`competitor`], [`plan`] |
//! | starting servers, the contract before the clock, one measured cell | [`arena`], [`judge`], [`measure`] |
//! | what a run leaves behind | [`results`] |
//! | figures from it: medians, ratios | [`view`] |
//! | when a difference is one | [`difference`] |
//! | what a waiting client holds | [`memory`] |
//! | judgements from them: verdicts, the ten lines, tables, the page | [`verdict`], [`answer`], [`tables`], [`report`], [`csv`] |
//! | claims as experiments, one at a time | [`lesson`] |
//! | what is measured without a rival: the cost of mistakes, the queue | [`mistakes`], [`queue`], [`measured`] |
//! | the same API in another language | [`peers`] |
//! | a page to watch them on | [`live`] |
//! | who reads what is printed leaves | `unread` |
//! | the commands | [`args`], [`compare`], [`lesson::run`], [`check`], [`knee`], [`choose`], [`doctor`], [`code`], [`since`] |

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command, Compare};

pub mod answer;
pub mod arena;
pub mod args;
pub mod check;
pub mod choose;
pub mod code;
pub mod compare;
pub mod competitor;
pub mod csv;
pub mod difference;
pub mod doctor;
pub mod judge;
pub mod knee;
pub mod lesson;
pub mod live;
pub mod machine;
pub mod measure;
pub mod measured;
pub mod memory;
pub mod mistakes;
pub mod peers;
pub mod plan;
pub mod progress;
pub mod question;
pub mod queue;
pub mod report;
pub mod results;
pub mod scenarios;
pub mod since;
pub mod stop;
pub mod tables;
mod unread;
pub mod uses;
pub mod verdict;
pub mod view;
pub mod workload;

/// Runs the command that was typed.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    unread::ends_when_unread(|| run(cli))
}

fn run(cli: Cli) -> ExitCode {
    let done = match cli.command {
        None => compare::run(&Compare::default()),
        Some(Command::Lesson(args)) => lesson::run::run(&args),
        Some(Command::Mistakes(args)) => mistakes::run(&args),
        Some(Command::Queue(args)) => queue::run(&args),
        Some(Command::Peers(args)) => peers::run(&args),
        Some(Command::Compare(args)) => compare::run(&args),
        Some(Command::Live(args)) => live::run(&args),
        Some(Command::Check(args)) => check::run(&args),
        Some(Command::Choose(args)) => choose::run(&args),
        Some(Command::Knee(args)) => knee::run(&args),
        Some(Command::Code(args)) => Ok(code::run(&args)),
        Some(Command::Doctor(args)) => doctor::run(&args),
        Some(Command::Report(args)) => Ok(render_again(&args)),
        Some(Command::Since(args)) => since::run(&args),
    };
    done.unwrap_or_else(|error| {
        eprintln!("lab: {error:#}");
        ExitCode::FAILURE
    })
}

fn render_again(args: &args::Report) -> ExitCode {
    const BAD_ARGUMENTS: u8 = 2;
    let path = &args.results;
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new(".")) };
    let rendered = results::read(path).and_then(|results| {
        compare::render(&results, folder)?;
        Ok(results)
    });
    match rendered {
        Ok(results) => {
            let answer = answer::lines(&results, folder).join("\n");
            print!("{answer}\n{}", tables::all(&results));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("lab: {error:#}");
            BAD_ARGUMENTS.into()
        }
    }
}
