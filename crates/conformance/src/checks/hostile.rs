//! Hostile inputs for every route: never a 500, a hang or the end of the server.

use std::time::Duration;

use super::{Check, Needs, Verdict, each, each_at_once};
use crate::Subject;
use crate::client::Request;

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "no hostile target is answered by a 500, a hang or a dead server",
        Needs::Stub,
        targets,
    ),
    Check::new(
        "no hostile field is answered by a 500, a hang or a dead server",
        Needs::Stub,
        fields,
    ),
    Check::new(
        "no hostile method is answered by a 500, a hang or a dead server",
        Needs::Stub,
        methods,
    ),
];

/// What stands where a segment or a value is expected.
const SEGMENTS: &[&str] = &[
    "",
    "%",
    "%%",
    "%0",
    "%zz",
    "%00",
    "%0d%0a",
    "%0d%0aX-Injected:%201",
    "%FF%FE",
    "%C0%AF",
    "%ED%A0%80",
    "..",
    "../..",
    "..%2f..%2f",
    "%2e%2e%2f",
    ".%00.",
    "%25%30%30",
    "-1",
    "-0",
    "NaN",
    "inf",
    "1e308",
    "1e-400",
    "0x7fffffffffffffff",
    "9223372036854775808",
    "99999999999999999999999999999999999999",
    "60.0000000001",
    "0.0000000000000000001",
    "1.7976931348623157e308",
    "'%20OR%201=1--",
    "%3Cscript%3E",
    "$%7Bjndi:ldap://x%7D",
    "%7B%7B7*7%7D%7D",
    "|id",
    ";id",
    "`id`",
    "$(id)",
    "%E2%80%AE",
    "%F0%9F%92%A9",
    "a%F0",
    "con",
    "nul",
    "~root",
    "\\..\\..",
    "http://127.0.0.1:9/",
    "//127.0.0.1:9",
    "@127.0.0.1:9",
    "127.0.0.1:9",
    ":80",
    "[::1]",
    "a;b=c",
    "a,b",
    "a%20b",
    "+",
    "*",
    "!",
    "{}",
    "[]",
];

/// Where they are put: every route that reads its path or its query.
const TARGETS: &[&str] = &[
    "/{}",
    "/wait/{}",
    "/wait/0?{}",
    "/wait/0?deadline={}",
    "/wait/0?deadline=1&deadline={}",
    "/github-user/{}",
    "/github-users?{}",
    "/github-users?username={}",
    "/github-users?username=octocat&mode={}",
    "/work?wait={}",
    "/work?cpu_ms={}",
    "/work?placement={}",
    "/offload/wait/{}",
    "/offload/wait/0?deadline={}",
    "/pitfalls/{}",
    "/pitfalls/blocking-wait/{}",
    "/docs/{}",
    "/healthz?{}",
    "/metrics?{}",
    "/openapi.json/{}",
    "/plaintext?{}",
    "/echo/{}",
    "/files/{}",
    "/files?limit={}",
    "/files?after={}",
];

fn survives(subject: &Subject, request: &Request) -> Verdict {
    let patience = Duration::from_secs(8);
    let reply = match subject.ask_within(request, patience) {
        Ok(reply) => reply,
        // What cannot be read as a request may be closed on; it may not be left hanging.
        Err(error) if error.contains("closed without an answer") => return Ok(()),
        Err(error) => return Err(error),
    };
    // A name that passes may still fail upstream, and a transport may refuse what it does not implement.
    let fine = reply.status < 500 || matches!(reply.status, 501..=505);
    ensure!(fine, "{} answered {}: {}", request.line(), reply.status, reply.text());
    ensure!(reply.field("x-injected").is_none(), "{} put a field into the reply", request.line());
    Ok(())
}

fn still_answers(subject: &Subject) -> Verdict {
    subject.get_with("/wait/0", 200).map(drop).map_err(|error| format!("afterwards: {error}"))
}

fn targets(subject: &Subject) -> Verdict {
    let long = ["a", "%41", "9", "/", "../", "%2f", "a=b&", "username=a&"]
        .map(|unit| unit.repeat(12_000 / unit.len()));
    let inputs: Vec<&str> =
        SEGMENTS.iter().copied().chain(long.iter().map(String::as_str)).collect();
    each_at_once(TARGETS, |route| {
        each(&inputs, |input| survives(subject, &Request::get(&route.replace("{}", input))))
    })?;
    still_answers(subject)
}

fn fields(subject: &Subject) -> Verdict {
    let long = "v".repeat(8_000);
    let values = [
        "",
        " ",
        "\t",
        ",",
        ";",
        "=",
        "\"",
        "%00",
        "\u{e9}",
        "chunked",
        "-1",
        "0",
        "close, keep-alive",
        "bytes=0-",
        "*/*;q=x",
        &long,
    ];
    let names = [
        "Accept",
        "Accept-Encoding",
        "Authorization",
        "Content-Type",
        "Cookie",
        "Connection",
        "Expect",
        "If-None-Match",
        "If-Modified-Since",
        "Origin",
        "Range",
        "Referer",
        "TE",
        "Trailer",
        "Upgrade",
        "User-Agent",
        "Via",
        "X-Forwarded-For",
        "X-Request-Id",
        "Forwarded",
        "Keep-Alive",
        "Proxy-Connection",
        "HTTP2-Settings",
        "Sec-WebSocket-Key",
        "X-HTTP-Method-Override",
    ];
    each_at_once(names, |name| {
        each(values, |value| survives(subject, &Request::get("/wait/0").field(name, value)))
    })?;
    still_answers(subject)
}

fn methods(subject: &Subject) -> Verdict {
    let long = "M".repeat(2_000);
    let methods = [
        "get",
        "G",
        "GETX",
        "PRI",
        "CONNECT",
        "TRACE",
        "OPTIONS",
        "PROPFIND",
        "!#$%&'*+-.^_`|~",
        "M-SEARCH",
        &long,
    ];
    each(methods, |method| {
        each(
            ["/wait/0", "/echo", "/nope", "*", "127.0.0.1:9", "http://127.0.0.1:9/wait/0", "/"],
            |target| survives(subject, &Request::new(method, target)),
        )
    })?;
    still_answers(subject)
}
