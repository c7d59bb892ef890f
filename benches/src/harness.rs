//! Criterion, told where to write and how long to measure; and after it, the tables.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use criterion::measurement::WallTime;
use criterion::{Bencher, BenchmarkGroup, Criterion, Throughput};

use crate::cpus::Split;
use crate::{output, primitives, routes, table};

/// Criterion and what it was asked to measure.
pub struct Harness {
    /// None counts what would be measured, and measures nothing.
    criterion: Option<Criterion>,
    home: PathBuf,
    begun: SystemTime,
    ran: Vec<Ran>,
    planned: u32,
}

const SAMPLES: usize = 50;
const WARM_UP: Duration = Duration::from_millis(500);
const MEASURED: Duration = Duration::from_secs(2);
/// What a bench takes beyond that: its figures, its files, a server's start now and then. Measured.
const AROUND: Duration = Duration::from_millis(300);

/// One bench that ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) group: String,
    pub(crate) name: &'static str,
}

/// Benches that ask the same question, side by side.
pub struct Group<'a> {
    group: Option<BenchmarkGroup<'a, WallTime>>,
    name: String,
    ran: &'a mut Vec<Ran>,
    planned: &'a mut u32,
}

/// How many benches there are, and how long all of them take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Benches.
    pub benches: u32,
    /// All together.
    pub takes: Duration,
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.takes.as_secs_f64() / 60.0;
        write!(f, "all of it: {} benches, {minutes:.1} minutes; a filter takes less", self.benches)
    }
}

/// What `cargo bench` without a filter would do.
///
/// # Errors
///
/// When the stub, which nobody asks then, cannot be started.
pub fn planned() -> anyhow::Result<Planned> {
    let mut harness = Harness {
        criterion: None,
        home: PathBuf::new(),
        begun: SystemTime::now(),
        ran: Vec::new(),
        planned: 0,
    };
    primitives::measure(&mut harness);
    routes::measure(&mut harness)?;
    let benches = harness.planned;
    Ok(Planned { benches, takes: (WARM_UP + MEASURED + AROUND) * benches })
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
            .sample_size(SAMPLES)
            .warm_up_time(WARM_UP)
            .measurement_time(MEASURED)
            .nresamples(20_000)
            .configure_from_args();
        let criterion = Some(criterion);
        Ok(Self { criterion, home, begun: SystemTime::now(), ran: Vec::new(), planned: 0 })
    }

    /// A group, named by what it asks; `each` is how many of it one iteration does.
    pub fn group(&mut self, name: &str, each: u64) -> Group<'_> {
        let mut group = self.criterion.as_mut().map(|criterion| criterion.benchmark_group(name));
        if let (Some(group), 2..) = (&mut group, each) {
            group.throughput(Throughput::Elements(each));
        }
        Group { group, name: name.to_owned(), ran: &mut self.ran, planned: &mut self.planned }
    }

    /// Prints the tables of what was measured, and what they do not show.
    ///
    /// # Errors
    ///
    /// When a figure criterion has written cannot be read.
    pub fn conclude(self) -> anyhow::Result<()> {
        if let Some(criterion) = &self.criterion {
            criterion.final_summary();
        }
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
            println!("{}", table::CAVEATS);
        }
        println!("Every figure, with its samples: {}", self.home.display());
        Ok(())
    }
}

impl Group<'_> {
    /// Measures one of them, unless the filter on the command line leaves it out.
    pub fn measure(&mut self, name: &'static str, mut routine: impl FnMut(&mut Bencher<'_>)) {
        *self.planned += 1;
        let Some(group) = &mut self.group else { return };
        let mut ran = false;
        group.bench_function(name, |bencher| {
            ran = true;
            routine(bencher);
        });
        if ran {
            self.ran.push(Ran { group: self.name.clone(), name });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_benches_together_take_less_than_ten_minutes() {
        let planned = planned().unwrap();
        assert!(planned.benches >= 100, "{planned}");
        assert!(planned.takes < Duration::from_secs(9 * 60), "{planned}");
    }
}
