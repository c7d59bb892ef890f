//! What is happening and how long is left: a bar on a terminal, a line now and then anywhere else.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::plan::in_words;

/// A bar on stderr. Where stderr is no terminal nothing is drawn, and [`Progress::says`] writes plain lines.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    began: Instant,
    /// What the plan says of the whole, and of what is done.
    whole: Duration,
    done: Duration,
    current: Duration,
}

impl Progress {
    /// Begins now; the plan takes this long.
    pub fn new(whole: Duration) -> Self {
        let bar = ProgressBar::with_draw_target(
            Some(whole.as_millis() as u64),
            ProgressDrawTarget::stderr_with_hz(8),
        );
        let style = ProgressStyle::with_template("{bar:30} {msg}")
            .expect("the template is valid")
            .progress_chars("━━╌");
        bar.set_style(style);
        Self { bar, began: Instant::now(), whole, done: Duration::ZERO, current: Duration::ZERO }
    }

    /// A milestone: a line where there is no bar.
    pub fn says(&self, what: &str) {
        if self.bar.is_hidden() {
            eprintln!("{what}");
        }
    }

    /// A line that stays, above the bar.
    pub fn warns(&self, what: &str) {
        self.bar.suspend(|| eprintln!("{what}"));
    }

    /// A line of the result, above the bar.
    pub fn prints(&self, line: &str) {
        self.bar.suspend(|| println!("{line}"));
    }

    /// What begins now, and how long the plan says it takes.
    pub fn begins(&mut self, what: &str, takes: Duration) {
        self.done += self.current;
        self.current = takes;
        self.tick(what, Duration::ZERO);
    }

    /// It has gone on for so long.
    pub fn tick(&self, what: &str, since: Duration) {
        let planned = self.done + since.min(self.current);
        let left = self.left(planned);
        self.bar.set_position(planned.as_millis() as u64);
        self.bar.set_message(format!("{} left · {what}", in_words(left)));
    }

    /// It is over; the bar goes.
    pub fn ends(&self) {
        self.bar.finish_and_clear();
    }

    /// What the plan has left, stretched by how late the run is so far.
    fn left(&self, planned: Duration) -> Duration {
        let left = self.whole.saturating_sub(planned);
        if planned < Duration::from_secs(5) {
            return left;
        }
        let late = self.began.elapsed().as_secs_f64() / planned.as_secs_f64();
        left.mul_f64(late.clamp(0.5, 5.0))
    }
}
