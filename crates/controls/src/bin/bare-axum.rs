//! axum as its documentation begins: `axum::serve`, a router, two handlers.

use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::routing::get;
use axum::serve::ListenerExt;
use controls::{Control, FIELDS};

fn main() -> anyhow::Result<()> {
    let (control, listener) = Control::listen()?;
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
            .route("/plaintext", get(async || (fields(), "Hello, World!")))
            .route("/wait/{seconds}", get(wait));
        Ok(axum::serve(listener, router).await?)
    })
}

async fn wait(Path(seconds): Path<f64>) -> (HeaderMap, String) {
    tokio::time::sleep(Duration::from_secs_f64(seconds.clamp(0.0, 60.0))).await;
    (fields(), format!("Waited for {seconds} seconds!"))
}

fn fields() -> HeaderMap {
    let pairs = FIELDS
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    pairs.into_iter().collect()
}
