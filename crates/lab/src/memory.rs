//! What one more waiting client makes a server hold, and the kernel for it: slopes over several levels.
//!
//! RSS hides the kernel's share. Page tables stand in the process's own status. Kernel stacks are threads × 16 KiB, and are
//! believed only when the machine's own figure grew alike. For sockets and slab only the machine's figures exist, and on
//! loopback they hold the clients' ends too: so what the floor made the machine hold with the same connections is taken
//! away, and the rest is what this server has beyond one bare socket a client.

use crate::difference::range;
use crate::results::{Cell, Competitor, Kind, Level, Results, Scenario};
use crate::verdict::thousands;
use crate::view::{HELD, Read};

/// How far the machine's kernel stacks may be from what the threads explain, as a share and in bytes a client.
const STACKS_OFF: (f64, f64) = (0.25, 1_024.0);
/// How far rounds may be apart in what the machine's slab and buffers grew by, likewise.
const MACHINE_MOVED: (f64, f64) = (0.5, 1_024.0);

/// Bytes a waiting client.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// Resident memory.
    pub resident: f64,
    /// Page tables.
    pub page_tables: f64,
    /// Kernel stacks, or why that cannot be told.
    pub kernel_stacks: Result<f64, String>,
    /// Slab and socket buffers beyond the floor's, or why that cannot be told.
    pub sockets: Result<f64, String>,
}

const STACKS: Read = |cell| Some(cell.usage.as_ref()?.kernel_stacks_peak_bytes as f64);
const MACHINE_STACKS: Read = |cell| Some(cell.usage.as_ref()?.machine_kernel_stacks_bytes as f64);
const MACHINE_SOCKETS: Read = |cell| {
    let usage = cell.usage.as_ref()?;
    Some((usage.machine_slab_bytes + usage.machine_socket_buffers_bytes) as f64)
};

/// The levels at which clients all wait at once, for an answer or for what is said, when they are several and alike.
pub fn levels(scenario: &Scenario) -> Vec<&Level> {
    let waits = |level: &&Level| match level.kind {
        Kind::Burst => level.least_ms > 0.0,
        Kind::Room => true,
        Kind::Closed | Kind::Open => false,
    };
    let levels: Vec<_> = scenario.levels.iter().filter(waits).collect();
    let alike = levels.windows(2).all(|pair| pair[0].request == pair[1].request);
    if levels.len() > 1 && alike { levels } else { Vec::new() }
}

/// What one more waiting client takes of memory that can be named: RSS, page tables, kernel stacks.
pub fn held(results: &Results, scenario: &Scenario, who: &Competitor) -> Option<f64> {
    Slopes { results, scenario, who }.of(HELD)
}

/// What one more waiting client takes, piece by piece.
pub fn share(results: &Results, scenario: &Scenario, who: &Competitor) -> Option<Share> {
    let slopes = Slopes { results, scenario, who };
    Some(Share {
        resident: slopes.of(|cell| Some(cell.usage.as_ref()?.rss_peak_bytes as f64))?,
        page_tables: slopes.of(|cell| Some(cell.usage.as_ref()?.page_tables_peak_bytes as f64))?,
        kernel_stacks: slopes.kernel_stacks()?,
        sockets: slopes.sockets(),
    })
}

/// A sentence a competitor, for the scenario whose clients all wait at once.
pub fn in_words(results: &Results, scenario: &Scenario) -> Vec<String> {
    let levels: Vec<_> =
        levels(scenario).iter().map(|level| thousands(level.clients as f64)).collect();
    let shares = results.listed(&scenario.name).filter_map(|who| {
        let share = share(results, scenario, who)?;
        let kb = |bytes: f64| format!("{:.1} KB", bytes / 1e3);
        let or_not = |bytes: &Result<f64, String>, what: &str| match bytes {
            Ok(bytes) => format!("{} {what}", kb(*bytes)),
            Err(why) => format!("{what} cannot be told ({why})"),
        };
        let beyond = match who.is_floor() {
            true => String::new(),
            false => format!(" + {}", or_not(&share.sockets, "slab and socket buffers beyond the floor's")),
        };
        Some(format!(
            "{} holds for each waiting client {} resident + {} page tables + {}{beyond} (slope over {})",
            who.name,
            kb(share.resident),
            kb(share.page_tables),
            or_not(&share.kernel_stacks, "kernel stacks"),
            levels.join(" and "),
        ))
    });
    shares.map(|line| line + ".").collect()
}

