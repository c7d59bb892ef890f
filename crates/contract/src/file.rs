//! `/files`: names that are data and never paths, what is told of a file, and how it lies in its directory.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::query::Query;
use crate::{FieldError, Limits, PathParam, Problem, QueryParams};

/// The longest name in bytes: as hexadecimal it must still be a name that file systems take (255 bytes).
const LONGEST_NAME: usize = 120;

/// The most files of one page.
const MOST_LISTED: u64 = 1_000;

/// What percent-encoding leaves as it is: RFC 3986's unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The name a client gave to a file. On disk it is hexadecimal, so nothing in it can mean anything to a file system, and
/// two names that differ are two files wherever they are stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct FileName(String);

/// What is told of a stored file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoredFile {
    /// As its client named it.
    #[schema(example = "notes.txt")]
    pub name: String,
    /// In bytes.
    #[schema(example = 5)]
    pub size: u64,
    /// Of its content, in hexadecimal.
    #[schema(example = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")]
    pub sha256: String,
}

/// What a form of files answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoredFiles {
    /// In the order of the form.
    pub files: Vec<StoredFile>,
}

/// A page of the listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FilePage {
    /// Where these files are: they are not shared with replicas on other machines.
    pub scope: Scope,
    /// In the order of their names' bytes.
    pub files: Vec<StoredFile>,
    /// Ask on with `?after=` this name; null on the last page.
    pub next: Option<String>,
}

/// How far a file is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// To the servers of one machine that share a data directory.
    #[default]
    Machine,
}

/// Which page of the listing is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The most files of it.
    pub limit: usize,
    /// The last name of the page before.
    pub after: Option<FileName>,
}

/// The last bytes of every file on disk: its content's hash, written with the content and so never apart from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trailer(pub [u8; 32]);

/// How much all files together may take: what is stored, and what this process is writing.
#[derive(Debug)]
pub struct Quota {
    most: u64,
    stored: AtomicU64,
    coming: AtomicU64,
}

impl FileName {
    /// A name from wherever it was given.
    pub fn parse(loc: &[&str], text: &str) -> Result<Self, FieldError> {
        let refuse = |kind, msg: String| Err(FieldError::new(loc, kind, msg, text.to_owned()));
        if text.is_empty() {
            return refuse("string_too_short", "String should have at least 1 character".into());
        }
        if text.len() > LONGEST_NAME {
            let msg = format!("String should have at most {LONGEST_NAME} bytes");
            return refuse("string_too_long", msg);
        }
        // As data these would do no harm. But no client can ask for the two again, and the others are never meant.
        let odd = |char: char| char.is_control() || matches!(char, '/' | '\\' | '\u{FFFD}');
        if matches!(text, "." | "..") || text.contains(odd) {
            let msg =
                "String should be a file's name: no slash, no control character, no dots alone";
            return refuse("string_pattern_mismatch", msg.into());
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the file is called on disk. The order is that of the names.
    pub fn on_disk(&self) -> String {
        hex(self.0.as_bytes())
    }

    /// The name of a file on disk; none of one that no server here has put there.
    pub fn from_disk(entry: &str) -> Option<Self> {
        let bytes: Option<Vec<u8>> = entry
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect();
        let name = Self::parse(&[], &String::from_utf8(bytes?).ok()?).ok()?;
        (name.on_disk() == entry).then_some(name)
    }

    /// Where to ask for the file.
    pub fn location(&self) -> String {
        format!("/files/{}", utf8_percent_encode(&self.0, ENCODED))
    }

    /// `Content-Disposition` (RFC 6266): to be saved, not shown; with the name in a form for old clients and in the
    /// true one.
    pub fn disposition(&self) -> String {
        let plain: String = self
            .0
            .chars()
            .map(|char| match char {
                '"' | '%' => '_',
                ' '..='~' => char,
                _ => '_',
            })
            .collect();
        let exact = utf8_percent_encode(&self.0, ENCODED);
        format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}")
    }
}

impl PathParam for FileName {
    fn parse(text: &str, _limits: &Limits) -> Result<Self, Problem> {
        Ok(Self::parse(&["path", "name"], text)?)
    }
}

impl StoredFile {
    /// A file with this hash.
    pub fn new(name: &FileName, size: u64, Trailer(sha256): Trailer) -> Self {
        Self { name: name.as_str().to_owned(), size, sha256: hex(&sha256) }
    }

    /// The entity tag (RFC 9110 section 8.8.3): strong, because equal tags mean equal bytes.
    pub fn tag(&self) -> String {
        format!("\"{}\"", self.sha256)
    }
}

impl QueryParams for Listing {
    fn parse(query: &Query, _limits: &Limits) -> Result<Self, Problem> {
        let loc = ["query", "limit"];
        let limit = match query.last("limit") {
            None => 100,
            Some(text) => match text.parse::<u64>() {
                Ok(limit @ 1..=MOST_LISTED) => limit,
                Ok(0) => {
                    let msg = "Input should be greater than or equal to 1";
                    return Err(
                        FieldError::new(&loc, "greater_than_equal", msg, text.to_owned()).into()
                    );
                }
                Ok(_) => {
                    let msg = format!("Input should be less than or equal to {MOST_LISTED}");
                    return Err(
                        FieldError::new(&loc, "less_than_equal", msg, text.to_owned()).into()
                    );
                }
                Err(_) => {
                    let msg =
                        "Input should be a valid integer, unable to parse string as an integer";
                    return Err(FieldError::new(&loc, "int_parsing", msg, text.to_owned()).into());
                }
            },
        };
        let after = query.last("after").map(|text| FileName::parse(&["query", "after"], text));
        let limit = usize::try_from(limit).expect("a thousand fits");
        Ok(Self { limit, after: after.transpose()? })
    }
}

impl FilePage {
    /// The page of these files, after which come those behind `next`.
    pub fn new(files: Vec<StoredFile>, next: Option<&FileName>) -> Self {
        Self { scope: Scope::Machine, files, next: next.map(ToString::to_string) }
    }
}

impl Trailer {
    /// How long it is.
    pub const BYTES: u64 = 40;

