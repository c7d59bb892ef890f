//! The faults: what a name asks for beyond a plain profile, and how a name is read.

use std::time::Duration;

use crate::parse_duration;

/// What happens to one request instead of the plain profile; the crate's page and [`FAULTS`] tell each.
#[expect(missing_docs, reason = "said once, in FAULTS")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Slow(Duration),
    Size(usize),
    Chunked,
    Gzip,
    Closes,
    Stale,
    Missing,
    Down,
    Hang,
    Drip,
    DripBody,
    Html,
    Mistyped,
    NotJson,
    Shape,
    Fields,
    Empty,
    Utf8,
    Cut,
    CutChunked,
    CutHead,
    Reset,
    Huge,
    HugeDeclared,
    Bomb,
    EndlessHead,
    Garbled,
    Extra,
    RateLimited,
    RateLimited429,
    Secondary,
    Error(u16),
    Redirect,
    RedirectAway,
    RedirectLoop,
    Flaky,
    FlakyReset,
    Flaky429,
}

/// Each fault's name and what the client gets, in the order of the crate's page.
pub const FAULTS: &[(&str, &str)] = &[
    (
        "slow-DURATION",
        "the profile after `DURATION` (`slow-500ms`, `slow-2s-17`) instead of `--latency`",
    ),
    ("size-BYTES", "a profile padded to exactly that many bytes (`size-1048576`)"),
    ("chunked", "the profile in chunks: right, and without a length"),
    ("gzip", "the profile compressed: right, as GitHub sends it to who accepts it"),
    ("closes", "the profile with `Connection: close`"),
    ("stale", "the profile, and then the connection is closed without a word about it"),
    ("missing", "GitHub's 404"),
    ("down", "a reset before any answer"),
    ("hang", "nothing, for as long as the client stays"),
    ("drip", "the profile, one byte a second from the status line on"),
    ("drip-body", "the head at once, then the body one byte a second"),
    ("html", "200 with a page of HTML"),
    ("mistyped", "the right profile called `text/html`"),
    ("notjson", "200, called JSON, that is not JSON"),
    ("shape", "200 with JSON that is an array"),
    ("fields", "200 with an object whose fields have the wrong types"),
    ("empty", "200 with no body"),
    ("utf8", "200 with a profile that is not UTF-8"),
    ("cut", "half the body that `Content-Length` promised, then a close"),
    ("cut-chunked", "half a chunked body, then a close"),
    ("cut-head", "half a head, then a close"),
    ("reset", "half the body, then a reset"),
    ("huge", "a chunked body that never ends"),
    ("huge-declared", "a `Content-Length` of 500 MB, and all of it"),
    ("bomb", "a gzip body of half a MiB that decodes to a valid profile of 512 MiB"),
    ("endless-head", "header fields that never end"),
    ("garbled", "bytes that are not HTTP"),
    ("extra", "the profile, and behind it a second reply that nobody asked for"),
    ("rate-limited", "403, the rate limit used up, a reset in a minute"),
    ("rate-limited-429", "429, the rate limit used up, `Retry-After: 7`"),
    ("secondary", "403, the secondary rate limit, `Retry-After: 60`"),
    ("error-STATUS", "that status, 400 to 599 (`error-500`, `error-503-17`)"),
    ("redirect", "301 to `/users/octocat` on the same host"),
    ("redirect-away", "302 to another host: the decoy, which counts who comes"),
    ("redirect-loop", "302 to itself"),
    ("flaky", "503 the first time that name is asked, then the profile"),
    ("flaky-reset", "a reset the first time, then the profile"),
    ("flaky-429", "429 with `Retry-After: 1` the first time, then the profile"),
];

impl Fault {
    /// The fault that `name` asks for: one of [`FAULTS`], alone or before a hyphen. The longest that fits is meant, so
    /// `cut-head-1` is `cut-head`.
    #[must_use]
    pub fn of(name: &str) -> Option<Fault> {
        let mut head = name;
        loop {
            if let Some(fault) = exact(head) {
                return Some(fault);
            }
            (head, _) = head.rsplit_once('-')?;
        }
    }
}