/// One competitor's figures over the levels.
struct Slopes<'a> {
    results: &'a Results,
    scenario: &'a Scenario,
    who: &'a Competitor,
}

impl Slopes<'_> {
    /// The slope through the medians of all levels that can be used.
    fn of(&self, read: Read) -> Option<f64> {
        self.of_rounds(|cells| {
            let rounds = cells.iter().filter(|cell| !cell.is_void()).filter_map(|cell| read(cell));
            Some(crate::difference::median(rounds.collect())).filter(|median| median.is_finite())
        })
    }

    fn of_rounds(&self, value: impl Fn(&[&Cell]) -> Option<f64>) -> Option<f64> {
        let points = levels(self.scenario).into_iter().filter_map(|level| {
            let cells = self.results.cells_at(&self.scenario.name, &level.name, &self.who.name);
            Some((level.clients as f64, value(&cells)?))
        });
        slope(&points.collect::<Vec<_>>())
    }

    /// One slope a round, for a figure of which only the machine tells.
    fn each_round(&self, read: Read) -> Vec<f64> {
        let of = |round| {
            self.of_rounds(|cells| {
                let here = cells.iter().find(|cell| cell.round == round && !cell.is_void());
                here.and_then(|cell| read(cell))
            })
        };
        (1..=self.results.rounds).filter_map(of).collect()
    }

    fn kernel_stacks(&self) -> Option<Result<f64, String>> {
        let (own, machine) = (self.of(STACKS)?, self.of(MACHINE_STACKS)?);
        let (share, bytes) = STACKS_OFF;
        if (own - machine).abs() <= bytes.max(own.abs() * share) {
            return Some(Ok(own));
        }
        Some(Err(format!(
            "its threads explain {:.1} KB a client, the machine's grew by {:.1}",
            own / 1e3,
            machine / 1e3
        )))
    }

    fn sockets(&self) -> Result<f64, String> {
        let floor = self.results.floor().ok_or("the floor took no part")?;
        let steady = |slopes: Slopes<'_>| -> Result<f64, String> {
            let rounds = slopes.each_round(MACHINE_SOCKETS);
            let (least, most) = range(rounds.iter().copied());
            let median = crate::difference::median(rounds);
            let (share, bytes) = MACHINE_MOVED;
            if median.is_nan() {
                return Err(format!("{} was not measured", slopes.who.name));
            }
            if most - least > bytes.max(median.abs() * share) {
                return Err(format!(
                    "the machine moved: {:.1} to {:.1} KB a client from round to round",
                    least / 1e3,
                    most / 1e3
                ));
            }
            Ok(median)
        };
        let own = steady(Slopes { ..*self })?;
        Ok(own - steady(Slopes { who: floor, ..*self })?)
    }
}

