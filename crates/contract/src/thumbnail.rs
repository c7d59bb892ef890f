//! `POST /thumbnail?width=&placement=`: an image in, a small JPEG out.

use crate::query::Query;
use crate::{FieldError, Limits, Placement, Problem, QueryParams};

/// The widest that may be asked for, in pixels.
const WIDEST: u32 = 2_048;

/// What is made of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// The most pixels it is wide; an image that is narrower keeps its size.
    pub width: u32,
    /// Where it is made.
    pub placement: Placement,
}

impl QueryParams for Thumbnail {
    fn parse(query: &Query, _: &Limits) -> Result<Self, Problem> {
        let width = query.last("width").map_or(Ok(256), width)?;
        Ok(Self { width, placement: Placement::of(query)? })
    }
}

fn width(text: &str) -> Result<u32, Problem> {
    let refused = |kind, msg: String| {
        Problem::from(FieldError::new(&["query", "width"], kind, msg, text.to_owned()))
    };
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits {
        let msg = "Input should be a valid integer, unable to parse string as an integer";
        return Err(refused("int_parsing", msg.to_owned()));
    }
    // Digits that are no u32 are too many.
    match text.parse().unwrap_or(u32::MAX) {
        0 => {
            let msg = "Input should be greater than or equal to 1";
            Err(refused("greater_than_equal", msg.to_owned()))
        }
        width if width > WIDEST => {
            let msg = format!("Input should be less than or equal to {WIDEST}");
            Err(refused("less_than_equal", msg))
        }
        width => Ok(width),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_width_is_a_number_of_pixels_within_bounds() {
        let ask = |query| Thumbnail::from_query(Some(query), &Limits::default());
        assert_eq!(ask("").unwrap(), Thumbnail { width: 256, placement: Placement::Inline });
        let asked = Thumbnail { width: 2_048, placement: Placement::Offload };
        assert_eq!(ask("width=2048&placement=offload").unwrap(), asked);
        for query in ["width=", "width=0", "width=-1", "width=2049", "width=1.5", "width=+1"] {
            assert_eq!(ask(query).unwrap_err().status, 422, "{query}");
        }
        assert_eq!(ask("width=99999999999").unwrap_err().errors[0].kind, "less_than_equal");
    }
}
