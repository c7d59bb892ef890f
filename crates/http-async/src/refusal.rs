//! The replies that the transport gives by itself: a status, `connection: close`, no content.

use std::time::SystemTime;

use http::StatusCode;

/// The whole reply, ready to be written.
pub(crate) fn refusal(status: StatusCode) -> String {
    let retry = if status == StatusCode::SERVICE_UNAVAILABLE { "retry-after: 1\r\n" } else { "" };
    format!(
        "HTTP/1.1 {} {}\r\nconnection: close\r\ncontent-length: 0\r\n{retry}date: {}\r\n\r\n",
        status.as_str(),
        status.canonical_reason().unwrap_or("Refused"),
        httpdate::fmt_http_date(SystemTime::now()),
    )
}

/// The status of a reply of which `head` is the beginning.
pub(crate) fn status_of(head: &[u8]) -> Option<StatusCode> {
    let digits = head.strip_prefix(b"HTTP/1.")?.get(2..5)?;
    StatusCode::from_bytes(digits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_closes_and_has_no_content() {
        let reply = refusal(StatusCode::REQUEST_TIMEOUT);
        assert!(reply.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{reply}");
        assert!(reply.contains("\r\nconnection: close\r\ncontent-length: 0\r\n"), "{reply}");
        assert!(reply.ends_with(" GMT\r\n\r\n"), "{reply}");
        assert!(!reply.contains("retry-after"), "{reply}");
        assert!(refusal(StatusCode::SERVICE_UNAVAILABLE).contains("\r\nretry-after: 1\r\n"));
    }

    #[test]
    fn a_status_is_read_back_from_what_a_framework_wrote() {
        assert_eq!(
            status_of(b"HTTP/1.1 431 Request"),
            Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
        );
        assert_eq!(status_of(b"HTTP/1.0 400"), Some(StatusCode::BAD_REQUEST));
        assert_eq!(status_of(b"HTTP/1.1"), None);
        assert_eq!(status_of(b"hello, world"), None);
    }
}
