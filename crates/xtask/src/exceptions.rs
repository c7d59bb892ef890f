//! Where the voices are not one text, and why they cannot be. The tests of `alignment` allow nothing else.

/// Items that only some voices have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exception {
    /// Below `src`.
    pub(crate) file: &'static str,
    pub(crate) items: &'static [&'static str],
    /// The crates that have them.
    pub(crate) who: &'static [&'static str],
    pub(crate) reason: &'static str,
}

const BLOCKING: &[&str] = &["server-blocking"];
const ACTIX: &[&str] = &["server-actix"];
const AXUM: &[&str] = &["server-axum"];
const ASYNC: &[&str] = &["server-actix", "server-axum"];
const NOT_ACTIX: &[&str] = &["server-blocking", "server-axum"];
const NOT_AXUM: &[&str] = &["server-blocking", "server-actix"];

/// Where the three servers differ in more than lines.
pub(crate) const SERVERS: &[Exception] = &[
    Exception {
        file: "app.rs",
        items: &["App::for_worker"],
        who: ACTIX,
        reason: "a connection to the upstream belongs to the runtime that opened it, and here each worker is one",
    },
    Exception {
        file: "app.rs",
        items: &["clocks"],
        who: ASYNC,
        reason: "http-async takes its clocks when the drain is made; http-blocking takes its limits in serve.rs",
    },
    Exception {
        file: "body.rs",
        items: &["Body::too_large"],
        who: ASYNC,
        reason: "http-blocking keeps the limit, and says so by its error",
    },
    Exception {
        file: "body.rs",
        items: &["CHUNK", "impl Read for Body"],
        who: BLOCKING,
        reason: "a blocking read fills a buffer of the caller's; the other two are handed a chunk",
    },
    Exception {
        file: "edge.rs",
        items: &["checked", "refused", "close"],
        who: ASYNC,
        reason: "hyper and actix let heads through that http-blocking has refused before",
    },
    Exception {
        file: "edge.rs",
        items: &["Fields", "impl Fields for Fields"],
        who: ACTIX,
        reason: "actix has a header map of its own, and not the http crate's",
    },
    Exception {
        file: "edge.rs",
        items: &["of_framework"],
        who: ACTIX,
        reason: "actix answers a known path with an unknown method by itself",
    },
    Exception {
        file: "extract.rs",
        items: &[
            "impl FromRequest for Path",
            "impl FromRequest for Query",
            "impl FromRequest for Head",
        ],
        who: NOT_AXUM,
        reason: "the framework's word for taking a value from a request",
    },
    Exception {
        file: "extract.rs",
        items: &[
            "impl FromRequestParts for Path",
            "impl FromRequestParts for Query",
            "impl FromRequestParts for Head",
        ],
        who: AXUM,
        reason: "the framework's word for taking a value from a request",
    },
    Exception {
        file: "extract.rs",
        items: &["app"],
        who: ACTIX,
        reason: "actix hands an extractor the request, and the app has to be found in it",
    },
    Exception {
        file: "form.rs",
        items: &[
            "sips",
            "Refused",
            "impl Display for Refused",
            "impl Error for Refused",
            "impl From for Problem",
        ],
        who: ASYNC,
        reason: "multer and actix-multipart take a stream whose error is theirs to pass on; http-blocking's takes a reader",
    },
    Exception {
        file: "form.rs",
        items: &["Ration", "impl Ration", "Ration::set", "Ration::is_used_up", "Ration::take"],
        who: AXUM,
        reason: "multer gathers the head of a part without a limit; the other two readers have one",
    },
    Exception {
        file: "form.rs",
        items: &["head"],
        who: ACTIX,
        reason: "actix-multipart looks for the boundary in the request's fields itself",
    },
    Exception {
        file: "handlers/github_users.rs",
        items: &["joined"],
        who: BLOCKING,
        reason: "there may be no thread for a call, or it ends in a panic; a future has neither by itself",
    },
    Exception {
        file: "handlers/rooms.rs",
        items: &["GLANCE"],
        who: BLOCKING,
        reason: "nothing tells a thread that waits for a message that its client has left; a stream is dropped",
    },
    Exception {
        file: "handlers/scrape.rs",
        items: &["GLANCE", "in_turn", "ask", "write"],
        who: BLOCKING,
        reason: "threads ask and one writes, and each has to look up from its wait; a stream is polled and dropped",
    },
    Exception {
        file: "offload.rs",
        items: &["STACK", "Call", "run_all"],
        who: BLOCKING,
        reason: "the pool is ours here; the other two stand before the runtime's",
    },
    Exception {
        file: "offload.rs",
        items: &["Offload::share", "Offload::largest_share"],
        who: ACTIX,
        reason: "the runtime's pool belongs to a worker, and the server's bound is divided among them",
    },
    Exception {
        file: "reply.rs",
        items: &["impl IntoResponse for Error", "method_not_allowed"],
        who: NOT_ACTIX,
        reason: "the framework's word for an answer; actix answers unknown methods by itself",
    },
    Exception {
        file: "reply.rs",
        items: &["impl ResponseError for Error", "impl Display for Error"],
        who: ACTIX,
        reason: "the framework's word for an answer that is an error",
    },
    Exception {
        file: "routes.rs",
        items: &["get", "post", "resource", "pitfalls"],
        who: ACTIX,
        reason: "actix does not answer HEAD where it answers GET, looks through what is percent-encoded in a path, and adds \
                 routes to a config",
    },
    Exception {
        file: "serve.rs",
        items: &["Requests", "impl Service for Requests", "limits"],
        who: BLOCKING,
        reason: "http-blocking accepts and frames; what is left is to call the service",
    },
    Exception {
        file: "serve.rs",
        items: &["open", "answer", "content"],
        who: ASYNC,
        reason: "the socket is put under clocks of ours before the framework sees it",
    },
    Exception {
        file: "serve.rs",
        items: &["Backoff", "impl Backoff", "Backoff::FIRST", "Backoff::LONGEST", "Backoff::pause"],
        who: AXUM,
        reason: "the accept loop is ours here; actix-server and http-blocking back off in theirs",
    },
    Exception {
        file: "serve.rs",
        items: &["is_of_one_connection", "ACCEPTED_AT_MOST", "OPENED_AT_ONCE", "accept"],
        who: AXUM,
        reason: "the accept loop is ours here; actix-server and http-blocking know it in theirs",
    },
    Exception {
        file: "serve.rs",
        items: &["worker", "begin", "is_tunnel", "pin_project!", "impl MessageBody for Reply"],
        who: ACTIX,
        reason: "a worker builds its own service, and actix's body is a trait of its own",
    },
    Exception {
        file: "watched.rs",
        items: &["Watched"],
        who: ASYNC,
        reason: "content that is polled is a value; content that is written is a function around a function",
    },
    Exception {
        file: "watched.rs",
        items: &["impl HttpBody for Watched"],
        who: AXUM,
        reason: "the http-body crate's trait for content",
    },
    Exception {
        file: "watched.rs",
        items: &["impl MessageBody for Watched"],
        who: ACTIX,
        reason: "actix's own trait for content",
    },
    Exception {
        file: "watched.rs",
        items: &["is_of_client"],
        who: BLOCKING,
        reason: "one function makes the content and sends it; a polled body never learns how sending went",
    },
];

