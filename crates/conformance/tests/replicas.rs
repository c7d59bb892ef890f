//! Replicas: servers of different kinds on one database share what is kept, and what is said in one is heard in the other.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use conformance::client::{PATIENCE, Request};
use conformance::databases::{self, Fresh};
use conformance::events::{Events, said};
use conformance::process::Signal;
use conformance::{Server, Subject, binaries, sentences};
use contract::{Message, Note};

const SERVERS: [&str; 3] = ["server-blocking", "server-actix", "server-axum"];

fn main() -> ExitCode {
    binaries::build(&SERVERS).expect("the servers build");
    let tests: &[databases::Test] = sentences![
        notes_are_shared,
        what_is_said_in_one_is_heard_in_all,
        a_subscriber_goes_on_at_another_replica_when_its_own_is_killed,
    ];
    databases::run(tests, Vec::new())
}

fn notes_are_shared(fresh: Fresh) {
    let replicas = replicas(&fresh);
    for (_, here) in &replicas {
        let kept = here.ask(
            &Request::new("POST", "/notes")
                .field("Content-Type", "application/json")
                .field("Idempotency-Key", &here.host)
                .body(r#"{"title":"shared","body":""}"#),
        );
        let kept: Note = json(&kept.expect("it answers").body);
        for (_, there) in &replicas {
            let found = there.get_with(&kept.location(), 200).expect("it is there");
            assert_eq!(json::<Note>(&found.body), kept);
        }
    }
}

fn what_is_said_in_one_is_heard_in_all(fresh: Fresh) {
    let replicas = replicas(&fresh);
    let mut listening: Vec<Events> =
        replicas.iter().map(|(_, there)| listen(there, None)).collect();
    for n in 0..30 {
        let (_, here) = &replicas[n % replicas.len()];
        let message = said(here, "hall", &format!("{n}")).expect("it is kept");
        for one in &mut listening {
            assert_eq!(one.message(PATIENCE).expect("it is heard"), message);
        }
    }
}

fn a_subscriber_goes_on_at_another_replica_when_its_own_is_killed(fresh: Fresh) {
    let mut replicas = replicas(&fresh);
    let (mut kept, mut heard) = (Vec::new(), Vec::<Message>::new());
    while let Some((mut server, here)) = replicas.pop() {
        let last = heard.last().map_or(0, |message| message.id.0).to_string();
        let mut listening = listen(&here, Some(&last));
        // What was said while nobody listened comes first.
        while heard.len() < kept.len() {
            heard.push(listening.message(PATIENCE).expect("what was missed comes"));
        }
        for n in 0..5 {
            kept.push(said(&here, "hall", &format!("{n}")).expect("it is kept"));
        }
        heard.push(listening.message(PATIENCE).expect("it is heard"));
        server.signal(Signal::KILL);
        server.wait(Duration::from_secs(5)).expect("it is gone");
    }
    assert_eq!(heard, kept[..heard.len()]);
    assert_eq!(heard.len(), kept.len() - 4);
}

/// One of each kind, on one database.
fn replicas(fresh: &Fresh) -> Vec<(Server, Subject)> {
    let data = format!("--data={}", fresh.data.path().display());
    let database = fresh.url.as_ref().map(|url| format!("--database={url}"));
    let flags: Vec<&String> = [&data].into_iter().chain(&database).collect();
    let start = |name: &str| {
        let binary = binaries::find(name).expect("it was built");
        start(&binary, &flags)
    };
    SERVERS.iter().map(|name| start(name)).collect()
}

fn start(binary: &Path, flags: &[&String]) -> (Server, Subject) {
    let server = Server::start(binary, flags, &[]).expect("it starts");
    let subject = Subject::at(server.addr());
    (server, subject)
}

fn listen(subject: &Subject, last: Option<&str>) -> Events {
    let mut events = Events::open(subject, "/rooms/hall/events", last).expect("it is a stream");
    events.beginning().expect("it says where it begins");
    events
}

fn json<T: serde::de::DeserializeOwned>(body: &[u8]) -> T {
    serde_json::from_slice(body).expect("it is what it should be")
}
