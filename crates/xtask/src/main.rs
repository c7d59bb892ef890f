//! Chores for contributors: the book, what is generated into it, and checks that keep docs and code in step.
//!
//! The checks are tests of this crate, so `cargo test --workspace` runs them. The commands are for mending.

mod agree;
mod alignment;
mod book;
mod check;
mod commands;
mod exceptions;
mod exercises;
mod figures;
mod generate;
mod items;
mod licences;
mod lines;
mod manifests;
mod numbers;
mod pages;
mod root;
mod tables;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Chores for contributors: the book, and what keeps it in step with the code
///
/// After a change of code that the book shows: `cargo xtask generate`. After a change of the book: `cargo xtask
/// check-docs`. Both are also asked by `cargo test -p xtask`, which says what is wrong and where.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Xtask {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Generate, check, and build the book with mdBook
    ///
    /// Needs mdBook 0.5 on the path, or named in the variable MDBOOK; says how to install it when it is missing.
    Book {
        /// Where to put it
        #[arg(long, default_value = "docs/book")]
        out: PathBuf,
    },
    /// Write what pages and the README take from the code: cuts, diffs, tables, figures
    Generate,
    /// Keep a run, or a lesson's, under docs/src/results/ with its date, and fill README and figures from the newest
    #[command(alias = "readme")]
    Keep {
        /// A run's results, or what a lesson found: lab-report/lessons/NAME.json
        #[arg(default_value = "lab-report/results.json")]
        results: PathBuf,
    },
    Faults(faults::Args),
    /// Send thousands of requests that nobody should send to all three servers, and say whether they answer alike
    Agree {
        /// How many, beside the wire cases as they stand
        #[arg(default_value_t = 2_000)]
        requests: u64,
        /// Other requests
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Test every exercise: it fails as given and passes when solved
    Exercises,
    /// Check the book and the voices: includes, links, images, typed numbers, generated files, alignment
    CheckDocs,
}

fn main() -> anyhow::Result<ExitCode> {
    match Xtask::parse().chore {
        Chore::Book { out } => {
            generate()?;
            if !check() {
                return Ok(ExitCode::FAILURE);
            }
            book::build(&out)?;
        }
        Chore::Generate => generate()?,
        Chore::Exercises => exercises::check()?,
        Chore::Keep { results } => {
            println!("kept in {}", figures::keep(&results)?.display());
            generate()?;
        }
        Chore::Agree { requests, seed } => {
            if !agree::run(requests, seed)? {
                return Ok(ExitCode::FAILURE);
            }
        }
        Chore::Faults(args) => return faults::run(&args),
        Chore::CheckDocs => {
            if !check() {
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn generate() -> anyhow::Result<()> {
    exercises::write()?;
    match generate::write()? {
        0 => println!("everything generated is in step"),
        changed => println!("{changed} generated files changed"),
    }
    Ok(())
}

/// Says what is wrong; true when nothing is.
fn check() -> bool {
    let mut wrong = check::complaints();
    wrong.extend(alignment::complaints());
    for complaint in &wrong {
        eprintln!("{complaint}");
    }
    wrong.is_empty()
}
