//! Several calls in one request: together, not in turn. Chapter: `docs/src/fan-out.md`.

/// Calls `call` for every name and gives the answers in the order of the names.
pub fn together(names: &[&str], call: impl Fn(&str) -> String + Sync) -> Vec<String> {
    // cut: scoped threads (std::thread::scope) may borrow `names` and `call`; start all before you join the first
    std::thread::scope(|scope| {
        let calls: Vec<_> = names.iter().map(|name| scope.spawn(|| call(name))).collect();
        calls.into_iter().map(|call| call.join().expect("the call does not panic")).collect()
    })
    // end cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    #[test]
    fn five_calls_are_under_way_at_once_and_answers_keep_their_order() {
        // Nobody passes before all five have come; a watchdog ends the test when they never do.
        std::thread::spawn(|| {
            std::thread::sleep(std::time::Duration::from_secs(5));
            eprintln!("the calls wait for each other");
            std::process::exit(1);
        });
        let all = Barrier::new(5);
        let names = ["a", "b", "c", "d", "e"];
        let answers = together(&names, |name| {
            all.wait();
            name.to_uppercase()
        });
        assert_eq!(answers, ["A", "B", "C", "D", "E"]);
    }
}
