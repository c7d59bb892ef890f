//! Whether servers answer alike: the same heads to the same requests, and the same number of answers of the same class to
//! requests that nobody should send.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::client::{PATIENCE, Request, excerpt};
use crate::wire::case::{cases, fill_in};
use crate::wire::exchange::Line;
use crate::{Subject, exceptions};

/// Servers by name.
pub type Bench<'a> = [(&'a str, Subject)];

/// Bytes to send, and where to cut them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Which they are: a case's id, or a case, a seed and a number.
    pub name: String,
    /// All of them.
    pub bytes: Vec<u8>,
    /// Where a packet ends, in order.
    pub cuts: Vec<usize>,
    /// Whether the client ends its side at once.
    pub half_close: bool,
    /// Whether it is a wire case as it stands, whose exceptions are listed one by one.
    pub is_case: bool,
}

/// The answers of one server: the class of each final reply. A close without any counts as a 4xx.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// 2 for a 2xx, and so on.
    pub classes: Vec<u16>,
    /// The statuses behind them, none for a close without any.
    pub statuses: Vec<u16>,
}

/// What many scripts showed.
#[derive(Clone, Debug, Default)]
pub struct Agreement {
    /// How many scripts were sent to each server.
    pub scripts: usize,
    /// Those on which a server differs and an exception on the list says why.
    pub excepted: usize,
    /// Those on which they differ.
    pub disagreements: Vec<String>,
    /// What no server may do, agreed or not: a 500, a hang, a reply that is no HTTP, its own death.
    pub violations: Vec<String>,
}

/// How many scripts are on the way at once.
const SIDE_BY_SIDE: usize = 16;

impl Script {
    /// Bytes with their cuts put in order.
    pub fn new(name: String, bytes: Vec<u8>, mut cuts: Vec<usize>, half_close: bool) -> Self {
        cuts.retain(|cut| (1..bytes.len()).contains(cut));
        cuts.sort_unstable();
        cuts.dedup();
        Self { name, bytes, cuts, half_close, is_case: false }
    }
}

/// The wire cases as scripts, but for those that are sent in steps: what these ask about is time.
pub fn scripts(host: &str) -> Vec<Script> {
    let cases = cases().into_iter().filter(|case| case.steps.is_empty());
    cases
        .map(|case| {
            let bytes = fill_in(&case.request, host);
            Script { is_case: true, ..Script::new(case.id, bytes, Vec::new(), case.half_close) }
        })
        .collect()
}

/// Sends each script to each server and compares.
///
/// A difference is believed when it repeats with six times the patience: on a busy machine an answer may just be late.
pub fn agree(servers: &Bench<'_>, scripts: &[Script]) -> Agreement {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Agreement::default()));
    thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                while let Some(script) = scripts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let seen = compare(servers, script);
                    let mut found = found.lock().expect("no holder panics");
                    found.scripts += 1;
                    match seen {
                        Ok(Compared::Alike) => {}
                        Ok(Compared::Excepted) => found.excepted += 1,
                        Ok(Compared::Differ(difference)) => found.disagreements.push(difference),
                        Err(violation) => found.violations.push(violation),
                    }
                }
            });
        }
    });
    let mut found = found.into_inner().expect("no holder panics");
    for (name, server) in servers {
        if let Err(error) = server.get_with("/wait/0", 200) {
            found.violations.push(format!("{name}, afterwards: {error}"));
        }
    }
    found
}

enum Compared {
    Alike,
    Excepted,
    Differ(String),
}

fn compare(servers: &Bench<'_>, script: &Script) -> Result<Compared, String> {
    let mut difference = String::new();
    for patience in [1, 6] {
        let (mut bound, mut free) = (Vec::new(), Vec::new());
        for (name, server) in servers {
            let answers = observe(server, script, patience)
                .map_err(|error| told(script, &format!("{name}: {error}")))?;
            let excepted = match script.is_case {
                true => exceptions::difference(name, &script.name),
                false => exceptions::covering(name, &script.bytes),
            };
            if excepted.is_some() { &mut free } else { &mut bound }.push((*name, answers));
        }
        let alike = bound.windows(2).all(|pair| pair[0].1.classes == pair[1].1.classes);
        let apart =
            |answers: &Answers| bound.iter().any(|(_, other)| other.classes != answers.classes);
        let stale = free.iter().find(|(_, answers)| script.is_case && !apart(answers));
        if alike && stale.is_none() {
            let excepted = free.iter().any(|(_, answers)| apart(answers));
            return Ok(if excepted { Compared::Excepted } else { Compared::Alike });
        }
        difference = match stale {
            Some((name, _)) if alike => {
                format!("{name} answers as the others do, so its exception no longer applies")
            }
            _ => {
                let answers =
                    bound.iter().map(|(name, answers)| format!("{name} {:?}", answers.statuses));
                answers.collect::<Vec<_>>().join(", ")
            }
        };
    }
    Ok(Compared::Differ(told(script, &difference)))
}

