//! The other generators: how each is asked, and what its output says.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Deserialize;

/// A generator that somebody else has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Other {
    /// <https://github.com/wg/wrk>
    Wrk,
    /// <https://github.com/hatoo/oha>
    Oha,
}

/// What it says of a run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Said {
    pub(super) per_second: f64,
    /// Answers, wrong ones included.
    pub(super) answers: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    /// What it counts as failed, whether or not it left that out of its latencies.
    pub(super) failed: u64,
}

impl Other {
    /// Those that are installed, the better known first.
    pub(super) fn installed() -> Vec<Self> {
        let answers = |other: &Self| Command::new(other.name()).arg("--version").output().is_ok();
        [Self::Wrk, Self::Oha].into_iter().filter(answers).collect()
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Wrk => "wrk",
            Self::Oha => "oha",
        }
    }

    /// So many clients that each wait for their answer, for so many whole seconds.
    pub(super) fn command(self, url: &str, clients: u32, threads: usize, seconds: u32) -> Command {
        let mut command = Command::new(self.name());
        match self {
            Self::Wrk => {
                command.args(["--latency", "--timeout", "10s"]);
                command.args([
                    format!("-t{threads}"),
                    format!("-c{clients}"),
                    format!("-d{seconds}s"),
                ]);
            }
            Self::Oha => {
                command.args(["--no-tui", "--output-format", "json"]);
                command.args(["-z", &format!("{seconds}s"), "-c", &clients.to_string()]);
                // It has as many threads as the machine has cores unless told otherwise.
                command.env("TOKIO_WORKER_THREADS", threads.to_string());
            }
        }
        command.arg(url);
        command
    }

    /// Reads its output.
    ///
    /// # Errors
    /// When it is not what this version of `lab` knows.
    pub(super) fn read(self, text: &str) -> anyhow::Result<Said> {
        let said = match self {
            Self::Wrk => wrk(text),
            Self::Oha => oha(text),
        };
        said.with_context(|| format!("{} says what is not understood: {text:?}", self.name()))
    }

    /// What it leaves undone, that a reader of its output would not think of.
    pub(super) fn omits(self) -> &'static str {
        match self {
            Self::Wrk => {
                "wrk has no schedule: a client that waits for an answer asks nothing meanwhile, so a stall of a second is one late\n\
                 answer a client and not all that should have been asked (coordinated omission), and nothing corrects for it.\n\
                 Timeouts are counted, and left out of its latencies. No body is looked at. It does not say when it was itself the limit,\n\
                 nor when some of its connections were never served."
            }
            Self::Oha => {
                "oha asked in a closed loop here: a client that waits for an answer asks nothing meanwhile, so a stall of a second is\n\
                 one late answer a client and not all that should have been asked (coordinated omission). With -q and\n\
                 --latency-correction it has a schedule. No body is looked at. It does not say when it was itself the limit, nor when some of its\n\
                 connections were never served."
            }
        }
    }
}

/// wrk's summary, with `--latency`.
fn wrk(text: &str) -> anyhow::Result<Said> {
    let after = |name: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(name));
        line.map(str::trim).with_context(|| format!("there is no line {name:?}"))
    };
    let counted = text.lines().find_map(|line| line.trim().split_once(" requests in "));
    let (answers, _) = counted.context("it counts no requests")?;
    // `  Socket errors: connect 0, read 0, write 0, timeout 12`, and only when there are any.
    let errors = after("Socket errors:").unwrap_or_default();
    let errors = errors.split(", ").filter_map(|part| part.split(' ').nth(1)?.parse::<u64>().ok());
    let wrong = after("Non-2xx or 3xx responses:").ok().and_then(|count| count.parse::<u64>().ok());
    Ok(Said {
        per_second: after("Requests/sec:")?.parse()?,
        answers: answers.parse()?,
        p50_ms: milliseconds(after("50%")?)?,
        p99_ms: milliseconds(after("99%")?)?,
        failed: errors.sum::<u64>() + wrong.unwrap_or(0),
    })
}

/// `812.00us`, `1.25ms`, `2.01s`, `1.50m`
fn milliseconds(text: &str) -> anyhow::Result<f64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "us" => 1e-3,
        "ms" => 1.0,
        "s" => 1e3,
        "m" => 6e4,
        "h" => 3.6e6,
        other => bail!("{other:?} is no unit of time"),
    };
    Ok(digits.parse::<f64>()? * unit)
}