/// The slope of the line through these points.
pub fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = points.len() as f64;
    if points.len() < 2 {
        return None;
    }
    let x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    let y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
    let above: f64 = points.iter().map(|(at, value)| (at - x) * (value - y)).sum();
    let below: f64 = points.iter().map(|(at, _)| (at - x).powi(2)).sum();
    Some(above / below).filter(|slope| slope.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Usage;

    /// A server with 20 KB resident, a thread and 4 KB of page tables a client, its floor, and the machine's own noise.
    fn run(noise: impl Fn(u32) -> i64, machines_stacks: u64) -> Results {
        let level = |clients| Level {
            name: format!("burst/{clients}"),
            clients,
            kind: Kind::Burst,
            least_ms: 1_000.0,
            ..Level::default()
        };
        let scenario = Scenario {
            name: "waiting".into(),
            levels: [1_000, 2_000, 4_000].map(level).into(),
            ..Scenario::default()
        };
        let mut cells = Vec::new();
        for (name, kb) in [("blocking", 9), ("floor", 5)] {
            for round in 1..=3 {
                for level in &scenario.levels {
                    let clients = level.clients as u64;
                    let usage = Usage {
                        rss_peak_bytes: 5_000_000 + 20_000 * clients,
                        page_tables_peak_bytes: 100_000 + 4_000 * clients,
                        kernel_stacks_peak_bytes: 16_384 * clients,
                        machine_kernel_stacks_bytes: (machines_stacks * clients).cast_signed(),
                        machine_slab_bytes: (kb * 1_000 + noise(round)) * clients.cast_signed(),
                        ..Usage::default()
                    };
                    cells.push(Cell {
                        scenario: "waiting".into(),
                        level: level.name.clone(),
                        competitor: name.into(),
                        round,
                        usage: Some(usage),
                        ..Cell::default()
                    });
                }
            }
        }
        let who = |name: &str, control: Option<&str>| Competitor {
            name: name.into(),
            control: control.map(str::to_owned),
            ..Competitor::default()
        };
        let competitors = vec![who("blocking", None), who("floor", Some("floor"))];
        let mut results = crate::report::made_up::results();
        (results.competitors, results.scenarios, results.cells, results.rounds) =
            (competitors, vec![scenario], cells, 3);
        results
    }

    fn share_of(results: &Results) -> Share {
        share(results, &results.scenarios[0], &results.competitors[0]).unwrap()
    }

    #[test]
    fn memory_a_client_is_a_slope_and_the_floors_sockets_are_not_the_servers() {
        let results = run(|_| 0, 16_384);
        let share = share_of(&results);
        let pieces = [
            share.resident,
            share.page_tables,
            share.kernel_stacks.unwrap(),
            share.sockets.unwrap(),
        ];
        assert_eq!(pieces.map(f64::round), [20_000.0, 4_000.0, 16_384.0, 4_000.0]);
        assert_eq!(
            in_words(&results, &results.scenarios[0])[0],
            "blocking holds for each waiting client 20.0 KB resident + 4.0 KB page tables + 16.4 KB kernel stacks \
             + 4.0 KB slab and socket buffers beyond the floor's (slope over 1,000 and 2,000 and 4,000)."
        );
        let held = held(&results, &results.scenarios[0], &results.competitors[0]).unwrap();
        assert_eq!(held.round(), 40_384.0);
    }

    #[test]
    fn a_machine_that_moved_cannot_tell() {
        let results = run(|round| i64::from(round) * 4_000, 16_384);
        let why = share_of(&results).sockets.unwrap_err();
        assert!(why.starts_with("the machine moved: "), "{why}");
        let why = share_of(&run(|_| 0, 2_000)).kernel_stacks.unwrap_err();
        assert_eq!(why, "its threads explain 16.4 KB a client, the machine's grew by 2.0");
    }

    #[test]
    fn without_the_floor_nobody_knows_which_sockets_are_the_servers() {
        let mut results = run(|_| 0, 16_384);
        results.competitors.pop();
        assert_eq!(share_of(&results).sockets, Err("the floor took no part".into()));
    }

    #[test]
    fn a_slope_is_not_a_division() {
        let slope_of = slope(&[(1_000.0, 60.0), (4_000.0, 114.0)]).unwrap();
        assert!((slope_of - 0.018).abs() < 1e-12, "{slope_of}");
        assert_eq!(slope(&[(1_000.0, 60.0)]), None);
    }
}
