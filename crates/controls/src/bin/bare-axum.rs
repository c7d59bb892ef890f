//! axum as its documentation begins: `axum::serve`, a router, two handlers.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::routing::get;
use axum::serve::ListenerExt;
use contract::headers;
use controls::{Burn, Control, PLAINTEXT, fields, waited};

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
            .route("/plaintext", get(plaintext))
            .route("/wait/{seconds}", get(wait))
            .with_state(control.burns());
        Ok(axum::serve(listener, router).await?)
    })
}

async fn plaintext(State(burns): State<Burn>) -> (HeaderMap, &'static str) {
    burns.spend();
    (head(headers::TEXT), PLAINTEXT)
}

async fn wait(Path(seconds): Path<f64>) -> (HeaderMap, String) {
    tokio::time::sleep(controls::wait(seconds)).await;
    (head(headers::JSON), waited(seconds))
}

fn head(media: &'static str) -> HeaderMap {
    let pairs = fields(media)
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    pairs.into_iter().collect()
}
