//! `/offload/wait/{seconds}`: a blocking sleep on a pool of threads, and the pool's limit.

use std::thread;
use std::time::Duration;

use super::{Check, Needs, Verdict, each};
use crate::Subject;

pub(super) const CHECKS: &[Check] = &[
    Check::new("offload/wait answers as wait does", Needs::Address, as_wait),
    Check::new("offload/wait answers 503 at its deadline", Needs::Address, deadline).alone(),
    Check::new("offload/wait runs as many as it has threads, lets as many wait as its queue holds, and refuses the rest", Needs::Narrow, bounded).alone(),
    Check::new("offload/wait runs as many as fit when all come in one moment", Needs::Narrow, burst).alone(),
    Check::new("offload/wait: a call that is given up while it waits is never run", Needs::Narrow, given_up).alone(),
];

fn as_wait(subject: &Subject) -> Verdict {
    let reply = subject.get_with("/offload/wait/0.3", 200)?;
    ensure!(reply.text() == r#"{"message":"Waited for 0.3 seconds!"}"#, "{}", reply.text());
    ensure!(reply.took >= Duration::from_millis(295), "answered after {:?}", reply.took);
    for text in ["-1", "abc", "61", "NaN"] {
        let [offload, wait] = ["/offload/wait", "/wait"]
            .map(|route| subject.problem(&format!("{route}/{text}"), 422));
        ensure!(offload?.errors == wait?.errors, "{text} is refused otherwise than by /wait");
    }
    subject.problem("/offload/wait/0/", 404).map(drop)
}

fn deadline(subject: &Subject) -> Verdict {
    let reply = subject.get_with("/offload/wait/2?deadline=0.3", 503)?;
    let range = Duration::from_millis(295)..=Duration::from_millis(800);
    ensure!(range.contains(&reply.took), "answered after {:?}", reply.took);
    ensure!(reply.field("retry-after").is_some(), "there is no Retry-After");
    Ok(())
}

fn burst(subject: &Subject) -> Verdict {
    // Two threads and a queue of two: none of four is one too many, however close they come.
    each(0..10, |round| {
        let replies = subject.get_all(&vec!["/offload/wait/0.01".to_owned(); 4]);
        let replies = replies.into_iter().collect::<Result<Vec<_>, _>>()?;
        let statuses: Vec<_> = replies.iter().map(|reply| reply.status).collect();
        ensure!(statuses == [200; 4], "four at once, time {round}, got {statuses:?}");
        Ok(())
    })
}

fn given_up(subject: &Subject) -> Verdict {
    thread::scope(|scope| {
        let first: Vec<_> =
            (0..2).map(|_| scope.spawn(|| subject.get("/offload/wait/1"))).collect();
        thread::sleep(Duration::from_millis(200));
        // Run, each of these would hold a thread or a place for two seconds.
        for _ in 0..4 {
            let reply = subject.get_with("/offload/wait/2?deadline=0.05", 503)?;
            ensure!(reply.took <= Duration::from_millis(500), "given up after {:?}", reply.took);
        }
        let waiting = subject.metric("offload_waiting")?;
        ensure!(waiting == 0.0, "{waiting} calls wait that nobody waits for");
        for reply in first {
            reply.join().expect("asking does not panic")?.expect(200)?;
        }
        let reply = subject.get_with("/offload/wait/0", 200)?;
        ensure!(reply.took <= Duration::from_millis(500), "a free pool took {:?}", reply.took);
        Ok(())
    })
}

fn bounded(subject: &Subject) -> Verdict {
    // Two threads and a queue of two. One after the other, so that each finds the one before in its place.
    let replies: Vec<_> = thread::scope(|scope| {
        let asked: Vec<_> = (0..7)
            .map(|_| {
                let ask = scope.spawn(|| subject.get("/offload/wait/0.8"));
                thread::sleep(Duration::from_millis(40));
                ask
            })
            .collect();
        asked.into_iter().map(|reply| reply.join().expect("asking does not panic")).collect()
    });
    let replies = replies.into_iter().collect::<Result<Vec<_>, _>>()?;
    let statuses: Vec<_> = replies.iter().map(|reply| reply.status).collect();
    ensure!(statuses == [200, 200, 200, 200, 503, 503, 503], "seven at once got {statuses:?}");
    for reply in &replies[4..] {
        ensure!(reply.took <= Duration::from_millis(300), "a 503 came after {:?}", reply.took);
        let after = reply.field("retry-after").and_then(|value| value.parse::<u64>().ok());
        ensure!(after.is_some_and(|after| after >= 1), "Retry-After is {after:?}");
        reply.problem("/offload/wait/0.8")?;
    }
    // The queue's waits begin when a thread is free.
    ensure!(
        replies[3].took >= Duration::from_millis(1_400),
        "the fourth was answered after {:?}",
        replies[3].took
    );
    subject.get_with("/offload/wait/0", 200).map(drop)
}
