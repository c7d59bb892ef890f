//! Mistakes made on purpose, served only with `--pitfalls`.

pub(crate) mod blocking_wait;
pub(crate) mod panic;
