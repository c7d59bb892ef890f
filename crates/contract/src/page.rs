//! The page at `/`, to try the API in a browser: plain files, embedded, which load nothing from elsewhere.

use bytes::Bytes;

use crate::docs::Asset;
use crate::{Limits, PathParam, Problem};

/// The page itself, at `/`; its files are below `/page/`.
pub fn index() -> Asset {
    asset("text/html; charset=utf-8", include_str!("page/index.html"))
}

/// A file the page loads.
#[derive(Clone, Debug)]
pub struct PageFile(pub Asset);

impl PathParam for PageFile {
    fn parse(text: &str, _limits: &Limits) -> Result<Self, Problem> {
        match text {
            "page.css" => Ok(Self(asset("text/css; charset=utf-8", include_str!("page/page.css")))),
            "page.js" => {
                Ok(Self(asset("text/javascript; charset=utf-8", include_str!("page/page.js"))))
            }
            _ => Err(Problem::not_found()),
        }
    }
}

fn asset(media_type: &str, text: &'static str) -> Asset {
    Asset { media_type: media_type.to_owned(), bytes: Bytes::from_static(text.as_bytes()) }
}
