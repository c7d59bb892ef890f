//! The reply parser against hyper's client: both are given the same bytes, recorded and mutated, and must agree.
//!
//! Where they do not, the disagreement has a name in [`PARTS`]; one that never occurs any more fails as well.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use fastrand::Rng;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper_util::rt::TokioIo;
use load::{Reply, Step};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Mutants of the recorded replies.
const MUTANTS: usize = 30_000;

/// Where the two may part, by what ours says, and why.
const PARTS: [(&str, &str); 5] = [
    (
        "both a length and a transfer coding",
        "RFC 9112, section 6.1: a server must not send both; hyper drops the length, we call the server broken",
    ),
    (
        "a length that is no number",
        "hyper takes a list of equal lengths, as RFC 9110, section 8.6 allows; nobody has a reason to send one",
    ),
    (
        "two lengths",
        "to a HEAD, where hyper has no use for a length; two that differ are wrong there too",
    ),
    (
        "101 to a request that asked for no upgrade",
        "hyper hands the connection over; we have no use for it",
    ),
    (
        "chunks that do not end where they say",
        "hyper takes blanks, and in trailers bare line feeds, that section 7.1 has no place for",
    ),
];

/// What a client makes of some bytes followed by the end of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Made {
    /// A whole reply.
    Reply(u16, Vec<u8>),
    /// No whole reply, and why.
    Nothing(String),
}

fn ours(bytes: &[u8], head: bool) -> Made {
    let (mut reply, mut body) = (Reply::default(), Vec::new());
    reply.begin(head);
    // In pieces, as a network may hand them over.
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, later) = rest.split_at(rest.len().min(37));
        match reply.read(piece, |piece| body.extend_from_slice(piece)) {
            Ok(Step::More) => rest = later,
            Ok(Step::Whole { .. }) => return Made::Reply(reply.status(), body),
            Err(malformed) => return Made::Nothing(malformed.0.to_owned()),
        }
    }
    if reply.end() { Made::Reply(reply.status(), body) } else { Made::Nothing("cut short".into()) }
}

/// A connection whose peer has these bytes ready, sends them once it is asked, and then no more.
struct Recorded {
    bytes: Vec<u8>,
    read: usize,
    asked: bool,
    waits: Option<Waker>,
}

impl AsyncRead for Recorded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if !self.asked {
            self.waits = Some(context.waker().clone());
            return Poll::Pending;
        }
        let count = (self.bytes.len() - self.read).min(buffer.remaining());
        buffer.put_slice(&self.bytes[self.read..self.read + count]);
        self.read += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Recorded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.asked = true;
        if let Some(waits) = self.waits.take() {
            waits.wake();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

async fn hypers(bytes: &[u8], head: bool) -> Made {
    let asked = async {
        let peer = Recorded { bytes: bytes.to_vec(), read: 0, asked: false, waits: None };
        let io = TokioIo::new(peer);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await?;
        let method = if head { "HEAD" } else { "GET" };
        let request = Request::builder().method(method).uri("/").header("host", "a.test");
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        tokio::task::spawn_local(connection);
        let (parts, body) = sender.send_request(request).await?.into_parts();
        Ok::<_, hyper::Error>((parts.status.as_u16(), body.collect().await?.to_bytes().to_vec()))
    };
    match asked.await {
        Ok((status, body)) => Made::Reply(status, body),
        Err(error) => Made::Nothing(format!("{error:?}")),
    }
}

/// Both on each of these, and where they part.
fn parted<'a>(cases: impl Iterator<Item = (&'a str, Vec<u8>)>) -> BTreeMap<String, Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let local = tokio::task::LocalSet::new();
    let mut parted: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, bytes) in cases {
        let head = name.starts_with("head");
        let (ours, hypers) = (ours(&bytes, head), local.block_on(&runtime, hypers(&bytes, head)));
        let how = match (&ours, &hypers) {
            (Made::Nothing(_), Made::Nothing(_)) => continue,
            (one, other) if one == other => continue,
            (Made::Nothing(why), Made::Reply(..)) => why.clone(),
            (Made::Reply(..), Made::Nothing(why)) => format!("hyper refuses: {why}"),
            (Made::Reply(..), Made::Reply(..)) => "read differently".to_owned(),
        };
        let shown = format!(
            "{name}: {:?}\n  ours {ours:?}\n  hyper {hypers:?}",
            String::from_utf8_lossy(&bytes)
        );
        parted.entry(how).or_default().push(shown);
    }
    parted
}

