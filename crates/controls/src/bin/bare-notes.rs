//! `/notes` on axum as its documentation begins, by the async driver or the blocking one: what a driver costs where the
//! model is the same. The pools, the queries and the database's settings are the servers' own.

use std::path::PathBuf;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Json, Router};
use clap::{Parser, ValueEnum};
use contract::{Draft, JsonBody, Limits, Note, NoteId, Problem, headers};
use controls::{Control, fields};
use store::Database;
use tokio::task::spawn_blocking;

/// A bare program that serves `POST /notes` and `/notes/{id}`, for comparing; not for use
#[derive(Parser)]
struct Notes {
    #[command(flatten)]
    control: Control,

    /// Which driver asks the database
    #[arg(long, value_enum, default_value_t)]
    driver: Driver,

    /// postgres://USER@HOST/NAME; SQLite in --data if not given
    #[arg(long)]
    database: Option<String>,

    /// Where SQLite's file is
    #[arg(long, env = "WAITLAB_DATA", default_value = "waitlab-data")]
    data: PathBuf,

    /// Connections to the database at once
    #[arg(long, default_value_t = Limits::default().pool)]
    pool: usize,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Driver {
    /// Each call is awaited
    #[default]
    Async,
    /// Each call blocks a thread of the runtime's pool for such calls
    Blocking,
}

#[derive(Clone)]
enum Rows {
    Async(io_async::Store),
    Blocking(io_blocking::Store),
}

fn main() -> anyhow::Result<()> {
    let Notes { control, driver, database, data, pool } = Notes::parse();
    let database = Database::new(database.as_deref(), &data)?;
    let limits =
        Limits { pool, database_acquire: std::time::Duration::from_secs(15), ..Limits::default() };
    let rows = match driver {
        Driver::Async => Rows::Async(io_async::Store::open(&database, &limits)?),
        Driver::Blocking => Rows::Blocking(io_blocking::Store::open(&database, &limits)?),
    };
    let listener = control.listens()?;
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(control.workers.get())
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?.tap_io(|socket| {
            // A socket without it only answers later.
            let _ = socket.set_nodelay(true);
        });
        let router = Router::new()
            .route("/notes", post(write))
            .route("/notes/{id}", get(read))
            .with_state(rows);
        Ok(axum::serve(listener, router).await?)
    })
}

async fn write(State(rows): State<Rows>, body: Bytes) -> Response {
    let draft = match Draft::from_body(&body) {
        Ok(draft) => draft,
        Err(problem) => return problem.status().into_response(),
    };
    let made = match rows {
        Rows::Async(store) => store.add_note(draft, None).await,
        Rows::Blocking(store) => blocking(move || store.add_note(draft, None)).await,
    };
    answer(StatusCode::CREATED, made.map(Some))
}

async fn read(State(rows): State<Rows>, Path(id): Path<i64>) -> Response {
    let found = match rows {
        Rows::Async(store) => store.note(NoteId(id)).await,
        Rows::Blocking(store) => blocking(move || store.note(NoteId(id))).await,
    };
    answer(StatusCode::OK, found)
}

async fn blocking<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(call).await.expect("no call to the database panics")
}

fn answer(status: StatusCode, found: Result<Option<Note>, Problem>) -> Response {
    match found {
        Ok(Some(note)) => (status, head(), Json(note)).into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(problem) => problem.status().into_response(),
    }
}

fn head() -> HeaderMap {
    let pairs = fields(headers::JSON)
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    pairs.into_iter().collect()
}
