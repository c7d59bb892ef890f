//! One request, and a batch of 64, on each route and each server.

use conformance::Subject;
use conformance::client::Request;
use github_stub::Profile;

use crate::Harness;
use crate::client::{Client, Right};
use crate::cpus::{self, Split};
use crate::stand::{COMPETITORS, Competitor, Stand};

/// The column that ratios refer to.
pub(crate) const BASE: &str = "blocking";
/// The same process measured once more, last in each row.
pub(crate) const AGAIN: &str = "blocking again";

/// How many connections are asked at once, and what that is called.
const ONE: (usize, &str) = (1, "one");
const BATCH: (usize, &str) = (64, "batch-64");

/// A route and what is right about it.
#[derive(Debug)]
pub struct Route {
    /// What its groups are called.
    pub name: &'static str,
    method: &'static str,
    path: &'static str,
    fields: &'static [(&'static str, &'static str)],
    body: &'static [u8],
    answer: Answer,
    /// Where a request is answered by one CPU alone, many at once are that many times one.
    computes: bool,
    /// Whether the ways of giving threads to connections take part: where little else happens, they show.
    ways: bool,
    /// The checks of the contract that a server passes before this is timed.
    checks: &'static [&'static str],
}

/// What is compared with every reply.
#[derive(Debug)]
enum Answer {
    /// These bytes: known before, so that the floor can send them too.
    Known(fn() -> Vec<u8>),
    /// What the server answers first, once this has made what is asked for, and said where it is.
    Made(fn(&Subject) -> Result<String, String>),
    /// What the server answers first.
    First,
    /// As many bytes as it answers first: no two are the same.
    AsLong,
}

const GET: Route = Route {
    name: "",
    method: "GET",
    path: "",
    fields: &[],
    body: b"",
    answer: Answer::First,
    computes: false,
    ways: false,
    checks: &[],
};

const POST: Route = Route { method: "POST", ..GET };

static ROUTES: [Route; 9] = [
    Route {
        name: "plaintext",
        path: "/plaintext",
        answer: Answer::Known(|| b"Hello, World!".into()),
        ways: true,
        checks: &["plaintext sends exactly the contract's fields and greeting"],
        ..GET
    },
    Route {
        name: "wait-0",
        path: "/wait/0",
        answer: Answer::Known(|| br#"{"message":"Waited for 0 seconds!"}"#.into()),
        ways: true,
        checks: &[
            "wait answers the article's sentence after that time",
            "wait takes and refuses the integers that FastAPI does",
        ],
        ..GET
    },
    Route {
        name: "github-user",
        path: "/github-user/octocat",
        answer: Answer::Known(|| Profile::of("octocat").json()),
        ways: true,
        checks: &[
            "github-user passes the upstream's JSON on, unknown fields and order included",
            "github-user asks each time: there is no cache of replies",
        ],
        ..GET
    },
    Route {
        name: "echo",
        path: "/echo",
        body: &[b'x'; 1_000],
        answer: Answer::Known(|| b"len=1000".into()),
        checks: &["echo tells the length of any body up to its limit"],
        ..POST
    },
    Route {
        name: "stream",
        path: "/stream/100?interval=0",
        answer: Answer::Known(|| {
            (0..100).map(|n| format!("{{\"n\":{n}}}\n")).collect::<String>().into()
        }),
        checks: &["stream sends its lines, all of them and in order"],
        ..GET
    },
    Route {
        name: "note",
        answer: Answer::Made(note),
        checks: &["notes: what is written is kept, changed and removed"],
        ..GET
    },
    Route {
        name: "file",
        answer: Answer::Made(file),
        checks: &["files: what is put is there as it was sent, with its hash; 201 first, then 200"],
        ..GET
    },
    Route {
        name: "thumbnail",
        path: "/thumbnail?width=24",
        body: include_bytes!("../../crates/conformance/cases/images/48x32.png"),
        computes: true,
        checks: &["thumbnail makes a JPEG as wide as asked of every format"],
        ..POST
    },
    Route {
        name: "seal",
        path: "/seal",
        fields: &[("X-Passphrase", "correct horse battery staple")],
        body: &[b'x'; 1_000],
        answer: Answer::AsLong,
        computes: true,
        checks: &["open gives back what seal was given"],
        ..POST
    },
];

/// Writes a note, and says where it is.
fn note(subject: &Subject) -> Result<String, String> {
    let request = Request::new("POST", "/notes")
        .field("Content-Type", "application/json")
        .body(r#"{"title":"Milk","body":"Two bottles"}"#);
    let reply = subject.ask(&request)?.expect(201)?;
    reply.field("location").map(str::to_owned).ok_or_else(|| "a note without a Location".into())
}

/// Puts a file of a kilobyte there.
fn file(subject: &Subject) -> Result<String, String> {
    let path = "/files/a-kilobyte";
    let reply = subject.ask(&Request::new("PUT", path).body(vec![b'x'; 1_024]))?;
    if !matches!(reply.status, 200 | 201) {
        return Err(format!("PUT {path} is a {}", reply.status));
    }
    Ok(path.to_owned())
}

impl Route {
    /// The reply's body where it is known before any server was asked.
    pub(crate) fn known(&self) -> Option<Vec<u8>> {
        match self.answer {
            Answer::Known(body) => Some(body()),
            Answer::Made(_) | Answer::First | Answer::AsLong => None,
        }
    }

    /// How many at once it is asked.
    fn batches(&self) -> &'static [(usize, &'static str)] {
        if self.computes { &[ONE] } else { &[ONE, BATCH] }
    }

    /// Whether this column has a cell in its rows.
    fn is_asked_of(&self, competitor: &Competitor) -> bool {
        match competitor.name {
            "floor" => matches!(self.answer, Answer::Known(_)),
            name => self.ways || !name.contains(':'),
        }
    }

    /// What is sent, and what must come back.
    fn question(&self, subject: &Subject) -> Result<(Vec<u8>, Right), String> {
        let path = match self.answer {
            Answer::Made(make) => make(subject)?,
            Answer::Known(_) | Answer::First | Answer::AsLong => self.path.to_owned(),
        };
        let request = Request::new(self.method, &path);
        let request =
            self.fields.iter().fold(request, |request, (name, value)| request.field(name, value));
        let request = if self.body.is_empty() { request } else { request.body(self.body) };
        let first = || Ok::<_, String>(subject.ask(&request)?.expect(200)?.body);
        let right = match self.answer {
            Answer::Known(body) => Right::Exactly(body()),
            Answer::Made(_) | Answer::First => Right::Exactly(first()?),
            Answer::AsLong => Right::AsLong(first()?.len()),
        };
        Ok((request.bytes(&subject.host), right))
    }
}

