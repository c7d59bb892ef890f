//! Replies as bytes, in GitHub's words, framed as each caller wants them, rightly or not.

use std::io::Write;
use std::time::SystemTime;

use serde::Serialize;

use crate::stats::Quota;

pub(crate) const JSON: &str = "application/json; charset=utf-8";
pub(crate) const HTML: &str = "text/html; charset=utf-8";

/// A head under construction; how it ends decides how the body is framed.
pub(crate) struct Head(Vec<u8>);

impl Head {
    /// A status line and the fields that GitHub puts on everything.
    pub(crate) fn new(status: u16, content_type: &str) -> Head {
        let reason = reason(status);
        let date = httpdate::HttpDate::from(SystemTime::now());
        let mut bytes = Vec::with_capacity(2_560);
        write!(
            bytes,
            "HTTP/1.1 {status} {reason}\r\n\
             date: {date}\r\n\
             content-type: {content_type}\r\n\
             cache-control: public, max-age=60, s-maxage=60\r\n\
             vary: Accept,Accept-Encoding, Accept, X-Requested-With\r\n\
             x-github-media-type: github.v3; format=json\r\n\
             x-github-api-version-selected: 2022-11-28\r\n\
             access-control-allow-origin: *\r\n\
             x-content-type-options: nosniff\r\n\
             server: github.com\r\n"
        )
        .expect("a Vec takes every write");
        Head(bytes)
    }

    /// One more field.
    pub(crate) fn field(mut self, name: &str, value: impl std::fmt::Display) -> Head {
        write!(self.0, "{name}: {value}\r\n").expect("a Vec takes every write");
        self
    }

    /// The rate limit's five fields.
    pub(crate) fn quota(self, quota: Quota) -> Head {
        self.field("x-ratelimit-limit", quota.limit)
            .field("x-ratelimit-remaining", quota.limit.saturating_sub(quota.used))
            .field("x-ratelimit-used", quota.used)
            .field("x-ratelimit-reset", quota.reset)
            .field("x-ratelimit-resource", "core")
    }

    /// Ends the head with the length of `body`, and puts the body behind it.
    pub(crate) fn whole(self, body: &[u8]) -> Vec<u8> {
        let mut bytes = self.declared(body.len());
        bytes.extend_from_slice(body);
        bytes
    }

    /// Ends the head with a promise of `length` bytes.
    pub(crate) fn declared(self, length: usize) -> Vec<u8> {
        self.field("content-length", length).bare()
    }

    /// Ends the head before a chunked body.
    pub(crate) fn chunked(self) -> Vec<u8> {
        self.field("transfer-encoding", "chunked").bare()
    }

    /// Ends the head with no word about a body.
    pub(crate) fn bare(mut self) -> Vec<u8> {
        self.0.extend_from_slice(b"\r\n");
        self.0
    }

    /// The fields so far, with no end.
    pub(crate) fn endless(self) -> Vec<u8> {
        self.0
    }
}

/// Appends `data` as one chunk.
pub(crate) fn push_chunk(bytes: &mut Vec<u8>, data: &[u8]) {
    write!(bytes, "{:x}\r\n", data.len()).expect("a Vec takes every write");
    bytes.extend_from_slice(data);
    bytes.extend_from_slice(b"\r\n");
}

/// A failure's body as GitHub words it.
pub(crate) fn failure(status: u16, message: &str, page: &str) -> Vec<u8> {
    #[derive(Serialize)]
    struct Failure<'a> {
        message: &'a str,
        documentation_url: String,
        status: String,
    }
    let documentation_url = format!("https://docs.github.com/rest{page}");
    json(&Failure { message, documentation_url, status: status.to_string() })
}

/// A redirect's body as GitHub words it.
pub(crate) fn moved(status: u16, url: &str) -> Vec<u8> {
    #[derive(Serialize)]
    struct Moved<'a> {
        message: &'a str,
        url: &'a str,
        documentation_url: &'a str,
    }
    let documentation_url = "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects";
    json(&Moved { message: reason(status), url, documentation_url })
}

fn json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("strings are JSON")
}

/// GitHub's words for a status of 400 and over.
pub(crate) fn message(status: u16) -> &'static str {
    match status {
        401 => "Bad credentials",
        500 | 502 | 504 => "Server Error",
        503 => {
            "No server is currently available to service your request. Sorry about that. Please try resubmitting your \
                request and contact us if the problem persists."
        }
        _ => reason(status),
    }
}

pub(crate) const NO_USER_AGENT: &str = "\r\nRequest forbidden by administrative rules. Please make sure your request \
    has a User-Agent header (https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required). \
    Check https://developer.github.com for other possible causes.\r\n";
pub(crate) const RATE_LIMITED: &str = "API rate limit exceeded for 127.0.0.1. (But here's the good news: Authenticated \
    requests get a higher rate limit. Check out the documentation for more details.)";
pub(crate) const RATE_LIMITED_PAGE: &str = "/overview/resources-in-the-rest-api#rate-limiting";
pub(crate) const SECONDARY: &str = "You have exceeded a secondary rate limit. Please wait a few minutes before you try \
    again.";
pub(crate) const SECONDARY_PAGE: &str =
    "/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits";
pub(crate) const UNICORN: &str = "<!DOCTYPE html>\n<html><head><title>Unicorn! &middot; GitHub</title></head>\
    <body><p>We're having a really bad day.</p></body></html>\n";

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}
