//! `POST /scrape`: many users, a line as each answers, however many wait.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{scope, sleep};
use std::time::Duration;

use contract::headers::NDJSON;
use contract::scrape::{AT_ONCE, Pace, line};
use contract::{JsonBody, JsonType, Scrape, User, Username};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use http_blocking::{ChunkWriter, IntoResponse, Payload, State};
use settings::Counted;

use crate::app::App;
use crate::body::Body;
use crate::extract::Head;
use crate::reply::Error;

/// How often a thread that waits looks up: nothing interrupts it.
const GLANCE: Duration = Duration::from_millis(50);

/// A client that leaves fails the next write, or is missed at the next glance; then no name is asked for any more.
pub(crate) fn scrape(
    State(app): State<App>,
    Head(_): Head<JsonType>,
    body: Body,
) -> Result<impl IntoResponse, Error> {
    let scrape = Scrape::from_body(&body.whole()?)?;
    let counted = Counted::new(&app.streams);
    let lines = move |client: &mut ChunkWriter<'_>| {
        let _open = &counted;
        lines(&app, &scrape.names, client)
    };
    Ok(([(CONTENT_TYPE, HeaderValue::from_static(NDJSON))], Payload::stream(lines)))
}

/// The lines as they come. A few threads ask; this one, which has the client, writes.
fn lines(app: &App, names: &[Username], client: &mut ChunkWriter<'_>) -> io::Result<()> {
    let (pace, next, stop) = (Pace::default(), AtomicUsize::new(0), AtomicBool::new(false));
    // A few lines may wait for a client that reads slowly; then the threads do.
    let (send, lines) = sync_channel(AT_ONCE);
    scope(|threads| {
        for _ in 0..names.len().min(AT_ONCE) {
            let (send, asked) = (send.clone(), (&pace, &next, &stop));
            let started = app.helpers.start(threads, move || ask(app, names, asked, &send));
            // With fewer threads it takes longer; with none this one asks, in turn.
            if started.is_none() {
                break;
            }
        }
        drop(send);
        let written = write(lines, client);
        stop.store(true, Ordering::Relaxed);
        written
    })?;
    let left = names.get(next.into_inner()..).unwrap_or_default();
    in_turn(app, left, &pace, client)
}

/// What no other thread asked for: a line at a time.
fn in_turn(
    app: &App,
    names: &[Username],
    pace: &Pace,
    client: &mut ChunkWriter<'_>,
) -> io::Result<()> {
    for name in names {
        let Some(user) = user(app, pace, name, || client.draining() || client.client_left()) else {
            return Ok(());
        };
        client.write_all(&line(&user)).and_then(|()| client.flush())?;
    }
    Ok(())
}

/// Takes name after name, until there is none or nobody wants to know.
fn ask(
    app: &App,
    names: &[Username],
    (pace, next, stop): (&Pace, &AtomicUsize, &AtomicBool),
    lines: &SyncSender<Vec<u8>>,
) {
    while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
        let Some(user) = user(app, pace, name, || stop.load(Ordering::Relaxed)) else { return };
        if lines.send(line(&user)).is_err() {
            return;
        }
    }
}

/// Writes each line as it comes, until all have come, the client has left, or the server drains.
fn write(lines: Receiver<Vec<u8>>, client: &mut ChunkWriter<'_>) -> io::Result<()> {
    while !client.draining() && !client.client_left() {
        match lines.recv_timeout(GLANCE) {
            Ok(line) => client.write_all(&line).and_then(|()| client.flush())?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    Ok(())
}

/// Asks when the upstream may be asked, and again if it says so. No user once nobody wants to know.
fn user(app: &App, pace: &Pace, name: &Username, mut stop: impl FnMut() -> bool) -> Option<User> {
    let mut tries = 0;
    loop {
        while let Some(pause) = pace.pause() {
            if stop() {
                return None;
            }
            sleep(pause.min(GLANCE));
        }
        if stop() {
            return None;
        }
        tries += 1;
        match app.github.user(name) {
            Err(problem) if pace.comes_back(&problem, tries) => {}
            answer => return Some(User::new(name, answer)),
        }
    }
}
