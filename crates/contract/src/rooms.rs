//! `/rooms/{room}`: messages that are kept, and sent to everybody who listens (server-sent events).
//!
//! The messages of a room are numbered 1, 2, 3, … without a gap, so a subscriber who was away asks for those behind the last
//! one it has, and one who was away for too long sees that something is missing.

use std::fmt::{self, Write};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::head::Fields;
use crate::integer::Integer;
use crate::json::{JsonBody, Members};
use crate::{FieldError, FieldParams, Limits, PathParam, Problem, Timestamp};

/// How many messages of a room are kept: the latest.
pub const KEPT: i64 = 1_000;

/// What is sent to a subscriber now and then while nothing is said: a comment, which a browser ignores and a proxy counts.
pub const PING: &str = ":\n\n";

const LONGEST_NAME: usize = 64;
const LONGEST_TEXT: usize = 4_000;
const LAST_EVENT_ID: &str = "last-event-id";

/// After how many milliseconds a browser that was cut off comes back.
const RETRY_MS: u32 = 1_000;

/// The name of a room, which exists as soon as something is said in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct RoomName(String);

/// The number of a message in its room; 0 stands before the first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(transparent)]
pub struct MessageId(pub i64);

/// What somebody says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Saying {
    /// 1 to 4,000 characters.
    #[schema(min_length = 1, max_length = 4_000, example = "Hello")]
    pub text: String,
}

/// What is kept of it, and sent to every subscriber.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// 1, 2, 3, … in each room, in the order in which they were kept.
    pub id: MessageId,
    /// Where it was said.
    pub room: RoomName,
    /// As said.
    pub text: String,
    /// When it was kept.
    pub created_at: Timestamp,
}

/// `Last-Event-ID`: the last message that a subscriber has, which a browser sends by itself when it comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastEventId(pub Option<MessageId>);

impl RoomName {
    /// What a name is, as FastAPI would be told.
    const PATTERN: &str = "^[A-Za-z0-9_-]{1,64}$";

    /// As in the path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name that the database kept.
    pub fn kept(name: String) -> Self {
        Self(name)
    }
}

impl PathParam for RoomName {
    fn parse(text: &str, _limits: &Limits) -> Result<Self, Problem> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(allowed) {
            return Ok(Self(text.to_owned()));
        }
        let msg = format!("String should match pattern '{}'", Self::PATTERN);
        let shown: String = text.chars().take(2 * LONGEST_NAME).collect();
        Err(FieldError::new(&["path", "room"], "string_pattern_mismatch", msg, shown).into())
    }

    /// The middle one of `/rooms/{room}/events`.
    fn segment(path: &str) -> &str {
        path.split('/').nth(2).unwrap_or_default()
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl JsonBody for Saying {
    fn from_members(members: &mut Members) -> Option<Self> {
        Some(Self { text: members.text("text", 1, LONGEST_TEXT)? })
    }
}

impl Message {
    /// The message as an event. JSON has no line break of its own, so one line of data holds it.
    pub fn event(&self) -> String {
        let json = serde_json::to_string(self).expect("a message is plain data");
        format!("id: {}\ndata: {json}\n\n", self.id)
    }
}

/// What a subscriber hears first: where it begins. It is an id without data, which a browser keeps and shows to nobody; so one
/// that is cut off before the first message misses none either.
pub fn beginning(place: MessageId) -> String {
    let mut text = format!("id: {place}\n");
    write!(text, "retry: {RETRY_MS}\n\n").expect("memory does not refuse a write");
    text
}

impl FieldParams for LastEventId {
    /// A whole number, or nothing. One beyond any message is as good as the last.
    fn from_fields(fields: &impl Fields, _: &Limits) -> Result<Self, Problem> {
        let Some(value) = fields.all(LAST_EVENT_ID).next() else { return Ok(Self(None)) };
        let text = String::from_utf8_lossy(value);
        if text.is_empty() {
            return Ok(Self(None));
        }
        let refuse = |kind, msg: String| {
            let shown: String = text.chars().take(LONGEST_NAME).collect();
            Problem::from(FieldError::new(&["header", LAST_EVENT_ID], kind, msg, shown))
        };
        let integer =
            Integer::parse(&text).map_err(|error| refuse(error.kind(), error.to_string()))?;
        if integer.negative {
            let msg = "Input should be greater than or equal to 0".to_owned();
            return Err(refuse("greater_than_equal", msg));
        }
        let id = integer.as_u64().and_then(|id| id.try_into().ok()).unwrap_or(i64::MAX);
        Ok(Self(Some(MessageId(id))))
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn a_room_is_named_in_letters_digits_lines_and_no_more_of_them_than_64() {
        let name = |path: &str| RoomName::from_path(path, &Limits::default());
        assert_eq!(name("/rooms/a_B-9/events").unwrap().as_str(), "a_B-9");
        assert_eq!(name("/rooms/%61/messages").unwrap().as_str(), "a");
        assert!(name(&format!("/rooms/{}/events", "a".repeat(64))).is_ok());
        for path in
            ["/rooms/a%20b/events", "/rooms/a.b/events", "/rooms/ü/events", "/rooms//events"]
        {
            let problem = name(path).unwrap_err();
            assert_eq!(problem.errors[0].kind, "string_pattern_mismatch", "{path}");
        }
        assert_eq!(name(&format!("/rooms/{}/events", "a".repeat(65))).unwrap_err().status, 422);
        assert_eq!(name("/rooms/a%2Fb/events").unwrap_err().status, 404);
    }

    #[test]
    fn a_subscriber_says_what_it_has_by_a_whole_number() {
        let last = |value: &[u8]| {
            let mut head = HeaderMap::new();
            head.insert(LAST_EVENT_ID, HeaderValue::from_bytes(value).unwrap());
            LastEventId::from_fields(&head, &Limits::default())
        };
        assert_eq!(last(b"7"), Ok(LastEventId(Some(MessageId(7)))));
        assert_eq!(last(b"0"), Ok(LastEventId(Some(MessageId(0)))));
        assert_eq!(last(b""), Ok(LastEventId(None)));
        let beyond = last(b"99999999999999999999999999");
        assert_eq!(beyond, Ok(LastEventId(Some(MessageId(i64::MAX)))));
        let kind = |value: &[u8]| last(value).unwrap_err().errors[0].kind.clone();
        assert_eq!(kind(b"-1"), "greater_than_equal");
        for value in [&b"x"[..], b"1.5", b"1e3", b"0x10", b"\xff\xfe", b"1,2", b"1; DROP TABLE"] {
            assert_eq!(kind(value), "int_parsing", "{value:?}");
        }
        let none = LastEventId::from_fields(&HeaderMap::new(), &Limits::default());
        assert_eq!(none, Ok(LastEventId(None)));
    }

    #[test]
    fn an_event_is_one_line_of_data_whatever_was_said() {
        let message = Message {
            id: MessageId(3),
            room: RoomName("hall".to_owned()),
            text: "one\r\ntwo\n\ndata: three\u{2028}".to_owned(),
            created_at: Timestamp(0),
        };
        let event = message.event();
        let lines: Vec<&str> = event.split('\n').collect();
        assert_eq!([lines[0], lines[2], lines[3]], ["id: 3", "", ""], "{event}");
        let data = lines[1].strip_prefix("data: ").unwrap();
        assert_eq!(serde_json::from_str::<Message>(data).unwrap(), message);
        assert!(!event.contains('\r'));
        assert_eq!(beginning(MessageId(0)), "id: 0\nretry: 1000\n\n");
    }
}
