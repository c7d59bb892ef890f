//! The plan of a run: who is asked what, in which order, and how long that takes. Printed before anything starts.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{bail, ensure};
use fastrand::Rng;

use crate::competitor::{Competitor, Who};
use crate::difference::FOR_AN_INTERVAL;
use crate::results;
use crate::scenarios::{self, Scenario, Step};

/// What a run is to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Who is compared.
    pub competitors: Vec<Competitor>,
    /// What is asked, each scenario with its steps.
    pub scenarios: Vec<(Scenario, Vec<Step>)>,
    /// How often all of it.
    pub rounds: u32,
    /// What picks the order.
    pub seed: u64,
}

/// What was asked for on the command line, where it differs from the default run.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// `--scenarios`
    pub scenarios: Vec<String>,
    /// `--levels`
    pub levels: Vec<usize>,
    /// `--duration`
    pub window: Option<Duration>,
    /// `--rate`
    pub rate: Option<f64>,
    /// `--arrivals`
    pub arrivals: results::Arrivals,
    /// `--reconnect`
    pub reconnect: bool,
    /// `--full`
    pub full: bool,
    /// `--workload`, which is then asked instead of the scenarios that are not named
    pub workload: Option<Scenario>,
}

/// More than any machine holds at once, and few enough that a mistyped number is told at the start.
const MOST_CLIENTS: usize = 100_000;

/// Starting a server, and stopping it; measured.
const STARTING: Duration = Duration::from_millis(100);

impl Plan {
    /// Contract checks of all servers, side by side; measured.
    pub const CHECKING: Duration = Duration::from_millis(8_000);

    /// # Errors
    /// When a scenario is not one, or there is nothing to do.
    pub fn new(
        competitors: Vec<Competitor>,
        wanted: &Wanted,
        rounds: u32,
        seed: u64,
    ) -> anyhow::Result<Self> {
        ensure!(!competitors.is_empty(), "nobody to compare");
        ensure!(rounds > 0, "--rounds 0 measures nothing: give 1 or more");
        let is_level = |level| (1..=MOST_CLIENTS).contains(level);
        if let Some(level) = wanted.levels.iter().find(|level| !is_level(level)) {
            bail!("--levels {level}: give 1 to {MOST_CLIENTS} clients");
        }
        // Of those there are more than are asked by default.
        let by_default = wanted.scenarios.is_empty();
        let all = if by_default { scenarios::all() } else { scenarios::named() };
        for name in &wanted.scenarios {
            if !all.iter().any(|scenario| scenario.name == name) {
                bail!("{name:?} is no scenario; there are {}", scenarios::names().join(", "));
            }
        }
        let chosen = |scenario: &Scenario| {
            (by_default && wanted.workload.is_none())
                || wanted.scenarios.iter().any(|name| name == scenario.name)
        };
        let scenarios = all
            .into_iter()
            .filter(chosen)
            .chain(wanted.workload.clone())
            .map(|scenario| {
                let steps = scenario.steps(wanted);
                (scenario, steps)
            })
            .collect();
        Ok(Self { competitors, scenarios, rounds, seed })
    }

    /// The competitors' turn in one scenario of one round: A B C, then C A B, …, from a start that the seed picks.
    /// Nobody is always the first on a cold machine, nor always behind the same neighbour's heat.
    pub fn order(&self, round: u32, scenario: usize) -> Vec<usize> {
        let all = 0..self.competitors.len();
        let (floor, mut order): (Vec<usize>, Vec<usize>) =
            all.partition(|&at| self.competitors[at].is_floor());
        Rng::with_seed(self.seed).shuffle(&mut order);
        let turns = (round as usize + scenario) % order.len().max(1);
        order.rotate_right(turns);
        // It takes no part in the turns: not being there in every round it would unbalance them.
        order.extend(floor);
        order
    }

