//! The replies that the transport gives by itself: a status, `connection: close`, no content.

use std::time::SystemTime;

use contract::refused;
use http::StatusCode;

/// The whole reply, ready to be written.
pub(crate) fn refusal(status: StatusCode) -> String {
    refused::refusal(status, &httpdate::fmt_http_date(SystemTime::now()))
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
