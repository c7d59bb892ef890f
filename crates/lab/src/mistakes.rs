//! `lab mistakes`: what each mistake of `/pitfalls/…` costs, beside its remedy, in each of the three servers.
//!
//! The trials are the judge's own, which convict a mistake of what it does; here their figures are kept.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use conformance::mistakes::{MISTAKES, Mistake, Seen};
use conformance::setup::Setup;

use crate::args;
use crate::compare::{INTERRUPTED, binaries};
use crate::judge::{judge, refuse};
use crate::lesson::case::figures;
use crate::lesson::found::Trial;
use crate::measured::Measured;
use crate::progress::Progress;
use crate::results::Gate;
use crate::stop;

/// As the command and its file are called.
pub const NAME: &str = "mistakes";

/// The servers, in the order of columns.
pub(crate) const THREE: [&str; 3] = ["blocking", "actix", "axum"];

/// What one mistake takes, with its remedy and both servers' start; measured.
const EACH: Duration = Duration::from_millis(2_600);

/// Runs it.
///
/// # Errors
/// When a server cannot be built or breaks the contract, or a folder cannot be written.
pub fn run(args: &args::Mistakes) -> anyhow::Result<ExitCode> {
    let cancel = stop::on_signal()?;
    let names = THREE.iter().map(|who| format!("server-{who}")).collect();
    let binaries = binaries(names, args.rounds.no_build)?;
    match judge(&binaries, &cancel, |_, _| {}) {
        Err(_) if cancel.cancelled() => return Ok(INTERRUPTED.into()),
        judged => refuse(judged?)?,
    }
    let rounds = args.rounds.rounds;
    let trials = MISTAKES.len() as u32 * THREE.len() as u32 * rounds;
    let mut progress = Progress::new(EACH * trials);
    let began = Instant::now();
    let mut measured = Measured::begins(NAME);
    for round in 1..=rounds {
        for mistake in MISTAKES {
            for who in THREE {
                if cancel.cancelled() {
                    progress.ends();
                    return Ok(INTERRUPTED.into());
                }
                progress.begins(&format!("round {round} · {who} · {}", mistake.name), EACH);
                let setup = Setup::new(&binaries[&format!("server-{who}")]);
                measured.trials.push(trial(mistake, who, round, (mistake.run)(&setup)));
            }
        }
    }
    progress.ends();
    measured.took_s = began.elapsed().as_secs_f64();
    args.rounds.keeps(&measured)
}

fn trial(mistake: &Mistake, who: &str, round: u32, seen: Result<Seen, String>) -> Trial {
    let (pitfall, remedy) = names(mistake);
    let (figures, gates) = match seen {
        Ok(seen) => (figures([(&pitfall, seen.pitfall), (&remedy, seen.remedy)]), Vec::new()),
        Err(why) => {
            let gate = Gate { name: "failed".into(), void: true, sentence: why };
            (Default::default(), vec![gate])
        }
    };
    Trial { level: mistake.pitfall.to_owned(), who: who.to_owned(), round, figures, gates }
}

/// Of the two figures, their unit last.
fn names(mistake: &Mistake) -> (String, String) {
    let unit = mistake.unit;
    let with =
        |name: &str| if unit.is_empty() { name.to_owned() } else { format!("{name}_{unit}") };
    (with("pitfall"), with("remedy"))
}

/// A row for each mistake.
pub(crate) fn table(measured: &Measured) -> String {
    let mut table =
        "| the mistake → its remedy | counted | blocking | actix | axum |\n|---|---|---|---|---|\n"
            .to_owned();
    for mistake in MISTAKES {
        let (pitfall, remedy) = names(mistake);
        let cells = THREE.map(|who| {
            let median = |name: &str| measured.median(mistake.pitfall, who, name);
            format!("**{}** → {}", median(&pitfall), median(&remedy))
        });
        let Mistake { pitfall, remedy, counted, .. } = mistake;
        let cells = cells.join(" | ");
        let _ = writeln!(table, "| `{pitfall}` → `{remedy}` | {counted} | {cells} |");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_s_row_has_its_cost_and_that_of_its_remedy_in_their_unit() {
        let mut measured = Measured { measured: NAME.to_owned(), ..Measured::default() };
        let mistake = &MISTAKES[0];
        for (round, pitfall) in [(1, 2_010.0), (2, 2_030.0), (3, 2_020.0)] {
            let seen = Ok(Seen { pitfall, remedy: 204.0 });
            measured.trials.push(trial(mistake, "axum", round, seen));
        }
        measured.trials.push(trial(mistake, "actix", 1, Err("it did not start".to_owned())));
        let table = measured.table();
        let row = table.lines().nth(2).unwrap();
        assert!(row.ends_with("| **–** → – | **–** → – | **2.02 s** → 204 ms |"), "{row}");
        assert_eq!(measured.failed().len(), 1);
        assert_eq!(table.lines().count(), MISTAKES.len() + 2);
    }
}
