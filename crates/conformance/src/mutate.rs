//! Requests nobody thought of: the wire cases, changed by a seeded hand in bytes, fields, lengths and splits.
//!
//! What is right for one of them nobody wrote down. That three servers should answer it alike can be asked all the same.

use fastrand::Rng;

use crate::agreement::{Script, scripts};

/// The largest request that is changed; a megabyte of one letter stays one in any hands.
const LARGEST: usize = 4 << 10;

/// A hand with a seed, over the cases that can be changed.
#[derive(Clone, Debug)]
pub struct Mutator {
    seed: u64,
    bases: Vec<Script>,
}

impl Mutator {
    /// Requests with this authority, changed under this seed.
    pub fn new(seed: u64, host: &str) -> Self {
        // A wait of 0.3 s could become one of 3, a stream pause as long, and once changed nobody can tell which reply
        // answers a HEAD.
        let changeable = |script: &Script| {
            let has = |word: &[u8]| script.bytes.windows(word.len()).any(|part| part == word);
            script.bytes.len() <= LARGEST
                && !has(b"/wait/0.3")
                && !has(b"HEAD ")
                && !has(b"/stream/")
        };
        Self { seed, bases: scripts(host).into_iter().filter(changeable).collect() }
    }

    /// The `n`th change: the same bytes each time, whatever was asked for before.
    pub fn script(&self, n: u64) -> Script {
        let Self { seed, bases } = self;
        let mut rng = Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ n);
        let case = &bases[rng.usize(..bases.len())];
        let bytes = loop {
            let mut bytes = case.bytes.clone();
            for _ in 0..rng.u8(1..=3) {
                change(&mut bytes, bases, &mut rng);
            }
            if !asks_to_wait(&bytes) {
                break bytes;
            }
        };
        let cuts = match rng.u8(..3) {
            0 => Vec::new(),
            1 => vec![rng.usize(..bytes.len().max(1))],
            _ => (0..4).map(|_| rng.usize(..bytes.len().max(1))).collect(),
        };
        Script::new(format!("{} changed ({seed}/{n})", case.name), bytes, cuts, case.half_close)
    }
}

/// Whether an answer could take time: `/wait/0 HTTP/1.1` without some bytes in it is `/wait/1.1`.
fn asks_to_wait(bytes: &[u8]) -> bool {
    let starts =
        bytes.windows(6).enumerate().filter(|(_, part)| part.eq_ignore_ascii_case(b"/wait/"));
    starts.into_iter().any(|(start, _)| {
        let segment = bytes[start + 6..].iter().take_while(|byte| !byte.is_ascii_whitespace());
        segment.into_iter().any(|byte| matches!(byte, b'1'..=b'9'))
    })
}

/// Bytes that mean something to a parser.
const BYTES: &[u8] = b"\0\t\n\r !\"#%&(),-./0:;=?@AZ[\\]_az{|}~\x7f\x80\xa0\xff";

/// Lines that say how long a body is, or try to.
const FIELDS: &[&str] = &[
    "Content-Length: 0",
    "Content-Length: 5",
    "Content-Length: 05",
    "Content-Length: 5, 5",
    "Content-Length: 5 ",
    "Content-Length:\t5",
    "Content-Length: 5\x0b",
    "content-length: 0x0",
    "Content-Length: ",
    "Content-Length : 5",
    "Content-Length: -0",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: \"chunked\"",
    "Transfer-Encoding: chunked;q=0",
    "Transfer-Encoding : chunked",
    "Transfer-Encoding:\x0bchunked",
    "Transfer-Encoding: CHUNKED",
    "Transfer-Encoding:",
    "Transfer-Encoding: x",
    " Transfer-Encoding: chunked",
    "Connection: close",
    "Connection: keep-alive",
    "Connection: close, keep-alive",
    "Connection: content-length",
    "Expect: 100-continue",
    "Expect: x",
    "Upgrade: h2c",
    "Host: a",
    "Host: a, b",
    "Host:",
    "Host: [::1]",
    "Host: a@b",
    "Host: a/b",
    "Host : a",
    "X:",
    ":",
    "X",
    "\u{e9}: x",
    "X: \u{e9}",
    "X-[]: x",
    "TE: trailers",
    "Trailer: X",
];

