//! Which `Host` a request may name (RFC 9112 section 3.2, RFC 3986 section 3.2.2).

use http::Version;

/// Exactly one valid `Host` on HTTP/1.1; on HTTP/1.0 there may be none.
pub(crate) fn is_one_host<'a>(
    version: Version,
    mut values: impl Iterator<Item = &'a [u8]>,
) -> bool {
    match (values.next(), values.next()) {
        (Some(host), None) => is_host(host),
        (None, None) => version < Version::HTTP_11,
        _ => false,
    }
}

/// `uri-host [ ":" port ]`, and not empty: an http URI needs a host (RFC 9110 section 4.2.1).
fn is_host(value: &[u8]) -> bool {
    if let [b'[', rest @ ..] = value {
        let Some(end) = rest.iter().position(|&byte| byte == b']') else { return false };
        let address = &rest[..end];
        let literal = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.' | b'v');
        return !address.is_empty() && address.iter().all(literal) && is_port(&rest[end + 1..]);
    }
    let host = value.iter().position(|&byte| byte == b':').unwrap_or(value.len());
    let (host, port) = value.split_at(host);
    !host.is_empty() && host.iter().all(|&byte| is_host_byte(byte)) && is_port(port)
}

/// Nothing, or a colon and up to five digits.
fn is_port(port: &[u8]) -> bool {
    match port {
        [] => true,
        [b':', digits @ ..] => digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// unreserved / pct-encoded / sub-delims
fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_and_perhaps_a_port() {
        for host in ["127.0.0.1:8080", "localhost", "[::1]:80", "[::1]", "a.example:", "x_y%20z"] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for host in
            ["", "exa mple", "a/b", "user@host", "a:b", "[::1", "[]", "[::1]x", "a:123456", "a:1:2"]
        {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
    }
}
