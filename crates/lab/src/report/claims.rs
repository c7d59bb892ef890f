//! The answer of the terminal, set for a page: claims, verdicts and figures in columns where its lines have them.

use super::text::escape;

/// Each of its lines.
pub(super) fn html(answer: &[String]) -> String {
    let mut html = String::new();
    let mut claims = String::new();
    for line in answer {
        if let Some([claim, verdict, figures]) = claim(line) {
            let kind = kind(verdict);
            claims += &format!(
                r#"<div><dt><q>{}</q></dt><dd class="verdict {kind}">{}</dd><dd>{}</dd></div>"#,
                escape(claim),
                escape(verdict),
                escape(figures)
            );
            continue;
        }
        close(&mut html, &mut claims);
        let class = if line.starts_with("So:") { " class=\"so\"" } else { "" };
        html += &format!("<p{class}>{}</p>", escape(line));
    }
    close(&mut html, &mut claims);
    format!(r#"<div class="answer">{html}</div>"#)
}

fn close(html: &mut String, claims: &mut String) {
    if !claims.is_empty() {
        *html += &format!(r#"<dl class="claims">{}</dl>"#, std::mem::take(claims));
    }
}

/// `"claim"   verdict   figures`, at least two blanks between.
fn claim(line: &str) -> Option<[&str; 3]> {
    let (claim, rest) = line.strip_prefix('"')?.split_once('"')?;
    let rest = rest.trim_start();
    let (verdict, figures) = rest.split_once("  ").unwrap_or((rest, ""));
    Some([claim, verdict.trim(), figures.trim()])
}

/// A verdict's colour; its words say the same.
fn kind(verdict: &str) -> &'static str {
    match verdict {
        _ if verdict.starts_with("holds") => "holds",
        _ if verdict.starts_with("does not hold") => "fails",
        _ if verdict.starts_with("no difference") => "same",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_split_into_what_is_said_what_is_found_and_by_how_much() {
        let line = r#""free up CPU cycles"           no difference that matters  CPU a wait 20 · 21 · 22 µs"#;
        let parts =
            ["free up CPU cycles", "no difference that matters", "CPU a wait 20 · 21 · 22 µs"];
        assert_eq!(claim(line), Some(parts));
        assert_eq!(claim("So: choose by code"), None);
    }

    #[test]
    fn every_line_of_the_answer_stands_on_the_page() {
        let html = html(
            &["first", "\"a\"  holds  b < c", "\"d\"  cannot tell (starved)  e", "So: f"]
                .map(str::to_owned),
        );
        for part in ["<p>first</p>", "<q>a</q>", "b &lt; c", "cannot tell (starved)", "So: f"] {
            assert!(html.contains(part), "{part} is not in {html}");
        }
        assert_eq!(html.matches("<dl").count(), 1, "{html}");
    }
}
