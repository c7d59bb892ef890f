//! The reply parser, with the bytes cut at every place.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use load::{Malformed, Reply, Step};

/// Reads `text` in two pieces; its body, how it ended and how many bytes were its own.
fn read_cut(text: &[u8], cut: usize) -> Result<(Vec<u8>, u16, usize, bool), Malformed> {
    let (mut reply, mut body) = (Reply::default(), Vec::new());
    reply.begin(false);
    let mut used = 0;
    for piece in [&text[..cut], &text[cut..]] {
        match reply.read(piece, |bytes| body.extend_from_slice(bytes))? {
            Step::More => used += piece.len(),
            Step::Whole { used: last } => {
                return Ok((body, reply.status(), used + last, reply.closes()));
            }
        }
    }
    let whole = reply.end();
    assert!(whole, "cut at {cut}: not whole");
    Ok((body, reply.status(), used, reply.closes()))
}

fn reads(text: &str, body: &str, status: u16, closes: bool) {
    for cut in 0..=text.len() {
        let (read, read_status, used, read_closes) = read_cut(text.as_bytes(), cut).unwrap();
        assert_eq!(String::from_utf8_lossy(&read), body, "cut at {cut}");
        assert_eq!((read_status, used, read_closes), (status, text.len(), closes), "cut at {cut}");
    }
}

fn refuses(text: &str) {
    for cut in 0..=text.len() {
        let (mut reply, mut failed) = (Reply::default(), false);
        for piece in [&text.as_bytes()[..cut], &text.as_bytes()[cut..]] {
            failed = failed || reply.read(piece, |_| {}).is_err();
        }
        assert!(failed, "cut at {cut}: {text:?} was taken for a reply");
    }
}

#[test]
fn a_body_by_length_wherever_it_is_cut() {
    reads("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", 200, false);
    reads("HTTP/1.1 404 Not Found\r\ncontent-length:0\r\nConnection: close\r\n\r\n", "", 404, true);
}

#[test]
fn chunks_wherever_they_are_cut() {
    reads(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n00A; a=\"b\"\r\n, chunked!\r\n0\r\n\r\n",
        "hello, chunked!",
        200,
        false,
    );
    reads(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nDigest: abc\r\nX: y\r\n\r\n",
        "x",
        200,
        false,
    );
}

#[test]
fn a_body_that_ends_with_the_connection() {
    reads("HTTP/1.1 200 OK\r\n\r\nto the end", "to the end", 200, true);
    reads("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", 200, true);
    reads(
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: Keep-Alive\r\n\r\nok",
        "ok",
        200,
        false,
    );
}

#[test]
fn replies_without_a_body() {
    reads("HTTP/1.1 204 No Content\r\n\r\n", "", 204, false);
    reads("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", "", 304, false);
}

#[test]
fn an_interim_reply_is_passed_over() {
    reads(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
        "x",
        200,
        false,
    );
}

#[test]
fn a_reply_to_head_has_a_length_and_no_body() {
    let mut reply = Reply::default();
    reply.begin(true);
    let text = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    let step = reply.read(text, |_| panic!("there is no body"));
    assert_eq!(step, Ok(Step::Whole { used: text.len() }));
}

#[test]
fn bytes_after_a_reply_are_not_its_own() {
    let text = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1";
    assert_eq!(Reply::default().read(text, |_| {}), Ok(Step::Whole { used: text.len() - 8 }));
}

#[test]
fn a_reply_used_again_remembers_nothing_of_the_last() {
    let mut reply = Reply::default();
    assert_eq!(reply.read(b"HTTP/1.1 200 OK\r\nConte", |_| {}), Ok(Step::More));
    reply.begin(false);
    let text = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(reply.read(text, |_| {}), Ok(Step::Whole { used: text.len() }));
    assert_eq!((reply.status(), reply.closes()), (201, false));
}

#[test]
fn what_is_no_reply_is_refused() {
    refuses("SSH-2.0-OpenSSH_9.6\r\n\r\n");
    refuses("HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello");
    refuses("HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n");
    refuses("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello");
    refuses("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    refuses("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for chunks in ["\r\n", "g\r\n", "-1\r\n", "5\nhello", "5\r\nhelloo\r\n", "1\r\nx\n0\r\n\r\n"] {
        refuses(&format!("{chunked}{chunks}"));
    }
    refuses(&format!("{chunked}1234567890abcdef0\r\n"));
    let endless = format!("{chunked}1;{}", "x".repeat(70_000));
    assert!(Reply::default().read(endless.as_bytes(), |_| {}).is_err());
}
