//! Programs side by side: each started, asked, and ended; and what a ratio of two says over several rounds.

use std::io::{BufRead, BufReader, Error, Result};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A server that runs until it is dropped.
pub struct Program {
    /// Where it listens.
    pub addr: SocketAddr,
    child: Child,
}

impl Program {
    /// Starts `command`, on that CPU alone if there is one, and waits for the line that tells its address.
    ///
    /// # Errors
    /// When it cannot be started, or says something else.
    pub fn start(command: &[String], cpu: Option<usize>) -> Result<Self> {
        let pinned = cpu.map(|cpu| ["taskset".to_owned(), "-c".to_owned(), cpu.to_string()]);
        let words = pinned.iter().flatten().chain(command).collect::<Vec<_>>();
        let failed = |error| Error::other(format!("{}: {error}", command.join(" ")));
        let mut child = Command::new(words[0])
            .args(&words[1..])
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("stdout is piped")).read_line(&mut line)?;
        match line.trim().trim_start_matches("listening on http://").parse() {
            Ok(addr) => Ok(Self { addr, child }),
            Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(failed(format!("its first line was {line:?}")))
            }
        }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command that starts one of the workspace's programs on any free port: one that an example finds built beside it.
///
/// # Errors
/// When this process does not know where it is.
pub fn command(name: &str, flags: &[&str]) -> Result<Vec<String>> {
    let here = std::env::current_exe()?;
    let folder: PathBuf = here.ancestors().nth(2).map(PathBuf::from).unwrap_or_default();
    let program = folder.join(name).display().to_string();
    let words = ["--addr", "127.0.0.1:0"].iter().chain(flags).map(|&flag| flag.to_owned());
    Ok(std::iter::once(program).chain(words).collect())
}

/// The median of several rounds and a 95 % interval for it, by order statistics: it supposes nothing of the
/// distribution. Under six rounds there is none so narrow, and it is the range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Median {
    /// The lower end of the interval.
    pub low: f64,
    /// The median.
    pub value: f64,
    /// The upper end of the interval.
    pub high: f64,
}

impl Median {
    /// Of `values`, of which there is one at least.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let count = values.len();
        // How likely it is that at most `rank` of so many rounds lie under the median: a coin thrown for each.
        let mut chance = 0.5_f64.powi(i32::try_from(count).unwrap_or(i32::MAX));
        let (mut below, mut rank) = (chance, 0);
        while 2.0 * below <= 0.05 && rank < count / 2 {
            rank += 1;
            chance *= (count - rank + 1) as f64 / rank as f64;
            below += chance;
        }
        let place = rank.saturating_sub(1);
        let value = f64::midpoint(values[(count - 1) / 2], values[count / 2]);
        Self { low: values[place], value, high: values[count - 1 - place] }
    }

    /// Of the ratios, round by round.
    pub fn ratio(these: &[f64], those: &[f64]) -> Self {
        Self::of(these.iter().zip(those).map(|(this, that)| this / that).collect())
    }
}

impl std::fmt::Display for Median {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { low, value, high } = self;
        write!(f, "{value:.3} ({low:.3} to {high:.3})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_median_is_the_narrowest_that_misses_it_in_at_most_5_of_100_cases() {
        // Each round lies above or below the true median as a coin falls: every way that so many coins can fall.
        for count in 6..=16_u32 {
            let falls = 1_u32 << count;
            let missing = |low: u32| {
                let below = (0..falls).filter(|fall| fall.count_ones() < low).count();
                2.0 * below as f64 / f64::from(falls)
            };
            let median = Median::of((1..=count).rev().map(f64::from).collect());
            let low = (1..=count / 2).rev().find(|&low| missing(low) <= 0.05).unwrap();
            assert_eq!(median.low, f64::from(low), "{count} rounds");
            assert_eq!(median.high, f64::from(count + 1 - low), "{count} rounds");
            assert_eq!(median.value, f64::from(count + 1) / 2.0, "{count} rounds");
        }
    }

    #[test]
    fn of_few_rounds_the_interval_is_the_range() {
        let median = Median { low: 1.0, value: 3.0, high: 5.0 };
        assert_eq!(Median::of(vec![5.0, 1.0, 4.0, 2.0, 3.0]), median);
    }
}
