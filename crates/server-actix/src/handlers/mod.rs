//! One file a route.

pub(crate) mod batches;
pub(crate) mod docs;
pub(crate) mod echo;
pub(crate) mod file;
pub(crate) mod files;
pub(crate) mod github_user;
pub(crate) mod github_users;
pub(crate) mod healthz;
pub(crate) mod jobs;
pub(crate) mod metrics;
pub(crate) mod note;
pub(crate) mod notes;
pub(crate) mod offload_wait;
pub(crate) mod open;
pub(crate) mod openapi;
pub(crate) mod page;
pub(crate) mod pitfalls;
pub(crate) mod plaintext;
pub(crate) mod readyz;
pub(crate) mod scrape;
pub(crate) mod seal;
pub(crate) mod slow_query;
pub(crate) mod stream;
pub(crate) mod thumbnail;
pub(crate) mod wait;
pub(crate) mod work;