    /// What tells one of our files from others that may lie there.
    const MARK: [u8; 8] = *b"waitlab\x01";

    /// As it is written.
    pub fn bytes(self) -> [u8; Self::BYTES as usize] {
        let mut bytes = [0; Self::BYTES as usize];
        bytes[..8].copy_from_slice(&Self::MARK);
        bytes[8..].copy_from_slice(&self.0);
        bytes
    }

    /// As it was read; none if no server here has written it.
    pub fn read(bytes: [u8; Self::BYTES as usize]) -> Option<Self> {
        let (mark, hash) = bytes.split_at(8);
        (mark == Self::MARK).then(|| Self(hash.try_into().expect("32 bytes are left")))
    }
}

impl Quota {
    /// So many bytes in all.
    pub fn new(most: u64) -> Self {
        Self { most, stored: AtomicU64::new(0), coming: AtomicU64::new(0) }
    }

    /// So many are stored, as was counted just now: other servers may share the directory.
    pub fn counted(&self, bytes: u64) {
        self.stored.store(bytes, Ordering::Relaxed);
    }

    /// Takes `bytes` of what is left, for a file that is coming.
    ///
    /// # Errors
    ///
    /// 507 when less is left.
    pub fn take(&self, bytes: u64) -> Result<(), Problem> {
        let left = self.most.saturating_sub(self.stored.load(Ordering::Relaxed));
        let taken = self.coming.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |coming| {
            coming.checked_add(bytes).filter(|&coming| coming <= left)
        });
        taken
            .map(drop)
            .map_err(|_| Problem::no_room("the files together would be over their quota"))
    }

    /// A file that was coming is stored.
    pub fn keep(&self, bytes: u64) {
        self.stored.fetch_add(bytes, Ordering::Relaxed);
        self.give(bytes);
    }

    /// A file that was coming is given up.
    pub fn give(&self, bytes: u64) {
        self.coming.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> FileName {
        FileName::parse(&["path", "name"], text).unwrap()
    }

    #[test]
    fn a_name_is_never_a_path() {
        for text in ["", ".", "..", "a/b", "..\\b", "a\0b", "a\nb", "\u{FFFD}", &"x".repeat(121)] {
            assert!(FileName::parse(&[], text).is_err(), "{text:?}");
        }
        for text in ["-rf", ".hidden", "con", "a ", "a.", "ü", "u\u{308}", &"ü".repeat(60)] {
            let on_disk = name(text).on_disk();
            assert!(on_disk.bytes().all(|byte| byte.is_ascii_hexdigit()) && on_disk.len() <= 240);
            assert_eq!(FileName::from_disk(&on_disk), Some(name(text)));
        }
        for entry in ["", "..", "2", "2E", "2f", "2e2e", "4a", "zz", "+1"] {
            let found = FileName::from_disk(entry);
            assert_eq!(found.is_some(), entry == "4a", "{entry}: {found:?}");
        }
    }

    #[test]
    fn a_name_cannot_leave_its_field() {
        let quoted = name("a\"; filename=\"b%41;ü").disposition();
        assert_eq!(
            quoted,
            "attachment; filename=\"a_; filename=_b_41;_\"; \
             filename*=UTF-8''a%22%3B%20filename%3D%22b%2541%3B%C3%BC"
        );
        assert_eq!(name("a b/ü".replace('/', "%").as_str()).location(), "/files/a%20b%25%C3%BC");
    }

    #[test]
    fn a_trailer_is_read_as_it_was_written() {
        let trailer = Trailer([7; 32]);
        assert_eq!(Trailer::read(trailer.bytes()), Some(trailer));
        assert_eq!(Trailer::read([7; 40]), None);
    }

    #[test]
    fn a_quota_is_taken_kept_and_given_back() {
        let quota = Quota::new(10);
        quota.take(8).unwrap();
        assert_eq!(quota.take(3).unwrap_err().status, 507);
        quota.keep(4);
        quota.give(4);
        quota.take(6).unwrap();
        assert!(quota.take(1).is_err() && quota.take(u64::MAX).is_err());
        quota.counted(0);
        quota.take(4).unwrap();
    }

    #[test]
    fn a_listing_is_asked_for_page_by_page() {
        let listing = Listing::from_query(Some("limit=1&after=a"), &Limits::default()).unwrap();
        assert_eq!(listing, Listing { limit: 1, after: Some(name("a")) });
        for query in ["limit=0", "limit=1001", "limit=x", "after=", "after=a%2Fb"] {
            assert!(Listing::from_query(Some(query), &Limits::default()).is_err(), "{query}");
        }
    }
}