fn told(script: &Script, what: &str) -> String {
    let end = if script.half_close { ", then half-closed" } else { "" };
    let shown = excerpt(script.bytes.escape_ascii().to_string().as_bytes());
    format!("{}: {what}; sent, cut at {:?}{end}: {shown}", script.name, script.cuts)
}

/// Sends one script and counts the answers.
///
/// # Errors
///
/// When the server does what it may never do.
pub fn observe(server: &Subject, script: &Script, patience: u32) -> Result<Answers, String> {
    let mut line = Line::open(server.addr)?;
    let mut start = 0;
    for end in script.cuts.iter().copied().chain([script.bytes.len()]) {
        line.send_beside(script.bytes[start..end].to_vec());
        if end < script.bytes.len() {
            line.finish_sending();
            // Long enough for the piece to be read alone, most times; either way is a way it may arrive.
            thread::sleep(Duration::from_micros(500));
        }
        start = end;
    }
    let head = script.bytes.starts_with(b"HEAD ");
    if script.half_close {
        line.half_close();
    }
    line.listen_until_quiet(head, Duration::from_millis(120) * patience);
    // Whoever waits for more is told that there is none.
    line.half_close();
    line.listen_until_quiet(head, Duration::from_secs(3));
    let seen = line.done();
    if let Some(rest) = seen.rest {
        return Err(rest);
    }
    if !seen.closed {
        return Err("still open 3 s after the client's end".to_owned());
    }
    let statuses: Vec<u16> = seen.replies.iter().map(|reply| reply.status).collect();
    if let Some(status) = statuses.iter().find(|status| **status == 500) {
        return Err(format!("answered {status}"));
    }
    let mut classes: Vec<u16> = statuses.iter().map(|status| status / 100).collect();
    if classes.is_empty() {
        classes.push(4);
    }
    Ok(Answers { classes, statuses })
}

/// Asks every server the same and compares heads byte for byte but for `date`, `x-request-id` and the order of the
/// fields; also the bodies.
pub fn heads(servers: &Bench<'_>, requests: &[Request]) -> Vec<String> {
    let mut differences = Vec::new();
    for request in requests {
        let replies: Vec<_> =
            servers.iter().map(|(_, server)| comparable(server, request)).collect();
        if replies.windows(2).any(|pair| pair[0] != pair[1]) {
            let shown = servers.iter().zip(&replies);
            let shown: Vec<_> = shown
                .map(|((name, _), reply)| format!("  {name}: {:?}", excerpt(reply.as_bytes())))
                .collect();
            differences.push(format!("{}\n{}", request.line(), shown.join("\n")));
        }
    }
    differences
}

