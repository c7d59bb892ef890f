//! A body of JSON becomes a value once, at the edge, and is refused in the words of FastAPI.
//!
//! Nesting is bounded by serde_json (128 levels), size by `--body-bytes`; keys nobody knows are ignored, as in FastAPI. A key
//! that repeats is refused: whoever reads the first, as a proxy may, would see another value than who reads the last
//! (RFC 8259, section 4).

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::head::Fields;
use crate::{FieldError, FieldParams, Limits, Problem};

/// A refused input is shown up to here; the client has the rest.
const SHOWN: usize = 200;

/// A value taken from the body of a request.
pub trait JsonBody: Sized {
    /// Reads the members it knows. Every one that is wrong is told, not only the first.
    fn from_members(members: &mut Members) -> Option<Self>;

    /// Reads a whole body, of which [`JsonType`] has been checked.
    fn from_body(body: &[u8]) -> Result<Self, Problem> {
        let mut members = Members { object: object(body)?, errors: Vec::new() };
        match Self::from_members(&mut members) {
            Some(value) if members.errors.is_empty() => Ok(value),
            _ => Err(Problem::invalid(members.errors)),
        }
    }
}

/// `Content-Type: application/json`, or any type that ends in `+json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonType;

impl FieldParams for JsonType {
    fn from_fields(fields: &impl Fields, _: &Limits) -> Result<Self, Problem> {
        let kind = fields.all("content-type").next().unwrap_or_default();
        let kind = std::str::from_utf8(kind).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let json = kind == "application/json"
            || kind.starts_with("application/") && kind.ends_with("+json");
        if json { Ok(Self) } else { Err(Problem::unsupported("this path takes application/json")) }
    }
}

/// The object in the body, and what was wrong with the members asked for so far.
#[derive(Debug)]
pub struct Members {
    object: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Members {
    /// A required text of `least` to `most` characters, none of them NUL, which PostgreSQL cannot keep.
    pub fn text(&mut self, name: &str, least: usize, most: usize) -> Option<String> {
        let Some(value) = self.object.remove(name) else {
            self.errors.push(FieldError::missing(&["body", name]));
            return None;
        };
        let Value::String(text) = value else {
            self.refuse(name, "string_type", "Input should be a valid string".to_owned(), &value);
            return None;
        };
        let (length, s) = (text.chars().count(), |n| if n == 1 { "" } else { "s" });
        let wrong = if length < least {
            let msg = format!("String should have at least {least} character{}", s(least));
            Some(("string_too_short", msg))
        } else if length > most {
            let msg = format!("String should have at most {most} character{}", s(most));
            Some(("string_too_long", msg))
        } else if text.contains('\0') {
            let msg = r"String should match pattern '^[^\x00]*$'".to_owned();
            Some(("string_pattern_mismatch", msg))
        } else {
            None
        };
        let Some((kind, msg)) = wrong else { return Some(text) };
        self.refuse(name, kind, msg, &Value::String(text));
        None
    }

    /// A required list of `least` to `most` texts, each made what it is by `item`, which is told where it stands.
    pub fn list<T>(
        &mut self,
        name: &str,
        least: usize,
        most: usize,
        item: impl Fn(&[&str], &str) -> Result<T, FieldError>,
    ) -> Option<Vec<T>> {
        let Some(value) = self.object.remove(name) else {
            self.errors.push(FieldError::missing(&["body", name]));
            return None;
        };
        let Value::Array(items) = value else {
            self.refuse(name, "list_type", "Input should be a valid list".to_owned(), &value);
            return None;
        };
        let (count, s) = (items.len(), |n| if n == 1 { "" } else { "s" });
        let wrong = if count < least {
            Some(("too_short", format!("at least {least} item{}", s(least))))
        } else if count > most {
            Some(("too_long", format!("at most {most} item{}", s(most))))
        } else {
            None
        };
        if let Some((kind, bound)) = wrong {
            let msg = format!("List should have {bound} after validation, not {count}");
            self.refuse(name, kind, msg, &Value::Array(items));
            return None;
        }
        let mut taken = Vec::with_capacity(count);
        for (place, value) in items.iter().enumerate() {
            let place = place.to_string();
            let loc = ["body", name, &place];
            let made = value.as_str().map_or_else(
                || {
                    let msg = "Input should be a valid string";
                    Err(FieldError::new(&loc, "string_type", msg, shown(value)))
                },
                |text| item(&loc, text),
            );
            match made {
                Ok(made) => taken.push(made),
                Err(error) => self.errors.push(error),
            }
        }
        Some(taken)
    }

