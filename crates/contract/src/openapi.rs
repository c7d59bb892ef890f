//! The document at `/openapi.json`: one text, byte for byte the same from all three servers.
//!
//! It hangs on functions that do nothing, because a description tied to one framework's handlers could not be
//! shared. That it tells the truth is checked from outside: for every operation here, each server is asked.

#![expect(dead_code, reason = "the functions carry descriptions; nobody calls them")]

use std::sync::LazyLock;

use utoipa::OpenApi;

use crate::jobs::State;
use crate::pitfalls::{How, Place};
use crate::scrape::Names;
use crate::{
    Batch, Draft, FilePage, Health, Job, Jobs, Message, Mode, Note, Notes, Placement, Problem,
    Profile, Promised, Ready, Saying, StoredFile, StoredFiles, Users, Waited, Worked,
};

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
        wait, github_user, github_users, scrape, stream, files_list, files_upload, file_download, file_upload,
        file_remove, notes_add, notes_list, note_find, note_rewrite, note_remove, slow_query, messages_say, room_events, jobs_enqueue,
        jobs_list, job_find, job_result, job_cancel, batches_enqueue, batch_find, work, thumbnail, seal, open, plaintext, echo, offload_wait,
        pitfalls_blocking_wait, pitfalls_blocking_client, pitfalls_client_per_request, pitfalls_unbounded_offload,
        pitfalls_small_pool, pitfalls_lock_across_await, remedies_lock_across_await, pitfalls_stream_blocked,
        pitfalls_background, pitfalls_lost_error, remedies_lost_error, pitfalls_dropped_future, remedies_dropped_future,
        pitfalls_buffered_upload, pitfalls_timeout, remedies_timeout, pitfalls_failure, healthz, readyz, metrics, openapi_json, docs, page,
    ),
    components(schemas(Problem, Profile)),
    tags(
        (name = "waiting", description = "Hold the request; call the outside"),
        (name = "files", description = "Files of one machine: streamed both ways, whole or not there"),
        (name = "database", description = "Rows, in SQLite or PostgreSQL"),
        (name = "messaging", description = "Rooms: what is said is kept, and sent to everybody who listens"),
        (name = "jobs", description = "Work that is accepted now and done later, by a worker of its own"),
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

/// Many users, a line as each answers
#[utoipa::path(post, path = "/scrape", tag = "waiting",
    request_body(content = Names),
    responses(
        (status = 200, body = String, content_type = "application/x-ndjson", description = "A line a name, its profile or its problem, in the order of arrival; each name is asked for once, no faster than the upstream allows"),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "The body breaks off"),
        (status = 408, body = Problem, content_type = "application/problem+json", description = "The body came too slowly"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ))]
fn scrape() {}

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

/// What is stored on this machine
#[utoipa::path(get, path = "/files", tag = "files",
    params(
        ("limit" = Option<u32>, Query, description = "1 to 1,000 files; 100 if not given"),
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses(
        (status = 200, body = FilePage, description = "In the order of names; files are not shared with replicas on other machines"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The disk does not answer"),
    ))]
fn files_list() {}

/// Store the files of a form
#[utoipa::path(post, path = "/files", tag = "files",
    request_body(content = FileForm, content_type = "multipart/form-data"),
    responses(
        (status = 201, body = StoredFiles, description = "All of them, once all are on the disk"),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "No form, or one that breaks off"),
        (status = 408, body = Problem, content_type = "application/problem+json", description = "The form came too slowly"),
        (status = 413, body = Problem, content_type = "application/problem+json", description = "Over --upload-bytes, 100 parts, or 8 KiB in the head of one"),
        (status = 415, body = Problem, content_type = "application/problem+json", description = "Not multipart/form-data"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "No file, or a name that is none"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The disk does not answer"),
        (status = 507, body = Problem, content_type = "application/problem+json", description = "The disk is full, or --files-quota is used up"),
    ))]
fn files_upload() {}

