//! One picture: what is drawn, how large, and the same in words for who cannot see it.
//!
//! Written by hand rather than by `plotters`: its SVG fixes every colour, so that a page could not follow the reader's
//! dark or light, and it writes no `<title>` into a mark and no `<desc>`, so that a void point could not say why.

use super::text::escape;

/// What is drawn, and what it says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Drawing {
    /// In units of the picture, about a pixel each.
    pub(super) width: f64,
    /// See `width`.
    pub(super) height: f64,
    /// Elements of SVG.
    pub(super) body: String,
    /// What it shows, in a few words.
    pub(super) title: String,
    /// What can be read off it, in words.
    pub(super) says: String,
}

impl Drawing {
    /// As an element of a page that has the style.
    pub(super) fn svg(&self, id: &str) -> String {
        let Self { width, height, body, title, says } = self;
        let (title, says) = (escape(title), escape(says));
        // No larger than that: text of one size in all of them.
        let most = width * 1.15;
        format!(
            r#"<svg viewBox="0 0 {width:.0} {height:.0}" style="max-width:{most:.0}px" role="img" aria-labelledby="{id}-t {id}-d"><title id="{id}-t">{title}</title><desc id="{id}-d">{says}</desc>{body}</svg>"#
        )
    }
}

/// Text at a place, of classes such as `soft end`.
pub(super) fn label(x: f64, y: f64, class: &str, text: &str) -> String {
    let text = escape(text);
    format!(r#"<text class="{class}" x="{x:.1}" y="{y:.1}">{text}</text>"#)
}

/// A straight line of a class.
pub(super) fn stroke(class: &str, from: (f64, f64), to: (f64, f64)) -> String {
    format!(r#"<path class="{class}" d="M{:.1} {:.1}L{:.1} {:.1}"/>"#, from.0, from.1, to.0, to.1)
}

/// What belongs to one competitor, and what it says when pointed at.
pub(super) fn group(class: &str, says: &str, body: &str) -> String {
    format!(r#"<g class="{class}"><title>{}</title>{body}</g>"#, escape(says))
}

/// About the width of a text of the drawings' size.
pub(super) fn width_of(text: &str) -> f64 {
    text.chars().count() as f64 * 6.0
}

/// The ticks whose texts leave each other room along a line.
pub(super) fn apart(ticks: Vec<(f64, String)>, x: impl Fn(f64) -> f64) -> Vec<(f64, String)> {
    let mut free = f64::MIN;
    let mut fits = |(value, text): &(f64, String)| {
        let (at, half) = (x(*value), width_of(text) / 2.0);
        let fits = at - half > free;
        if fits {
            free = at + half + 4.0;
        }
        fits
    };
    ticks.into_iter().filter(|tick| fits(tick)).collect()
}
