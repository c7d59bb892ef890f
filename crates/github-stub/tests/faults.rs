//! A test a fault: what a client of bare sockets gets from each name.

mod client;

use std::io::Read;
use std::time::{Duration, Instant, SystemTime};

use client::{Client, DEADLINE, End, get, hear_out, plain, until};

#[test]
fn slow_answers_late_and_rightly() {
    let start = Instant::now();
    let reply = get(&plain(), "slow-300ms-17");
    let took = start.elapsed();
    assert_eq!(reply.json()["login"], "slow-300ms-17");
    assert!((300..1_300).contains(&took.as_millis()), "{took:?}");
}

#[test]
fn size_is_met_to_the_byte() {
    let stub = plain();
    for bytes in [5_000, 1_048_576, 1_048_577] {
        let reply = get(&stub, &format!("size-{bytes}"));
        assert_eq!(reply.body.len(), bytes);
        assert_eq!(reply.json()["login"], format!("size-{bytes}"));
    }
}

#[test]
fn chunked_is_the_same_profile_without_a_length() {
    let stub = plain();
    let mut client = Client::connect(stub.addr());
    client.ask_with("chunked", "Connection: close\r\n");
    let (bytes, end) = client.rest(DEADLINE);
    let text = String::from_utf8(bytes).unwrap();
    let (head, mut body) = text.split_once("\r\n\r\n").unwrap();
    assert!(
        head.contains("transfer-encoding: chunked") && !head.contains("content-length"),
        "{head}"
    );
    let mut profile = String::new();
    loop {
        let (size, rest) = body.split_once("\r\n").unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        profile.push_str(&rest[..size]);
        body = rest[size..].strip_prefix("\r\n").unwrap();
        if size == 0 {
            break;
        }
    }
    assert_eq!((body, end), ("", End::Closed));
    assert_eq!(profile.as_bytes(), github_stub::Profile::of("chunked").json());
}

#[test]
fn gzip_is_the_same_profile_compressed() {
    let reply = get(&plain(), "gzip");
    assert_eq!(reply.field("content-encoding"), Some("gzip"));
    let mut profile = Vec::new();
    flate2::read::GzDecoder::new(reply.body.as_slice()).read_to_end(&mut profile).unwrap();
    assert_eq!(profile, github_stub::Profile::of("gzip").json());
}

#[test]
fn closes_says_so_and_stale_does_not() {
    let stub = plain();
    for (name, says) in [("closes", Some("close")), ("stale", None)] {
        let mut client = Client::connect(stub.addr());
        client.ask(name);
        let reply = client.reply();
        assert_eq!((reply.status, reply.field("connection")), (200, says), "{name}");
        assert_eq!(client.rest(DEADLINE), (Vec::new(), End::Closed), "{name}");
    }
}

#[test]
fn missing_is_githubs_404_and_the_connection_stays() {
    let stub = plain();
    let mut client = Client::connect(stub.addr());
    client.ask("missing-17");
    let reply = client.reply();
    assert_eq!((reply.status, &reply.json()["message"]), (404, &"Not Found".into()));
    client.ask("octocat");
    assert_eq!(client.reply().status, 200);
}

#[test]
fn down_resets_before_any_answer() {
    assert_eq!(hear_out(&plain(), "down"), (String::new(), End::Reset));
}

#[test]
fn hang_never_answers_and_lets_go_when_the_client_leaves() {
    let stub = plain();
    let mut client = Client::connect(stub.addr());
    client.ask("hang");
    assert_eq!(client.rest(Duration::from_millis(300)), (Vec::new(), End::Open));
    assert_eq!(stub.stats().requests.in_flight, 1);
    drop(client);
    until("nothing is in flight or open", || {
        let stats = stub.stats();
        (stats.requests.in_flight, stats.connections.open) == (0, 0)
    });
}

#[test]
fn drip_sends_a_byte_a_second() {
    let stub = plain();
    let mut client = Client::connect(stub.addr());
    let start = Instant::now();
    client.ask("drip");
    let mut head = [0; 3];
    client.stream.read_exact(&mut head).unwrap();
    let took = start.elapsed();
    assert_eq!(&head, b"HTT");
    assert!((2_000..5_000).contains(&took.as_millis()), "three bytes took {took:?}");
}