    /// Whether this competitor is asked this in this round: a control answers two routes, and the floor, which is what
    /// the machine costs, is asked every time only where comparisons have intervals.
    pub fn asks(&self, round: u32, scenario: &Scenario, who: &Competitor) -> bool {
        let Who::Control { program, .. } = who.who else { return true };
        let knows = scenario.shapes.iter().all(|shape| shape.question.is_known_to(program));
        let once = self.rounds < FOR_AN_INTERVAL as u32 && round > 1;
        knows && !(who.is_floor() && once)
    }

    /// How long it takes, without building.
    pub fn takes(&self, server_cpus: usize) -> Duration {
        let workers = server_cpus.max(1);
        let visits = self.visits().map(|(who, steps)| {
            let steps = steps.iter().map(|step| step.takes(who.has_event_loop(), workers));
            STARTING + steps.sum::<Duration>()
        });
        visits.sum::<Duration>() + Self::CHECKING
    }

    /// Cells of the whole run.
    pub fn cells(&self) -> usize {
        self.visits().map(|(_, steps)| steps.len()).sum()
    }

    /// Each competitor in each scenario it is asked, over all rounds.
    fn visits(&self) -> impl Iterator<Item = (&Competitor, &Vec<Step>)> {
        (1..=self.rounds).flat_map(move |round| {
            self.scenarios.iter().flat_map(move |(scenario, steps)| {
                let asked =
                    self.competitors.iter().filter(move |who| self.asks(round, scenario, who));
                asked.map(move |who| (who, steps))
            })
        })
    }

    /// The most clients at once of any level.
    pub fn most_clients(&self) -> usize {
        let steps = self.scenarios.iter().flat_map(|(_, steps)| steps);
        steps.map(|step| step.level.clients).max().unwrap_or(0)
    }

    /// The scenarios as the results list them.
    pub fn entries(
        &self,
        flags: impl Fn(&Scenario, &[Step]) -> Vec<String>,
    ) -> Vec<results::Scenario> {
        self.scenarios
            .iter()
            .map(|(scenario, steps)| results::Scenario {
                name: scenario.name.to_owned(),
                title: scenario.title.to_owned(),
                claims: scenario.claims.iter().map(|&claim| claim.to_owned()).collect(),
                flags: flags(scenario, steps),
                levels: steps.iter().map(|step| step.level.clone()).collect(),
            })
            .collect()
    }

    /// In words, before it starts.
    pub fn shown(&self, server_cpus: usize) -> String {
        let names: Vec<_> = self.competitors.iter().map(|who| who.name.as_str()).collect();
        let mut text = format!(
            "{} of {} for {}; {} cells, about {}; seed {}\n",
            counted(self.rounds as usize, "round"),
            counted(self.scenarios.len(), "scenario"),
            names.join(" · "),
            self.cells(),
            in_words(self.takes(server_cpus)),
            self.seed,
        );
        for (scenario, steps) in &self.scenarios {
            let levels: Vec<_> = steps.iter().map(|step| step.level.name.as_str()).collect();
            let probed =
                if steps.iter().any(|step| step.probe.is_some()) { ", with a probe" } else { "" };
            let _ = writeln!(
                text,
                "  {:<13}{}\n{:15}{}{probed}",
                scenario.name,
                scenario.title,
                "",
                levels.join(" · ")
            );
        }
        text
    }
}

/// `1 round`, `3 rounds`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

impl Scenario {
    fn steps(&self, wanted: &Wanted) -> Vec<Step> {
        let levels = |shape: &scenarios::Shape| match &wanted.levels {
            given if !given.is_empty() => given.clone(),
            _ if wanted.full => shape.full.to_vec(),
            _ => shape.levels.to_vec(),
        };
        self.shapes
            .iter()
            .flat_map(|shape| {
                let asked = shape.clone().at_rate(wanted.rate, wanted.arrivals);
                let asked = asked.reconnecting(wanted.reconnect);
                levels(shape).into_iter().map(move |level| asked.step(level, wanted.window))
            })
            .collect()
    }
}

