//! `POST /scrape`: many users, a line as each answers, however many wait.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::rt::time::sleep;
use actix_web::web::{Bytes, Data};
use contract::headers::NDJSON;
use contract::scrape::{AT_ONCE, Pace, line};
use contract::{JsonBody, JsonType, Scrape, User, Username};
use futures_util::stream::{Stream, StreamExt, iter};
use settings::Counted;

use crate::app::App;
use crate::body::Body;
use crate::extract::Head;
use crate::reply::Error;

/// A client that leaves drops the stream, and with it every call that is in flight.
pub(crate) async fn scrape(
    app: Data<App>,
    Head(_): Head<JsonType>,
    body: Body,
) -> Result<HttpResponse, Error> {
    let scrape = Scrape::from_body(&body.whole().await?)?;
    let counted = Counted::new(&app.streams);
    let drain = app.clone();
    let lines = lines(app, scrape.names).take_until(async move { drain.drain.started().await });
    let lines = lines.map(move |line| {
        let _open = &counted;
        Ok::<_, std::convert::Infallible>(Bytes::from(line))
    });
    Ok(HttpResponse::Ok().content_type(NDJSON).streaming(lines))
}

/// The lines as they come. All calls are parts of this one task, which stays on its worker: what they share needs no
/// `Arc`.
fn lines(app: Data<App>, names: Vec<Username>) -> impl Stream<Item = Vec<u8>> {
    let pace = Rc::new(Pace::default());
    iter(names)
        .map(move |name| {
            let (app, pace) = (app.clone(), Rc::clone(&pace));
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