/// One file, as a whole or in part
#[utoipa::path(get, path = "/files/{name}", tag = "files",
    params(
        ("name" = String, Path, description = "1 to 120 bytes; no slash, no control character", example = "notes.txt"),
        ("Range" = Option<String>, Header, description = "One range of bytes: bytes=0-99, bytes=100-, bytes=-100"),
        ("If-Range" = Option<String>, Header, description = "The range only if this is still the ETag"),
        ("If-None-Match" = Option<String>, Header, description = "304 if one of these is the ETag"),
    ),
    responses(
        (status = 200, body = String, content_type = "application/octet-stream", description = "The ETag is the content's SHA-256"),
        (status = 206, body = String, content_type = "application/octet-stream"),
        (status = 304, description = "The client has these bytes"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 416, body = Problem, content_type = "application/problem+json", description = "Content-Range says how long the file is"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The disk does not answer"),
    ))]
fn file_download() {}

/// Store the body as a file
#[utoipa::path(put, path = "/files/{name}", tag = "files",
    params(("name" = String, Path, description = "1 to 120 bytes; no slash, no control character", example = "notes.txt")),
    request_body(content = String, content_type = "application/octet-stream"),
    responses(
        (status = 201, body = StoredFile, description = "New, whole and on the disk"),
        (status = 200, body = StoredFile, description = "In place of the one before"),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "The body breaks off"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "The name holds a slash"),
        (status = 408, body = Problem, content_type = "application/problem+json", description = "The body came too slowly"),
        (status = 413, body = Problem, content_type = "application/problem+json", description = "Over --upload-bytes"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The disk does not answer"),
        (status = 507, body = Problem, content_type = "application/problem+json", description = "The disk is full, or --files-quota is used up"),
    ))]
fn file_upload() {}

/// Remove a file
#[utoipa::path(delete, path = "/files/{name}", tag = "files",
    params(("name" = String, Path, description = "As for GET", example = "notes.txt")),
    responses(
        (status = 204, description = "Gone, also after a loss of power"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The disk does not answer"),
    ))]
fn file_remove() {}

/// What a browser sends of `<input type=file multiple>`.
#[derive(utoipa::ToSchema)]
struct FileForm {
    /// One or more.
    #[schema(value_type = Vec<String>, content_media_type = "application/octet-stream")]
    file: (),
}

/// Write a note
#[utoipa::path(post, path = "/notes", tag = "database",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters; the same key never makes a second note")),
    request_body(content = Draft),
    responses(
        (status = 201, body = Note, description = "On the disk; Location tells where to ask for it"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "The note that this key made has been deleted"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json", description = "Not JSON"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "Not a note, or a key that was used for another"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The database is locked, slow, away, or its pool is exhausted"),
    ))]
fn notes_add() {}

/// Notes, page by page
#[utoipa::path(get, path = "/notes", tag = "database",
    params(
        ("limit" = Option<u32>, Query, description = "1 to 100 notes; 20 if not given"),
        ("after" = Option<i64>, Query, description = "The `next` of the page before"),
    ),
    responses(
        (status = 200, body = Notes, description = "In the order of ids, which on PostgreSQL is not always that in which notes can be seen: one that was being written meanwhile may lie before it"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "As for POST"),
    ))]
fn notes_list() {}

/// One note
#[utoipa::path(get, path = "/notes/{id}", tag = "database",
    params(("id" = i64, Path, description = "From POST", example = 1)),
    responses(
        (status = 200, body = Note),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "As for POST"),
    ))]
fn note_find() {}

/// Write a note anew
#[utoipa::path(put, path = "/notes/{id}", tag = "database",
    params(("id" = i64, Path, description = "From POST", example = 1)),
    request_body(content = Draft),
    responses(
        (status = 200, body = Note, description = "On the disk"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json", description = "Not JSON"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "As for POST"),
    ))]
fn note_rewrite() {}