#[test]
fn drip_body_sends_its_head_at_once() {
    let stub = plain();
    let mut client = Client::connect(stub.addr());
    client.ask("drip-body");
    let (bytes, end) = client.rest(Duration::from_millis(500));
    let text = String::from_utf8(bytes).unwrap();
    let (_, body) = text.split_once("\r\n\r\n").expect("a whole head");
    assert!((1..5).contains(&body.len()) && end == End::Open, "{body} {end:?}");
}

#[test]
fn html_is_200_and_no_json() {
    let reply = get(&plain(), "html");
    assert_eq!(
        (reply.status, reply.field("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    assert!(reply.body.starts_with(b"<!DOCTYPE html>"));
}

#[test]
fn mistyped_is_a_right_profile_under_a_wrong_type() {
    let reply = get(&plain(), "mistyped");
    assert_eq!(reply.field("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(reply.json()["login"], "mistyped");
}

#[test]
fn notjson_shape_fields_and_empty_are_200_of_json_that_is_no_profile() {
    let stub = plain();
    for name in ["notjson", "shape", "fields", "empty"] {
        let reply = get(&stub, name);
        assert_eq!(
            (reply.status, reply.field("content-type")),
            (200, Some("application/json; charset=utf-8"))
        );
        let json = serde_json::from_slice::<serde_json::Value>(&reply.body).ok();
        match name {
            "shape" => assert!(json.unwrap().is_array()),
            "fields" => assert!(json.unwrap()["login"].is_number()),
            _ => assert_eq!(json, None, "{name}"),
        }
    }
}

#[test]
fn utf8_is_a_profile_but_for_one_byte() {
    let body = get(&plain(), "utf8").body;
    assert!(std::str::from_utf8(&body).is_err());
    let mended = String::from_utf8_lossy(&body).into_owned();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&mended).unwrap()["login"], "\u{fffd}tf8");
}

#[test]
fn cut_and_reset_send_half_of_what_they_promise() {
    let stub = plain();
    for (name, ends) in [("cut", End::Closed), ("reset", End::Reset)] {
        let (text, end) = hear_out(&stub, name);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let promised: usize = head.split_once("content-length: ").unwrap().1.parse().unwrap();
        assert_eq!((body.len(), end), (promised / 2, ends), "{name}");
    }
}

#[test]
fn cut_chunked_never_sends_the_last_chunk() {
    let (text, end) = hear_out(&plain(), "cut-chunked");
    assert!(text.contains("transfer-encoding: chunked"), "{text}");
    assert!(text.ends_with("\r\n") && !text.ends_with("0\r\n\r\n"), "{text}");
    assert_eq!(end, End::Closed);
}

#[test]
fn cut_head_never_ends_its_head() {
    let (text, end) = hear_out(&plain(), "cut-head");
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && !text.contains("\r\n\r\n"), "{text}");
    assert_eq!(end, End::Closed);
}

#[test]
fn huge_and_huge_declared_send_until_the_client_leaves() {
    let stub = plain();
    for name in ["huge", "huge-declared"] {
        let mut client = Client::connect(stub.addr());
        client.ask(name);
        let mut part = vec![0; 1 << 16];
        let mut heard = 0;
        while heard < 8 << 20 {
            let count = client.stream.read(&mut part).unwrap();
            assert!(count > 0, "{name} ended after {heard} bytes");
            heard += count;
        }
        // Others are served meanwhile.
        assert_eq!(get(&stub, "octocat").status, 200);
    }
    until("both connections are gone", || stub.stats().connections.open == 0);
}

#[test]
fn endless_head_sends_fields_until_the_client_leaves() {
    let stub = plain();
    let mut client = Client::connect(stub.addr());
    client.ask("endless-head");
    let mut head = vec![0; 1 << 20];
    client.stream.read_exact(&mut head).unwrap();
    assert!(!head.windows(4).any(|four| four == b"\r\n\r\n"), "the head ended");
    drop(client);
    until("the connection is gone", || stub.stats().connections.open == 0);
}

#[test]
fn bomb_is_small_on_the_wire_and_says_gzip() {
    let reply = get(&plain(), "bomb");
    assert_eq!((reply.status, reply.field("content-encoding")), (200, Some("gzip")));
    assert!(reply.body.len() < 1 << 20, "{} bytes", reply.body.len());
    assert!(reply.body.starts_with(&[0x1f, 0x8b]));
}

#[test]
fn garbled_is_not_http() {
    let (text, end) = hear_out(&plain(), "garbled");
    assert!(text.starts_with("SSH-2.0-"), "{text}");
    assert_eq!(end, End::Closed);
}

#[test]
fn extra_sends_a_second_reply_that_nobody_asked_for() {
    let stub = plain();
    let mut client = Client::connect(stub.addr());
    client.ask("extra");
    assert_eq!(client.reply().json()["login"], "extra");
    assert_eq!(client.reply().json()["login"], "intruder");
}

#[test]
fn rate_limits_say_how_long_to_wait() {
    let stub = plain();
    let cases = [
        ("rate-limited", 403, None, "0", "API rate limit exceeded"),
        ("rate-limited-429", 429, Some("7"), "0", "API rate limit exceeded"),
        ("secondary", 403, Some("60"), "4999", "secondary rate limit"),
    ];
    for (name, status, retry_after, remaining, message) in cases {
        let reply = get(&stub, name);
        assert_eq!((reply.status, reply.field("retry-after")), (status, retry_after), "{name}");
        assert_eq!(reply.field("x-ratelimit-remaining"), Some(remaining), "{name}");
        assert!(reply.json()["message"].as_str().unwrap().contains(message), "{name}");
        let reset: u64 = reply.field("x-ratelimit-reset").unwrap().parse().unwrap();
        assert!(SystemTime::UNIX_EPOCH + Duration::from_secs(reset) > SystemTime::now(), "{name}");
    }
}

#[test]
fn error_is_the_status_it_names() {
    let stub = plain();
    for status in [401, 418, 451, 500, 502, 503, 504, 599] {
        let reply = get(&stub, &format!("error-{status}"));
        assert_eq!(reply.status, status);
        assert_eq!(reply.json()["status"], status.to_string());
    }
}

#[test]
fn redirects_lead_where_they_say() {
    let stub = plain();
    let cases = [
        ("redirect", 301, format!("{}/users/octocat", stub.url())),
        ("redirect-loop-1", 302, format!("{}/users/redirect-loop-1", stub.url())),
        ("redirect-away", 302, format!("http://{}/users/octocat", stub.decoy())),
    ];
    for (name, status, location) in cases {
        let reply = get(&stub, name);
        assert_eq!(
            (reply.status, reply.field("location")),
            (status, Some(location.as_str())),
            "{name}"
        );
    }
    assert_ne!(stub.decoy(), stub.addr());
}

#[test]
fn the_decoy_counts_who_follows_a_redirect_away() {
    let stub = plain();
    let mut client = Client::connect(stub.decoy());
    client.ask("octocat");
    assert_eq!(client.reply().json()["login"], "decoy");
    let stats = stub.stats();
    assert_eq!((stats.decoy.connections, stats.decoy.requests), (1, 1));
    assert_eq!((stats.connections.total, stats.requests.total), (0, 0));
}

#[test]
fn flaky_fails_once_for_each_name() {
    let stub = plain();
    for name in ["flaky", "flaky-1", "flaky-2"] {
        assert_eq!(get(&stub, name).status, 503, "{name}");
        assert_eq!(get(&stub, name).json()["login"], name);
        assert_eq!(get(&stub, name).status, 200, "{name}");
    }
    assert_eq!(hear_out(&stub, "flaky-reset-1"), (String::new(), End::Reset));
    assert_eq!(get(&stub, "flaky-reset-1").status, 200);
    let limited = get(&stub, "flaky-429-1");
    assert_eq!((limited.status, limited.field("retry-after")), (429, Some("1")));
    assert_eq!(get(&stub, "flaky-429-1").status, 200);
}

#[test]
fn every_fault_is_tested_here() {
    let tests = include_str!("faults.rs");
    for (name, _) in github_stub::FAULTS {
        let name = name.trim_end_matches(|c: char| c.is_uppercase());
        assert!(tests.contains(&format!("\"{name}")), "no test asks for {name}");
    }
}
