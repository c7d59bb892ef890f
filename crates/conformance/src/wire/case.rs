//! The cases as they stand in the file, and their bytes once the placeholders are filled in.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::exchange::Pace;

/// `{{OK}}`: a GET that answers 200 quickly.
pub const OK: &str = "/wait/0";

/// `{{ECHO}}`: a POST that reads the whole body and answers `len=N`.
pub const ECHO: &str = "/echo";

/// `{{STREAM}}`: a GET that streams a body of unknown length.
pub const STREAM: &str = "/stream/20?interval=0.05";

/// One case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// `RL-01`
    pub id: String,
    /// `request-line`, `headers`, …
    pub group: String,
    /// Where the rule stands.
    pub rfc: String,
    /// `MUST`, `SHOULD`, `MAY` or `BCP`.
    pub level: String,
    /// The rule as a sentence.
    pub description: String,
    /// What is sent at once, unless there are steps.
    pub request: String,
    /// What passes.
    pub expect: Expect,
    /// What is a warning.
    pub tolerate: Option<Expect>,
    /// What is sent piece by piece instead.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// Whether the client closes its side after the request.
    #[serde(default)]
    pub half_close: bool,
    /// For whoever runs it.
    pub note: Option<String>,
    /// The part of the collection it belongs to; none for our own.
    #[serde(default)]
    pub split: String,
    /// Other suites that look at the same.
    #[serde(default)]
    pub also_checked_by: Vec<String>,
}

/// What may come back.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Statuses the first final reply may have.
    pub status: Vec<u16>,
    /// The least and the most final replies to the whole request.
    pub responses: Option<[usize; 2]>,
    /// What becomes of the connection.
    #[serde(default)]
    pub conn: Conn,
    /// Whether a close without a reply passes too.
    #[serde(default)]
    pub close_ok: bool,
    /// Whether no reply within the wait passes too.
    #[serde(default)]
    pub silence_ok: bool,
    /// Fields of the first reply.
    #[serde(default)]
    pub headers: BTreeMap<String, Field>,
    /// What the first body holds.
    pub body_contains: Option<String>,
    /// What it does not hold.
    pub body_not_contains: Option<String>,
    /// What the bodies hold, in turn.
    #[serde(default)]
    pub order: Vec<String>,
    /// No interim reply.
    #[serde(default)]
    pub no_1xx: bool,
    /// No content after the head.
    #[serde(default)]
    pub head: bool,
    /// One 200 and nothing else means that the follow-up was swallowed.
    #[serde(default)]
    pub not_one_200: bool,
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Conn {
    /// A follow-up on it is answered 200.
    Open,
    /// The server closes it, or answers nothing more.
    Close,
    /// Either.
    #[default]
    Any,
}

/// What is asked of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    /// It is there.
    Present,
    /// It is not.
    Absent,
    /// It is a date as RFC 9110 section 5.6.7 prefers it.
    ImfFixdate,
}

/// One step of sending.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Step {
    /// Send this, in pieces of `split` bytes with `gap_ms` between them if told so.
    Send {
        /// The text, with placeholders.
        send: String,
        /// Bytes a piece.
        split: Option<usize>,
        /// Milliseconds between pieces.
        #[serde(default)]
        gap_ms: u64,
    },
    /// Wait for a reply of any kind, 1xx included, or just wait.
    Wait {
        /// For how long at most.
        wait_ms: u64,
        /// `any-response`, or nothing.
        need: Option<String>,
    },
}

/// The cases of the collection, then our own.
pub fn cases() -> Vec<Case> {
    FILES.iter().flat_map(|file| read(file)).collect()
}

const FILES: [&str; 2] =
    [include_str!("../../cases/http11_cases.json"), include_str!("../../cases/own_cases.json")];

fn read(file: &str) -> Vec<Case> {
    #[derive(Deserialize)]
    struct File {
        cases: Vec<Case>,
    }
    serde_json::from_str::<File>(file).expect("a test reads the cases").cases
}