/// Remove a note
#[utoipa::path(delete, path = "/notes/{id}", tag = "database",
    params(("id" = i64, Path, description = "From POST", example = 1)),
    responses(
        (status = 204, description = "Gone"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "As for POST"),
    ))]
fn note_remove() {}

/// Wait inside the database
#[utoipa::path(get, path = "/slow-query/{seconds}", tag = "database",
    params(("seconds" = String, Path, description = "As for /wait", example = "0.1")),
    responses(
        (status = 200, body = Waited, description = "One connection of the pool was held so long"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "No connection was free in time"),
    ))]
fn slow_query() {}

/// Say something in a room
#[utoipa::path(post, path = "/rooms/{room}/messages", tag = "messaging",
    params(("room" = String, Path, description = "[A-Za-z0-9_-]{1,64}", example = "hall")),
    request_body(content = Saying),
    responses(
        (status = 201, body = Message, description = "On the disk; the latest 1,000 of a room are kept"),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "The body breaks off"),
        (status = 408, body = Problem, content_type = "application/problem+json", description = "The body came too slowly"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json", description = "Not JSON"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The database is locked, slow, away, or its pool is exhausted"),
    ))]
fn messages_say() {}

/// Listen to a room
#[utoipa::path(get, path = "/rooms/{room}/events", tag = "messaging",
    params(
        ("room" = String, Path, description = "As for POST", example = "hall"),
        ("Last-Event-ID" = Option<i64>, Header, description = "The last message that the subscriber has; those behind it come first. A browser sends it by itself"),
    ),
    responses(
        (status = 200, body = String, content_type = "text/event-stream", description = "First an id without data: where the subscriber begins. Then each message, its id the event's; ids of a room have no gap unless what was missed is no longer kept. A comment while nothing is said. Ended when the server drains, and when the subscriber is too far behind"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "As for POST"),
    ))]
fn room_events() {}

/// Have work done later
#[utoipa::path(post, path = "/jobs/{job}", tag = "jobs",
    params(
        ("job" = String, Path, description = "The kind: thumbnail, seal or wait", example = "wait"),
        ("width" = Option<u32>, Query, description = "Of a thumbnail, as for /thumbnail"),
        ("seconds" = Option<f64>, Query, description = "Of a wait, as for /wait"),
        ("X-Passphrase" = Option<String>, Header, description = "Of a seal, as for /seal; kept with the job until it has ended"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key never makes a second job"),
    ),
    request_body(content = String, content_type = "application/octet-stream", description = "The image, or the text to seal"),
    responses(
        (status = 202, body = Job, description = "Accepted and on the disk; Location tells where to ask for it"),
        (status = 408, body = Problem, content_type = "application/problem+json", description = "The body came too slowly"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The queue is full, or the database does not answer"),
    ))]
fn jobs_enqueue() {}

/// Jobs, page by page
#[utoipa::path(get, path = "/jobs", tag = "jobs",
    params(
        ("state" = Option<State>, Query, description = "Only those that stand there"),
        ("limit" = Option<u32>, Query, description = "1 to 100 jobs; 20 if not given"),
        ("after" = Option<i64>, Query, description = "The `next` of the page before"),
    ),
    responses(
        (status = 200, body = Jobs, description = "In the order of ids"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The database does not answer"),
    ))]
fn jobs_list() {}

/// Where a job stands
#[utoipa::path(get, path = "/jobs/{job}", tag = "jobs",
    params(("job" = i64, Path, description = "The id, from POST", example = 1)),
    responses(
        (status = 200, body = Job),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "It never was, or it ended and is forgotten"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The database does not answer"),
    ))]
fn job_find() {}

/// What a job left behind
#[utoipa::path(get, path = "/jobs/{job}/result", tag = "jobs",
    params(("job" = i64, Path, description = "The id, from POST", example = 1)),
    responses(
        (status = 200, body = String, content_type = "application/octet-stream", description = "As the direct route would have answered"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "It has no result: not yet (Retry-After), or never"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The database does not answer"),
    ))]
