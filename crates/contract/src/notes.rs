//! `/notes`: rows that are written, read page by page, changed and deleted.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::head::Fields;
use crate::headers::IDEMPOTENCY_KEY;
use crate::integer::Integer;
use crate::json::{JsonBody, JsonType, Members};
use crate::param::id;
use crate::query::Query;
use crate::{FieldError, FieldParams, Limits, PathParam, Problem, QueryParams, Timestamp};

const LONGEST_TITLE: usize = 200;
const LONGEST_BODY: usize = 100_000;
const LONGEST_KEY: usize = 255;
const MOST_ON_A_PAGE: u64 = 100;

/// What a client writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Draft {
    /// 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200, example = "Milk")]
    pub title: String,
    /// Up to 100,000 characters.
    #[schema(max_length = 100_000, example = "Two bottles")]
    pub body: String,
}

/// What is kept of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Note {
    /// Never given to another note, even when this one is deleted.
    pub id: NoteId,
    /// As written.
    pub title: String,
    /// As written.
    pub body: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

/// One page, in the order of ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notes {
    /// At most `limit`.
    pub notes: Vec<Note>,
    /// What to ask for with `after` next; null on the last page.
    pub next: Option<NoteId>,
}

/// The number of a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct NoteId(pub i64);

/// `?limit=&after=`: a page by its place, not by its number, so that it costs the same wherever it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many at most.
    pub limit: i64,
    /// Those with a greater id.
    pub after: NoteId,
}

/// `Idempotency-Key`: the same key never makes a second row, however often its request is repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl JsonBody for Draft {
    fn from_members(members: &mut Members) -> Option<Self> {
        let title = members.text("title", 1, LONGEST_TITLE);
        let body = members.text("body", 0, LONGEST_BODY);
        Some(Self { title: title?, body: body? })
    }
}

impl PathParam for NoteId {
    fn parse(text: &str, _limits: &Limits) -> Result<Self, Problem> {
        id(text, Problem::no_note).map(Self)
    }
}

impl fmt::Display for NoteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl QueryParams for Page {
    fn parse(query: &Query, _limits: &Limits) -> Result<Self, Problem> {
        let limit = bounded(query, "limit", 1, MOST_ON_A_PAGE)?.unwrap_or(20);
        let after = bounded(query, "after", 0, i64::MAX as u64)?.unwrap_or(0);
        let fits = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        Ok(Self { limit: fits(limit), after: NoteId(fits(after)) })
    }
}

impl Page {
    /// This page of `rows`, of which there may be one more than `limit`: then another page follows, behind the last id.
    pub(crate) fn cut<T, I>(self, mut rows: Vec<T>, id: impl Fn(&T) -> I) -> (Vec<T>, Option<I>) {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(id);
        (rows, next)
    }
}

/// A whole number of the query, from `least` to `most`.
pub(crate) fn bounded(
    query: &Query,
    name: &str,
    least: u64,
    most: u64,
) -> Result<Option<u64>, FieldError> {
    let Some(text) = query.last(name) else { return Ok(None) };
    let refuse = |kind, msg| FieldError::new(&["query", name], kind, msg, text.to_owned());
    let integer = Integer::parse(text).map_err(|error| refuse(error.kind(), error.to_string()))?;
    match integer.as_u64() {
        Some(number) if (least..=most).contains(&number) => Ok(Some(number)),
        Some(number) if number > most => {
            Err(refuse("less_than_equal", format!("Input should be less than or equal to {most}")))
        }
        None if !integer.negative => {
            Err(refuse("less_than_equal", format!("Input should be less than or equal to {most}")))
        }
        _ => Err(refuse(
            "greater_than_equal",
            format!("Input should be greater than or equal to {least}"),
        )),
    }
}

impl Notes {
    /// A page of `notes`, of which one more than `limit` was asked for to see whether there is another page.
    pub fn new(notes: Vec<Note>, page: Page) -> Self {
        let (notes, next) = page.cut(notes, |note| note.id);
        Self { notes, next }
    }
}

/// The fields of a request that makes a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftHead {
    /// If the client sent one.
    pub key: Option<IdempotencyKey>,
}