    fn refuse(&mut self, name: &str, kind: &'static str, msg: String, input: &Value) {
        self.errors.push(FieldError::new(&["body", name], kind, msg, shown(input)));
    }
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Problem> {
    if body.is_empty() {
        return Err(FieldError::missing(&["body"]).into());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => {
            let counted = serde_json::from_slice(body);
            if counted.is_ok_and(|Counted(count)| count == object.len()) {
                return Ok(object);
            }
            let msg = "JSON decode error: a key repeats";
            Err(FieldError::new(&["body"], "json_invalid", msg, None).into())
        }
        Ok(other) => {
            let msg = "Input should be a valid dictionary or object to extract fields from";
            Err(FieldError::new(&["body"], "model_attributes_type", msg, shown(&other)).into())
        }
        Err(error) => {
            let at = offset(body, error.line(), error.column()).to_string();
            let loc = ["body", at.as_str()];
            Err(FieldError::new(&loc, "json_invalid", "JSON decode error", None).into())
        }
    }
}

/// How many members an object has, those that repeat too.
struct Counted(usize);

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Counted(0))
    }
}

impl<'de> Visitor<'de> for Counted {
    type Value = Self;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Self, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            self.0 += 1;
        }
        Ok(self)
    }
}

/// FastAPI says where by a count of characters, serde_json by line and column.
fn offset(body: &[u8], line: usize, column: usize) -> usize {
    let before: usize = body
        .split_inclusive(|&byte| byte == b'\n')
        .take(line.saturating_sub(1))
        .map(<[u8]>::len)
        .sum();
    (before + column).saturating_sub(1).min(body.len())
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use http::header::CONTENT_TYPE;
    use http::{HeaderMap, HeaderValue};

    use super::*;

    #[derive(Debug)]
    struct Pair;

    impl JsonBody for Pair {
        fn from_members(members: &mut Members) -> Option<Self> {
            let (a, b) = (members.text("a", 1, 3), members.text("b", 0, 5));
            a.and(b).map(|_| Self)
        }
    }

    fn read(body: &[u8]) -> Result<Pair, Problem> {
        Pair::from_body(body)
    }

    fn refused(body: &[u8]) -> Vec<(Vec<String>, String)> {
        let problem = read(body).unwrap_err();
        assert_eq!(problem.status, 422);
        problem.errors.into_iter().map(|error| (error.loc, error.kind.into_owned())).collect()
    }

    #[test]
    fn every_wrong_field_is_told_in_the_words_of_fastapi() {
        let told = |body: &str| -> Vec<String> {
            refused(body.as_bytes())
                .into_iter()
                .map(|(loc, kind)| format!("{} {kind}", loc.join(".")))
                .collect()
        };
        assert_eq!(told("{}"), ["body.a missing", "body.b missing"]);
        assert_eq!(told(r#"{"a":"","b":7}"#), ["body.a string_too_short", "body.b string_type"]);
        assert_eq!(
            told(r#"{"a":"four","b":null}"#),
            ["body.a string_too_long", "body.b string_type"]
        );
        assert_eq!(told(r#"{"a":"\u0000","b":""}"#), ["body.a string_pattern_mismatch"]);
        assert_eq!(told("[1]"), ["body model_attributes_type"]);
        assert_eq!(told(""), ["body missing"]);
        assert_eq!(told("{\n x"), ["body.3 json_invalid"]);
    }

    #[test]
    fn a_key_that_repeats_is_refused_and_unknown_keys_are_ignored() {
        read(br#"{"a":"x","b":"","c":{"d":1}}"#).unwrap();
        for twice in [&br#"{"a":"y","a":"x","b":""}"#[..], br#"{"a":"x","b":"","\u0061":"x"}"#] {
            let problem = read(twice).unwrap_err();
            let error = &problem.errors[0];
            assert_eq!((&*error.kind, &*error.loc), ("json_invalid", &["body".to_owned()][..]));
            assert!(error.msg.ends_with("a key repeats"), "{}", error.msg);
        }
    }

    #[test]
    fn hostile_json_is_refused_and_nothing_overflows() {
        let deep = ["[".repeat(100_000), "]".repeat(100_000)].concat();
        let deep_field = format!(r#"{{"a":{deep}}}"#);
        for body in [
            deep.as_bytes(),
            deep_field.as_bytes(),
            br#"{"a":"\ud800","b":""}"#,
            br#"{"a":NaN,"b":""}"#,
            b"{\"a\":\"\xff\",\"b\":\"\"}",
            br#"{"a":"x","b":""} tail"#,
            &[b' '; 1_000],
        ] {
            assert_eq!(refused(body)[0].1, "json_invalid");
        }
    }

    #[test]
    fn a_long_input_is_shown_in_part() {
        let body = serde_json::json!({ "a": "é".repeat(1_000_000), "b": "" }).to_string();
        let problem = read(body.as_bytes()).unwrap_err();
        assert_eq!(problem.errors[0].input.as_ref().unwrap().chars().count(), SHOWN + 1);
    }

    #[test]
    fn only_json_is_taken_for_json() {
        for (kind, taken) in [
            ("application/json", true),
            ("Application/JSON ; charset=utf-8", true),
            ("application/problem+json", true),
            ("text/json", false),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
        ] {
            let mut head = HeaderMap::new();
            head.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            assert_eq!(JsonType::from_fields(&head, &Limits::default()).is_ok(), taken, "{kind}");
        }
        let none = JsonType::from_fields(&HeaderMap::new(), &Limits::default());
        assert_eq!(none.unwrap_err().status, 415);
    }
}
