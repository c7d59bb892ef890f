//! A handler on a page: Python above, the three voices side by side, their differing lines marked.

use std::fmt::Write as _;

use super::align::rows;
use super::{Handler, VOICES};
use crate::report::escape;

/// The handlers that a request is answered by, each folded under its first sentence; `request` is as the results name it,
/// `GET /wait/1` or `GET /a (8) · POST /b (1)`. `known` are those that were shown before.
pub(crate) fn html(request: &str, known: &mut Vec<&'static str>) -> String {
    let mut text = String::new();
    for one in request.split(" · ") {
        let Some(handler) = one.split(' ').nth(1).and_then(Handler::of_path) else { continue };
        if !known.contains(&handler.name) {
            known.push(handler.name);
            text += &folded(&handler);
        }
    }
    text
}

fn folded(handler: &Handler) -> String {
    let name = escape(&handler.typed());
    let python = handler.python().map_or_else(String::new, |python| {
        format!("<p>In Python, with FastAPI:</p><pre><code>{}</code></pre>", escape(&python))
    });
    let rows = rows(handler.voices.map(Option::unwrap_or_default));
    let differing = rows.iter().filter(|row| row.differs()).count();
    let head = VOICES.map(|voice| format!(r#"<th scope="col" class="text">{voice}</th>"#));
    let mut body = String::new();
    for row in &rows {
        let class = if row.differs() { r#" class="differs""# } else { "" };
        let cells =
            row.0.map(|line| format!("<td><code>{}</code></td>", escape(line.unwrap_or(""))));
        let _ = write!(body, "<tr{class}>{}</tr>", cells.concat());
    }
    format!(
        r#"<details class="code"><summary>The code of <code>{name}</code>: {differing} of {count} lines are not the same in all three</summary>
{python}<div class="table" role="region" aria-label="{name} in three voices" tabindex="0"><table>
<caption>{says} A bar stands before what differs; <code>cargo lab code {name}</code> shows the same in a terminal.</caption>
<thead><tr>{head}</tr></thead>
<tbody>{body}</tbody></table></div></details>
"#,
        count = rows.len(),
        says = escape(handler.says()),
        head = head.concat(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_shown_with_the_code_that_answers_it_each_once() {
        let mut known = Vec::new();
        let text = html("GET /wait/1 (8) · POST /echo (1) · GET /nowhere (1)", &mut known);
        assert_eq!(known, ["wait", "echo"]);
        assert!(text.contains("asyncio.sleep") && text.contains("within(deadline"), "{text}");
        let row = text.split("<tr").find(|row| row.contains(".await?;")).unwrap();
        assert!(
            row.starts_with(r#" class="differs""#) && row.matches("<td>").count() == 3,
            "{row}"
        );
        assert_eq!(html("GET /wait/60", &mut known), "", "it was shown before");
    }
}