fn job_result() {}

/// Cancel a job
#[utoipa::path(delete, path = "/jobs/{job}", tag = "jobs",
    params(("job" = i64, Path, description = "The id, from POST", example = 1)),
    responses(
        (status = 200, body = Job, description = "Cancelled; a worker that runs it is told at its next heartbeat"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "It ended before"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The database does not answer"),
    ))]
fn job_cancel() {}

/// A thumbnail of each file of a form, as jobs
#[utoipa::path(post, path = "/batches", tag = "jobs",
    params(("width" = Option<u32>, Query, description = "As for /thumbnail")),
    request_body(content = FileForm, content_type = "multipart/form-data"),
    responses(
        (status = 202, body = Batch, description = "All accepted together; Location tells where to ask for them"),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "No form, or one that breaks off"),
        (status = 408, body = Problem, content_type = "application/problem+json", description = "The form came too slowly"),
        (status = 413, body = Problem, content_type = "application/problem+json", description = "Over 100 files, --media-bytes for one, or four times that for all"),
        (status = 415, body = Problem, content_type = "application/problem+json", description = "Not multipart/form-data"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "No file"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The queue has no room for all of them, or the database does not answer"),
    ))]
fn batches_enqueue() {}

/// Where the jobs of a batch stand
#[utoipa::path(get, path = "/batches/{id}", tag = "jobs",
    params(("id" = i64, Path, description = "From POST", example = 1)),
    responses(
        (status = 200, body = Batch),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The database does not answer"),
    ))]
fn batch_find() {}

/// Wait, then compute
#[utoipa::path(get, path = "/work", tag = "computing",
    params(
        ("wait" = Option<f64>, Query, description = "Seconds to wait; 0 to --max-wait", example = json!(0.12)),
        ("cpu_ms" = Option<f64>, Query, description = "Milliseconds of computing; 0 to 1,000, or to 10,000 where it is offloaded", example = json!(0.5)),
        ("placement" = Option<Placement>, Query, description = "inline (the default) or offload"),
    ),
    responses(
        (status = 200, body = Worked),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The offload pool and its queue are full"),
    ))]
fn work() {}

/// A small JPEG of an image
#[utoipa::path(post, path = "/thumbnail", tag = "computing",
    params(
        ("width" = Option<u32>, Query, description = "The most pixels it is wide; 1 to 2048, 256 if not given", example = 256),
        ("placement" = Option<Placement>, Query, description = "inline (the default) or offload"),
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "PNG, JPEG, GIF or WebP, of up to 25 million pixels"),
    responses(
        (status = 200, body = Vec<u8>, content_type = "image/jpeg"),
        (status = 408, body = Problem, content_type = "application/problem+json", description = "The body came too slowly"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json", description = "None of these formats"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "Broken, cut short, too many pixels, or a bad width"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "Every core computes and the queue is full, or the deadline passed"),
    ))]
fn thumbnail() {}

/// A body, encrypted with a key from a passphrase
#[utoipa::path(post, path = "/seal", tag = "computing",
    params(
        ("placement" = Option<Placement>, Query, description = "inline (the default) or offload"),
        ("X-Passphrase" = String, Header, description = "8 to 256 printable ASCII characters. It makes the key (Argon2id), and is neither kept nor logged", example = "correct horse battery staple"),
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/octet-stream", description = "Magic, version, salt, nonce, XChaCha20-Poly1305 ciphertext, tag"),
        (status = 408, body = Problem, content_type = "application/problem+json", description = "The body came too slowly"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "Every core computes and the queue is full, or the deadline passed"),
    ))]
fn seal() {}

