//! A generator that has to share its CPU says so. In a file of its own: it keeps a CPU busy.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use load::floor::{self, Floor};
use load::gates::{self, Kind};
use load::{Ask, Cancel, Plan, Stop, Target, run};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

#[test]
fn a_generator_on_a_busy_cpu_is_flagged() {
    let allowed = sched_getaffinity(None).unwrap();
    let cpu = (0..CpuSet::MAX_CPU).find(|&cpu| allowed.is_set(cpu)).unwrap();
    let floor = Floor::start(floor::plaintext()).unwrap();
    let plan = Plan {
        cpus: vec![cpu],
        ..Plan::closed(
            Target::new(floor.addr),
            Ask::get("/"),
            256,
            Stop::After(Duration::from_millis(500)),
        )
    };
    let over = AtomicBool::new(false);
    let outcome = thread::scope(|scope| {
        for _other in 0..2 {
            scope.spawn(|| {
                let mut only = CpuSet::new();
                only.set(cpu);
                sched_setaffinity(None, &only).unwrap();
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let outcome = run(&plan, &Cancel::new(), |_| {}).unwrap();
        over.store(true, Ordering::Relaxed);
        outcome
    });
    floor.stop().unwrap();
    assert_eq!(outcome.generator[0].pinned, Some(cpu));
    let gates = gates::of(&outcome);
    let crowded = gates.iter().find(|gate| gate.kind == Kind::GeneratorCrowded);
    assert!(crowded.is_some_and(|gate| gate.void), "{gates:?} {:?}", outcome.generator);
}
