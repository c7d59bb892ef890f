//! `lab doctor`: what this machine allows, what makes its numbers untrustworthy, what to change.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;

use crate::machine;
use crate::results::{Cpus, Machine};

mod cross_check;
mod other;

/// What this machine allows, what makes its numbers untrustworthy, what to change.
///
/// With --cross-check also whether our load generator can be believed: it and another one ask the same, in turns.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES, verbatim_doc_comment)]
pub struct Doctor {
    /// Let wrk or oha, whichever is installed, ask the same as our generator, and explain what differs
    #[arg(long)]
    pub cross_check: bool,

    /// Clients at once
    #[arg(long, value_name = "N", default_value_t = 64, requires = "cross_check",
          value_parser = clap::value_parser!(u32).range(8..=10_000))]
    pub clients: u32,

    /// Whole seconds that each generator asks for, in each turn
    #[arg(long, value_name = "SECONDS", default_value_t = 2, requires = "cross_check",
          value_parser = clap::value_parser!(u32).range(1..=60))]
    pub duration: u32,

    /// Turns; from five on a ratio has an interval
    #[arg(long, value_name = "N", default_value_t = 5, requires = "cross_check",
          value_parser = clap::value_parser!(u32).range(1..=50))]
    pub rounds: u32,

    /// Take the binaries as they are, without asking cargo whether they are up to date
    #[arg(long, requires = "cross_check")]
    pub no_build: bool,
}

const EXAMPLES: &str = "\
Examples:
  cargo lab doctor
  cargo lab doctor --cross-check                             the floor, then a pool that starves its clients
  cargo lab doctor --cross-check --clients 512 --duration 5

Exit codes: 0 told; 1 nothing to check against, or it could not be run; 2 bad arguments; 130 interrupted.";

/// Runs it.
///
/// # Errors
/// When a cross-check was asked for and cannot be made.
pub fn run(args: &Doctor) -> anyhow::Result<ExitCode> {
    print!("{}", report());
    if args.cross_check { cross_check::run(args) } else { Ok(ExitCode::SUCCESS) }
}

/// What it says.
pub fn report() -> String {
    let machine = machine::machine();
    let mut text = format!(
        "{} · {} cores · {:.1} GB · {}\n",
        machine.cpu,
        machine.cores,
        machine.memory_bytes as f64 / 1e9,
        machine.kernel,
    );
    let _ =
        writeln!(text, "  {:<28}{}", "cores by their CPUs", in_words(&machine::allowed_cores()));
    for (name, limit) in &machine.limits {
        let _ = writeln!(text, "  {name:<28}{limit}");
    }
    let mut advice = advice(&machine);
    advice.extend(one_core(&machine::divided(false)));
    if advice.is_empty() {
        text.push_str("Nothing here stands in the way of a trustworthy run.\n");
    }
    for line in advice {
        let _ = writeln!(text, "- {line}");
    }
    text
}

/// `0 4 · 1 5`
fn in_words(cores: &[Vec<usize>]) -> String {
    let threads = |core: &Vec<usize>| {
        let names: Vec<_> = core.iter().map(usize::to_string).collect();
        names.join(" ")
    };
    cores.iter().map(threads).collect::<Vec<_>>().join(" · ")
}

/// What is wrong where servers and load cannot have cores of their own.
fn one_core(cpus: &Cpus) -> Option<String> {
    cpus.one_core.then(|| {
        format!(
            "CPUs {:?} and {:?} are hyper-threads of one core: what the load computes slows the server down; \
             trust ratios only",
            cpus.servers, cpus.load
        )
    })
}

/// The most clients at once of any scenario, with `--full`.
const CLIENTS: u64 = 10_000;

/// What is wrong, and what to do about it.
pub fn advice(machine: &Machine) -> Vec<String> {
    let mut advice = Vec::new();
    let limit = |name: &str| machine.limits.get(name).copied();
    let mut at_least = |name: &str, least: u64, why: &str, change: &str| {
        if let Some(limit) = limit(name).filter(|&limit| limit < least) {
            advice.push(format!("{name} is {limit}: {why}; {change}"));
        }
    };
    at_least(
        "descriptors",
        2 * CLIENTS,
        "ten thousand clients and their upstream need one for each end",
        "raise the hard limit (`ulimit -Hn 65536` as root, or LimitNOFILE)",
    );
    at_least(
        "max_map_count",
        4 * (CLIENTS + 2_000),
        "each thread takes up to four mappings, so the thread server stops early",
        "`sysctl vm.max_map_count=262144`",
    );
    for name in ["threads-max", "pid_max", "cgroup pids.max", "user processes and threads"] {
        at_least(name, CLIENTS + 2_000, "the thread server stops there", "raise it for this run");
    }
    at_least(
        "somaxconn",
        4_096,
        "it cuts the servers' backlog of 4,096",
        "`sysctl net.core.somaxconn=4096`",
    );
    at_least(
        "local ports",
        2 * CLIENTS,
        "clients and upstream connections take one each, and one just closed rests for a minute",
        "`sysctl net.ipv4.ip_local_port_range=\"10240 60999\"`",
    );
    if machine.cores < 2 {
        advice.push(
            "one core for servers and load: every figure holds both; trust ratios only".into(),
        );
    } else if machine.cores < 4 {
        let cores = machine.cores;
        advice.push(format!(
            "{cores} cores: a server gets half of them, so what several event loops gain does not show"
        ));
    }
    if let Some(governor) = machine.governor.as_deref().filter(|name| *name != "performance") {
        advice.push(format!(
            "the frequency governor is {governor}: the clock changes under the measurement; \
             `cpupower frequency-set -g performance`"
        ));
    }
    if machine.load_average > machine.cores as f64 / 4.0 {
        advice.push(format!(
            "load average {:.1} on {} cores: something else runs; wait for it, or stop it",
            machine.load_average, machine.cores,
        ));
    }
    advice
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hyper_threads_of_one_core_are_told_apart_from_cores() {
        assert_eq!(in_words(&[vec![0, 4], vec![1, 5]]), "0 4 · 1 5");
        let cpus = Cpus { servers: vec![0], load: vec![1], one_core: true };
        assert!(one_core(&cpus).is_some_and(|line| line.contains("hyper-threads of one core")));
        assert_eq!(one_core(&Cpus { one_core: false, ..cpus }), None);
    }

    #[test]
    fn a_machine_that_allows_too_little_is_told_what_to_change() {
        let mut machine = Machine { cores: 8, ..Machine::default() };
        assert!(advice(&machine).is_empty());
        machine.limits.insert("descriptors".into(), 1_024);
        machine.governor = Some("powersave".into());
        machine.load_average = 7.0;
        let advice = advice(&machine).join("\n");
        for part in ["descriptors is 1024", "ulimit", "powersave", "load average 7.0"] {
            assert!(advice.contains(part), "{part} is missing in\n{advice}");
        }
    }
}
