//! What each gate means, for a reader who meets its name here first.

use load::gates::Kind;

use crate::results::{Cell, Gate, Results};

/// Every gate the generator has.
const KINDS: [Kind; 12] = [
    Kind::Nothing,
    Kind::Lost,
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
        Kind::Lost => {
            "A message was acknowledged and did not reach everybody who listened, or reached somebody again. \
             How soon the others came says nothing of a server that loses some."
        }
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

/// The cautions of these rounds, each once: the first sentence, and in which other rounds it spoke too. Sentences that
/// differ in their figures alone are one.
pub(super) fn cautions(cells: &[&Cell]) -> Vec<(String, String)> {
    let mut found: Vec<(&Gate, Vec<u32>)> = Vec::new();
    for cell in cells.iter().filter(|cell| !cell.is_void()) {
        for gate in cell.gates.iter().filter(|gate| !gate.void) {
            match found.iter_mut().find(|(known, _)| says_the_same(known, gate)) {
                Some((_, rounds)) if rounds.contains(&cell.round) => {}
                Some((_, rounds)) => rounds.push(cell.round),
                None => found.push((gate, vec![cell.round])),
            }
        }
    }
    let said = found.into_iter().map(|(gate, rounds)| {
        let others: Vec<_> = rounds[1..].iter().map(u32::to_string).collect();
        let so = match others.is_empty() {
            true => String::new(),
            false => format!(", and so in round {}", others.join(" and ")),
        };
        (gate.name.clone(), format!("{} (round {}){so}", gate.sentence, rounds[0]))
    });
    said.collect()
}

fn says_the_same(one: &Gate, other: &Gate) -> bool {
    let words = |gate: &Gate| gate.sentence.replace(|c: char| c.is_ascii_digit() || c == '.', "");
    one.name == other.name && words(one) == words(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_gate_is_listed_twice() {
        let mut names: Vec<_> = KINDS.iter().map(|kind| kind.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KINDS.len());
    }

    #[test]
    fn a_caution_of_several_rounds_is_said_once_and_a_different_one_beside_it() {
        let caution =
            |sentence: &str| Gate { name: "probe".into(), void: false, sentence: sentence.into() };
        let gates = |all: &[&str]| all.iter().map(|sentence| caution(sentence)).collect();
        let first =
            Cell { round: 1, gates: gates(&["13.1 ms late", "7 failed"]), ..Default::default() };
        let second = Cell { round: 2, gates: gates(&["9 ms late"]), ..Default::default() };
        let said: Vec<_> = cautions(&[&first, &second]).into_iter().map(|(_, said)| said).collect();
        assert_eq!(said, ["13.1 ms late (round 1), and so in round 2", "7 failed (round 1)"]);
    }

    #[test]
    fn a_caution_that_one_cell_lacks_is_not_of_every_cell() {
        let caution = Gate { name: "errors".into(), ..Default::default() };
        let with = Cell { gates: vec![caution], ..Default::default() };
        let mut results = crate::report::made_up::results();
        results.cells = vec![with.clone(), with.clone()];
        assert_eq!(everywhere(&results), ["errors"]);
        results.cells.push(Cell::default());
        assert!(everywhere(&results).is_empty());
    }
}
