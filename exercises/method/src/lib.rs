//! How it is measured: a late question counts from when it should have been asked. Chapter: `docs/src/method.md`.

use std::time::Duration;

/// Questions are to leave every `interval`, and a client asks one at a time: what each felt, from the moment it should
/// have left to its answer. `services` is what the server took for each.
pub fn felt(interval: Duration, services: &[Duration]) -> Vec<Duration> {
    // Hint: a question leaves at its time, or when the one before is answered, whichever is later.
    todo!()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_stall_is_many_late_answers() {
        let ms = Duration::from_millis;
        let mut services = vec![ms(1); 100];
        services[10] = ms(500);
        let felt = felt(ms(10), &services);
        assert_eq!(felt[9], ms(1));
        assert_eq!(felt[10], ms(500));
        assert_eq!(felt[11], ms(491));
        // A benchmark that asks when it has its answer would report one slow answer in a hundred.
        let late = felt.iter().filter(|time| **time > ms(100)).count();
        assert!(late > 40, "{late}");
    }
}