/// The route of this name.
pub fn named(name: &str) -> Option<&'static Route> {
    ROUTES.iter().find(|route| route.name == name)
}

/// The checks of all routes.
pub(crate) fn checks() -> impl Iterator<Item = &'static str> {
    ROUTES.iter().flat_map(|route| route.checks.iter().copied())
}

pub(crate) fn is_group(group: &str) -> bool {
    group.split_once('/').is_some_and(|(name, _)| named(name).is_some())
}

/// Measures all of them.
///
/// # Errors
///
/// When the stub cannot be started. A server that does not start, or answers wrongly, ends the run.
pub fn measure(harness: &mut Harness) -> anyhow::Result<()> {
    let split = Split::here();
    let clients = split.clients.clone();
    cpus::on(&clients, || {
        let mut stand = Stand::new(split)?;
        for route in &ROUTES {
            for &(count, batch) in route.batches() {
                row(harness, &mut stand, route, count, batch);
            }
        }
        stand.stop()
    })
}

fn row(harness: &mut Harness, stand: &mut Stand, route: &Route, count: usize, batch: &str) {
    let mut group = harness.group(&format!("{}/{batch}", route.name), count as u64);
    for competitor in COMPETITORS.iter().filter(|competitor| route.is_asked_of(competitor)) {
        let told =
            |error: String| -> ! { panic!("{} on {}: {error}", competitor.name, route.name) };
        // Criterion calls this for the warm-up and for each sample; one client serves them all.
        let mut client = None;
        group.measure(competitor.name, |bencher| {
            let client = client.get_or_insert_with(|| {
                let addr = stand
                    .addr(competitor, route)
                    .unwrap_or_else(|error| told(format!("{error:#}")));
                let (request, right) =
                    route.question(&Subject::at(addr)).unwrap_or_else(|error| told(error));
                Client::open(addr, request, right, count)
                    .unwrap_or_else(|error| told(error.to_string()))
            });
            bencher.iter(|| client.ask().unwrap_or_else(|error| told(error)));
        });
    }
}

#[cfg(test)]
mod tests {
    use load::floor;

    use super::*;

    #[test]
    fn the_floor_takes_part_where_its_answer_is_known_and_ways_of_threads_where_they_show() {
        let asked = |route: &str| -> Vec<_> {
            let route = named(route).unwrap();
            let asked = COMPETITORS.iter().filter(|competitor| route.is_asked_of(competitor));
            asked.map(|competitor| competitor.name).collect()
        };
        assert_eq!(asked("plaintext").len(), COMPETITORS.len());
        assert_eq!(asked("echo"), ["blocking", "actix", "axum", "floor", AGAIN]);
        assert_eq!(asked("note"), ["blocking", "actix", "axum", AGAIN]);
    }

    #[test]
    fn a_request_with_a_body_is_answered_by_the_floor_too() {
        let route = named("echo").unwrap();
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n";
        let floor =
            floor::Floor::start([head.as_bytes(), &route.known().unwrap()].concat()).unwrap();
        let (request, right) = route.question(&Subject::at(floor.addr)).unwrap();
        let mut client = Client::open(floor.addr, request, right, 3).unwrap();
        for _ in 0..20 {
            client.ask().unwrap();
        }
        floor.stop().unwrap();
    }
}