impl FieldParams for DraftHead {
    fn from_fields(fields: &impl Fields, limits: &Limits) -> Result<Self, Problem> {
        JsonType::from_fields(fields, limits)?;
        Ok(Self { key: Option::<IdempotencyKey>::from_fields(fields, limits)? })
    }
}

impl Note {
    /// Where it can be asked for.
    pub fn location(&self) -> String {
        format!("/notes/{}", self.id)
    }
}

impl FieldParams for Option<IdempotencyKey> {
    /// 1 to 255 visible ASCII characters.
    fn from_fields(fields: &impl Fields, _: &Limits) -> Result<Self, Problem> {
        let Some(value) = fields.all(IDEMPOTENCY_KEY).next() else { return Ok(None) };
        let text = String::from_utf8_lossy(value);
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if visible && (1..=LONGEST_KEY).contains(&text.len()) {
            return Ok(Some(IdempotencyKey(text.into_owned())));
        }
        let msg = format!("String should match pattern '^[!-~]{{1,{LONGEST_KEY}}}$'");
        let loc = ["header", IDEMPOTENCY_KEY];
        let shown: String = text.chars().take(LONGEST_KEY).collect();
        Err(FieldError::new(&loc, "string_pattern_mismatch", msg, shown).into())
    }
}

impl IdempotencyKey {
    /// The key as sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Problem {
    /// 404: no note has this id.
    pub fn no_note() -> Self {
        Self::new(http::StatusCode::NOT_FOUND, "there is no such note")
    }

    /// 422: the key was sent before, with another note.
    pub fn key_reused(key: &str) -> Self {
        let loc = ["header", IDEMPOTENCY_KEY];
        let msg = "Value error, this key was used for another request";
        FieldError::new(&loc, "value_error", msg, key.to_owned()).into()
    }

    /// 409: the note that was made with this key has been deleted since.
    pub fn note_deleted() -> Self {
        Self::new(
            http::StatusCode::CONFLICT,
            "the note that was made with this Idempotency-Key has been deleted",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;

    #[test]
    fn a_page_says_what_comes_next_only_when_something_does() {
        let note = |id| Note {
            id: NoteId(id),
            title: String::new(),
            body: String::new(),
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
        };
        let page = Page { limit: 2, after: NoteId(0) };
        assert_eq!(Notes::new(vec![note(1), note(2), note(3)], page).next, Some(NoteId(2)));
        assert_eq!(Notes::new(vec![note(1), note(2)], page).next, None);
        assert_eq!(Notes::new(vec![], page).next, None);
    }

    #[test]
    fn pages_out_of_bounds_are_refused_by_the_bound_they_break() {
        let kind = |query| {
            Page::from_query(Some(query), &Limits::default()).unwrap_err().errors[0].kind.clone()
        };
        for query in ["limit=0", "limit=-1", "after=-1"] {
            assert_eq!(kind(query), "greater_than_equal", "{query}");
        }
        for query in ["limit=101", "after=9223372036854775808", "limit=99999999999999999999999"] {
            assert_eq!(kind(query), "less_than_equal", "{query}");
        }
        assert_eq!(kind("limit=x"), "int_parsing");
        let page = Page::from_query(None, &Limits::default()).unwrap();
        assert_eq!(page, Page { limit: 20, after: NoteId(0) });
    }

    #[test]
    fn an_id_that_no_note_can_have_is_not_found() {
        let status = |text| NoteId::parse(text, &Limits::default()).unwrap_err().status;
        assert_eq!([status("-1"), status("99999999999999999999"), status("x")], [404, 404, 422]);
    }

    #[test]
    fn a_key_is_visible_ascii_and_not_longer_than_a_line() {
        let key = |text: &str| {
            let mut head = HeaderMap::new();
            head.insert(IDEMPOTENCY_KEY, text.parse().unwrap());
            Option::<IdempotencyKey>::from_fields(&head, &Limits::default())
                .map(|key| key.is_some())
        };
        assert_eq!(key(&"k".repeat(255)), Ok(true));
        for text in ["", "a b", "ключ", &"k".repeat(256)] {
            assert_eq!(key(text).unwrap_err().status, 422, "{text}");
        }
        assert_eq!(
            Option::<IdempotencyKey>::from_fields(&HeaderMap::new(), &Limits::default()),
            Ok(None)
        );
    }
}
