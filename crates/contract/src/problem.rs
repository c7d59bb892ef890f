//! Every failure is a problem: `application/problem+json`, RFC 9457, in the words FastAPI uses for a 422.

use std::borrow::Cow;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A failure as the client reads it.
///
/// `instance` is the path of the request; a server fills it in when it writes the reply, because whoever
/// raises a problem deep inside a call does not know which request it serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A name for the kind of failure; `about:blank` says no more than the status does.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// The status in words.
    pub title: Cow<'static, str>,
    /// The HTTP status, repeated so that the body can be read on its own.
    pub status: u16,
    /// What went wrong this time, without anything internal.
    pub detail: Cow<'static, str>,
    /// The path of the request that failed.
    #[serde(default)]
    pub instance: String,
    /// What each refused input should have been; only on a 422.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Seconds for the `Retry-After` field; it travels in the head, not in the body.
    #[serde(skip)]
    pub retry_after: Option<u64>,
}

/// One refused input, with FastAPI's `loc`, `type` and `msg`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// Where it stood, outermost first: `["path", "seconds"]`.
    pub loc: Vec<String>,
    /// FastAPI's name for the rule: `int_parsing`, `less_than_equal`, …
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// FastAPI's sentence for it.
    pub msg: Cow<'static, str>,
    /// What was sent, or null when nothing was.
    pub input: Option<String>,
}

impl Problem {
    /// A problem that says no more than its status and one sentence.
    pub fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind: "about:blank".into(),
            title: status.canonical_reason().unwrap_or("Error").into(),
            status: status.as_u16(),
            detail: detail.into(),
            instance: String::new(),
            errors: Vec::new(),
            retry_after: None,
        }
    }

    /// 400: the request cannot be read.
    pub fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 404: no such path.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is nothing at this path")
    }

    /// 404: a path that leads to files, and no file of this name.
    pub fn no_file() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no file of this name")
    }

    /// 405: the path exists, the method does not. The server adds `Allow`.
    pub fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "this path does not answer that method; see Allow",
        )
    }

    /// 408: the body came too slowly.
    pub fn body_timeout() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "the body of the request came too slowly")
    }

    /// 413: the body is larger than this route takes.
    pub fn too_large(limit: u64) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is larger than the {limit} bytes this path takes"),
        )
    }

    /// 415: the body is of a kind that this route does not take.
    pub fn unsupported(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
    }

    /// 422: the request can be read, and an input is refused.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        Self {
            errors,
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "an input is not valid; see errors")
        }
    }

    /// 500: ours. It says nothing about the inside.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the server failed to answer; the log tells more",
        )
    }

    /// 502: the upstream answered with something that cannot be used, or refused to talk.
    pub fn bad_upstream(detail: &'static str) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, detail)
    }

    /// 503 with `Retry-After`: full, or too late; the same request may succeed `after` seconds from now.
    pub fn unavailable(detail: impl Into<Cow<'static, str>>, after: u64) -> Self {
        Self { retry_after: Some(after), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail) }
    }

    /// 503: the deadline that the client or the server set has passed before there was an answer.
    pub fn deadline_passed() -> Self {
        Self::unavailable("the deadline passed before there was an answer", 1)
    }

    /// 503: every thread of the offload pool is busy and its queue is full.
    pub fn offload_full() -> Self {
        Self::unavailable("every offload thread is busy and the queue before them is full", 1)
    }

    /// 503: every core computes and as much as may wait for one does.
    pub fn cpu_full() -> Self {
        Self::unavailable("every core computes and the queue before them is full", 1)
    }

    /// 503: the system has no thread left.
    pub fn no_thread() -> Self {
        Self::unavailable("no thread could be started", 1)
    }

    /// 503: there are as many bytes of bodies in memory as may be.
    pub fn memory_full() -> Self {
        Self::unavailable("as much of bodies is in memory as may be", 1)
    }

    /// 507: the disk, or the share of it that files may take, is full.
    pub fn no_room(detail: &'static str) -> Self {
        Self::new(StatusCode::INSUFFICIENT_STORAGE, detail)
    }

    /// 504: the upstream did not answer in time.
    pub fn upstream_timeout() -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, "the upstream did not answer in time")
    }

    /// The status as a type; a problem made here always has a valid one.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The same problem, told which request it answers.
    pub fn at(mut self, path: &str) -> Self {
        path.clone_into(&mut self.instance);
        self
    }

    /// The body: compact JSON.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a problem holds only strings and numbers")
    }
}

impl FieldError {
    /// One refused input at `loc`.
    pub fn new(
        loc: &[&str],
        kind: &'static str,
        msg: impl Into<Cow<'static, str>>,
        input: impl Into<Option<String>>,
    ) -> Self {
        Self {
            loc: loc.iter().map(|&part| part.to_owned()).collect(),
            kind: kind.into(),
            msg: msg.into(),
            input: input.into(),
        }
    }

    /// A required input that was not sent.
    pub fn missing(loc: &[&str]) -> Self {
        Self::new(loc, "missing", "Field required", None)
    }

    /// A value that is none of the `choices`, which come as FastAPI prints them: `'a' or 'b'`.
    pub fn not_one_of(loc: &[&str], choices: &str, input: &str) -> Self {
        Self::new(loc, "enum", format!("Input should be {choices}"), input.to_owned())
    }
}

impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Self {
        Self::invalid(vec![error])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_compact_json_in_the_order_of_the_rfc() {
        let json = String::from_utf8(Problem::not_found().at("/nope").to_json()).unwrap();
        assert_eq!(
            json,
            r#"{"type":"about:blank","title":"Not Found","status":404,"detail":"there is nothing at this path","instance":"/nope"}"#
        );
    }

    #[test]
    fn a_422_names_the_input_in_the_words_of_fastapi() {
        let error = FieldError::new(&["path", "seconds"], "int_parsing", "…", "abc".to_owned());
        let json: serde_json::Value =
            serde_json::from_slice(&Problem::from(error).to_json()).unwrap();
        assert_eq!(json["errors"][0]["loc"], serde_json::json!(["path", "seconds"]));
        assert_eq!(json["errors"][0]["input"], "abc");
    }
}
