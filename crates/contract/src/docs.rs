//! `/docs`: Swagger UI from assets inside the binary; it loads nothing from elsewhere and works offline.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use utoipa_swagger_ui::Config;

use crate::{Limits, PathParam, Problem};

/// A file of the page.
#[derive(Clone, Debug)]
pub struct Asset {
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Bytes,
}

/// The page itself, at `/docs`; its files are below `/docs/`.
pub fn page() -> Asset {
    static PAGE: LazyLock<Asset> = LazyLock::new(|| {
        let Asset { media_type, bytes } = asset("index.html").expect("the page is embedded");
        // The page stands at /docs without a slash, so its relative links would miss their folder.
        let html = String::from_utf8_lossy(&bytes)
            .replace("\"./", "\"/docs/")
            .replace("\"index.css\"", "\"/docs/index.css\"");
        Asset { media_type, bytes: html.into() }
    });
    PAGE.clone()
}

impl PathParam for Asset {
    fn parse(text: &str, _limits: &Limits) -> Result<Self, Problem> {
        asset(text).ok_or_else(Problem::not_found)
    }
}

fn asset(name: &str) -> Option<Asset> {
    static CONFIG: LazyLock<Arc<Config<'static>>> =
        LazyLock::new(|| Arc::new(Config::from("/openapi.json")));
    let file = utoipa_swagger_ui::serve(name, Arc::clone(&CONFIG)).ok().flatten()?;
    Some(Asset { media_type: file.content_type, bytes: file.bytes.into_owned().into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_loads_its_own_files_and_our_document() {
        let text = |asset: Asset| String::from_utf8(asset.bytes.to_vec()).unwrap();
        let html = text(page());
        let html = html.as_str();
        assert!(!html.contains("//"), "the page loads something from elsewhere: {html}");
        for link in html.split('"').filter(|part| part.starts_with("/docs/")) {
            assert!(Asset::from_path(link, &Limits::default()).is_ok(), "{link}");
        }
        assert!(html.contains("/docs/swagger-initializer.js"), "{html}");
        let initializer = asset("swagger-initializer.js").unwrap();
        assert!(text(initializer).contains("/openapi.json"));
        assert!(asset("../Cargo.toml").is_none());
    }
}
