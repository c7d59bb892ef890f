//! `POST /scrape`: many users, a line as each answers, however many wait.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use contract::headers::NDJSON;
use contract::scrape::{AT_ONCE, Pace, line};
use contract::{JsonBody, JsonType, Scrape, User, Username};
use futures_util::stream::{Stream, StreamExt, iter};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use settings::Counted;
use tokio::time::sleep;

use crate::app::App;
use crate::body::Body;
use crate::extract::Head;
use crate::reply::Error;

/// A client that leaves drops the stream, and with it every call that is in flight.
pub(crate) async fn scrape(
    State(app): State<App>,
    Head(_): Head<JsonType>,
    body: Body,
) -> Result<impl IntoResponse, Error> {
    let scrape = Scrape::from_body(&body.whole().await?)?;
    let counted = Counted::new(&app.streams);
    let drain = app.clone();
    let lines = lines(app, scrape.names).take_until(async move { drain.drain.started().await });
    let lines = lines.map(move |line| {
        let _open = &counted;
        Ok::<_, std::convert::Infallible>(line)
    });
    let fields = [(CONTENT_TYPE, HeaderValue::from_static(NDJSON))];
    Ok((fields, axum::body::Body::from_stream(lines)))
}

/// The lines as they come. All calls are parts of this one task, and no more than a few are under way.
fn lines(app: App, names: Vec<Username>) -> impl Stream<Item = Vec<u8>> {
    let pace = Arc::new(Pace::default());
    iter(names)
        .map(move |name| {
            let (app, pace) = (app.clone(), Arc::clone(&pace));
            async move { line(&user(&app, &pace, &name).await) }
        })
        .buffer_unordered(AT_ONCE)
}

/// Asks when the upstream may be asked, and again if it says so.
async fn user(app: &App, pace: &Pace, name: &Username) -> User {
    let mut tries = 0;
    loop {
        while let Some(pause) = pace.pause() {
            sleep(pause).await;
        }
        tries += 1;
        match app.github.user(name).await {
            Err(problem) if pace.comes_back(&problem, tries) => {}
            answer => return User::new(name, answer),
        }
    }
}
