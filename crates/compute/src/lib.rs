//! CPU work as pure functions on bytes and numbers: no I/O, no threads, no clock in the work itself.
//!
//! The three servers call the same functions; where they call them (in the handler, on the pool for computing, in the
//! worker) is what is being compared.
//!
//! Nothing ends computing from outside: not a thread that has begun it, and not a task, which never awaits in it. So
//! whoever calls gives a question, `go_on`, that is asked between two steps.
//!
//! | to find | look in |
//! |---|---|
//! | image processing: a picture in, a small JPEG out, whatever was sent | [`mod@thumbnail`] |
//! | data encryption: a key from a passphrase, then an AEAD | [`mod@seal`] |
//! | work that takes as long as it is told to | [`mod@work`] |

pub mod seal;
pub mod thumbnail;
pub mod work;

pub use seal::{Fresh, open, seal};
pub use thumbnail::thumbnail;
pub use work::{RoundsPerMs, work, work_while};

/// Why computing gave no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// Not one of the formats that are read.
    #[error("the body is no PNG, JPEG, GIF or WebP")]
    NotAnImage,
    /// It says what it is, and is not.
    #[error("the image is malformed or cut short")]
    BrokenImage,
    /// More than is decoded, whatever the bytes that say so weigh.
    #[error(
        "the image has more than {} pixels, or a side over {}",
        thumbnail::MOST_PIXELS,
        thumbnail::LONGEST_SIDE
    )]
    HugeImage,
    /// Not what [`seal`](seal()) made.
    #[error("the body was not sealed here: its head is not that of a sealed body")]
    NotSealed,
    /// The passphrase is another, or the bytes are. A cipher that told which would help who guesses.
    #[error("the body does not open: the passphrase is another, or the bytes were changed")]
    Unopened,
    /// Told to stop between two steps.
    #[error("told to stop before it was done")]
    Stopped,
}

/// Goes on, or ends the work between two steps.
fn step(go_on: impl Fn() -> bool) -> Result<(), Failed> {
    if go_on() { Ok(()) } else { Err(Failed::Stopped) }
}

impl From<Failed> for contract::Problem {
    fn from(failed: Failed) -> Self {
        let refused = |kind| contract::FieldError::new(&["body"], kind, failed.to_string(), None);
        match failed {
            Failed::NotAnImage => Self::unsupported(failed.to_string()),
            Failed::BrokenImage => refused("image_parsing").into(),
            Failed::HugeImage => refused("image_too_large").into(),
            Failed::NotSealed => refused("sealed_parsing").into(),
            Failed::Unopened => refused("sealed_invalid").into(),
            Failed::Stopped => Self::deadline_passed(),
        }
    }
}
