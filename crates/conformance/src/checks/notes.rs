//! `/notes` and `/slow-query`: rows that are kept, pages that lose nothing, keys that make a repeated request harmless.

use std::thread;
use std::time::{Duration, Instant};

use contract::{Note, Notes};
use serde_json::json;

use super::{Check, Needs, Verdict, each, each_at_once};
use crate::Subject;
use crate::client::Request;
use crate::reply::Reply;

pub(super) const CHECKS: &[Check] = &[
    Check::new("notes: what is written is kept, changed and removed", Needs::Address, life),
    Check::new("notes: pages follow each other and lose nothing", Needs::Address, pages),
    Check::new("notes: a key makes one note, however often it is sent", Needs::Address, keys),
    Check::new(
        "notes: of requests with one key that come at once, one makes the note",
        Needs::Address,
        keys_at_once,
    ),
    Check::new("notes: what is no note is refused in FastAPI's words", Needs::Address, refused),
    Check::new("notes: hostile JSON is a 4xx and the server lives", Needs::Address, hostile),
    Check::new("notes: any text comes back as it was sent", Needs::Address, texts),
    Check::new("slow-query waits inside the database", Needs::Address, slow),
    Check::new(
        "limits: --pool bounds connections; who gets none within --database-acquire is a 503",
        Needs::Narrow,
        exhausted,
    )
    .alone(),
    Check::new("readyz tells of the database and not of its pool", Needs::Narrow, ready).alone(),
];

fn json_request(method: &str, target: &str, body: &str) -> Request {
    Request::new(method, target).field("Content-Type", "application/json").body(body)
}

fn post(title: &str, body: &str) -> Request {
    json_request("POST", "/notes", &json!({ "title": title, "body": body }).to_string())
}

fn note(reply: &Reply) -> Result<Note, String> {
    serde_json::from_slice(&reply.body)
        .map_err(|error| format!("not the contract's note ({error}): {}", reply.text()))
}

fn added(subject: &Subject, request: &Request) -> Result<Note, String> {
    let reply = subject.ask(request)?.expect(201)?;
    let note = note(&reply)?;
    let location = reply.field("location");
    ensure!(
        location == Some(&note.location()),
        "Location is {location:?}, not {}",
        note.location()
    );
    Ok(note)
}

