//! `multipart/form-data` (RFC 7578): what a browser's form must look like, whoever cuts it into parts.

use http::StatusCode;

use crate::delivery::FieldParams;
use crate::file::FileName;
use crate::head::Fields;
use crate::{FieldError, Limits, Problem};

/// The most parts of one form; more is a 413.
pub const MOST_PARTS: usize = 100;

/// The most bytes of one part's head, and of what stands before the first part; more is a 413.
pub const PART_HEAD_BYTES: usize = 8 << 10;

/// What stands between two parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boundary(pub String);

impl FieldParams for Boundary {
    fn from_fields(fields: &impl Fields, _limits: &Limits) -> Result<Self, Problem> {
        let unsupported = || {
            Problem::unsupported(
                "this path takes multipart/form-data; one file as it is goes to PUT /files/{name}",
            )
        };
        let value = fields.all("content-type").next().ok_or_else(unsupported)?;
        let value = std::str::from_utf8(value).map_err(|_| unsupported())?;
        let (media_type, parameters) = value.split_once(';').unwrap_or((value, ""));
        if !media_type.trim().eq_ignore_ascii_case("multipart/form-data") {
            return Err(unsupported());
        }
        let boundary = parameter(parameters, "boundary").filter(|text| is_boundary(text));
        boundary.map(Self).ok_or_else(|| malformed("the boundary is missing or malformed"))
    }
}

/// RFC 2046 section 5.1.1.
fn is_boundary(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    (1..=70).contains(&text.len()) && text.bytes().all(allowed) && !text.ends_with(' ')
}

/// 400: not what RFC 7578 describes.
pub fn malformed(detail: &'static str) -> Problem {
    Problem::bad_request(detail)
}

/// 413: more parts than [`MOST_PARTS`].
pub fn too_many_parts() -> Problem {
    let detail = format!("the form has more than {MOST_PARTS} parts");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

/// 413: a head larger than [`PART_HEAD_BYTES`].
pub fn part_head_too_large() -> Problem {
    let detail = format!("the head of a part has more than {PART_HEAD_BYTES} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

/// 422: the form has no file.
pub fn no_file() -> Problem {
    FieldError::missing(&["body", "file"]).into()
}

/// The name of the file in a part, by its `Content-Disposition`; none if it is another field of the form, or a
/// choice of file that was left empty.
pub fn file_name(disposition: Option<&[u8]>) -> Result<Option<FileName>, Problem> {
    let missing = || malformed("a part has no Content-Disposition: form-data");
    let disposition = std::str::from_utf8(disposition.ok_or_else(missing)?)
        .map_err(|_| malformed("a part's Content-Disposition is not UTF-8"))?;
    let (kind, parameters) = disposition.split_once(';').unwrap_or((disposition, ""));
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return Err(missing());
    }
    parameter(parameters, "name").ok_or_else(|| malformed("a part has no name"))?;
    match parameter(parameters, "filename") {
        None => Ok(None),
        Some(name) if name.is_empty() => Ok(None),
        Some(name) => Ok(Some(FileName::parse(&["body", "filename"], &unescaped(&name))?)),
    }
}

/// Browsers write three characters of a file's name so (the HTML standard, multipart/form-data encoding algorithm).
fn unescaped(name: &str) -> String {
    name.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n")
}

/// The value of `; name=value` or `; name="value"`. In quotes a backslash keeps the quote after it from ending them,
/// and stands for itself before anything else, as browsers and curl write it.
fn parameter(mut text: &str, wanted: &str) -> Option<String> {
    loop {
        let (name, rest) = text.split_once('=')?;
        let rest = rest.trim_start();
        let (value, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_string(quoted)?,
            None => {
                let (value, after) = rest.split_once(';').unwrap_or((rest, ""));
                (value.trim().to_owned(), after)
            }
        };
        if name.trim_matches([';', ' ', '\t']).eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        text = after;
    }
}

/// What stands before the closing quote, and what follows it.
fn quoted_string(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((place, char)) = chars.next() {
        match char {
            '"' => return Some((value, &text[place + 1..])),
            '\\' if text[place + 1..].starts_with(['"', '\\']) => {
                value.extend(chars.next().map(|(_, char)| char))
            }
            char => value.push(char),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http::header::CONTENT_TYPE;

    use super::*;

    #[test]
    fn a_boundary_is_what_the_rfc_allows() {
        let of = |value: &str| {
            let mut fields = HeaderMap::new();
            fields.insert(CONTENT_TYPE, value.parse().unwrap());
            Boundary::from_fields(&fields, &Limits::default())
                .map(|boundary| boundary.0)
                .map_err(|problem| problem.status)
        };
        assert_eq!(of("multipart/form-data; boundary=abc"), Ok("abc".to_owned()));
        assert_eq!(of("Multipart/Form-Data; charset=x; Boundary=\"a b\""), Ok("a b".to_owned()));
        for value in [
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=\"a",
            "multipart/form-data; boundary=a@b",
            &format!("multipart/form-data; boundary={}", "x".repeat(71)),
        ] {
            assert_eq!(of(value), Err(400), "{value}");
        }
        for value in ["multipart/mixed; boundary=a", "application/json", ""] {
            assert_eq!(of(value), Err(415), "{value}");
        }
    }

    #[test]
    fn a_part_is_a_file_if_it_names_one() {
        let of = |text: &str| {
            file_name(Some(text.as_bytes()))
                .map(|name| name.map(|name| name.to_string()))
                .map_err(|problem| problem.status)
        };
        let named = |name: &str| Ok(Some(name.to_owned()));
        assert_eq!(of(r#"form-data; name="f"; filename="a.txt""#), named("a.txt"));
        assert_eq!(of(r"form-data; name=f; filename=a.txt"), named("a.txt"));
        assert_eq!(of(r#"form-data; filename="a; name=b.txt"; name="x""#), named("a; name=b.txt"));
        assert_eq!(of(r#"form-data; filename="a.txt""#), Err(400));
        assert_eq!(of(r#"form-data; name="filename=x"; filename="y""#), named("y"));
        assert_eq!(of(r#"form-data; name="f"; filename="a%22b\"c ü""#), named("a\"b\"c ü"));
        assert_eq!(of(r#"form-data; name="f""#), Ok(None));
        assert_eq!(of(r#"form-data; name="f"; filename="""#), Ok(None));
        assert_eq!(of(r#"form-data; name="f"; filename="../x""#), Err(422));
        assert_eq!(of(r#"form-data; name="f"; filename="a%0D%0Ab""#), Err(422));
        assert_eq!(of(r#"attachment; filename="a""#), Err(400));
        assert_eq!(file_name(None).unwrap_err().status, 400);
    }
}