fn change(bytes: &mut Vec<u8>, bases: &[Script], rng: &mut Rng) {
    if bytes.is_empty() {
        return;
    }
    let place = rng.usize(..bytes.len());
    match rng.u8(..14) {
        0 | 1 => bytes.insert(place, BYTES[rng.usize(..BYTES.len())]),
        2 | 3 => bytes[place] = BYTES[rng.usize(..BYTES.len())],
        4 => drop(bytes.remove(place)),
        5 => {
            let end = (place + rng.usize(1..=8)).min(bytes.len());
            bytes.drain(place..end);
        }
        6 | 7 => insert_line(bytes, FIELDS[rng.usize(..FIELDS.len())], rng),
        8 => repeat_line(bytes, rng),
        9 => drop_line(bytes, rng),
        10 => change_line_end(bytes, rng),
        11 => bytes.truncate(place),
        12 => {
            let other = &bases[rng.usize(..bases.len())];
            bytes.extend_from_slice(&other.bytes);
        }
        _ => bytes[place] = swap_case(bytes[place]),
    }
}

/// The starts of all lines but the first.
fn lines(bytes: &[u8]) -> Vec<usize> {
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    ends.map(|(place, _)| place + 1).filter(|start| *start < bytes.len()).collect()
}

fn line(bytes: &[u8], start: usize) -> std::ops::Range<usize> {
    let length = bytes[start..].iter().position(|byte| *byte == b'\n');
    start..length.map_or(bytes.len(), |length| start + length + 1)
}

fn insert_line(bytes: &mut Vec<u8>, text: &str, rng: &mut Rng) {
    let Some(start) = rng.choice(lines(bytes)) else { return };
    let text = text.chars().map(|point| point as u8).chain(*b"\r\n");
    bytes.splice(start..start, text);
}

fn repeat_line(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let Some(start) = rng.choice(lines(bytes)) else { return };
    let repeated = bytes[line(bytes, start)].to_vec();
    bytes.splice(start..start, repeated);
}

fn drop_line(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let Some(start) = rng.choice(lines(bytes)) else { return };
    bytes.drain(line(bytes, start));
}

fn change_line_end(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let ends: Vec<_> = bytes
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| *pair == b"\r\n")
        .map(|(place, _)| place)
        .collect();
    let Some(place) = rng.choice(ends) else { return };
    let end: &[u8] = [&b"\n"[..], b"\r", b"\r\r\n", b"\r\n\r\n", b"\n\r", b" \r\n"][rng.usize(..6)];
    bytes.splice(place..place + 2, end.iter().copied());
}

fn swap_case(byte: u8) -> u8 {
    if byte.is_ascii_alphabetic() { byte ^ 0x20 } else { byte }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_seed_and_a_number_give_the_same_bytes_and_others_give_others() {
        let [one, same, other] = [7, 7, 8].map(|seed| Mutator::new(seed, "h:1"));
        assert_eq!(one.script(3), same.script(3));
        assert_ne!(one.script(3), other.script(3));
        let all: HashSet<_> = (0..500).map(|n| one.script(n).bytes).collect();
        assert!(all.len() > 450, "{} different of 500", all.len());
    }

    #[test]
    fn no_change_asks_for_a_wait() {
        assert!(asks_to_wait(b"GET0 /wait/1.1\r\n") && !asks_to_wait(b"GET /wait/00 HTTP/1.1"));
        let mutator = Mutator::new(1, "h");
        assert!((0..2_000).all(|n| !asks_to_wait(&mutator.script(n).bytes)));
    }
}
