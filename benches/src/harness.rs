//! Criterion, told where to write and how long to measure; and after it, the tables.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use criterion::measurement::WallTime;
use criterion::{Bencher, BenchmarkGroup, Criterion, Throughput};

use crate::cpus::Split;
use crate::{output, table};

/// Criterion and what it was asked to measure.
pub struct Harness {
    criterion: Criterion,
    home: PathBuf,
    begun: SystemTime,
    ran: Vec<Ran>,
}

/// One bench that ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) group: String,
    pub(crate) name: &'static str,
}

/// Benches that ask the same question, side by side.
pub struct Group<'a> {
    group: BenchmarkGroup<'a, WallTime>,
    name: String,
    ran: &'a mut Vec<Ran>,
}

impl Harness {
    /// Reads criterion's own arguments.
    ///
    /// # Errors
    ///
    /// When it cannot be told where this program is, and with it where to write.
    pub fn from_args() -> anyhow::Result<Self> {
        let home = output::home()?;
        fs::create_dir_all(&home).with_context(|| format!("cannot write to {}", home.display()))?;
        let criterion = Criterion::default()
            .output_directory(&home)
            .without_plots()
            // Some fifty benches: together they must stay well below ten minutes.
            .sample_size(50)
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(2))
            .nresamples(20_000)
            .configure_from_args();
        Ok(Self { criterion, home, begun: SystemTime::now(), ran: Vec::new() })
    }

    /// A group, named by what it asks; `each` is how many of it one iteration does.
    pub fn group(&mut self, name: &str, each: u64) -> Group<'_> {
        let mut group = self.criterion.benchmark_group(name);
        if each > 1 {
            group.throughput(Throughput::Elements(each));
        }
        Group { group, name: name.to_owned(), ran: &mut self.ran }
    }

    /// Prints the tables of what was measured, and what they do not show.
    ///
    /// # Errors
    ///
    /// When a figure criterion has written cannot be read.
    pub fn conclude(self) -> anyhow::Result<()> {
        self.criterion.final_summary();
        let measured = output::read(&self.home, self.begun)?;
        if measured.is_empty() {
            // Under `--test`, `--list`, `--profile-time` or a filter that nothing matches. On stderr: `--list` is read by tools.
            eprintln!("Nothing was measured, so there is no table.");
            return Ok(());
        }
        for ran in &self.ran {
            let found = measured.keys().any(|key| *key == (ran.group.clone(), ran.name.to_owned()));
            anyhow::ensure!(found, "criterion wrote no figure for {}/{}", ran.group, ran.name);
        }
        let (primitives, routes) = table::of(&self.ran, &measured);
        if let Some(primitives) = primitives {
            println!(
                "\nWhat a thread and a task cost: medians, and × the first of each row\n\n{primitives}"
            );
        }
        if let Some(routes) = routes {
            println!(
                "\nWhat a request costs, warm: medians, and × blocking with its 95 % interval\n"
            );
            println!("{routes}\n{}", Split::here().told());
            if let Some(note) = table::timer_note(&measured) {
                println!("{note}");
            }
            println!("{}", table::CAVEATS);
        }
        println!("Every figure, with its samples: {}", self.home.display());
        Ok(())
    }
}

impl Group<'_> {
    /// Measures one of them, unless the filter on the command line leaves it out.
    pub fn measure(&mut self, name: &'static str, mut routine: impl FnMut(&mut Bencher<'_>)) {
        let mut ran = false;
        self.group.bench_function(name, |bencher| {
            ran = true;
            routine(bencher);
        });
        if ran {
            self.ran.push(Ran { group: self.name.clone(), name });
        }
    }
}
