//! The document at `/openapi.json`: one text, byte for byte the same from all three servers.
//!
//! It hangs on functions that do nothing, because a description tied to one framework's handlers could not be
//! shared. That it tells the truth is checked from outside: for every operation here, each server is asked.

#![expect(dead_code, reason = "the functions carry descriptions; nobody calls them")]

use std::sync::LazyLock;

use utoipa::OpenApi;

use crate::{Health, Mode, Placement, Problem, Profile, Ready, Users, Waited, Worked};

/// The document, as compact JSON.
pub fn json() -> &'static str {
    static JSON: LazyLock<String> =
        LazyLock::new(|| Document::openapi().to_json().expect("the document is plain data"));
    &JSON
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "waitlab",
        description = "One HTTP API, served three times: by a thread per connection, by actix-web, by axum. \
            Every failure is application/problem+json (RFC 9457).",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    paths(
        wait, github_user, github_users, stream, work, plaintext, echo, offload_wait,
        pitfalls_blocking_wait, healthz, readyz, metrics, openapi_json, docs,
    ),
    components(schemas(Problem, Profile)),
    tags(
        (name = "waiting", description = "Hold the request; call the outside"),
        (name = "computing", description = "Use the CPU, or a pool of threads"),
        (name = "pitfalls", description = "Mistakes, on purpose; only with --pitfalls"),
        (name = "about", description = "The floor under every number, and the process itself"),
    ),
)]
struct Document;

/// Wait, then answer
#[utoipa::path(get, path = "/wait/{seconds}", tag = "waiting",
    params(
        ("seconds" = String, Path, description = "Whole seconds as FastAPI takes them, or a decimal; 0 to --max-wait", example = "1"),
        ("deadline" = Option<f64>, Query, description = "Answer 503 at this time, in seconds"),
    ),
    responses(
        (status = 200, body = Waited),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The deadline passed"),
    ))]
fn wait() {}

/// The upstream's JSON for one user
#[utoipa::path(get, path = "/github-user/{username}", tag = "waiting",
    params(("username" = String, Path, description = "[A-Za-z0-9_-]{1,39}", example = "octocat")),
    responses(
        (status = 200, body = Profile),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "GitHub knows no such user"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json", description = "The upstream's answer cannot be used"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "GitHub's rate limit, or too many calls in flight"),
        (status = 504, body = Problem, content_type = "application/problem+json", description = "No answer in time"),
    ))]
fn github_user() {}

/// Several users in one reply
#[utoipa::path(get, path = "/github-users", tag = "waiting",
    params(
        ("username" = Vec<String>, Query, description = "1 to 20 names", example = json!(["octocat", "torvalds"])),
        ("mode" = Option<Mode>, Query, description = "parallel (the default) or sequential"),
    ),
    responses(
        (status = 200, body = Users, description = "In the order asked; each its profile or its problem"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ))]
fn github_users() {}

/// Lines of JSON, one each interval
#[utoipa::path(get, path = "/stream/{count}", tag = "waiting",
    params(
        ("count" = u64, Path, description = "Lines; 0 to 10,000,000", example = 3),
        ("interval" = Option<f64>, Query, description = "Seconds between two lines; 0 to 60, 0.1 if not given"),
    ),
    responses(
        (status = 200, body = String, content_type = "application/x-ndjson", description = "Flushed as made"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ))]
fn stream() {}

/// Wait, then compute
#[utoipa::path(get, path = "/work", tag = "computing",
    params(
        ("wait" = Option<f64>, Query, description = "Seconds to wait; 0 to --max-wait", example = json!(0.12)),
        ("cpu_ms" = Option<f64>, Query, description = "Milliseconds of computing; 0 to 10,000", example = json!(0.5)),
        ("placement" = Option<Placement>, Query, description = "inline (the default) or offload"),
    ),
    responses(
        (status = 200, body = Worked),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The offload pool and its queue are full"),
    ))]
fn work() {}

/// The floor under every other number
#[utoipa::path(get, path = "/plaintext", tag = "about",
    responses((status = 200, body = String, content_type = "text/plain; charset=utf-8", example = "Hello, World!")))]
fn plaintext() {}

/// Read the whole body and tell its length
#[utoipa::path(post, path = "/echo", tag = "about",
    request_body(content = String, content_type = "application/octet-stream"),
    responses(
        (status = 200, body = String, content_type = "text/plain; charset=utf-8", example = "len=5"),
        (status = 408, body = Problem, content_type = "application/problem+json", description = "The body came too slowly"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
    ))]
fn echo() {}

/// A blocking sleep on the offload pool
#[utoipa::path(get, path = "/offload/wait/{seconds}", tag = "computing",
    params(
        ("seconds" = String, Path, description = "As for /wait", example = "1"),
        ("deadline" = Option<f64>, Query, description = "Answer 503 at this time, in seconds"),
    ),
    responses(
        (status = 200, body = Waited),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The deadline passed, or the pool and its queue are full"),
    ))]
fn offload_wait() {}

/// A blocking sleep where it does not belong
#[utoipa::path(get, path = "/pitfalls/blocking-wait/{seconds}", tag = "pitfalls",
    params(
        ("seconds" = String, Path, description = "As for /wait", example = "1"),
        ("deadline" = Option<f64>, Query, description = "Answer 503 at this time, in seconds"),
    ),
    responses(
        (status = 200, body = Waited),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "Without --pitfalls"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The deadline passed"),
    ))]
fn pitfalls_blocking_wait() {}

/// The process answers
#[utoipa::path(get, path = "/healthz", tag = "about", responses((status = 200, body = Health)))]
fn healthz() {}

/// Whether to send requests here
#[utoipa::path(get, path = "/readyz", tag = "about",
    responses(
        (status = 200, body = Ready),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "Draining"),
    ))]
fn readyz() {}

/// Prometheus text
#[utoipa::path(get, path = "/metrics", tag = "about",
    responses((status = 200, body = String, content_type = "text/plain; version=0.0.4")))]
fn metrics() {}

/// This document
#[utoipa::path(get, path = "/openapi.json", tag = "about",
    responses((status = 200, body = Object, content_type = "application/json")))]
fn openapi_json() {}

/// This document to read and to try, in a browser
#[utoipa::path(get, path = "/docs", tag = "about",
    responses((status = 200, body = String, content_type = "text/html")))]
fn docs() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_openapi_3_1_and_names_every_operation_once() {
        let document: serde_json::Value = serde_json::from_str(json()).unwrap();
        assert!(
            document["openapi"].as_str().unwrap().starts_with("3.1"),
            "{}",
            document["openapi"]
        );
        assert_eq!(document["paths"].as_object().unwrap().len(), 14);
    }
}
