//! `/rooms/{room}`: what is said is kept, and sent to everybody who listens.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data};
use contract::headers::EVENTS;
use contract::rooms::PING;
use contract::{JsonBody, JsonType, LastEventId, RoomName, Saying};
use futures_util::stream::{Stream, StreamExt, once, unfold};
use io_async::rooms::{Heard, Subscription};
use settings::Counted;

use crate::app::App;
use crate::body::Body;
use crate::extract::{Head, Path};
use crate::reply::Error;

/// Keeps what is said. Who listens gets it from the database, like everybody on other replicas.
pub(crate) async fn say(
    app: Data<App>,
    Path(room): Path<RoomName>,
    Head(JsonType): Head<JsonType>,
    body: Body,
) -> Result<HttpResponse, Error> {
    let saying = Saying::from_body(&body.whole().await?)?;
    let message = app.store.say(&room, saying).await?;
    Ok(HttpResponse::Created().json(message))
}

/// Sends what is said, as it comes. A client that leaves drops the stream, and so its place in the room.
pub(crate) async fn events(
    app: Data<App>,
    Path(room): Path<RoomName>,
    Head(last): Head<LastEventId>,
) -> Result<HttpResponse, Error> {
    let subscription = app.rooms.subscribe(room, last).await?;
    let (counted, ping) = (Counted::new(&app.streams), app.limits.ping);
    let events = heard(subscription, ping).take_until(async move { app.drain.started().await });
    let events = events.map(move |event| {
        let _open = &counted;
        Ok::<_, std::convert::Infallible>(event)
    });
    Ok(HttpResponse::Ok().content_type(EVENTS).streaming(events))
}

/// Where it begins, then each event, and a comment when there was none for too long.
fn heard(subscription: Subscription, ping: Duration) -> impl Stream<Item = Bytes> {
    let beginning = subscription.beginning();
    let events = unfold(subscription, move |mut subscription| async move {
        let event = match subscription.next(ping).await {
            Heard::Event(event) => event,
            Heard::Nothing => Bytes::from_static(PING.as_bytes()),
            Heard::End => return None,
        };
        Some((event, subscription))
    });
    once(async { beginning }).chain(events)
}
