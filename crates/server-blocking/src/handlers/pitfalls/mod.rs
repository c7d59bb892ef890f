//! Mistakes made on purpose, served only with `--pitfalls`.

pub(crate) mod background;
pub(crate) mod blocking_client;
pub(crate) mod blocking_wait;
pub(crate) mod buffered_upload;
pub(crate) mod client_per_request;
pub(crate) mod dropped_future;
pub(crate) mod failure;
pub(crate) mod lock_across_await;
pub(crate) mod lost_error;
pub(crate) mod panic;
pub(crate) mod small_pool;
pub(crate) mod stream_blocked;
pub(crate) mod timeout;
pub(crate) mod unbounded_offload;