/// Requests that a transport refuses before any handler is asked: the replies have the same bytes in the same order, but for
/// the date. Each is ours to write, so nothing excuses another order.
pub fn refusals(servers: &Bench<'_>) -> Vec<String> {
    let requests = [
        "GET /wait/0 HTTP/1.1\r\n\r\n".to_owned(),
        "GET /wait/0 HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n".to_owned(),
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n".to_owned(),
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n".to_owned(),
        format!("GET /wait/0?{} HTTP/1.1\r\nHost: a\r\n\r\n", "q".repeat(17 << 10)),
        format!("GET /wait/0 HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(97)),
    ];
    let mut differences = Vec::new();
    for request in requests {
        let replies: Vec<_> = servers.iter().map(|(_, server)| refused(server, &request)).collect();
        if replies.windows(2).any(|pair| pair[0] != pair[1]) {
            differences.push(format!("{:?}: {replies:?}", excerpt(request.as_bytes())));
        }
    }
    differences
}

/// The head of a refusal, as it came.
fn refused(server: &Subject, request: &str) -> Result<String, String> {
    let mut connection = server.connect()?.connection;
    connection.send_what_is_taken(request.as_bytes());
    let reply = connection.reply(false, PATIENCE).map_err(|error| error.to_string())?;
    ensure!(reply.says_close() && reply.body.is_empty(), "{} is no refusal", reply.status);
    let head = String::from_utf8_lossy(&reply.head).into_owned();
    Ok(head.lines().filter(|line| !line.starts_with("date: ")).collect::<Vec<_>>().join("\n"))
}

/// A reply as text, without what differs from one to the next.
///
/// The lines are sorted: actix keeps them in a hash map, so their order is another on each connection, and it means
/// nothing (RFC 9110 section 5.3). The bytes are as many.
fn comparable(server: &Subject, request: &Request) -> String {
    let reply = match server.ask(request) {
        Ok(reply) => reply,
        Err(error) => return error,
    };
    let head = String::from_utf8_lossy(&reply.head).into_owned();
    let (status, fields) = head.split_once("\r\n").unwrap_or((&head, ""));
    let mut fields: Vec<_> = fields
        .split_terminator("\r\n")
        .map(|line| match line.split_once(':') {
            Some((name @ ("date" | "x-request-id"), _)) => format!("{name}: …"),
            _ => line.to_owned(),
        })
        .collect();
    fields.sort_unstable();
    format!("{status}\n{}\n{}", fields.join("\n"), reply.text())
}

/// The requests whose replies [`heads`] compares: each route's, and each way to fail, but those that tell of time.
pub fn requests() -> Vec<Request> {
    let mut requests: Vec<_> = [
        "/plaintext",
        "/wait/0",
        "/wait/0.000",
        "/wait/abc",
        "/wait/-1",
        "/wait/61",
        "/wait/1?deadline=0",
        "/wait/0?deadline=x",
        "/wait/1%2F2",
        "/wait/%FF",
        "/wait/1/",
        "/work?wait=x",
        "/work?placement=x",
        "/nope",
        "/",
        "/healthz",
        "/readyz",
        "/openapi.json",
        "/docs",
        "/docs/index.css",
        "/docs/nope",
        "/github-user/octocat",
        "/github-user/missing",
        "/github-user/html",
        "/github-user/error-500",
        "/github-user/down",
        "/github-user/cut",
        "/github-user/huge",
        "/github-user/redirect",
        "/github-user/rate-limited-429",
        "/github-user/secondary",
        "/github-user/a%2Fb",
        "/github-user/%00",
        "/github-users",
        "/github-users?username=a&username=missing",
        "/github-users?username=a&mode=x",
        "/offload/wait/0",
        "/offload/wait/x",
        "/pitfalls/blocking-wait/0",
    ]
    .map(Request::get)
    .into();
    for target in [
        "/plaintext",
        "/wait/0",
        "/nope",
        "/wait/abc",
        "/healthz",
        "/openapi.json",
        "/docs",
        "/echo",
    ] {
        requests.push(Request::new("HEAD", target));
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"] {
        requests.push(Request::new(method, "/wait/0"));
        requests.push(Request::new(method, "/nope"));
    }
    requests.push(Request::get("/echo"));
    requests.push(Request::new("OPTIONS", "*"));
    requests.push(Request::new("POST", "/echo").body("hello"));
    requests.push(Request::new("POST", "/echo").body(""));
    requests.push(Request::new("POST", "/echo").body(vec![b'x'; (1 << 20) + 1]));
    for target in ["/thumbnail", "/thumbnail?width=0", "/seal", "/open?placement=x", "/open"] {
        requests.push(Request::get(target));
        requests.push(Request::new("POST", target).body("hello"));
        let phrase = Request::new("POST", target).field("X-Passphrase", "correct horse");
        requests.push(phrase.body(if target == "/seal" {
            vec![b'x'; (16 << 20) + 1]
        } else {
            vec![b'x'; 99]
        }));
    }
    let png = include_bytes!("../cases/images/48x32.png");
    requests.push(Request::new("POST", "/thumbnail?width=8").body(png.as_slice()));
    requests.push(Request::get("/plaintext").field("Connection", "close"));
    requests.push(Request::get("/plaintext").field("X-Request-Id", "mine"));
    requests
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    const FINE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    const BAD: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
    const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
    const BROKEN: &str = "HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n";
    const CUT: &str = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ncut";

    /// A server that says this to the script and is fine otherwise, and closes once its client has, or never.
    fn says(words: &'static str, closes: bool) -> Subject {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || answer(stream, words, closes));
            }
        });
        Subject::at(addr)
    }

    fn answer(mut stream: TcpStream, words: &str, closes: bool) -> std::io::Result<()> {
        let (mut heard, mut bytes) = (Vec::new(), [0; 1 << 10]);
        while !heard.windows(4).any(|four| four == b"\r\n\r\n") {
            match stream.read(&mut bytes)? {
                0 => return Ok(()),
                count => heard.extend_from_slice(&bytes[..count]),
            }
        }
        let is_script = heard.starts_with(b"GET /script");
        stream.write_all(if is_script { words } else { FINE }.as_bytes())?;
        if is_script && words.is_empty() {
            return Ok(());
        }
        while stream.read(&mut bytes)? > 0 {}
        if is_script && !closes {
            thread::sleep(Duration::from_secs(20));
        }
        Ok(())
    }

    fn script(name: &str, fields: &str, is_case: bool) -> Script {
        let bytes = format!("GET /script HTTP/1.1\r\nHost: a\r\n{fields}\r\n").into_bytes();
        Script { is_case, ..Script::new(name.to_owned(), bytes, Vec::new(), false) }
    }

    /// What three servers that say this show.
    fn agreed(words: [&'static str; 3], script: Script) -> Agreement {
        let names = ["server-blocking", "server-actix", "server-axum"];
        let servers: Vec<_> = names.into_iter().zip(words.map(|words| says(words, true))).collect();
        agree(&servers, &[script])
    }

    fn any() -> Script {
        script("any", "", false)
    }

    #[test]
    fn another_class_or_number_of_answers_is_a_disagreement_and_another_status_of_the_class_is_none()
     {
        for words in [[FINE, FINE, FINE], [BAD, NOT_FOUND, BAD], [BAD, "", NOT_FOUND]] {
            let found = agreed(words, any());
            assert!(found.disagreements.is_empty() && found.violations.is_empty(), "{found:?}");
        }
        let twice = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        for words in [[FINE, NOT_FOUND, FINE], [FINE, FINE, twice], ["", FINE, FINE]] {
            let found = agreed(words, any());
            assert!(found.disagreements.len() == 1 && found.violations.is_empty(), "{found:?}");
        }
    }

    #[test]
    fn what_all_three_do_wrong_is_no_agreement() {
        for (words, because) in [(BROKEN, "answered 500"), (CUT, "cut"), ("nonsense", "nonsense")] {
            let found = agreed([words; 3], any());
            assert!(found.violations.len() == 1, "{words:?}: {found:?}");
            assert!(found.violations[0].contains(because), "{:?}", found.violations);
        }
        let open = [("server-axum", says(FINE, false))];
        let found = agree(&open, &[any()]);
        assert!(found.violations.iter().any(|why| why.contains("still open")), "{found:?}");
    }

    #[test]
    fn servers_that_answer_nothing_to_anybody_do_not_agree() {
        let deaf = || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let addr = listener.local_addr().unwrap();
            thread::spawn(move || listener.incoming().for_each(drop));
            Subject::at(addr)
        };
        let servers = ["server-blocking", "server-actix", "server-axum"].map(|name| (name, deaf()));
        let found = agree(&servers, &[any()]);
        assert_eq!(found.violations.len(), 3, "{found:?}");
    }

    #[test]
    fn an_exception_excuses_its_server_alone_and_no_longer_applies_once_that_answers_as_the_others_do()
     {
        let case = || script("UP-01", "", true);
        let found = agreed([FINE, BAD, FINE], case());
        assert_eq!((found.excepted, found.disagreements.len()), (1, 0), "{found:?}");
        let found = agreed([FINE, FINE, FINE], case());
        assert!(found.disagreements[0].contains("no longer applies"), "{found:?}");
        let found = agreed([BAD, FINE, FINE], case());
        assert_eq!((found.excepted, found.disagreements.len()), (0, 1), "{found:?}");
        let upgrade = || script("changed", "Connection: upgrade\r\n", false);
        let found = agreed([FINE, BAD, FINE], upgrade());
        assert_eq!((found.excepted, found.disagreements.len()), (1, 0), "{found:?}");
        let found = agreed([FINE, FINE, FINE], upgrade());
        assert!(found.excepted == 0 && found.disagreements.is_empty(), "{found:?}");
    }
}