fn life(subject: &Subject) -> Verdict {
    let first = added(subject, &post("Milk", "Two bottles"))?;
    ensure!(
        (first.title.as_str(), first.body.as_str()) == ("Milk", "Two bottles"),
        "it is {first:?}"
    );
    ensure!(first.created_at == first.updated_at, "it was changed before it was made: {first:?}");
    let path = first.location();
    ensure!(note(&subject.get_with(&path, 200)?)? == first, "it came back as another");
    let put = json_request("PUT", &path, r#"{"title":"Milk","body":"Three"}"#);
    let second = note(&subject.ask(&put)?.expect(200)?)?;
    ensure!(
        second.id == first.id && second.body == "Three" && second.created_at == first.created_at,
        "rewritten, it is {second:?}"
    );
    ensure!(second.updated_at >= first.updated_at, "it was changed before it was made");
    ensure!(note(&subject.get_with(&path, 200)?)? == second, "it was not changed");
    let gone = subject.ask(&Request::new("DELETE", &path))?.expect(204)?;
    ensure!(gone.body.is_empty(), "a 204 has content");
    subject.problem(&path, 404)?;
    subject.ask(&Request::new("DELETE", &path))?.expect(404)?.problem(&path)?;
    subject.ask(&put)?.expect(404)?.problem(&path)?;
    let next = added(subject, &post("Bread", ""))?;
    ensure!(
        next.id > first.id,
        "the id of a removed note came back: {} then {}",
        first.id,
        next.id
    );
    Ok(())
}

fn pages(subject: &Subject) -> Verdict {
    let mine: Vec<Note> = (0..5)
        .map(|n| added(subject, &post(&format!("page {n}"), "")))
        .collect::<Result<_, _>>()?;
    let mut after = mine[0].id.0 - 1;
    let mut seen = Vec::new();
    while seen.len() < 1_000 {
        let reply = subject.get_with(&format!("/notes?limit=2&after={after}"), 200)?;
        let page: Notes = serde_json::from_slice(&reply.body)
            .map_err(|error| format!("no page ({error}): {}", reply.text()))?;
        ensure!(page.notes.len() <= 2, "a page of 2 has {}", page.notes.len());
        seen.extend(page.notes.iter().map(|note| note.id));
        let Some(next) = page.next else { break };
        ensure!(Some(next) == seen.last().copied(), "next is {next}, after {seen:?}");
        after = next.0;
    }
    ensure!(seen.is_sorted(), "not in the order of ids: {seen:?}");
    each(mine, |note| {
        let times = seen.iter().filter(|&&id| id == note.id).count();
        ensure!(times == 1, "{} is there {times} times", note.id);
        Ok(())
    })?;
    each(["limit=0", "limit=101", "limit=x", "after=-1", "after=99999999999999999999"], |query| {
        subject.problem(&format!("/notes?{query}"), 422).map(drop)
    })
}

fn with_key(key: &str, title: &str) -> Request {
    post(title, "").field("Idempotency-Key", key)
}

fn fresh_key() -> String {
    format!("key-{:016x}", fastrand::u64(..))
}

fn keys(subject: &Subject) -> Verdict {
    let key = fresh_key();
    let first = added(subject, &with_key(&key, "once"))?;
    let again = added(subject, &with_key(&key, "once"))?;
    ensure!(again == first, "the same key made {again:?} beside {first:?}");
    subject.ask(&with_key(&key, "another"))?.expect(422)?.problem("/notes")?;
    let other = added(subject, &with_key(&fresh_key(), "once"))?;
    ensure!(other.id != first.id, "another key made no note of its own");
    subject.ask(&Request::new("DELETE", &first.location()))?.expect(204)?;
    subject.ask(&with_key(&key, "once"))?.expect(409)?.problem("/notes")?;
    each(["a b", "\u{e9}", &"k".repeat(256)], |key| {
        subject.ask(&with_key(key, "refused"))?.expect(422)?.problem("/notes").map(drop)
    })
}

fn keys_at_once(subject: &Subject) -> Verdict {
    let key = fresh_key();
    let ids = std::sync::Mutex::new(Vec::new());
    each_at_once(0..8, |_| {
        let note = added(subject, &with_key(&key, "at once"))?;
        ids.lock().expect("no check panics").push(note.id);
        Ok(())
    })?;
    let mut ids = ids.into_inner().expect("no check panics");
    ids.dedup();
    ensure!(ids.len() == 1, "one key made the notes {ids:?}");
    Ok(())
}

fn refused(subject: &Subject) -> Verdict {
    let cases = [
        ("{}", &["missing", "missing"][..]),
        (r#"{"title":"","body":7}"#, &["string_too_short", "string_type"]),
        (r#"{"title":null,"body":""}"#, &["string_type"]),
        (r#"{"title":"a\u0000b","body":""}"#, &["string_pattern_mismatch"]),
        ("[]", &["model_attributes_type"]),
        ("{", &["json_invalid"]),
        ("", &["missing"]),
    ];
    each(cases, |(body, kinds)| {
        let reply = subject.ask(&json_request("POST", "/notes", body))?.expect(422)?;
        let problem = reply.problem("/notes")?;
        let told: Vec<_> = problem.errors.iter().map(|error| error.kind.as_ref()).collect();
        ensure!(told == kinds, "{body}: {told:?}, not {kinds:?}");
        ensure!(problem.errors.iter().all(|error| error.loc[0] == "body"), "{problem:?}");
        Ok(())
    })?;
    let long = post(&"t".repeat(201), "");
    let problem = subject.ask(&long)?.expect(422)?.problem("/notes")?;
    ensure!(problem.errors[0].kind == "string_too_long", "{problem:?}");
    let text = Request::new("POST", "/notes").field("Content-Type", "text/plain").body("{}");
    subject.ask(&text)?.expect(415)?.problem("/notes")?;
    each(
        [("/notes/x", 422), ("/notes/-1", 404), ("/notes/99999999999999999999", 404)],
        |(path, status)| subject.problem(path, status).map(drop),
    )
}

/// Requests with JSON that no server should trip over, each to be refused.
pub fn hostile_requests() -> impl Iterator<Item = Request> {
    let deep = ["[".repeat(100_000), "]".repeat(100_000)].concat();
    let bodies: [Vec<u8>; 11] = [
        deep.clone().into_bytes(),
        format!(r#"{{"title":{deep},"body":""}}"#).into_bytes(),
        format!(r#"{{"title":"{}","body":""}}"#, "a".repeat(1 << 20)).into_bytes(),
        br#"{"title":"\ud800","body":""}"#.to_vec(),
        br#"{"title":NaN,"body":""}"#.to_vec(),
        b"{\"title\":\"\xff\xfe\",\"body\":\"\"}".to_vec(),
        br#"{"title":"a","body":""} and more"#.to_vec(),
        br#"{"title":1e999,"body":""}"#.to_vec(),
        br#"{"title":"first","title":"last","body":""}"#.to_vec(),
        Vec::new(),
        vec![0; 1_000],
    ];
    let json =
        |body| Request::new("POST", "/notes").field("Content-Type", "application/json").body(body);
    let text = Request::new("POST", "/notes").field("Content-Type", "text/plain").body("{}");
    bodies.into_iter().map(json).chain([text])
}

fn hostile(subject: &Subject) -> Verdict {
    each(hostile_requests().enumerate(), |(number, request)| {
        let reply = subject.ask(&request)?;
        ensure!(matches!(reply.status, 400 | 413 | 415 | 422), "{number}: {}", reply.text());
        reply.problem("/notes").map(drop)
    })
}

fn texts(subject: &Subject) -> Verdict {
    each(
        ["Ελλάδα 日本 👩‍👩‍👧", "'; DROP TABLE notes; --", "\\u0000", "\r\n\t\"<b>", "%00%s"],
        |text| {
            let made = added(subject, &post(text, text))?;
            let note = note(&subject.get_with(&made.location(), 200)?)?;
            ensure!(note.title == text && note.body == text, "{text:?} came back as {note:?}");
            Ok(())
        },
    )
}

fn slow(subject: &Subject) -> Verdict {
    let began = Instant::now();
    let reply = subject.get_with("/slow-query/0.3", 200)?;
    ensure!(reply.json()? == json!({ "message": "Waited for 0.3 seconds!" }), "{}", reply.text());
    ensure!(began.elapsed() >= Duration::from_millis(300), "it took {:?}", began.elapsed());
    each(["-1", "61", "x", "NaN"], |text| {
        subject.problem(&format!("/slow-query/{text}"), 422).map(drop)
    })
}

/// One connection of SQLite's pool writes; so of two, one is left for reading.
fn exhausted(subject: &Subject) -> Verdict {
    let targets = vec!["/slow-query/1.2".to_owned(); 6];
    let began = Instant::now();
    let replies = subject.get_all(&targets);
    let (mut served, mut refused) = (0, 0);
    for reply in replies {
        let reply = reply?;
        match reply.status {
            200 => served += 1,
            503 => {
                reply.problem("/slow-query/1.2")?;
                ensure!(reply.field("retry-after").is_some(), "a 503 without Retry-After");
                refused += 1;
            }
            other => return Err(format!("{other}: {}", reply.text())),
        }
    }
    ensure!(served >= 1 && refused >= 4, "{served} served, {refused} refused");
    ensure!(began.elapsed() < Duration::from_secs(4), "it took {:?}", began.elapsed());
    subject.get_with("/slow-query/0", 200).map(drop)
}

/// Were it told that the pool is exhausted, whoever balances the load would take every busy replica away.
fn ready(subject: &Subject) -> Verdict {
    thread::scope(|scope| {
        let asked: Vec<_> = (0..2).map(|_| scope.spawn(|| subject.get("/slow-query/1"))).collect();
        thread::sleep(Duration::from_millis(300));
        let began = Instant::now();
        let told = subject.get_with("/readyz", 200);
        let took = began.elapsed();
        let waits = asked.iter().any(|one| !one.is_finished());
        told?;
        ensure!(waits, "the slow queries were over before it was asked");
        ensure!(took < Duration::from_millis(350), "readyz took {took:?} beside an exhausted pool");
        Ok(())
    })
}
