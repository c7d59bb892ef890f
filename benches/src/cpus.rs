//! Which CPUs are the servers' and which the clients', so that they do not take turns on one.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The CPUs of this process in two halves, no core in both; with one core its hyper-threads, with one CPU both are that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// For the clients, the stub and the harness.
    pub clients: Vec<usize>,
    /// For the servers.
    pub servers: Vec<usize>,
}

impl Split {
    /// Of the CPUs this process may use.
    pub fn here() -> Self {
        Self::of(&load::cpus::cores(&allowed()))
    }

    fn of(cores: &[Vec<usize>]) -> Self {
        if let [core] = cores {
            let (clients, servers) = core.split_at(core.len() / 2);
            let clients = if clients.is_empty() { servers } else { clients };
            return Self { clients: clients.into(), servers: servers.into() };
        }
        let (clients, servers) = cores.split_at(cores.len() / 2);
        Self { clients: clients.concat(), servers: servers.concat() }
    }

    /// How it was split, as a sentence.
    pub fn told(&self) -> String {
        if self.clients == self.servers {
            return "One CPU for servers and clients: they take turns, and that is in every figure.".into();
        }
        let (servers, clients) = (&self.servers, &self.clients);
        format!("Servers on CPU {servers:?}, clients and the stub on CPU {clients:?}.")
    }
}

/// The CPUs this process may use.
pub fn allowed() -> Vec<usize> {
    let set = affinity();
    (0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).collect()
}

/// Runs this on these CPUs, and whatever threads and processes it starts stay there.
pub fn on<T>(cpus: &[usize], run: impl FnOnce() -> T) -> T {
    let before = affinity();
    let mut set = CpuSet::new();
    for cpu in cpus {
        set.set(*cpu);
    }
    pin(&set);
    let result = run();
    pin(&before);
    result
}

fn affinity() -> CpuSet {
    sched_getaffinity(None).expect("a thread may ask where it runs")
}

fn pin(set: &CpuSet) {
    sched_setaffinity(None, set).expect("these CPUs are among those the kernel named");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_and_clients_share_a_cpu_only_when_there_is_one() {
        let split = Split::of(&[vec![2], vec![3], vec![7]]);
        assert_eq!((split.clients, split.servers), (vec![2], vec![3, 7]));
        let threads = Split::of(&[vec![0, 2], vec![1, 3]]);
        assert_eq!((threads.clients, threads.servers), (vec![0, 2], vec![1, 3]));
        let single = Split::of(&[vec![4]]);
        assert_eq!(single.clients, single.servers);
        assert!(single.told().starts_with("One CPU"));
    }

    #[test]
    fn a_thread_started_on_a_cpu_stays_there_and_its_starter_does_not() {
        let all = allowed();
        let last = *all.last().unwrap();
        let theirs = on(&[last], || std::thread::spawn(allowed)).join().unwrap();
        assert_eq!(theirs, [last]);
        assert_eq!(allowed(), all);
    }
}