/// oha's JSON.
fn oha(text: &str) -> anyhow::Result<Said> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Output {
        summary: Summary,
        latency_percentiles: Percentiles,
        #[serde(default)]
        status_code_distribution: std::collections::BTreeMap<String, u64>,
        #[serde(default)]
        error_distribution: std::collections::BTreeMap<String, u64>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Summary {
        requests_per_sec: f64,
    }
    #[derive(Deserialize)]
    struct Percentiles {
        p50: Option<f64>,
        p99: Option<f64>,
    }
    let output: Output = serde_json::from_str(text)?;
    let statuses = &output.status_code_distribution;
    let wrong = statuses.iter().filter(|(status, _)| !status.starts_with('2'));
    // Those it breaks off at its own end are not the server's.
    let ended = |why: &str| why.contains("aborted due to deadline");
    let errors = output.error_distribution.iter().filter(|(why, _)| !ended(why));
    let count = |count: (&String, &u64)| *count.1;
    let seconds = |value: Option<f64>| value.map_or(f64::NAN, |seconds| seconds * 1e3);
    Ok(Said {
        per_second: output.summary.requests_per_sec,
        answers: statuses.values().sum::<u64>() as f64,
        p50_ms: seconds(output.latency_percentiles.p50),
        p99_ms: seconds(output.latency_percentiles.p99),
        failed: wrong.map(count).sum::<u64>() + errors.map(count).sum::<u64>(),
    })
}

/// Longer than any run that was asked for: then it hangs.
pub(super) fn patience(seconds: u32) -> Duration {
    Duration::from_secs(u64::from(seconds) * 2 + 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// wrk 4.1.0, against a server that stood still at its end.
    const WRK: &str = "\
Running 2s test @ http://127.0.0.1:40001/plaintext
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   506.17us  120.13us   5.21ms   93.01%
    Req/Sec   126.01k     3.20k  130.04k    70.00%
  Latency Distribution
     50%  498.00us
     75%  540.00us
     90%  600.00us
     99%    1.25ms
  252000 requests in 2.01s, 20.01MB read
  Socket errors: connect 0, read 3, write 0, timeout 12
  Non-2xx or 3xx responses: 5
Requests/sec: 125373.13
Transfer/sec:      9.96MB
";

    #[test]
    fn what_wrk_says_is_read_with_its_units_and_its_errors() {
        let said = Other::Wrk.read(WRK).unwrap();
        assert_eq!((said.answers, said.failed), (252_000.0, 20));
        assert!((said.per_second - 125_373.13).abs() < 1e-6);
        assert!(
            (said.p50_ms - 0.498).abs() < 1e-9 && (said.p99_ms - 1.25).abs() < 1e-9,
            "{said:?}"
        );
        let without: String = WRK
            .lines()
            .filter(|line| !line.contains("rrors") && !line.contains("Non-"))
            .map(|line| line.to_owned() + "\n")
            .collect();
        assert_eq!(Other::Wrk.read(&without).unwrap().failed, 0);
        for (text, ms) in [("2.01s", 2_010.0), ("1.50m", 90_000.0), ("7us", 0.007)] {
            assert!((milliseconds(text).unwrap() - ms).abs() < 1e-9, "{text}");
        }
    }

    #[test]
    fn what_oha_says_is_read_and_its_own_end_is_no_failure() {
        let json = r#"{
            "summary": {"successRate": 1.0, "total": 2.0, "slowest": 0.004, "fastest": 0.0001, "average": 0.0009,
                        "requestsPerSec": 70000.5, "totalData": 1820013, "sizePerRequest": 13, "sizePerSec": 910006.5},
            "responseTimeHistogram": {"0.0001": 1},
            "latencyPercentiles": {"p10": 0.0005, "p50": 0.0008, "p99": 0.0021, "p99.9": 0.003},
            "rps": {"mean": 70000.0},
            "statusCodeDistribution": {"200": 139990, "503": 7},
            "errorDistribution": {"aborted due to deadline": 64, "connection closed before message completed": 2}
        }"#;
        let said = Other::Oha.read(json).unwrap();
        assert_eq!((said.answers, said.failed), (139_997.0, 9));
        assert!((said.p50_ms - 0.8).abs() < 1e-9 && (said.p99_ms - 2.1).abs() < 1e-9, "{said:?}");
    }

    #[test]
    fn what_is_not_understood_is_said_and_shown() {
        for (other, text) in [(Other::Wrk, "unable to connect to 127.0.0.1"), (Other::Oha, "{}")] {
            let error = format!("{:#}", other.read(text).unwrap_err());
            assert!(error.contains(other.name()) && error.contains(text), "{error}");
        }
    }
}