/// Where the two ways of calling differ in more than lines.
pub(crate) const CALLS: &[Exception] = &[
    Exception {
        file: "addresses.rs",
        items: &["impl Resolver for Addresses"],
        who: &["io-blocking"],
        reason: "ureq's trait for looking up a name",
    },
    Exception {
        file: "addresses.rs",
        items: &["impl Resolve for Addresses"],
        who: &["io-async"],
        reason: "reqwest's trait for looking up a name",
    },
    Exception {
        file: "connect.rs",
        items: &["thread_local!", "Connected", "impl Connector for Connected"],
        who: &["io-blocking"],
        reason: "a call stays on its thread, which can keep a note; ureq's chain of connectors is a trait",
    },
    Exception {
        file: "connect.rs",
        items: &[
            "Steps",
            "impl Connector for Steps",
            "Stepped",
            "STEP",
            "impl Transport for Stepped",
        ],
        who: &["io-blocking"],
        reason: "the kernel rounds a socket's timeout, which is all that ends a blocking read; a runtime has a timer",
    },
    Exception {
        file: "connect.rs",
        items: &["task_local!", "note", "tls"],
        who: &["io-async"],
        reason: "a call moves between threads, so the note is the task's; reqwest is handed its TLS",
    },
    Exception {
        file: "store/jobs.rs",
        items: &[
            "Store::claim",
            "Store::renew",
            "Store::finish",
            "Store::fail",
            "Store::try_again",
            "Store::release",
            "Store::sweep_jobs",
            "millis",
        ],
        who: &["io-blocking"],
        reason: "only the worker calls them, and the worker blocks",
    },
    Exception {
        file: "store/pool.rs",
        items: &["Loan::rest"],
        who: &["io-async"],
        reason: "a call that is dropped half-way leaves a connection in the middle of a statement; a thread ends its call",
    },
    Exception {
        file: "store/pool.rs",
        items: &["Silent", "impl Sqlite", "Sqlite::is_there"],
        who: &["io-blocking"],
        reason: "a timeout around what is awaited tells that time was up; here the call tells it",
    },
    Exception {
        file: "store/pool.rs",
        items: &["Pools::longest", "Loan::longest"],
        who: &["io-async"],
        reason: "how long a call may take is said where it is awaited; a thread's connection knows it",
    },
    Exception {
        file: "store.rs",
        items: &["silent"],
        who: &["io-async"],
        reason: "what a call fails with whose time was up; a thread's call fails with what libpq says when it is hung up on",
    },
    Exception {
        file: "store/pool.rs",
        items: &["Threads", "impl SpawnBlocking for Threads"],
        who: &["io-async"],
        reason: "SQLite is a library that blocks, so the async way needs threads for it",
    },
    Exception {
        file: "permits.rs",
        items: &["Desk", "impl Drop for Permit", "lock"],
        who: &["io-blocking"],
        reason: "std has no semaphore",
    },
];
