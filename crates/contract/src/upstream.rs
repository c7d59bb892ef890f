//! Which upstream is asked, and as whom: read once, when the server starts.

use std::net::Ipv6Addr;

use http::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, USER_AGENT};
use http::uri::{Authority, Scheme, Uri};

/// Why no upstream can be asked with these flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUpstream {
    /// Not a URL, or one of another scheme.
    #[error("--github-url must begin with http:// or https://")]
    NotHttp,
    /// A host that is neither a name nor an address.
    #[error("--github-url must name a host")]
    NoHost,
    /// More than where to connect: requests are made of this URL and a path of ours.
    #[error("--github-url must hold a scheme, a host and perhaps a port, and nothing more")]
    NotBare,
    /// Bytes that no header field may carry.
    #[error("--github-token must be visible ASCII characters")]
    BadToken,
}

/// An upstream that can be asked.
#[derive(Debug)]
pub struct Upstream {
    /// Scheme, host and port, with no slash at the end.
    pub base: String,
    /// A name or an address; IPv6 without its brackets.
    pub host: String,
    /// The port, or the scheme's own.
    pub port: u16,
    /// What every request carries. Nothing of our client's is passed on.
    pub fields: HeaderMap,
}

impl Upstream {
    /// Reads the flags `--github-url` and `--github-token`.
    pub fn new(url: &str, token: Option<&str>) -> Result<Self, BadUpstream> {
        let uri: Uri = url.parse().map_err(|_| BadUpstream::NotHttp)?;
        let default = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => 80,
            Some(scheme) if *scheme == Scheme::HTTPS => 443,
            _ => return Err(BadUpstream::NotHttp),
        };
        let (scheme, authority) =
            uri.scheme_str().zip(uri.authority()).expect("a URI with a scheme has an authority");
        // A `Uri` forgets the fragment; the text does not.
        if uri.path() != "/" || uri.query().is_some() || url.contains('#') {
            return Err(BadUpstream::NotBare);
        }
        let (host, port) = host_and_port(authority)?;
        let port = port.unwrap_or(default);
        let suffix = if port == default { String::new() } else { format!(":{port}") };
        Ok(Self {
            base: format!("{scheme}://{host}{suffix}"),
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            fields: fields(token)?,
        })
    }
}

fn host_and_port(authority: &Authority) -> Result<(&str, Option<u16>), BadUpstream> {
    let host = authority.host();
    let named = !host.is_empty()
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let numbered = bare.is_some_and(|host| host.parse::<Ipv6Addr>().is_ok());
    if !named && !numbered {
        return Err(BadUpstream::NoHost);
    }
    let port = authority.port();
    let whole = port.as_ref().map_or(host.to_owned(), |port| format!("{host}:{port}"));
    // What is left over is a user, a password, or a port that is no number.
    if whole != authority.as_str() {
        return Err(BadUpstream::NotBare);
    }
    Ok((host, port.map(|port| port.as_u16())))
}

/// GitHub refuses a request without a `User-Agent`, and asks for the other two.
fn fields(token: Option<&str>) -> Result<HeaderMap, BadUpstream> {
    let mut fields = HeaderMap::new();
    fields.insert(USER_AGENT, HeaderValue::from_static("waitlab"));
    fields.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
    fields.insert("x-github-api-version", HeaderValue::from_static("2022-11-28"));
    if let Some(token) = token {
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(BadUpstream::BadToken);
        }
        let mut value = HeaderValue::try_from(format!("Bearer {token}"))
            .expect("visible ASCII is a field's value");
        // So that no log prints it.
        value.set_sensitive(true);
        fields.insert(AUTHORIZATION, value);
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_scheme_a_host_and_perhaps_a_port() {
        for (url, base, host, port) in [
            ("https://api.github.com", "https://api.github.com", "api.github.com", 443),
            ("https://api.github.com/", "https://api.github.com", "api.github.com", 443),
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000", "127.0.0.1", 8000),
            ("HTTP://localhost:80", "http://localhost", "localhost", 80),
            ("http://[::1]:8000/", "http://[::1]:8000", "::1", 8000),
        ] {
            let upstream = Upstream::new(url, None).unwrap();
            assert_eq!(upstream.base, base);
            assert_eq!((upstream.host.as_str(), upstream.port), (host, port), "{url}");
        }
    }

    #[test]
    fn a_url_that_says_more_or_less_is_refused() {
        for (url, why) in [
            ("", BadUpstream::NotHttp),
            ("api.github.com", BadUpstream::NotHttp),
            ("ftp://api.github.com", BadUpstream::NotHttp),
            ("http://", BadUpstream::NotHttp),
            ("http://:80", BadUpstream::NoHost),
            ("http://a!b", BadUpstream::NoHost),
            ("http://[::z]", BadUpstream::NoHost),
            ("http://a/users", BadUpstream::NotBare),
            ("http://a/?x=1", BadUpstream::NotBare),
            ("http://a/#x", BadUpstream::NotBare),
            ("http://me@a", BadUpstream::NotBare),
            ("http://a:", BadUpstream::NotBare),
            ("http://a:65536", BadUpstream::NotBare),
        ] {
            assert_eq!(Upstream::new(url, None).unwrap_err(), why, "{url}");
        }
    }

    #[test]
    fn a_token_is_carried_and_never_printed() {
        let upstream = Upstream::new("http://a", Some("s3cret")).unwrap();
        assert_eq!(upstream.fields[AUTHORIZATION], "Bearer s3cret");
        assert!(!format!("{upstream:?}").contains("s3cret"));
        for token in ["", "a b", "a\r\nx: y", "ü"] {
            let refused = Upstream::new("http://a", Some(token)).unwrap_err();
            assert_eq!(refused, BadUpstream::BadToken, "{token:?}");
        }
    }
}
