//! Which CPUs are one core: two hyper-threads of it take turns, so server and generator must not have one each.

use std::fs;
use std::path::Path;

/// Of these CPUs those that are hyper-threads of one core together, in the order of their first ones. The usual
/// numbering has a core's second thread half the CPUs away: a split by number would pair each core's two threads as
/// server and generator. A CPU of which the kernel says nothing is a core of its own.
pub fn cores(cpus: &[usize]) -> Vec<Vec<usize>> {
    cores_of(Path::new("/sys/devices/system/cpu"), cpus)
}

fn cores_of(topology: &Path, cpus: &[usize]) -> Vec<Vec<usize>> {
    let mut cores: Vec<Vec<usize>> = Vec::new();
    for &cpu in cpus {
        if cores.iter().any(|core| core.contains(&cpu)) {
            continue;
        }
        let list = topology.join(format!("cpu{cpu}/topology/thread_siblings_list"));
        let siblings = fs::read_to_string(list).map_or_else(|_| Vec::new(), |text| listed(&text));
        let is_sibling = |other: &usize| *other == cpu || siblings.contains(other);
        cores.push(cpus.iter().copied().filter(is_sibling).collect());
    }
    cores
}

/// `0,4` or `0-1` or `0-3,8-11`, as the kernel writes a set of CPUs.
fn listed(text: &str) -> Vec<usize> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse().ok()?..=last.parse::<usize>().ok()?)
    };
    text.trim().split(',').filter_map(range).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cores of a machine whose kernel says this of its CPUs.
    fn cores(siblings: &[&str], allowed: &[usize]) -> Vec<Vec<usize>> {
        let folder = tempfile::tempdir().unwrap();
        for (cpu, list) in siblings.iter().enumerate() {
            let topology = folder.path().join(format!("cpu{cpu}/topology"));
            fs::create_dir_all(&topology).unwrap();
            fs::write(topology.join("thread_siblings_list"), format!("{list}\n")).unwrap();
        }
        cores_of(folder.path(), allowed)
    }

    #[test]
    fn hyper_threads_of_a_core_stay_together_however_they_are_numbered() {
        let usual = ["0,4", "1,5", "2,6", "3,7", "0,4", "1,5", "2,6", "3,7"];
        let all: Vec<usize> = (0..8).collect();
        assert_eq!(cores(&usual, &all), [[0, 4], [1, 5], [2, 6], [3, 7]]);
        assert_eq!(cores(&["0-1", "0-1", "2-3", "2-3"], &[0, 1, 2, 3]), [[0, 1], [2, 3]]);
        assert_eq!(cores(&usual, &[0, 3, 4]), [vec![0, 4], vec![3]], "it may not use all");
    }

    #[test]
    fn a_cpu_of_which_the_kernel_says_nothing_is_a_core() {
        assert_eq!(cores(&["0", "1"], &[0, 1]), [[0], [1]]);
        assert_eq!(cores(&[], &[2, 7]), [[2], [7]]);
    }
}