/// Replies of the three servers, of the stub and of others, as they came.
fn recorded() -> Vec<(&'static str, Vec<u8>)> {
    let text = include_str!("recorded/replies.txt");
    let case = |case: &'static str| {
        let (name, bytes) = case.split_once('\n').unwrap();
        // One escape for what a text file does not keep.
        (name, bytes.strip_suffix('\n').unwrap().replace("\\r\\n\n", "\r\n").into_bytes())
    };
    text.split("### ").skip(1).map(case).collect()
}

#[test]
fn recorded_replies_are_read_as_hyper_reads_them() {
    let recorded = recorded();
    assert!(recorded.len() >= 20, "{}", recorded.len());
    let whole = recorded
        .iter()
        .filter(|(name, bytes)| matches!(ours(bytes, name.starts_with("head")), Made::Reply(..)));
    assert_eq!(whole.count(), recorded.len(), "each is a reply");
    let parted = parted(recorded.into_iter());
    assert!(parted.is_empty(), "{parted:#?}");
}

#[test]
fn mutated_replies_are_read_or_refused_as_by_hyper_but_for_what_is_listed() {
    let (recorded, mut rng) = (recorded(), Rng::with_seed(1));
    let mutants = (0..MUTANTS).map(|at| {
        let (name, bytes) = &recorded[at % recorded.len()];
        (*name, mutant(bytes, &mut rng))
    });
    let parted = parted(mutants.chain(provoked()));
    let listed: BTreeSet<&str> = PARTS.iter().map(|(how, _)| *how).collect();
    let new: Vec<_> = parted.iter().filter(|(how, _)| !listed.contains(how.as_str())).collect();
    for (how, cases) in &new {
        eprintln!("{how}: {} cases\n{}", cases.len(), cases[..cases.len().min(3)].join("\n"));
    }
    assert!(new.is_empty(), "they part where nobody said so");
    let idle: Vec<_> = listed.iter().filter(|how| !parted.contains_key(**how)).collect();
    assert!(idle.is_empty(), "they do not part any more: {idle:?}");
}

/// What must be among the cases, whatever the dice say: each listed difference once.
fn provoked() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    [
        ("both", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("a list", "Content-Length: 2, 2\r\n\r\nok"),
        ("head with two", "Content-Length: 2\r\nContent-Length: 3\r\n\r\n"),
        ("a trailer", "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\n\r\n\r\n"),
    ]
    .into_iter()
    .map(|(name, rest)| (name, format!("HTTP/1.1 200 OK\r\n{rest}").into_bytes()))
    .chain([(
        "upgrade",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n".to_vec(),
    )])
}

/// One to three small damages.
fn mutant(bytes: &[u8], rng: &mut Rng) -> Vec<u8> {
    const PIECES: [&[u8]; 14] = [
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b":",
        b"0",
        b"5",
        b";x",
        b"Content-Length: 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Connection: close\r\n",
        b"\0",
        b"\xff",
        b"+",
    ];
    let mut bytes = bytes.to_vec();
    for _ in 0..rng.usize(1..=3) {
        let at = rng.usize(..=bytes.len());
        match rng.u8(..5) {
            0 if at < bytes.len() => bytes[at] = rng.u8(..),
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 => drop(bytes.splice(at..at, PIECES[rng.usize(..PIECES.len())].iter().copied())),
            3 => bytes.truncate(at),
            _ => {
                // A line once more, or one from elsewhere.
                let lines: Vec<Vec<u8>> =
                    bytes.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
                if !lines.is_empty() {
                    let line = lines[rng.usize(..lines.len())].clone();
                    bytes.splice(at..at, line);
                }
            }
        }
    }
    bytes
}
