//! The dials: what a flag sets for every request alike.

use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use crate::Fault;
use crate::dice::Dice;

/// How the stub answers, for everyone. Each is a flag with an environment variable beside it.
#[derive(Clone, Debug, PartialEq, clap::Args)]
pub struct Dials {
    /// Where to listen; port 0 takes a free one, and the first line on stdout says which
    #[arg(long, env = "GITHUB_STUB_ADDR", default_value = "127.0.0.1:0", value_name = "IP:PORT")]
    pub addr: SocketAddr,

    /// Time before each answer: `50ms`, `uniform:10ms-90ms`, or `lognormal:50ms:0.5` (median and sigma)
    #[arg(long, env = "GITHUB_STUB_LATENCY", default_value = "0ms")]
    pub latency: Latency,

    /// Picks the latencies and faults; the nth asking for a name gets the same ones under the same seed
    #[arg(long, env = "GITHUB_STUB_SEED", default_value_t = 0)]
    pub seed: u64,

    /// Requests a window, for all clients together: `60/1h`, or `60` for an hour's; then 403 until the window ends
    #[arg(long, env = "GITHUB_STUB_RATE_LIMIT", value_name = "N[/WINDOW]")]
    pub rate_limit: Option<RateLimit>,

    /// A share of requests that go wrong, and how: `0.01:500` or `0.05:down`; may be repeated
    #[arg(
        long = "fault-rate",
        env = "GITHUB_STUB_FAULT_RATE",
        value_name = "SHARE:FAULT",
        value_delimiter = ','
    )]
    pub faults: Vec<FaultShare>,
}

impl Default for Dials {
    /// A free port, no latency, no limit, no faults: the flags' own defaults.
    fn default() -> Dials {
        Dials {
            addr: (Ipv4Addr::LOCALHOST, 0).into(),
            latency: Latency::Fixed(Duration::ZERO),
            seed: 0,
            rate_limit: None,
            faults: Vec::new(),
        }
    }
}

impl Dials {
    /// The fault that the nth asking for `name` draws, if any.
    pub(crate) fn fault(&self, name: &str, nth: u64) -> Option<Fault> {
        if self.faults.is_empty() {
            return None;
        }
        let mut drawn = Dice::of(self.seed ^ FAULT_SEED, name, nth).unit();
        for FaultShare { share, fault } in &self.faults {
            if drawn < *share {
                return Some(*fault);
            }
            drawn -= share;
        }
        None
    }
}

/// Keeps a request's fault independent of its latency.
const FAULT_SEED: u64 = 0x6661_756c_7400_0000;

/// How long before an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Latency {
    /// Always as long.
    Fixed(Duration),
    /// Anywhere from the first to the second, evenly.
    Uniform(Duration, Duration),
    /// Log-normal, as real services are: half of the answers come within `median`, a few much later.
    LogNormal {
        /// Half are faster, half slower.
        median: Duration,
        /// The deviation of the logarithm: at 0.5 one in a hundred takes 3.2 times the median.
        sigma: f64,
    },
}

impl Latency {
    /// The latency of the `nth` asking for `name`, under `seed`.
    #[must_use]
    pub fn draw(self, seed: u64, name: &str, nth: u64) -> Duration {
        let mut dice = Dice::of(seed, name, nth);
        match self {
            Latency::Fixed(time) => time,
            Latency::Uniform(least, most) => least + (most - least).mul_f64(dice.unit()),
            Latency::LogNormal { median, sigma } => median.mul_f64((sigma * dice.normal()).exp()),
        }
    }
}

impl FromStr for Latency {
    type Err = String;

    fn from_str(text: &str) -> Result<Latency, String> {
        if let Some(range) = text.strip_prefix("uniform:") {
            let (least, most) =
                range.split_once('-').ok_or("a uniform latency is `uniform:10ms-90ms`")?;
            let (least, most) = (parse_duration(least)?, parse_duration(most)?);
            if least > most {
                return Err(format!("{least:?} is more than {most:?}"));
            }
            return Ok(Latency::Uniform(least, most));
        }
        if let Some(shape) = text.strip_prefix("lognormal:") {
            let (median, sigma) =
                shape.split_once(':').ok_or("a log-normal latency is `lognormal:50ms:0.5`")?;
            let median = parse_duration(median)?;
            let sigma = sigma
                .parse()
                .ok()
                .filter(|s| (0.0..=3.0).contains(s))
                .ok_or("sigma is from 0 to 3")?;
            return Ok(Latency::LogNormal { median, sigma });
        }
        parse_duration(text).map(Latency::Fixed)
    }
}

/// How many requests a window holds. A window starts with its first request and ends on a whole second, because GitHub
/// tells its end in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Answered in each window.
    pub requests: u32,
    /// How long a window lasts.
    pub window: Duration,
}

impl FromStr for RateLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<RateLimit, String> {
        let (requests, window) = text.split_once('/').unwrap_or((text, "1h"));
        let requests =
            requests.parse().map_err(|_| format!("`{requests}` is not a number of requests"))?;
        let window = parse_duration(window)?;
        if window.is_zero() {
            return Err("a window must last".to_owned());
        }
        Ok(RateLimit { requests, window })
    }
}

/// A share of requests, from 0 to 1, and what happens to them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaultShare {
    /// From 0 to 1.
    pub share: f64,
    /// What happens to those requests.
    pub fault: Fault,
}

impl FromStr for FaultShare {
    type Err = String;