fn exact(name: &str) -> Option<Fault> {
    if let Some(duration) = name.strip_prefix("slow-") {
        return parse_duration(duration).ok().map(Fault::Slow);
    }
    if let Some(bytes) = name.strip_prefix("size-") {
        return bytes.parse().ok().filter(|bytes| *bytes <= 64 << 20).map(Fault::Size);
    }
    if let Some(status) = name.strip_prefix("error-") {
        return status.parse().ok().filter(|status| (400..600).contains(status)).map(Fault::Error);
    }
    Some(match name {
        "chunked" => Fault::Chunked,
        "gzip" => Fault::Gzip,
        "closes" => Fault::Closes,
        "stale" => Fault::Stale,
        "missing" => Fault::Missing,
        "down" => Fault::Down,
        "hang" => Fault::Hang,
        "drip" => Fault::Drip,
        "drip-body" => Fault::DripBody,
        "html" => Fault::Html,
        "mistyped" => Fault::Mistyped,
        "notjson" => Fault::NotJson,
        "shape" => Fault::Shape,
        "fields" => Fault::Fields,
        "empty" => Fault::Empty,
        "utf8" => Fault::Utf8,
        "cut" => Fault::Cut,
        "cut-chunked" => Fault::CutChunked,
        "cut-head" => Fault::CutHead,
        "reset" => Fault::Reset,
        "huge" => Fault::Huge,
        "huge-declared" => Fault::HugeDeclared,
        "bomb" => Fault::Bomb,
        "endless-head" => Fault::EndlessHead,
        "garbled" => Fault::Garbled,
        "extra" => Fault::Extra,
        "rate-limited" => Fault::RateLimited,
        "rate-limited-429" => Fault::RateLimited429,
        "secondary" => Fault::Secondary,
        "redirect" => Fault::Redirect,
        "redirect-away" => Fault::RedirectAway,
        "redirect-loop" => Fault::RedirectLoop,
        "flaky" => Fault::Flaky,
        "flaky-reset" => Fault::FlakyReset,
        "flaky-429" => Fault::Flaky429,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_to_its_longest_fault() {
        let cases = [
            ("octocat", None),
            ("cut", Some(Fault::Cut)),
            ("cut-17", Some(Fault::Cut)),
            ("cut-head-17", Some(Fault::CutHead)),
            ("cutter", None),
            ("missing-a-b-c", Some(Fault::Missing)),
            ("slow-500ms", Some(Fault::Slow(Duration::from_millis(500)))),
            ("slow-2s-000123", Some(Fault::Slow(Duration::from_secs(2)))),
            ("slow-down", None),
            ("error-503-1", Some(Fault::Error(503))),
            ("error-200", None),
            ("size-10", Some(Fault::Size(10))),
            ("rate-limited-429-2", Some(Fault::RateLimited429)),
            ("rate-limited-2", Some(Fault::RateLimited)),
        ];
        for (name, fault) in cases {
            assert_eq!(Fault::of(name), fault, "{name}");
        }
    }

    #[test]
    fn every_fault_in_the_table_is_read() {
        for (name, _) in FAULTS {
            let name =
                name.replace("DURATION", "1s").replace("BYTES", "5000").replace("STATUS", "500");
            assert!(Fault::of(&name).is_some(), "{name}");
        }
    }

    #[test]
    fn the_crates_page_holds_the_table_word_for_word() {
        let page: Vec<&str> =
            include_str!("lib.rs").lines().filter(|line| line.starts_with("//! | `")).collect();
        let table: Vec<String> =
            FAULTS.iter().map(|(name, gets)| format!("//! | `{name}` | {gets} |")).collect();
        assert_eq!(page, table);
    }
}
