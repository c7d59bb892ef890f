//! Hostile inputs for every route: never a 500, a hang or the end of the server.
//!
//! The routes, their parameters and their bodies are those of the contract's document, so that none can be forgotten.

use std::time::Duration;

use super::operations::{self, Operation, Place, operations};
use super::{Check, Needs, Verdict, each, each_at_once};
use crate::Subject;
use crate::client::Request;

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "no hostile value in any place of any operation is answered by a 500, a hang or a dead server",
        Needs::Pitfalls,
        everywhere,
    )
    .thorough(),
    Check::new(
        "no hostile value in what is read, or for the upstream, is answered by a 500, a hang or a dead server",
        Needs::Stub,
        reads,
    )
    .thorough(),
    Check::new(
        "no hostile body of any operation is answered by a 500, a hang or a dead server",
        Needs::Pitfalls,
        bodies,
    )
    .thorough(),
    Check::new(
        "no hostile field of any operation is answered by a 500, a hang or a dead server",
        Needs::Pitfalls,
        fields,
    )
    .thorough(),
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

/// What no operation of the document has: files beside it, paths below one that has none, a parameter that repeats.
const BESIDE: [&str; 9] = [
    "/{}",
    "/page/{}",
    "/docs/{}",
    "/openapi.json/{}",
    "/echo/{}",
    "/pitfalls/{}",
    "/wait/0?deadline=1&deadline={}",
    "/github-users?username=octocat&mode={}",
    "/work?wait=0&cpu_ms=0&placement={}",
];

/// What stands where a value of JSON is expected.
const VALUES: [&str; 14] = [
    "null",
    "true",
    "-1",
    "1e999",
    "9223372036854775808",
    "NaN",
    r#""""#,
    r#""\u0000""#,
    r#""\ud800""#,
    "\"\u{7f}\u{9f}\u{202e}\"",
    r#"["\u0000",null,[]]"#,
    "{}",
    r#"{"":{"":{}}}"#,
    r#""cut"#,
];

