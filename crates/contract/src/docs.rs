//! `/docs`: Swagger UI from assets inside the binary; it loads nothing from elsewhere and works offline.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use utoipa_swagger_ui::Config;

/// A file of the page.
#[derive(Clone, Debug)]
pub struct Asset {
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Cow<'static, [u8]>,
}

/// The file at a path below `/docs/`; `index.html` is the page itself.
pub fn asset(path: &str) -> Option<Asset> {
    static CONFIG: LazyLock<Arc<Config<'static>>> =
        LazyLock::new(|| Arc::new(Config::from("/openapi.json")));
    let file = utoipa_swagger_ui::serve(path, Arc::clone(&CONFIG)).ok().flatten()?;
    Some(Asset { media_type: file.content_type, bytes: file.bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_loads_its_own_files_and_our_document() {
        let text = |path| String::from_utf8(asset(path).unwrap().bytes.into_owned()).unwrap();
        assert!(!text("index.html").contains("//"), "the page loads something from elsewhere");
        assert!(text("swagger-initializer.js").contains("/openapi.json"));
        assert!(asset("../Cargo.toml").is_none());
    }
}
