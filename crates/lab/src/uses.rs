//! What the article calls good uses of async, and its bad one, as scenarios: databases, files, streams, scraping; images,
//! encryption, and work that is left to a worker, one job or a batch at a time. They are asked when they are named.
//!
//! Each knows what has to be there before it is asked, and what is a right answer.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use conformance::Subject;
use conformance::checks::black_square;
use conformance::client::Request;
use load::{Ask, Asks, Body, Broadcast, Expect};

use crate::question::Question;
use crate::results::{Arrivals, Kind};
use crate::scenarios::{Scenario, Shape};

/// Connections to the database: what decides there, and so it is said.
const POOL: usize = 15;
/// Requests wait in line for one of them, however long the line.
const DATABASE: &[&str] = &["--pool=15", "--database-acquire=15"];
/// Rows that are read, each as often.
const ROWS: usize = 100;
/// What a slow query waits for.
const SLOW: Duration = Duration::from_millis(50);
/// The size of a file, and names that are written to.
const FILE: usize = 1 << 20;
const NAMES: usize = 64;
/// Lines of a stream, and how far apart they are.
const LINES: usize = 20;
const APART: Duration = Duration::from_millis(10);
/// Messages a second in a room, and what stands before the number of each.
const SAID: f64 = 10.0;
const SAYING: &str = "message ";
/// Users of one scrape, calls of it at once (the contract's), and what the upstream takes for each.
const USERS: usize = 100;
const AT_ONCE: usize = 16;
const UPSTREAM: Duration = Duration::from_millis(20);
/// Pixels of a picture's side, and of its thumbnail's.
const SIDE: u32 = 1_024;
const WIDTH: u32 = 128;
/// Pictures of one batch, and what stands between them.
const PICTURES: usize = 8;
const EDGE: &str = "picture";
/// A text that is sealed.
const TEXT: &[u8] = &[b'x'; 16 << 10];
/// How often a bystander asks.
const PROBE: Duration = Duration::from_millis(2);

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// `GET /notes/{id}`: one of a hundred rows.
    ReadRow,
    /// `POST /notes`.
    WriteRow,
    /// `GET /slow-query/{seconds}`.
    SlowQuery,
    /// `PUT /files/{name}` with a mebibyte.
    Upload,
    /// `GET /files/{name}` of a mebibyte.
    Download,
    /// `GET /stream/{count}`: twenty lines, 10 ms apart.
    Stream,
    /// `GET /rooms/{room}/events`, while `POST /rooms/{room}/messages` says ten messages a second.
    Messages,
    /// `POST /scrape` with a hundred names.
    Scrape,
    /// `POST /thumbnail`, computed where this says.
    Thumbnail(&'static str),
    /// `POST /seal`, computed where this says.
    Seal(&'static str),
    /// `POST /jobs/wait`: accepted, not done.
    Enqueue,
    /// `POST /batches`: several pictures in a form, accepted, not done.
    Batch,
}

/// All of them, in order.
pub fn all() -> Vec<Scenario> {
    let shape = |what, levels| Shape::new(Question::Use(what), levels, levels);
    let scenario =
        |name, title, flags, shapes| Scenario { name, title, claims: &[], flags, shapes };
    let probed = |shape| Shape { probe: Some(PROBE), ..shape };
    let placed = |of: fn(&'static str) -> Use| {
        ["inline", "offload"].map(|placement| {
            let variant = Some(placement);
            Shape { variant, ..probed(shape(of(placement), &[1, 8])) }
        })
    };
    vec![
        scenario(
            "db-read",
            "one row a request, from a database behind 15 connections",
            DATABASE,
            vec![shape(Use::ReadRow, &[1, 16, 256])],
        ),
        scenario(
            "db-write",
            "one row a request, on the disk before the answer",
            DATABASE,
            vec![shape(Use::WriteRow, &[1, 16, 64])],
        ),
        scenario(
            "db-slow",
            "queries of 50 ms behind 15 connections, below that and above it",
            DATABASE,
            vec![probed(shape(Use::SlowQuery, &[8, 64]))],
        ),
        scenario(
            "upload",
            "files of 1 MiB, on the disk before the answer",
            &["--files-quota=1000000000000"],
            vec![probed(shape(Use::Upload, &[1, 16, 64]))],
        ),
        scenario(
            "download",
            "files of 1 MiB, from the page cache",
            &[],
            vec![probed(shape(Use::Download, &[1, 16, 64]))],
        ),
        scenario(
            "stream",
            "streams of 20 lines, 10 ms apart",
            &[],
            vec![shape(Use::Stream, &[1, 64, 256])],
        ),
        scenario(
            "messages",
            "one room, ten messages a second, and how long each takes to reach everybody who listens",
            DATABASE,
            vec![Shape {
                kind: Kind::Room,
                rate: Some(SAID),
                arrivals: Arrivals::Fixed,
                ..shape(Use::Messages, &[10, 100, 1_000])
            }],
        ),
        scenario(
            "scrape",
            "100 users in one request, 16 calls at once to an upstream of 20 ms",
            &[],
            vec![shape(Use::Scrape, &[1, 8])],
        ),
        scenario(
            "thumbnail",
            "pictures of a million pixels, and one who wants something else",
            &[],
            placed(Use::Thumbnail).into(),
        ),
        scenario(
            "seal",
            "a key from a passphrase and a cipher, and one who wants something else",
            &[],
            placed(Use::Seal).into(),
        ),
        scenario(
            "jobs",
            "jobs accepted, on the disk before the answer, with no worker to do them",
            &["--queue=100000000"],
            vec![probed(shape(Use::Enqueue, &[1, 16, 64]))],
        ),
        scenario(
            "batches",
            "eight pictures a request: eight jobs or none, on the disk before the answer, with no worker to do them",
            &["--queue=100000000"],
            vec![probed(shape(Use::Batch, &[1, 16]))],
        ),
    ]
}

impl Use {
    /// Method and target, as the results name it.
    pub fn request(self) -> String {
        match self {
            Self::ReadRow => "GET /notes/{id}".to_owned(),
            Self::WriteRow => "POST /notes".to_owned(),
            Self::SlowQuery => format!("GET {}", slow_query()),
            Self::Upload => "PUT /files/{name}".to_owned(),
            Self::Download => format!("GET {}", file("")),
            Self::Stream => format!("GET {}", stream()),
            Self::Messages => "GET /rooms/{room}/events".to_owned(),
            Self::Scrape => "POST /scrape".to_owned(),
            Self::Thumbnail(placement) => format!("POST {}", thumbnail(placement)),
            Self::Seal(placement) => format!("POST {}", seal(placement)),
            Self::Enqueue => format!("POST {ENQUEUE}"),
            Self::Batch => format!("POST {}", batch()),
        }
    }

    /// What a request has to wait for by its own meaning; of computing, less than the fastest machine takes.
    pub fn least(self) -> Duration {
        match self {
            Self::SlowQuery => SLOW,
            Self::Stream => APART * (LINES as u32 - 1),
            Self::Scrape => UPSTREAM * USERS.div_ceil(AT_ONCE) as u32,
            Self::Thumbnail(_) | Self::Seal(_) => Duration::from_millis(1),
            _ => Duration::ZERO,
        }
    }

    /// As many of so many clients as are served at once.
    pub fn at_once(self, clients: usize) -> usize {
        match self {
            // One of SQLite's writes.
            Self::SlowQuery => clients.min(POOL - 1),
            _ => clients,
        }
    }

    /// The requests, each with what counts as a right reply. `tag` keeps names different from those of other cells.
    pub fn asks(self, tag: &str) -> Asks {
        match self {
            Self::ReadRow => Asks::mix((1..=ROWS).map(|id| {
                let right = Expect::containing(format!(r#""title":"{}""#, title(id)));
                Ask::get(format!("/notes/{id}")).expect(right)
            })),
            Self::WriteRow => {
                let right = Expect::containing(r#""title":"written under load""#).status([201]);
                json("/notes", note("written under load")).expect(right).into()
            }
            Self::SlowQuery => {
                let message = format!("Waited for {} seconds!", SLOW.as_secs_f64());
                let right = Expect::exactly(format!(r#"{{"message":"{message}"}}"#));
                Ask::get(slow_query()).expect(right).into()
            }
            Self::Upload => {
                let right = Expect::containing(format!(r#""size":{FILE}"#)).status([200, 201]);
                let content = content();
                Asks::mix((0..NAMES).map(|name| {
                    let put = Ask::new("PUT", file(&format!("{tag}-{name}")));
                    put.body(Arc::clone(&content)).expect(right.clone())
                }))
            }
            Self::Download => {
                Ask::get(file("")).expect(Expect::exactly(content()).sampled(16)).into()
            }
            Self::Stream => {
                let lines: String = (0..LINES).map(|n| format!("{{\"n\":{n}}}\n")).collect();
                Ask::get(stream()).expect(Expect::exactly(lines)).into()
            }
            // What everybody asks who listens; what is said is in `broadcast`.
            Self::Messages => Ask::get(format!("{}/events", room(tag))).into(),
            Self::Scrape => {
                let names: Vec<_> = (0..USERS).map(|n| user(tag, n)).collect();
                let body = serde_json::json!({ "usernames": names }).to_string();
                let right = move |_, body: &[u8]| profiles_of(&names, body);
                json("/scrape", body).expect(Expect::body(Body::Check(Arc::new(right)))).into()
            }
            Self::Thumbnail(placement) => {
                let picture = black_square(SIDE);
                let small = compute::thumbnail(&picture, WIDTH, || true);
                let right = Expect::exactly(small.expect("it is a picture, and wanted"));
                Ask::post(thumbnail(placement), picture).expect(right).into()
            }
            Self::Seal(placement) => {
                let ask =
                    Ask::post(seal(placement), TEXT).field("X-Passphrase", "measured, not kept");
                ask.expect(Expect::body(Body::Check(Arc::new(|_, body| sealed(body))))).into()
            }
            Self::Enqueue => {
                let right = Expect::containing(r#""state":"queued""#).status([202]);
                Ask::post(ENQUEUE, &[][..]).expect(right).into()
            }
            Self::Batch => {
                let right = Expect::containing(format!(r#""open":{PICTURES},"#)).status([202]);
                let form = format!("multipart/form-data; boundary={EDGE}");
                Ask::post(batch(), pictures()).field("Content-Type", form).expect(right).into()
            }
        }
    }

    /// What is said while others listen to what [`asks`](Self::asks) asks for.
    pub fn broadcast(tag: &str) -> Broadcast {
        let said = format!("{}/messages", room(tag));
        Broadcast {
            say: Arc::new(move |number| {
                let text = serde_json::json!({ "text": format!("{SAYING}{number}") });
                json(&said, text.to_string()).expect(Expect::containing(r#""id":"#).status([201]))
            }),
            heard: Arc::new(heard),
        }
    }

    /// Puts there what has to be there before it is asked.
    ///
    /// # Errors
    /// When the server does not take it, or holds something else already.
    pub fn prepare(self, subject: &Subject) -> anyhow::Result<()> {
        let say = |request: Request| subject.ask(&request).map_err(|error| anyhow!(error));
        match self {
            Self::ReadRow => (1..=ROWS).try_for_each(|id| {
                let post = Request::new("POST", "/notes").field("Content-Type", "application/json");
                let reply = say(post.body(note(&title(id))))?;
                let made = reply.text().contains(&format!(r#"{{"id":{id},"#));
                ensure!(made, "row {id} of an empty database was to be made: {}", reply.text());
                Ok(())
            }),
            Self::Download => {
                let reply = say(Request::new("PUT", &file("")).body(&content()[..]))?;
                ensure!(matches!(reply.status, 200 | 201), "{}: {}", reply.status, reply.text());
                Ok(())
            }
            _ => Ok(()),
        }
        .context("what is asked for has to be there before")
    }
}

const ENQUEUE: &str = "/jobs/wait?seconds=0";

fn slow_query() -> String {
    format!("/slow-query/{}", SLOW.as_secs_f64())
}

fn stream() -> String {
    format!("/stream/{LINES}?interval={}", APART.as_secs_f64())
}

fn room(tag: &str) -> String {
    format!("/rooms/lab-{tag}")
}

/// The number of the message in an event, if it is one and no comment.
fn heard(event: &[u8]) -> Option<u64> {
    let (_, rest) = std::str::from_utf8(event).ok()?.split_once(&format!(r#""text":"{SAYING}"#))?;
    rest.split_once('"')?.0.parse().ok()
}

fn thumbnail(placement: &str) -> String {
    format!("/thumbnail?width={WIDTH}&placement={placement}")
}

fn seal(placement: &str) -> String {
    format!("/seal?placement={placement}")
}

fn batch() -> String {
    format!("/batches?width={WIDTH}")
}

/// A form with a batch of them.
fn pictures() -> Vec<u8> {
    let picture = black_square(SIDE);
    let mut form = Vec::new();
    for number in 0..PICTURES {
        let head = format!(r#"form-data; name="file"; filename="{number}.png""#);
        form.extend(format!("--{EDGE}\r\nContent-Disposition: {head}\r\n\r\n").bytes());
        form.extend(&picture);
        form.extend(b"\r\n");
    }
    form.extend(format!("--{EDGE}--\r\n").bytes());
    form
}

fn file(tag: &str) -> String {
    format!("/files/lab-{tag}")
}

fn title(id: usize) -> String {
    format!("row {id} of {ROWS}")
}

fn note(title: &str) -> String {
    serde_json::json!({ "title": title, "body": "x".repeat(200) }).to_string()
}

fn json(path: &str, body: String) -> Ask {
    Ask::post(path, body.into_bytes()).field("Content-Type", "application/json")
}

/// Bytes that do not compress.
fn content() -> Arc<[u8]> {
    let mut bytes = vec![0; FILE];
    fastrand::Rng::with_seed(1).fill(&mut bytes);
    bytes.into()
}

/// A name that the stub answers after this long.
fn user(tag: &str, number: usize) -> String {
    format!("slow-{}ms-{tag}u{number}", UPSTREAM.as_millis())
}

/// A line for each name, in whatever order they came.
fn profiles_of(names: &[String], body: &[u8]) -> Result<(), String> {
    let body = String::from_utf8_lossy(body);
    if body.lines().count() != names.len() {
        return Err(format!("{} lines for {} names", body.lines().count(), names.len()));
    }
    let missing = names.iter().find(|name| !body.contains(&format!(r#""login":"{name}""#)));
    missing.map_or(Ok(()), |name| Err(format!("no profile of {name}")))
}

/// Its first bytes say so, and it is longer by head and tag. To open it would cost the generator what it cost the server.
fn sealed(body: &[u8]) -> Result<(), String> {
    if body.starts_with(b"waitlab\x01") && body.len() == TEXT.len() + 64 {
        return Ok(());
    }
    Err(format!("{} bytes that are not a text sealed", body.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_known_by_its_head_and_length() {
        let sealed_text = compute::seal(TEXT, "pass", compute::Fresh::draw(), || true).unwrap();
        assert_eq!(sealed(&sealed_text), Ok(()));
        assert!(sealed(TEXT).is_err() && sealed(&sealed_text[1..]).is_err());
    }

    #[test]
    fn a_message_is_known_by_its_number_whoever_sends_it() {
        let event = format!("id: 7\ndata: {{\"id\":7,\"room\":\"lab\",\"text\":\"{SAYING}6\"}}");
        assert_eq!(heard(event.as_bytes()), Some(6));
        assert_eq!((heard(b":"), heard(b"retry: 1000\nid: 7")), (None, None));
    }

    #[test]
    fn a_scrape_is_right_when_every_name_has_its_line() {
        let names: Vec<_> = (0..2).map(|n| user("1a", n)).collect();
        assert!(names.iter().all(|name| github_stub::is_valid_name(name)), "{names:?}");
        let line = |name: &String| format!("{{\"login\":\"{name}\"}}\n");
        let whole = line(&names[1]) + &line(&names[0]);
        assert_eq!(profiles_of(&names, whole.as_bytes()), Ok(()));
        assert!(profiles_of(&names, line(&names[0]).as_bytes()).is_err());
        assert!(profiles_of(&names, (line(&names[0]) + &line(&names[0])).as_bytes()).is_err());
    }
}
