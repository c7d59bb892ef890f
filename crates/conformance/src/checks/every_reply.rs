//! What holds of every reply, whatever it answers: security fields, request ids, HEAD, 404, 405, and nothing internal.

use std::time::Duration;

use super::{Check, Needs, Verdict, each};
use crate::Subject;
use crate::client::Request;
use crate::reply::Reply;

/// Fields that no reply lacks, with their values.
const ALWAYS: [(&str, &str); 4] = [
    ("x-content-type-options", "nosniff"),
    ("content-security-policy", "default-src 'none'"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
];

pub(super) const CHECKS: &[Check] = &[
    Check::new("every reply carries the security fields, failures too", Needs::Address, security),
    Check::new("every reply has a date and one length", Needs::Address, framing),
    Check::new("a request id is taken if it is one, else made", Needs::Address, request_id),
    Check::new("HEAD answers as GET does, without content", Needs::Address, head),
    Check::new(
        "a known path answers another method with 405 and Allow",
        Needs::Address,
        other_methods,
    ),
    Check::new(
        "an unknown path is a 404 problem, whatever the method",
        Needs::Address,
        unknown_paths,
    ),
    Check::new(
        "a path is only itself: no case folding, no trailing slash, no dots",
        Needs::Address,
        exact_paths,
    ),
    Check::new("a connection serves one request after another", Needs::Address, keep_alive),
    Check::new(
        "who asks in HTTP/1.0 to stay and is refused is not told that it may",
        Needs::Address,
        refused_of_old,
    ),
];

/// A request for every way an answer comes about.
fn any_requests() -> Vec<Request> {
    let mut requests: Vec<_> = [
        "/plaintext",
        "/wait/0",
        "/wait/abc",
        "/wait/-1",
        "/wait/1?deadline=0",
        "/work",
        "/work?wait=x",
        "/nope",
        "/wait/1/",
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/github-user/a%2Fb",
        "/github-user/%00",
        "/github-users",
        "/offload/wait/0",
        "/offload/wait/x",
        "/docs/no-such-file",
        "/%zz",
        "//",
        "/pitfalls/no-such",
    ]
    .map(Request::get)
    .into();
    requests.extend(
        ["POST", "DELETE", "OPTIONS", "PATCH", "BREW"]
            .map(|method| Request::new(method, "/wait/0")),
    );
    requests.extend([
        Request::new("HEAD", "/plaintext"),
        Request::new("HEAD", "/nope"),
        Request::get("/echo"),
        Request::new("POST", "/echo").body("hello"),
        Request::new("POST", "/echo").body(vec![b'x'; (1 << 20) + 1]),
        Request::new("OPTIONS", "*"),
    ]);
    requests
}

fn security(subject: &Subject) -> Verdict {
    each(any_requests(), |request| {
        let reply = subject.ask(&request)?;
        let line = request.line();
        for (name, value) in ALWAYS {
            let found = reply.all(name);
            ensure!(
                found == [value],
                "{line} ({}): {name} is {found:?}, not {value:?}",
                reply.status
            );
        }
        for name in ["server", "x-powered-by"] {
            ensure!(reply.field(name).is_none(), "{line}: {name} tells what serves");
        }
        Ok(())
    })
}

fn framing(subject: &Subject) -> Verdict {
    each(any_requests(), |request| {
        let reply = subject.ask(&request)?;
        let line = request.line();
        ensure!(reply.head.starts_with(b"HTTP/1.1 "), "{line}: the version is not HTTP/1.1");
        let date = reply.field("date").unwrap_or_default();
        ensure!(
            httpdate::parse_http_date(date).is_ok() && date.ends_with("GMT"),
            "{line}: date is {date:?}"
        );
        ensure!(
            reply.all("content-length").len() == 1,
            "{line} ({}): its length is not told once",
            reply.status
        );
        if reply.status >= 400 && !request.is_head() {
            let target = request.target();
            reply
                .problem(target.split('?').next().unwrap_or_default())
                .map_err(|error| format!("{line}: {error}"))?;
        }
        Ok(())
    })
}

fn request_id(subject: &Subject) -> Verdict {
    let longest = "x".repeat(64);
    each(["A-1._z", "a", &longest], |id| {
        let reply = subject.ask(&Request::get("/plaintext").field("X-Request-Id", id))?;
        ensure!(reply.all("x-request-id") == [id], "{id} became {:?}", reply.all("x-request-id"));
        Ok(())
    })?;
    let too_long = "x".repeat(65);
    each(["a b", "", "a/b", "<x>", &too_long, "a\u{fc}"], |id| {
        let reply = subject.ask(&Request::get("/nope").field("X-Request-Id", id))?;
        let made = reply.all("x-request-id");
        ensure!(made.len() == 1 && made[0] != id && !made[0].is_empty(), "{id:?} became {made:?}");
        Ok(())
    })?;
    let [one, other] = [subject.get("/plaintext")?, subject.get("/plaintext")?];
    ensure!(one.field("x-request-id").is_some(), "none is made");
    ensure!(
        one.field("x-request-id") != other.field("x-request-id"),
        "two requests have the same id"
    );
    Ok(())
}

fn head(subject: &Subject) -> Verdict {
    let targets = [
        "/plaintext",
        "/wait/0",
        "/wait/abc",
        "/work",
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/github-user/%00",
        "/github-users",
        "/offload/wait/0",
        "/slow-query/0",
        "/stream/3?interval=0",
        "/stream/x",
        "/files?after=~",
        "/files/nope",
        "/notes?after=9000000000000000000",
        "/notes/9000000000000000000",
        "/jobs?after=9000000000000000000",
        "/jobs/9000000000000000000",
        "/jobs/x/result",
        "/batches/x",
        "/thumbnail",
        "/",
        "/docs/index.css",
        "/nope",
        "/echo",
    ];
    each(targets, |target| {
        let mut connection = subject.connect()?;
        let head = connection.ask(&Request::new("HEAD", target))?;
        // Any content would be read as the start of this reply.
        let get =
            connection.get(target).map_err(|error| format!("after HEAD {target}: {error}"))?;
        ensure!(head.status == get.status, "{target}: HEAD {}, GET {}", head.status, get.status);
        // `/metrics` has changed meanwhile; the others are as long as they were. How content would be framed that is not
        // sent need not be said (RFC 9110 section 9.3.2).
        let varies: &[&str] = if target == "/metrics" {
            &["date", "x-request-id", "transfer-encoding", "content-length"]
        } else {
            &["date", "x-request-id", "transfer-encoding"]
        };
        let fields = |reply: &Reply| -> Vec<(String, String)> {
            let mut fields = reply.fields.clone();
            fields.retain(|(name, _)| !varies.contains(&name.as_str()));
            // actix-http keeps them in a hash map, whose order is another on each reply.
            fields.sort();
            fields
        };
        ensure!(
            fields(&head) == fields(&get),
            "{target}: HEAD has {:?}, GET {:?}",
            fields(&head),
            fields(&get)
        );
        Ok(())
    })
}

fn other_methods(subject: &Subject) -> Verdict {
    let targets = [
        "/plaintext",
        "/wait/0",
        "/wait/abc",
        "/github-user/octocat",
        "/github-users",
        "/work",
        "/healthz",
        "/metrics",
        "/openapi.json",
        "/offload/wait/0",
    ];
    each(targets, |target| {
        each(["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW", "get"], |method| {
            refused(subject, method, target, "GET, HEAD")
        })
    })?;
    each(["GET", "HEAD", "PUT", "DELETE"], |method| refused(subject, method, "/echo", "POST"))
}

fn refused(subject: &Subject, method: &str, target: &str, allow: &str) -> Verdict {
    let request = Request::new(method, target);
    let reply = subject
        .ask(&request)?
        .expect(405)
        .map_err(|error| format!("{}: {error}", request.line()))?;
    ensure!(reply.all("allow") == [allow], "{method} {target}: Allow is {:?}", reply.all("allow"));
    if !request.is_head() {
        reply.problem(target)?;
    }
    Ok(())
}

fn unknown_paths(subject: &Subject) -> Verdict {
    let targets = [
        "/nope",
        "/favicon.ico",
        "/wait",
        "/wait/",
        "/wait/1/2",
        "//wait/1",
        "/github-user",
        "/github-user/",
        "/.env",
        "/wp-login.php",
        "/%00",
        "/%zz",
        "/github-user/a/b",
        "/metrics/",
        "/offload",
        "/offload/wait",
    ];
    each(targets, |target| {
        subject.problem(target, 404)?;
        each(["POST", "DELETE", "BREW"], |method| {
            let reply = subject
                .ask(&Request::new(method, target))?
                .expect(404)
                .map_err(|error| format!("{method} {target}: {error}"))?;
            reply.problem(target).map(drop)
        })
    })
}

fn exact_paths(subject: &Subject) -> Verdict {
    each(
        [
            "/WAIT/0",
            "/Wait/0",
            "/wait/0/",
            "/./wait/0",
            "/wait/./0",
            "/wait/../wait/0",
            "/%77ait/0x/..",
            "/%77ait/0",
            "/wai%74/0",
            "/%6eotes",
            "/openapi%2ejson",
            "/plaintext/",
            "/plaintext%20",
        ],
        |target| {
            let reply = subject.get(target)?;
            ensure!(reply.status == 404, "{target}: {}", reply.status);
            Ok(())
        },
    )
}

fn refused_of_old(subject: &Subject) -> Verdict {
    each(["GET * HTTP/1.0\r\n", "GET a HTTP/1.0\r\n", "GET / HTTP/1.0\r\nHost: a b\r\n"], |head| {
        let mut connection = subject.connect()?.connection;
        connection.send_what_is_taken(format!("{head}Connection: keep-alive\r\n\r\n").as_bytes());
        let reply = connection
            .reply(false, Duration::from_secs(5))
            .map_err(|error| format!("{head:?}: {error}"))?;
        ensure!(reply.status == 400, "{head:?} got {}", reply.status);
        let said = reply.all("connection");
        let stays = said.iter().any(|value| value.to_ascii_lowercase().contains("keep-alive"));
        ensure!(!stays, "{head:?} is told {said:?}");
        ensure!(connection.closed_within(Duration::from_secs(3)), "{head:?}: it stays open");
        Ok(())
    })
}

fn keep_alive(subject: &Subject) -> Verdict {
    let mut connection = subject.connect()?;
    for target in ["/plaintext", "/wait/abc", "/nope", "/wait/0", "/echo", "/healthz"] {
        let reply = connection.get(target)?;
        ensure!(!reply.says_close(), "{target} ({}) ends the connection", reply.status);
    }
    let last =
        connection.ask(&Request::get("/plaintext").field("Connection", "close"))?.expect(200)?;
    ensure!(last.says_close(), "asked to close, the server does not say that it will");
    ensure!(
        connection.connection.closed_within(std::time::Duration::from_secs(3)),
        "asked to close, it stays open"
    );
    Ok(())
}
