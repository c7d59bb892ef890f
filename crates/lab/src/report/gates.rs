//! What each gate means, for a reader who meets its name here first.

use load::gates::Kind;

use crate::results::{Cell, Results};

/// Every gate the generator has.
const KINDS: [Kind; 11] = [
    Kind::Nothing,
    Kind::Starved,
    Kind::GeneratorBound,
    Kind::GeneratorCrowded,
    Kind::RateRatio,
    Kind::ScheduleLag,
    Kind::Drops,
    Kind::Errors,
    Kind::FewSamples,
    Kind::SharedCpus,
    Kind::Cancelled,
];

/// Why it exists.
fn meaning(kind: Kind) -> &'static str {
    match kind {
        Kind::Nothing => "No request was answered rightly, so there is nothing to time.",
        Kind::Starved => {
            "Some clients waited for ever while others were served (Little’s law: in flight = rate × latency). \
             The latency is that of the lucky ones; a generator that counts answers alone would praise it."
        }
        Kind::GeneratorBound => {
            "The generator’s own thread was busy all the time: what was measured is the generator, and the server may do more."
        }
        Kind::GeneratorCrowded => {
            "Something else ran on the generator’s CPU, and what it stood in line for is in the latency."
        }
        Kind::RateRatio => {
            "An open loop asked for more than was answered: the queue grows as long as the run does, and so does every latency."
        }
        Kind::ScheduleLag => {
            "The generator sent later than its schedule, so the load was not the one named."
        }
        Kind::Drops => {
            "Requests found no free client when they were due and were not sent: the worst moments are missing."
        }
        Kind::Errors => {
            "Requests failed or timed out. They stay in the latencies, with the time they waited."
        }
        Kind::FewSamples => {
            "A percentile needs ten samples beyond it; with fewer it tells the luck of the run."
        }
        Kind::SharedCpus => {
            "Server and generator took turns on the same CPUs: compare competitors with each other, not with the world."
        }
        Kind::Cancelled => "The cell was ended from outside before its time.",
    }
}

/// The gates' names and meanings, and in how many cells each spoke: void, and as a caution.
pub(super) fn counted(results: &Results) -> Vec<(String, &'static str, usize, usize)> {
    let mut rows: Vec<_> =
        KINDS.iter().map(|kind| (kind.name().to_owned(), meaning(*kind), 0, 0)).collect();
    for gate in results.cells.iter().flat_map(|cell| &cell.gates) {
        let at = match rows.iter().position(|row| row.0 == gate.name) {
            Some(at) => at,
            None => {
                rows.push((gate.name.clone(), "What it says beside the cell.", 0, 0));
                rows.len() - 1
            }
        };
        if gate.void { rows[at].2 += 1 } else { rows[at].3 += 1 }
    }
    rows
}

/// Cautions that every cell carries: said once for the run, not in each row.
pub(super) fn everywhere(results: &Results) -> Vec<String> {
    let Some(first) = results.cells.first() else { return Vec::new() };
    let everywhere = |name: &str| {
        let has = |cell: &Cell| cell.gates.iter().any(|gate| gate.name == name && !gate.void);
        results.cells.iter().all(has)
    };
    let names = first.gates.iter().map(|gate| gate.name.clone());
    names.filter(|name| everywhere(name)).collect()
}

/// The cautions of these rounds, each once: the first sentence, and in which other rounds it spoke too.
pub(super) fn cautions(cells: &[&Cell]) -> Vec<(String, String)> {
    let mut found: Vec<(String, String, Vec<String>)> = Vec::new();
    for cell in cells.iter().filter(|cell| !cell.is_void()) {
        for gate in cell.gates.iter().filter(|gate| !gate.void) {
            match found.iter_mut().find(|(name, ..)| *name == gate.name) {
                Some((.., rounds)) => rounds.push(cell.round.to_string()),
                None => found.push((
                    gate.name.clone(),
                    format!("{} (round {})", gate.sentence, cell.round),
                    Vec::new(),
                )),
            }
        }
    }
    let said = found.into_iter().map(|(name, sentence, others)| match others.is_empty() {
        true => (name, sentence),
        false => (name, format!("{sentence}, and so in round {}", others.join(" and "))),
    });
    said.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Gate;

    fn cell(round: u32, gates: &[(&str, bool)]) -> Cell {
        let gates = gates.iter().map(|&(name, void)| Gate {
            name: name.into(),
            void,
            sentence: format!("{name} said"),
        });
        Cell { round, gates: gates.collect(), ..Default::default() }
    }

    #[test]
    fn no_gate_is_listed_twice() {
        let mut names: Vec<_> = KINDS.iter().map(|kind| kind.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KINDS.len());
    }

    #[test]
    fn a_caution_of_several_rounds_is_said_once() {
        let cells = [cell(1, &[("errors", false)]), cell(2, &[("errors", false)])];
        let said = cautions(&cells.iter().collect::<Vec<_>>());
        assert_eq!(said, [("errors".into(), "errors said (round 1), and so in round 2".into())]);
    }
}
