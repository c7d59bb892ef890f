//! Where the run takes place: the machine, what its kernel allows, and what was built with what.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use load::cpus;
use rustix::process::{Resource, getrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::results::{Cpus, Machine, Versions};

/// Crates whose versions bear on the result.
const CRATES: [&str; 10] = [
    "actix-http",
    "actix-web",
    "axum",
    "httparse",
    "hyper",
    "mio",
    "reqwest",
    "rustls",
    "tokio",
    "ureq",
];

/// This machine, as far as `/proc` and `/sys` tell.
pub fn machine() -> Machine {
    let cpuinfo = read("/proc/cpuinfo");
    let cpu = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let load = read("/proc/loadavg");
    let uname = rustix::system::uname();
    Machine {
        cpu: cpu.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.to_owned()),
        cores: allowed_cpus().len(),
        memory_bytes: number_after(&read("/proc/meminfo"), "MemTotal:").unwrap_or(0) * 1024,
        kernel: format!(
            "{} {}",
            uname.sysname().to_string_lossy(),
            uname.release().to_string_lossy()
        ),
        governor: fs::read_to_string("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
            .ok()
            .map(|text| text.trim().to_owned()),
        load_average: load.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0.0),
        limits: limits(),
    }
}

/// What the kernel allows this process, by the names people know.
pub fn limits() -> BTreeMap<String, u64> {
    let ports = read("/proc/sys/net/ipv4/ip_local_port_range");
    let mut ports = ports.split_whitespace().filter_map(|text| text.parse::<u64>().ok());
    let ports = ports.next().zip(ports.next()).map(|(first, last)| last + 1 - first);
    let pids = own_cgroup().and_then(|folder| number_in(&format!("{folder}/pids.max")));
    [
        ("descriptors", getrlimit(Resource::Nofile).maximum),
        ("user processes and threads", getrlimit(Resource::Nproc).current),
        ("threads-max", number_in("/proc/sys/kernel/threads-max")),
        ("pid_max", number_in("/proc/sys/kernel/pid_max")),
        ("max_map_count", number_in("/proc/sys/vm/max_map_count")),
        ("cgroup pids.max", pids),
        ("somaxconn", number_in("/proc/sys/net/core/somaxconn")),
        ("tcp_max_syn_backlog", number_in("/proc/sys/net/ipv4/tcp_max_syn_backlog")),
        ("local ports", ports),
    ]
    .into_iter()
    .filter_map(|(name, limit)| Some((name.to_owned(), limit?)))
    .collect()
}

/// What was built with what, from which commit.
pub fn versions() -> Versions {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let git = |arguments: &[&str]| said(Command::new("git").arg("-C").arg(&root).args(arguments));
    Versions {
        commit: git(&["rev-parse", "HEAD"]),
        dirty: git(&["status", "--porcelain"]).is_some_and(|files| !files.is_empty()),
        rustc: said(Command::new("rustc").current_dir(&root).arg("--version")),
        profile: if cfg!(debug_assertions) { "debug" } else { "release" }.to_owned(),
        crates: locked(include_str!("../../../Cargo.lock")),
    }
}

