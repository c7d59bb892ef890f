//! Too many clients: the last place is given once. Chapter: `docs/src/too-many.md`.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Places for so many.
pub struct Places {
    taken: AtomicUsize,
    all: usize,
}

impl Places {
    pub fn new(all: usize) -> Self {
        Self { taken: AtomicUsize::new(0), all }
    }

    /// A place, or none: at once, and never one too many.
    pub fn take(&self) -> bool {
        // Hint: who looks first and counts then may find another's place; `fetch_add` counts and tells what was before.
        todo!()
    }

    pub fn give_back(&self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_never_more_inside_than_places() {
        let places = Places::new(3);
        let (inside, most, refused) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..2_000 {
                        if !places.take() {
                            refused.fetch_add(1, Ordering::Relaxed);
                            continue;
                        }
                        let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
                        most.fetch_max(now, Ordering::SeqCst);
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        places.give_back();
                    }
                });
            }
        });
        assert!(most.into_inner() <= 3);
        assert!((0..3).all(|_| places.take()), "a place was lost");
        assert!(!places.take());
    }
}
