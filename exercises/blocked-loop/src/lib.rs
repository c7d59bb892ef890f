//! The blocked loop: between two awaits nothing interrupts a task, so one that computes has to step back by itself.
//! Chapter: `docs/src/blocked-loop.md`.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Lets the others go first, once.
pub async fn step_back() {
    struct StepBack(bool);
    impl Future for StepBack {
        type Output = ();
        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
            if std::mem::replace(&mut self.0, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        }
    }
    StepBack(false).await;
}

/// The sum of these numbers, which lets the others go first after every hundred of them.
pub async fn sum(numbers: &[u64]) -> u64 {
    // Hint: `numbers.chunks(100)`, and `step_back().await` between two of them.
    todo!()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::Waker;

    #[test]
    fn a_bystander_has_its_turn_while_another_computes() {
        let numbers: Vec<u64> = (0..10_000).collect();
        let mut computes = pin!(sum(&numbers));
        let mut context = Context::from_waker(Waker::noop());
        // A loop of two: the task that computes, and a bystander who counts its turns.
        let mut turns = 0;
        let sum = loop {
            if let Poll::Ready(sum) = computes.as_mut().poll(&mut context) {
                break sum;
            }
            turns += 1;
        };
        assert_eq!(sum, 49_995_000);
        assert!(turns >= 99, "the bystander had {turns} turns");
    }
}
