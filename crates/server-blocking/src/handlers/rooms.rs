//! `/rooms/{room}`: what is said is kept, and sent to everybody who listens.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use contract::headers::EVENTS;
use contract::rooms::PING;
use contract::{JsonBody, JsonType, LastEventId, RoomName, Saying};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use http_blocking::{ChunkWriter, IntoResponse, Json, Payload, State};
use io_blocking::rooms::{Heard, Subscription};
use settings::Counted;

use crate::app::App;
use crate::body::Body;
use crate::extract::{Head, Path};
use crate::reply::Error;

/// How often a thread that waits looks up: nothing else tells it that its client has left.
const GLANCE: Duration = Duration::from_secs(1);

/// Keeps what is said. Who listens gets it from the database, like everybody on other replicas.
pub(crate) fn say(
    State(app): State<App>,
    Path(room): Path<RoomName>,
    Head(JsonType): Head<JsonType>,
    body: Body,
) -> Result<impl IntoResponse, Error> {
    let saying = Saying::from_body(&body.whole()?)?;
    let message = app.store.say(&room, saying)?;
    Ok((StatusCode::CREATED, Json(message)))
}

/// Sends what is said, as it comes. This thread has no other client for as long as this one listens.
pub(crate) fn events(
    State(app): State<App>,
    Path(room): Path<RoomName>,
    Head(last): Head<LastEventId>,
) -> Result<impl IntoResponse, Error> {
    let subscription = app.rooms.subscribe(room, last)?;
    let (counted, ping) = (Counted::new(&app.streams), app.limits.ping);
    let events = move |client: &mut ChunkWriter<'_>| {
        let _open = &counted;
        heard(subscription, ping, client)
    };
    Ok(([(CONTENT_TYPE, HeaderValue::from_static(EVENTS))], Payload::stream(events)))
}

/// Where it begins, then each event, and a comment when there was none for too long.
fn heard(
    mut subscription: Subscription,
    ping: Duration,
    client: &mut ChunkWriter<'_>,
) -> io::Result<()> {
    client.write_all(&subscription.beginning())?;
    client.flush()?;
    let mut sent = Instant::now();
    while !client.draining() {
        match subscription.next(GLANCE.min(ping)) {
            Heard::Event(event) => client.write_all(&event)?,
            Heard::Nothing if client.client_left() => break,
            Heard::Nothing if sent.elapsed() < ping => continue,
            Heard::Nothing => client.write_all(PING.as_bytes())?,
            Heard::End => break,
        }
        client.flush()?;
        sent = Instant::now();
    }
    Ok(())
}