    fn from_str(text: &str) -> Result<FaultShare, String> {
        let (share, fault) =
            text.split_once(':').ok_or("a fault rate is `0.01:500` or `0.05:down`")?;
        let share = share
            .parse()
            .ok()
            .filter(|s| (0.0..=1.0).contains(s))
            .ok_or("a share is from 0 to 1")?;
        let fault = Fault::of(fault)
            .or_else(|| Fault::of(&format!("error-{fault}")))
            .ok_or_else(|| format!("`{fault}` is neither a fault nor a status from 400 to 599"))?;
        Ok(FaultShare { share, fault })
    }
}

/// Parses `250us`, `50ms`, `1.5s`, `2m` or `1h`.
///
/// # Errors
///
/// A sentence that says what a duration looks like, or that this one is over a day.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("`{text}` is not a duration such as 250us, 50ms, 1.5s, 2m or 1h")),
    };
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let number: f64 =
        number.parse().ok().filter(|_| digits).ok_or(format!("`{number}` is not a number"))?;
    let time = Duration::try_from_secs_f64(number * seconds).ok().filter(|t| *t <= A_DAY);
    time.ok_or(format!("`{text}` is over a day"))
}

const A_DAY: Duration = Duration::from_secs(24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        dials: Dials,
    }

    #[test]
    fn default_dials_are_the_flags_defaults() {
        assert_eq!(Line::parse_from(["github-stub"]).dials, Dials::default());
    }

    #[test]
    fn a_fault_rate_takes_a_status_or_the_name_of_a_fault() {
        let line = ["github-stub", "--fault-rate", "0.01:500", "--fault-rate", "0.5:down"];
        let faults = [
            FaultShare { share: 0.01, fault: Fault::Error(500) },
            FaultShare { share: 0.5, fault: Fault::Down },
        ];
        assert_eq!(Line::parse_from(line).dials.faults, faults);
        for wrong in ["500", "2:500", "0.1:200", "0.1:nonsense", "NaN:500"] {
            assert!(wrong.parse::<FaultShare>().is_err(), "{wrong} was taken");
        }
    }

    #[test]
    fn a_duration_has_a_number_and_a_unit() {
        let right = [
            ("250us", 250),
            ("50ms", 50_000),
            ("1.5s", 1_500_000),
            ("2m", 120_000_000),
            ("0ms", 0),
        ];
        for (text, micros) in right {
            assert_eq!(parse_duration(text), Ok(Duration::from_micros(micros)), "{text}");
        }
        for wrong in ["", "5", "ms", "-1s", "1e3s", "inf", "1d", "99999h", "1 s"] {
            assert!(parse_duration(wrong).is_err(), "{wrong} was taken");
        }
    }

    #[test]
    fn a_rate_limit_is_for_an_hour_unless_it_says_otherwise() {
        assert_eq!("60".parse(), Ok(RateLimit { requests: 60, window: Duration::from_secs(3600) }));
        assert_eq!("5/2s".parse(), Ok(RateLimit { requests: 5, window: Duration::from_secs(2) }));
        assert!("5/0s".parse::<RateLimit>().is_err());
    }

    #[test]
    fn a_lognormal_latency_has_the_median_and_the_tail_it_was_asked_for() {
        let latency: Latency = "lognormal:50ms:0.5".parse().unwrap();
        let mut drawn: Vec<f64> =
            (0..10_001).map(|n| latency.draw(7, "octocat", n).as_secs_f64() * 1e3).collect();
        drawn.sort_by(f64::total_cmp);
        let (median, p99) = (drawn[5_000], drawn[9_900]);
        assert!((48.0..52.0).contains(&median), "median {median} ms");
        assert!((150.0..172.0).contains(&p99), "p99 {p99} ms, not 160");
    }

    #[test]
    fn a_uniform_latency_stays_within_its_ends_and_reaches_both() {
        let latency: Latency = "uniform:10ms-90ms".parse().unwrap();
        let drawn: Vec<f64> =
            (0..10_000).map(|n| latency.draw(7, "octocat", n).as_secs_f64() * 1e3).collect();
        let (least, most) =
            drawn.iter().fold((f64::MAX, 0.0_f64), |(l, m), d| (l.min(*d), m.max(*d)));
        assert!(
            (10.0..10.2).contains(&least) && (89.8..=90.0).contains(&most),
            "{least} to {most} ms"
        );
        assert!("uniform:90ms-10ms".parse::<Latency>().is_err());
    }

    #[test]
    fn a_seed_repeats_its_latencies_and_another_seed_does_not() {
        let latency: Latency = "uniform:0ms-1s".parse().unwrap();
        assert_eq!(latency.draw(7, "octocat", 3), latency.draw(7, "octocat", 3));
        assert_ne!(latency.draw(7, "octocat", 3), latency.draw(8, "octocat", 3));
        assert_ne!(latency.draw(7, "octocat", 3), latency.draw(7, "octocat", 4));
    }

    #[test]
    fn a_share_of_requests_goes_wrong_and_no_more() {
        let faults = vec!["0.1:500".parse().unwrap(), "0.2:cut".parse().unwrap()];
        let dials = Dials { faults, ..Dials::default() };
        let drawn: Vec<_> = (0..10_000).map(|n| dials.fault("octocat", n)).collect();
        let count = |fault| drawn.iter().filter(|drawn| **drawn == fault).count();
        let (errors, cuts, fine) =
            (count(Some(Fault::Error(500))), count(Some(Fault::Cut)), count(None));
        assert!((900..1_100).contains(&errors), "{errors} errors");
        assert!((1_850..2_150).contains(&cuts), "{cuts} cuts");
        assert_eq!(errors + cuts + fine, 10_000);
    }
}