/// What was sealed, in the clear again
#[utoipa::path(post, path = "/open", tag = "computing",
    params(
        ("placement" = Option<Placement>, Query, description = "inline (the default) or offload"),
        ("X-Passphrase" = String, Header, description = "The one it was sealed with", example = "correct horse battery staple"),
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 408, body = Problem, content_type = "application/problem+json", description = "The body came too slowly"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "Not sealed here, changed since, or another passphrase"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "Every core computes and the queue is full, or the deadline passed"),
    ))]
fn open() {}

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

/// A client that blocks, in async code
#[utoipa::path(get, path = "/pitfalls/blocking-client/{username}", tag = "pitfalls",
    params(("username" = String, Path, description = "As for /github-user", example = "octocat")),
    responses(
        (status = 200, body = Profile),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "GitHub knows no such user, or without --pitfalls"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json", description = "As for /github-user"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "As for /github-user"),
        (status = 504, body = Problem, content_type = "application/problem+json", description = "As for /github-user"),
    ))]
fn pitfalls_blocking_client() {}

/// A client of its own for each request
#[utoipa::path(get, path = "/pitfalls/client-per-request/{username}", tag = "pitfalls",
    params(("username" = String, Path, description = "As for /github-user", example = "octocat")),
    responses(
        (status = 200, body = Profile),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "GitHub knows no such user, or without --pitfalls"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json", description = "As for /github-user"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "As for /github-user"),
        (status = 504, body = Problem, content_type = "application/problem+json", description = "As for /github-user"),
    ))]
fn pitfalls_client_per_request() {}

/// A blocking sleep on another thread, however many there are
#[utoipa::path(get, path = "/pitfalls/unbounded-offload/{seconds}", tag = "pitfalls",
    params(("seconds" = String, Path, description = "As for /wait", example = "0.1")),
    responses(
        (status = 200, body = Waited),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "Without --pitfalls"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "No thread could be started"),
    ))]
fn pitfalls_unbounded_offload() {}

/// A blocking sleep on the pool for computing, which has as many threads as there are cores
#[utoipa::path(get, path = "/pitfalls/small-pool/{seconds}", tag = "pitfalls",
    params(("seconds" = String, Path, description = "As for /wait", example = "0.1")),
    responses(
        (status = 200, body = Waited),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "Without --pitfalls"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "As many wait as may, or the deadline passed"),
    ))]
fn pitfalls_small_pool() {}

/// A wait with a lock held
#[utoipa::path(get, path = "/pitfalls/lock-across-await/{seconds}", tag = "pitfalls",
    params(("seconds" = String, Path, description = "As for /wait", example = "0.1")),
    responses(
        (status = 200, body = Waited),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "Without --pitfalls"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ))]
fn pitfalls_lock_across_await() {}

/// The same with the lock let go before the wait
#[utoipa::path(get, path = "/remedies/lock-across-await/{seconds}", tag = "pitfalls",
    params(("seconds" = String, Path, description = "As for /wait", example = "0.1")),
    responses(
        (status = 200, body = Waited),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "Without --pitfalls"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ))]
fn remedies_lock_across_await() {}

/// A stream whose maker blocks
#[utoipa::path(get, path = "/pitfalls/stream-blocked/{count}", tag = "pitfalls",
    params(
        ("count" = u64, Path, description = "As for /stream", example = 3),
        ("interval" = Option<f64>, Query, description = "As for /stream"),
    ),
    responses(
        (status = 200, body = String, content_type = "application/x-ndjson"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "Without --pitfalls"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ))]
fn pitfalls_stream_blocked() {}

/// A promise that only this process keeps
#[utoipa::path(post, path = "/pitfalls/background/{seconds}", tag = "pitfalls",
    params(("seconds" = String, Path, description = "As for /wait", example = "0.1")),
    responses(
        (status = 202, body = Promised, description = "A note will tell when it is done, unless the process ends before"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "Without --pitfalls"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ))]
fn pitfalls_background() {}

/// An error in a task that nobody waits for
#[utoipa::path(get, path = "/pitfalls/lost-error", tag = "pitfalls",
    responses(
        (status = 200, body = Health, description = "As if all were well"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "Without --pitfalls"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "No thread could be started"),
    ))]
