//! What was asked, level by level, with the flags that kept limits of ours out of the way.

use super::table::asked;
use super::text::escape;
use crate::results::Results;

/// The table.
pub(super) fn html(results: &Results) -> String {
    let blocks = results.scenarios.iter().map(|scenario| {
        let flags = match scenario.flags.is_empty() {
            true => String::new(),
            false => format!(" <em>every server with {}</em>", escape(&scenario.flags.join(" "))),
        };
        let rows = scenario.levels.iter().map(|level| {
            let (name, asked) = (escape(&level.name), escape(&asked(level, usize::MAX)));
            format!(r#"<tr><th scope="row">{name}</th><td class="text">{asked}</td></tr>"#)
        });
        format!(
            r#"<tbody><tr class="level"><th scope="rowgroup" colspan="2"><span>{}{flags}</span></th></tr>{}</tbody>"#,
            escape(&scenario.name),
            rows.collect::<String>()
        )
    });
    format!(
        r#"<div class="table" role="region" aria-label="Plan" tabindex="0"><table>
<caption>In each scenario the competitors take turns, one server process each; the turn moves on from round to round, from a start that the seed picks</caption>
<thead><tr><th scope="col">level</th><th scope="col" class="text">what is asked</th></tr></thead>
{}</table></div>"#,
        blocks.collect::<String>()
    )
}
