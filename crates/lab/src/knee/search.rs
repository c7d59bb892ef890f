//! The search for the highest rate that keeps an objective: doubling, then bisection, every step by majority.

/// What one probe at a rate said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// The objective was kept.
    Kept,
    /// It was not, or the server failed or fell behind.
    Missed,
    /// Nothing about the server: the generator was the limit.
    Void,
}

/// Why the search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The next rate that was tried misses it.
    Found,
    /// Even the lowest rate misses it.
    Never,
    /// Above, only the generator was measured.
    GeneratorBound,
    /// Every rate up to the highest keeps it.
    NeverMissed,
}

/// Below this rate nothing is asked.
const LOWEST: f64 = 1.0;
/// From this rate on nothing higher is asked.
const HIGHEST: f64 = 200_000.0;
/// The two sides of the knee are near enough when they differ by this.
const NEAR: f64 = 1.06;
/// So many probes that agree decide; and so many void ones.
const MAJORITY: usize = 2;
/// See [`MAJORITY`].
const MOST_VOID: usize = 3;

/// A search under way.
#[derive(Clone, Debug)]
pub struct Search {
    kept: Option<f64>,
    missed: Option<f64>,
    now: f64,
    votes: Vec<Said>,
    end: Option<End>,
}

impl Search {
    /// Begins at this rate.
    pub fn from(rate: f64) -> Self {
        Self { kept: None, missed: None, now: rate.max(LOWEST), votes: Vec::new(), end: None }
    }

    /// The rate to be tried next, while there is one.
    pub fn next(&self) -> Option<f64> {
        self.end.is_none().then_some(self.now)
    }

    /// The highest rate that kept the objective.
    pub fn knee(&self) -> Option<f64> {
        self.kept
    }

    /// The lowest that did not.
    pub fn missed(&self) -> Option<f64> {
        self.missed
    }

    /// Why it ended, once it has.
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// What a probe at [`Search::next`] said. While the rates still double one that kept it is enough: a rate that is
    /// kept by chance is found out by the next.
    pub fn tell(&mut self, said: Said) {
        self.votes.push(said);
        let count = |wanted| self.votes.iter().filter(|&&vote| vote == wanted).count();
        let (kept, missed, void) = (count(Said::Kept), count(Said::Missed), count(Said::Void));
        let doubling = self.missed.is_none();
        if kept >= MAJORITY || (doubling && kept == 1 && missed == 0) {
            self.keeps();
        } else if missed >= MAJORITY {
            self.misses();
        } else if void >= MOST_VOID {
            // Whatever is above cannot be told from here.
            self.end = Some(End::GeneratorBound);
        } else if kept == 0 || missed == 0 || void == 0 {
            return;
        } else {
            // One of each: it cannot be relied on.
            self.misses();
        }
        self.votes.clear();
    }

    fn keeps(&mut self) {
        self.kept = Some(self.now);
        match self.missed {
            None if self.now >= HIGHEST => self.end = Some(End::NeverMissed),
            None => self.now = (self.now * 2.0).min(HIGHEST),
            Some(missed) => self.between(self.now, missed),
        }
    }

    fn misses(&mut self) {
        self.missed = Some(self.now);
        match self.kept {
            None if self.now <= LOWEST => self.end = Some(End::Never),
            None => self.now = (self.now / 4.0).max(LOWEST),
            Some(kept) => self.between(kept, self.now),
        }
    }

    fn between(&mut self, kept: f64, missed: f64) {
        if missed / kept <= NEAR {
            self.end = Some(End::Found);
        } else {
            self.now = (kept * missed).sqrt();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches a server that keeps the objective as `said` tells; gives the search and how many probes it took.
    fn searched(from: f64, mut said: impl FnMut(f64) -> Said) -> (Search, usize) {
        let mut search = Search::from(from);
        let mut probes = 0;
        while let Some(rate) = search.next() {
            search.tell(said(rate));
            probes += 1;
            assert!(probes < 100, "it does not end");
        }
        (search, probes)
    }

    fn below(limit: f64) -> impl FnMut(f64) -> Said {
        move |rate| if rate <= limit { Said::Kept } else { Said::Missed }
    }

    #[test]
    fn the_knee_is_found_within_six_in_a_hundred_from_any_start() {
        for limit in [3.0, 47.0, 1_000.0, 12_345.0, 90_000.0] {
            for from in [50.0, 200.0, 100_000.0_f64.min(limit * 60.0)] {
                let (search, probes) = searched(from, below(limit));
                let knee = search.knee().unwrap();
                assert_eq!(search.end(), Some(End::Found));
                assert!(knee <= limit && knee * 1.06 >= limit, "{limit} from {from}: {knee}");
                assert!(probes <= 40, "{probes} probes");
            }
        }
    }

    #[test]
    fn one_unlucky_probe_in_three_does_not_move_it() {
        let mut probes = 0;
        let (search, _) = searched(100.0, |rate| {
            probes += 1;
            let honest = if rate <= 5_000.0 { Said::Kept } else { Said::Missed };
            if probes % 4 == 0 { Said::Missed } else { honest }
        });
        let knee = search.knee().unwrap();
        assert!((4_600.0..=5_000.0).contains(&knee), "{knee}");
    }

    #[test]
    fn what_cannot_be_found_is_told_apart() {
        let (never, _) = searched(100.0, |_| Said::Missed);
        assert_eq!((never.end(), never.knee()), (Some(End::Never), None));
        let (always, _) = searched(100.0, |_| Said::Kept);
        assert_eq!((always.end(), always.knee()), (Some(End::NeverMissed), Some(HIGHEST)));
        let (bound, _) =
            searched(100.0, |rate| if rate < 3_000.0 { Said::Kept } else { Said::Void });
        assert_eq!((bound.end(), bound.knee()), (Some(End::GeneratorBound), Some(1_600.0)));
    }
}