/// The CPUs this process may use: those of its start, however its threads were pinned since. A second measurement of one
/// process would otherwise put the servers on the CPUs of the load.
pub fn allowed_cpus() -> Vec<usize> {
    static AT_START: OnceLock<Vec<usize>> = OnceLock::new();
    let asked = || {
        let Ok(set) = sched_getaffinity(None) else { return vec![0] };
        (0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect()
    };
    AT_START.get_or_init(asked).clone()
}

/// Half of the cores for the servers, half for everything else; all for both where there is one CPU, or when asked.
pub fn divided(shared: bool) -> Cpus {
    if shared {
        let all = allowed_cpus();
        return Cpus { servers: all.clone(), load: all, one_core: false };
    }
    halved(&allowed_cores())
}

/// Two halves of these cores, each given as its CPUs; of one core its hyper-threads.
fn halved(cores: &[Vec<usize>]) -> Cpus {
    match cores {
        [] => Cpus::default(),
        [core] if core.len() < 2 => {
            Cpus { servers: core.clone(), load: core.clone(), one_core: false }
        }
        [core] => {
            let (servers, load) = core.split_at(core.len().div_ceil(2));
            Cpus { servers: servers.to_vec(), load: load.to_vec(), one_core: true }
        }
        cores => {
            let (servers, load) = cores.split_at(cores.len().div_ceil(2));
            Cpus { servers: servers.concat(), load: load.concat(), one_core: false }
        }
    }
}

/// The cores of this machine that this process may use, each as its CPUs.
pub fn allowed_cores() -> Vec<Vec<usize>> {
    cpus::cores(&allowed_cpus())
}

/// Pins the calling thread, and with it every thread and process it starts from now on.
///
/// # Errors
/// When the kernel refuses.
pub fn pin(cpus: &[usize]) -> anyhow::Result<()> {
    let mut set = CpuSet::new();
    for &cpu in cpus {
        set.set(cpu);
    }
    Ok(sched_setaffinity(None, &set)?)
}

/// The versions of [`CRATES`] in a lock file; the highest, where several are there.
fn locked(lock: &str) -> BTreeMap<String, String> {
    let mut versions = BTreeMap::new();
    let mut lines = lock.lines();
    while let Some(line) = lines.next() {
        let Some(name) = value(line, "name") else { continue };
        let version = lines.next().and_then(|line| value(line, "version"));
        if let (true, Some(version)) = (CRATES.contains(&name), version) {
            versions.insert(name.to_owned(), version.to_owned());
        }
    }
    versions
}

/// `key = "value"`
fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"')
}

/// What a command says, if it succeeds.
fn said(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Where the kernel keeps the limits of this process's group.
fn own_cgroup() -> Option<String> {
    let groups = read("/proc/self/cgroup");
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    Some(format!("/sys/fs/cgroup{path}"))
}

fn number_in(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn number_after(text: &str, name: &str) -> Option<u64> {
    text.split_once(name)?.1.split_whitespace().next()?.parse().ok()
}

/// A file of the kernel's, or nothing where it is not there.
fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_says_what_it_is() {
        let machine = machine();
        assert!(machine.cores >= 1 && machine.memory_bytes > 1 << 20, "{machine:?}");
        assert!(machine.limits["descriptors"] > 0, "{machine:?}");
    }

    #[test]
    fn the_lock_file_tells_the_versions_that_matter() {
        let versions = locked(
            "[[package]]\nname = \"axum\"\nversion = \"0.8.9\"\n\n[[package]]\nname = \"x\"\nversion = \"1.0.0\"\n",
        );
        assert_eq!(versions, BTreeMap::from([("axum".to_owned(), "0.8.9".to_owned())]));
        assert!(locked(include_str!("../../../Cargo.lock")).contains_key("tokio"));
    }

    #[test]
    fn servers_and_load_share_no_cpu_where_there_are_two() {
        let word = divided(false).word();
        assert_eq!(word == "shared", allowed_cpus().len() < 2, "{word}");
        assert_eq!(divided(true).word(), "shared");
    }

    #[test]
    fn a_second_measurement_divides_the_cpus_as_the_first_did() {
        let first = divided(false);
        pin(&first.load).unwrap();
        assert_eq!(divided(false).servers, first.servers);
    }

    fn split(cores: &[Vec<usize>]) -> (Vec<usize>, Vec<usize>, &'static str) {
        let cpus = halved(cores);
        let word = cpus.word();
        (cpus.servers, cpus.load, word)
    }

    #[test]
    fn no_core_is_the_servers_and_the_loads_where_there_are_two() {
        let cores = [vec![0, 4], vec![1, 5], vec![2, 6]];
        assert_eq!(split(&cores), (vec![0, 4, 1, 5], vec![2, 6], "split"));
    }

    #[test]
    fn one_core_is_split_by_its_threads_and_says_so() {
        assert_eq!(split(&[vec![0, 1]]), (vec![0], vec![1], "split by hyper-thread"));
        assert_eq!(split(&[vec![0]]), (vec![0], vec![0], "shared"));
    }
}