/// `2 min 5 s`, `8 s`.
pub fn in_words(time: Duration) -> String {
    match time.as_secs_f64().round() as u64 {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn default_plan() -> Plan {
        Plan::new(Competitor::defaults(), &Wanted::default(), 3, 7).unwrap()
    }

    #[test]
    fn the_default_run_takes_at_most_two_and_a_half_minutes_on_two_cores() {
        let mut plan = default_plan();
        plan.competitors.push(Competitor::floor());
        assert!(plan.takes(1) <= Duration::from_secs(150), "{:?}", plan.takes(1));
    }

    #[test]
    fn a_control_is_asked_what_it_can_answer_and_the_floor_once_where_rounds_are_few() {
        let mut competitors = Competitor::defaults();
        competitors.extend(["floor", "bare-axum"].map(|name| name.parse().unwrap()));
        for (rounds, floors) in [(3, 1), (5, 5)] {
            let plan = Plan::new(competitors.clone(), &Wanted::default(), rounds, 1).unwrap();
            let asked = |name: &str, scenario: &str| {
                let who = plan.competitors.iter().find(|who| who.name == name).unwrap();
                let (scenario, _) =
                    plan.scenarios.iter().find(|(one, _)| one.name == scenario).unwrap();
                (1..=rounds).filter(|round| plan.asks(*round, scenario, who)).count()
            };
            assert_eq!(asked("floor", "plaintext"), floors);
            assert_eq!(asked("bare-axum", "waiting"), rounds as usize);
            assert_eq!(
                (asked("bare-axum", "github"), asked("axum", "github")),
                (0, rounds as usize)
            );
        }
    }

    #[test]
    fn every_competitor_has_every_turn_equally_often() {
        let mut plan = default_plan();
        plan.competitors.push(Competitor::floor());
        for scenario in 0..plan.scenarios.len() {
            for turn in 0..3 {
                let mut who: Vec<_> =
                    (1..=3).map(|round| plan.order(round, scenario)[turn]).collect();
                who.sort_unstable();
                assert_eq!(who, [0, 1, 2], "turn {turn} of scenario {scenario}");
            }
        }
        assert_eq!(plan.order(1, 0)[..3], default_plan().order(1, 0), "the seed decides alone");
        plan.seed = 8;
        assert_ne!(plan.order(1, 0)[..3], default_plan().order(1, 0), "and it decides");
    }

    #[test]
    fn the_plan_names_every_scenario_level_and_its_time() {
        let shown = default_plan().shown(1);
        for part in
            ["3 rounds", "blocking · actix · axum", " min ", "burst/4000", "in turn", "seed 7"]
        {
            assert!(shown.contains(part), "{part} is missing in\n{shown}");
        }
    }

    #[test]
    fn what_is_chosen_is_all_there_is() {
        let wanted = Wanted {
            scenarios: vec!["wait".into()],
            levels: vec![2],
            window: Some(Duration::from_millis(200)),
            ..Wanted::default()
        };
        let plan = Plan::new(Competitor::defaults(), &wanted, 1, 1).unwrap();
        assert_eq!(plan.cells(), 3);
        assert_eq!(plan.scenarios[0].1[0].window, Duration::from_millis(200));
        assert_eq!(plan.scenarios[0].1[0].level.name, "closed/2");
        let open = Wanted { rate: Some(500.0), ..wanted };
        let plan = Plan::new(Competitor::defaults(), &open, 1, 1).unwrap();
        assert_eq!(plan.scenarios[0].1[0].level.name, "open/500");
        let ramp = Wanted { arrivals: results::Arrivals::Ramp, reconnect: true, ..open };
        let plan = Plan::new(Competitor::defaults(), &ramp, 1, 1).unwrap();
        let level = &plan.scenarios[0].1[0].level;
        assert_eq!((level.name.as_str(), level.reconnects), ("open/500 ramp reconnecting", true));
        let unknown = Wanted { scenarios: vec!["speed".into()], ..Wanted::default() };
        let error = Plan::new(Competitor::defaults(), &unknown, 1, 1).unwrap_err().to_string();
        assert!(error.contains("blocked-loop"), "{error}");
    }
}
