//! What a transport answers by itself when no handler is asked: a status, `connection: close`, no content.

use http::StatusCode;

/// How much of what a client still sends is read after an answer that ends its connection, so that the client sees the answer
/// before a reset throws it away (RFC 9112 section 9.6); in bytes.
pub const LINGER_BYTES: usize = 16 << 20;

/// The whole answer, ready to be written. `date` is an IMF-fixdate (RFC 9110 section 5.6.7).
pub fn refusal(status: StatusCode, date: &str) -> String {
    let retry = if status == StatusCode::SERVICE_UNAVAILABLE { "retry-after: 1\r\n" } else { "" };
    format!(
        "HTTP/1.1 {} {}\r\nconnection: close\r\ncontent-length: 0\r\n{retry}date: {date}\r\n\r\n",
        status.as_str(),
        status.canonical_reason().unwrap_or("Refused"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_closes_and_has_no_content() {
        assert_eq!(
            refusal(StatusCode::REQUEST_TIMEOUT, "DATE"),
            "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\ndate: DATE\r\n\r\n"
        );
        let full = refusal(StatusCode::SERVICE_UNAVAILABLE, "DATE");
        assert!(full.contains("\r\nretry-after: 1\r\n"), "{full}");
    }
}