fn survives(subject: &Subject, request: &Request) -> Verdict {
    // A hang has no end; a machine with much else to do is only late.
    let patience = Duration::from_secs(20);
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

/// All that is put into a place.
fn inputs() -> Vec<String> {
    let long = ["a", "%41", "9", "/", "../", "%2f", "a=b&", "username=a&"];
    let long = long.map(|unit| unit.repeat(12_000 / unit.len()));
    SEGMENTS.iter().map(|&input| input.to_owned()).chain(long).collect()
}

fn put_into(subject: &Subject, places: Vec<Place>) -> Verdict {
    let inputs = inputs();
    each_at_once(places, |place| each(&inputs, |input| survives(subject, &place.with(input))))?;
    still_answers(subject)
}

fn everywhere(subject: &Subject) -> Verdict {
    put_into(subject, operations().iter().flat_map(Operation::places).collect())
}

fn reads(subject: &Subject) -> Verdict {
    let inputs = inputs();
    each_at_once(BESIDE, |route| {
        each(&inputs, |input| survives(subject, &Request::get(&route.replace("{}", input))))
    })?;
    let operations = operations();
    let reads = operations.iter().filter(|operation| operation.only_reads());
    put_into(subject, reads.flat_map(Operation::places).collect())
}

fn bodies(subject: &Subject) -> Verdict {
    let operations = operations();
    let takes_one = operations.iter().filter(|operation| !operation.media_types().is_empty());
    each_at_once(takes_one, |operation| {
        let types = operation.media_types().into_iter().map(Some).chain([
            None,
            Some("application/json"),
            Some("text/plain; charset=\u{e9}"),
            Some("multipart/form-data"),
            Some("multipart/form-data; boundary=x"),
        ]);
        let bodies = hostile_bodies().into_iter().chain(operation.members(&VALUES));
        let bodies: Vec<Vec<u8>> = bodies.collect();
        each(types, |media_type| {
            each(&bodies, |body| {
                let request = Request::new(&operation.method, &operation.target());
                let request = match media_type {
                    Some(media_type) => request.field("Content-Type", media_type),
                    None => request,
                };
                survives(subject, &request.body(body.clone()))
            })
        })
    })?;
    still_answers(subject)
}

/// Bodies that are no JSON, no form and no image, or nearly.
fn hostile_bodies() -> Vec<Vec<u8>> {
    let deep = ["[".repeat(20_000), "]".repeat(20_000)].concat();
    let part = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=";
    [
        deep.clone(),
        format!(r#"{{"title":{deep}}}"#),
        "{\"a\":".repeat(20_000),
        format!("{part}\"../../x\"\r\n\r\na\r\n--x--\r\n"),
        format!("{part}\"\"\r\n\r\n\r\n--x--\r\n"),
        format!("{part}\"{}\"\r\n\r\na\r\n--x--\r\n", "n".repeat(20_000)),
        format!("{part}\"cut\"\r\n\r\na"),
        "--x\r\n\r\n\r\n--x--\r\n".into(),
        format!("--x\r\n{}", "a: b\r\n".repeat(2_000)),
        "--x\r\n".repeat(2_000),
        "\u{feff}{}".into(),
        "\0".repeat(1_000),
    ]
    .map(String::into_bytes)
    .into_iter()
    .chain(
        [
            &b""[..],
            b"{",
            b"[",
            b"null",
            b"0",
            b"{}{}",
            b"\xff\xfe\x00",
            b"{\"title\":\"\xff\"}",
            b"\x89PNG\r\n\x1a\n",
            b"\xff\xd8\xff\xda\x00",
            b"GIF89a\xff\xff\xff\xff",
            b"RIFF\xff\xff\xff\xffWEBPVP8X",
        ]
        .map(<[u8]>::to_vec),
    )
    .collect()
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
        "If-Range",
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
    let ask = |operation: &Operation, name: &str, value: &str| {
        let request = Request::new(&operation.method, &operation.target()).field(name, value);
        let reads = operations::reads(&operation.method);
        survives(subject, &if reads { request } else { request.body("{}") })
    };
    let operations = operations();
    each_at_once(operations.iter().enumerate(), |(at, operation)| {
        // What it says it reads, with all values; what any server may read, each with some, so that all together meet all.
        each(operation.fields(), |name| each(values, |value| ask(operation, name, value)))?;
        each(names.iter().enumerate(), |(nth, name)| {
            each([0, 5, 10], |turn| ask(operation, name, values[(at + nth + turn) % values.len()]))
        })
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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::thread;

    use super::*;

    /// A server that answers 200 to everything, but 500 to what has this in it.
    fn trips_over(mark: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || answer(stream, mark));
            }
        });
        addr
    }

    fn answer(mut stream: TcpStream, mark: &str) -> std::io::Result<()> {
        let mut heard = Vec::new();
        let mut bytes = [0; 64 << 10];
        while !is_whole(&heard) {
            match stream.read(&mut bytes)? {
                0 => return Ok(()),
                count => heard.extend_from_slice(&bytes[..count]),
            }
        }
        let status = if String::from_utf8_lossy(&heard).contains(mark) { 500 } else { 200 };
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes())
    }

    fn is_whole(heard: &[u8]) -> bool {
        let Some(end) = heard.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
        let head = String::from_utf8_lossy(&heard[..end]).into_owned();
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        heard.len() - end - 4 >= length.and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    #[test]
    fn a_server_that_trips_over_one_input_is_convicted() {
        for (check, mark) in [
            (everywhere as fn(&Subject) -> Verdict, "/notes/1e308"),
            (reads, "/jobs?state=%FF%FE"),
            (bodies, r#""body":"\ud800""#),
            (fields, "X-Passphrase: chunked"),
        ] {
            let said = check(&Subject::at(trips_over(mark)));
            assert!(
                said.as_ref().is_err_and(|why| why.contains("answered 500")),
                "{mark}: {said:?}"
            );
        }
        assert_eq!(fields(&Subject::at(trips_over("nothing has this"))), Ok(()));
    }
}
