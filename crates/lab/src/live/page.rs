//! The page's own little server: three files, a stream of looks, and a place to turn the dial.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use http_blocking::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, ORIGIN};
use http_blocking::{
    HeaderMap, HeaderValue, IntoResponse, Json, Payload, Response, Router, State, StatusCode, get,
    post,
};
use serde_json::json;

use crate::code::{Handler, VOICES};
use crate::peers::PEERS;

use super::dial::{Dial, MOST_CLIENTS, MOST_RATE};
use super::scene::{ALL, CLASS};
use super::stand::Shared;

/// Where the page is served, and from what.
#[derive(Clone, Debug)]
pub struct Page {
    /// Who is looked at.
    pub stand: Shared,
    /// The page's own address.
    pub addr: SocketAddr,
}

/// The page's routes.
pub fn routes(page: Page) -> Router {
    Router::new()
        .route("/", get(|State(page): State<Page>, fields: HeaderMap| page.file(&fields, HTML)))
        .route(
            "/live.css",
            get(|State(page): State<Page>, fields: HeaderMap| page.file(&fields, CSS)),
        )
        .route(
            "/live.js",
            get(|State(page): State<Page>, fields: HeaderMap| page.file(&fields, JS)),
        )
        .route("/scenes", get(scenes))
        .route("/looks", get(looks))
        .route("/dial", post(turn))
        .with_state(page)
}

type File = (&'static str, &'static str);

const HTML: File = ("text/html; charset=utf-8", include_str!("page/live.html"));
const CSS: File = ("text/css; charset=utf-8", include_str!("page/live.css"));
const JS: File = ("text/javascript; charset=utf-8", include_str!("page/live.js"));
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:",
);

impl Page {
    fn file(&self, fields: &HeaderMap, (media_type, text): File) -> Result<Response, Response> {
        self.check(fields)?;
        let mut reply = Payload::from(text).into_response();
        let fields = reply.headers_mut();
        fields.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        fields.insert(CONTENT_SECURITY_POLICY, POLICY);
        fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(reply)
    }

    /// This page starts load on this machine, so a stranger's page must not be able to turn it: neither by a name of
    /// its own for this address (DNS rebinding), nor by a request across origins.
    fn check(&self, fields: &HeaderMap) -> Result<(), Response> {
        let own = [self.addr.to_string(), format!("localhost:{}", self.addr.port())];
        let is_own = |value: &str| own.iter().any(|name| name == value);
        let host = fields.get(HOST).and_then(|host| host.to_str().ok()).is_some_and(is_own);
        let origin = fields.get(ORIGIN).is_none_or(|origin| {
            let origin = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
            origin.is_some_and(is_own)
        });
        if host && origin {
            return Ok(());
        }
        Err((StatusCode::FORBIDDEN, "this page is only for its own machine").into_response())
    }
}

/// What there is to choose from, and where the sliders end.
fn scenes(State(page): State<Page>, fields: HeaderMap) -> Result<Response, Response> {
    page.check(&fields)?;
    let shown = ALL.iter().flat_map(|scene| {
        [Some(scene.handler), scene.mistake.map(|mistake| mistake.handler)].into_iter().flatten()
    });
    let sources: BTreeMap<_, _> = shown
        .filter_map(|name| {
            let handler = Handler::find(name)?;
            let ours = handler.voices.map(|source| source.map(str::to_owned));
            let voices = VOICES.into_iter().zip(ours);
            let [fastapi] = PEERS;
            let all = voices.chain([(fastapi, handler.fastapi())]);
            Some((name, all.collect::<BTreeMap<_, _>>()))
        })
        .collect();
    let all = json!({
        "scenes": ALL,
        "class": CLASS,
        "sources": sources,
        "most_clients": MOST_CLIENTS,
        "most_rate": MOST_RATE,
    });
    Ok(Json(all).into_response())
}

/// Each look as an event, for as long as the browser listens.
fn looks(State(page): State<Page>, fields: HeaderMap) -> Result<Response, Response> {
    page.check(&fields)?;
    let stand = page.stand;
    let mut reply = Payload::stream(move |browser| {
        let mut look = stand.latest();
        loop {
            let text = serde_json::to_string(&look).map_err(io::Error::other)?;
            write!(browser, "data: {text}\n\n")?;
            // No pause: to send what was written, and to be told of the end.
            if browser.pause(Duration::ZERO)? {
                return Ok(());
            }
            look = stand.next(&look);
        }
    })
    .into_response();
    let fields = reply.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(reply)
}

/// Turns the dial, or says why not.
fn turn(
    State(page): State<Page>,
    fields: HeaderMap,
    Json(dial): Json<Dial>,
) -> Result<Response, Response> {
    page.check(&fields)?;
    match page.stand.turn(dial) {
        Ok(()) => Ok(Json(page.stand.dial()).into_response()),
        Err(error) => {
            let why = format!("{error:#}");
            Err((StatusCode::UNPROCESSABLE_ENTITY, why).into_response())
        }
    }
}