impl Case {
    /// `wire RL-01: Plain valid GET…`
    pub fn name_at(&self, pace: Pace) -> String {
        let pace = match pace {
            Pace::AtOnce => "wire",
            Pace::ByteByByte => "wire, byte by byte,",
        };
        format!("{pace} {}: {}", self.id, self.description)
    }

    /// At once, and byte by byte where that says something new and does not take long.
    pub fn paces(&self) -> impl Iterator<Item = Pace> + use<> {
        let short = self.steps.is_empty() && fill_in(&self.request, "127.0.0.1:65535").len() <= 700;
        [Pace::AtOnce, Pace::ByteByByte].into_iter().take(if short { 2 } else { 1 })
    }
}

/// The bytes of a text: placeholders filled in, then each code point one byte.
pub fn fill_in(text: &str, host: &str) -> Vec<u8> {
    let text = text
        .replace("{{HOST}}", host)
        .replace("{{OK}}", OK)
        .replace("{{ECHO}}", ECHO)
        .replace("{{STREAM}}", STREAM);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(start) = rest.find("{{") {
        push_latin1(&mut bytes, &rest[..start]);
        let end = rest[start..].find("}}").map_or(rest.len(), |length| start + length);
        push_repeated(&mut bytes, &rest[start + 2..end]);
        rest = &rest[(end + 2).min(rest.len())..];
    }
    push_latin1(&mut bytes, rest);
    bytes
}

/// `repeat:X:N`, `repeatline:T:N`, `chunks:S:K`.
fn push_repeated(bytes: &mut Vec<u8>, placeholder: &str) {
    let (kind, rest) = placeholder.split_once(':').expect("a placeholder has a kind");
    let (what, count) = rest.rsplit_once(':').expect("a placeholder has a count");
    let count: usize = count.parse().expect("a count is a number");
    match kind {
        "repeat" => (0..count).for_each(|_| push_latin1(bytes, what)),
        "repeatline" => {
            for n in 0..count {
                push_latin1(bytes, &what.replace("{i}", &n.to_string()));
                bytes.extend_from_slice(b"\r\n");
            }
        }
        "chunks" => {
            let size: usize = what.parse().expect("a chunk's size is a number");
            for _ in 0..count {
                bytes.extend_from_slice(format!("{size:x}\r\n").as_bytes());
                bytes.resize(bytes.len() + size, b'c');
                bytes.extend_from_slice(b"\r\n");
            }
        }
        other => panic!("no placeholder is called {other}"),
    }
}

fn push_latin1(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend(text.chars().map(|point| {
        u8::try_from(u32::from(point)).expect("each code point of a case is one byte")
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_read_whole_and_every_case_can_be_sent() {
        assert_eq!(read(FILES[0]).len(), 92);
        let (cases, mut ids) = (cases(), std::collections::BTreeSet::new());
        for case in &cases {
            assert!(ids.insert(&case.id), "two cases are called {}", case.id);
            let texts = case.steps.iter().filter_map(|step| match step {
                Step::Send { send, .. } => Some(send),
                Step::Wait { .. } => None,
            });
            let bytes: usize =
                texts.chain([&case.request]).map(|text| fill_in(text, "h").len()).sum();
            assert!(bytes > 0, "{} sends nothing", case.id);
            assert!(!case.expect.status.is_empty(), "{} expects nothing", case.id);
        }
    }

    #[test]
    fn placeholders_become_bytes() {
        assert_eq!(fill_in("{{repeat:\u{ff}:3}}{{HOST}}", "h:1"), b"\xff\xff\xffh:1");
        assert_eq!(fill_in("{{repeatline:X-{i}: v:2}}\r\n", ""), b"X-0: v\r\nX-1: v\r\n\r\n");
        assert_eq!(fill_in("{{chunks:2:2}}0\r\n", ""), b"2\r\ncc\r\n2\r\ncc\r\n0\r\n");
        assert_eq!(fill_in("GET {{OK}} {{STREAM}}", ""), b"GET /wait/0 /stream/20?interval=0.05");
    }
}