fn pitfalls_lost_error() {}

/// The same in a task that the handler waits for
#[utoipa::path(get, path = "/remedies/lost-error", tag = "pitfalls",
    responses(
        (status = 200, body = Health),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "Without --pitfalls"),
        (status = 502, body = Problem, content_type = "application/problem+json", description = "It failed, on purpose"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "No thread could be started"),
    ))]
fn remedies_lost_error() {}

/// Two steps that belong together, and a client that may leave between them
#[utoipa::path(post, path = "/pitfalls/dropped-future/{seconds}", tag = "pitfalls",
    params(("seconds" = String, Path, description = "As for /wait", example = "0.1")),
    responses(
        (status = 200, body = Waited, description = "Two notes were made, with the wait between them"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "Without --pitfalls"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The database does not answer"),
    ))]
fn pitfalls_dropped_future() {}

/// The same in a task that goes on when the client has left
#[utoipa::path(post, path = "/remedies/dropped-future/{seconds}", tag = "pitfalls",
    params(("seconds" = String, Path, description = "As for /wait", example = "0.1")),
    responses(
        (status = 200, body = Waited, description = "Two notes were made, with the wait between them"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "Without --pitfalls"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The database does not answer"),
    ))]
fn remedies_dropped_future() {}

/// An upload that is gathered in memory before any of it is written
#[utoipa::path(put, path = "/pitfalls/buffered-upload/{name}", tag = "pitfalls",
    params(("name" = String, Path, description = "As for /files", example = "buffered.txt")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, body = StoredFile),
        (status = 201, body = StoredFile),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "Without --pitfalls"),
        (status = 408, body = Problem, content_type = "application/problem+json", description = "The body came too slowly"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "More than --body-budget"),
        (status = 507, body = Problem, content_type = "application/problem+json", description = "The disk is full, or --files-quota is used up"),
    ))]
fn pitfalls_buffered_upload() {}

/// A deadline around a call that does not know of it
#[utoipa::path(get, path = "/pitfalls/timeout/{seconds}", tag = "pitfalls",
    params(
        ("seconds" = String, Path, description = "As for /wait", example = "0.1"),
        ("deadline" = Option<f64>, Query, description = "Answer 503 at this time, in seconds"),
    ),
    responses(
        (status = 200, body = Waited),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "Without --pitfalls"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The deadline passed, or the pool and its queue are full"),
    ))]
fn pitfalls_timeout() {}

/// A deadline around a call that asks whether it is still wanted
#[utoipa::path(get, path = "/remedies/timeout/{seconds}", tag = "pitfalls",
    params(
        ("seconds" = String, Path, description = "As for /wait", example = "0.1"),
        ("deadline" = Option<f64>, Query, description = "Answer 503 at this time, in seconds"),
    ),
    responses(
        (status = 200, body = Waited),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "Without --pitfalls"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The deadline passed, or the pool and its queue are full"),
    ))]
fn remedies_timeout() {}

/// An error, a panic or a delay, where it is asked for
#[utoipa::path(get, path = "/pitfalls/failure", tag = "pitfalls",
    params(
        ("how" = How, Query, description = "What goes wrong", example = "error"),
        ("place" = Place, Query, description = "Where", example = "handler"),
    ),
    responses(
        (status = 200, body = Health, description = "What fails where nobody looks; of a stream, the head and a line"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "Without --pitfalls"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 500, body = Problem, content_type = "application/problem+json", description = "It panicked"),
        (status = 502, body = Problem, content_type = "application/problem+json", description = "It failed"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The deadline passed"),
    ))]
fn pitfalls_failure() {}

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

/// A small page to try this in a browser
#[utoipa::path(get, path = "/", tag = "about",
    responses((status = 200, body = String, content_type = "text/html")))]
fn page() {}

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
        assert_eq!(document["paths"].as_object().unwrap().len(), 47);
    }
}
