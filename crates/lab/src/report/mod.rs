//! `report.html`: one page that needs nothing but itself, to be shown to someone who was not there.
//!
//! First what was found, in words; then each scenario in charts and a table; then the evidence to doubt it with. Every number
//! comes from [`Results`], and every sentence is the terminal's, so that the two cannot disagree.

mod axis;
mod claims;
mod drawing;
mod evidence;
mod figure;
mod gates;
mod hypothesis;
mod itself;
mod lines;
mod look;
#[cfg(test)]
pub(crate) mod made_up;
mod metrics;
mod panels;
mod plan;
mod points;
mod rows;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod time;

use std::collections::BTreeMap;
use std::path::Path;

use self::look::Look;
pub(crate) use self::text::escape;
use self::text::slug;
use crate::results::{Results, Scenario};
use crate::{answer, code, tables};

pub use self::figure::figure;
pub(crate) use self::hypothesis::{Expected, Hypothesis, Point, hypotheses};
pub(crate) use self::look::on_light;

/// The page. It loads nothing, and says so to the browser.
pub fn html(results: &Results) -> String {
    page(results, &Words::of(results))
}

/// What is said of a run in words, the same as in the terminal.
#[derive(Clone, Debug, Default, PartialEq)]
struct Words {
    /// The answer, line by line.
    answer: Vec<String>,
    /// By scenario: how the competitors compare, a sentence each.
    scenarios: BTreeMap<String, Vec<String>>,
}

impl Words {
    fn of(results: &Results) -> Self {
        let mut answer = answer::lines(results, Path::new("lab-report"));
        // Where the report lies is known to whoever reads it.
        answer.retain(|line| !line.starts_with("Report "));
        let words =
            |scenario: &Scenario| (scenario.name.clone(), tables::in_words(results, scenario));
        Self { answer, scenarios: results.scenarios.iter().map(words).collect() }
    }
}

fn page(results: &Results, words: &Words) -> String {
    let looks = look::looks(&results.competitors);
    let sections: String = results
        .scenarios
        .iter()
        .map(|scenario| section(results, &looks, scenario, words))
        .collect();
    let head = head(results);
    let answer = claims::html(&words.answer);
    let story = story(results, &looks);
    let key = key(results, &looks);
    let contents = contents(results);
    let evidence = evidence::html(results);
    let (started, cpu) = (escape(&results.started), escape(&results.machine.cpu));
    let reading = include_str!("reading.html");
    format!(
        r##"<!DOCTYPE html>
<html lang="en">
{head}
<body>
<a class="skip" href="#scenarios">To the scenarios</a>
<header>
<p class="kicker">Measured {started} on {cpu}</p>
<h1>Blocking or async? What each way of waiting costs</h1>
{answer}
</header>
<main>
{story}
<section id="scenarios" aria-labelledby="scenarios-h">
<h2 id="scenarios-h">Scenario by scenario</h2>
{contents}
{key}
{sections}
</section>
{evidence}
{reading}
</main>
<footer><p>Written by <code>lab</code>. The same numbers, every round of them, stand in <a href="results.json">results.json</a> beside this page.</p></footer>
</body>
</html>
"##
    )
}

fn head(results: &Results) -> String {
    let (started, cpu) = (escape(&results.started), escape(&results.machine.cpu));
    let colours = |pick: fn(&(&'static str, &'static str)) -> &'static str| -> String {
        let colours = look::COLOURS.iter().enumerate();
        colours.map(|(at, both)| format!("--c{at}:{};", pick(both))).collect()
    };
    let page = include_str!("page.css")
        .replace("/*light*/", &colours(|both| both.0))
        .replace("/*dark*/", &colours(|both| both.1));
    let drawn = look::style(|name| format!("var(--{name})"));
    format!(
        r#"<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
<title>waitlab: blocking or async, measured {started} on {cpu}</title>
<style>
{page}
{drawn}
</style>
</head>"#
    )
}

/// The two pictures that tell most of it.
fn story(results: &Results, looks: &[Look]) -> String {
    let parts = figure::parts(results, looks);
    if parts.is_empty() {
        return String::new();
    }
    let drawings: String = parts
        .iter()
        .enumerate()
        .map(|(at, drawing)| framed(&format!("story-{at}"), drawing))
        .collect();
    format!(
        r#"<section aria-labelledby="story-h"><h2 id="story-h">In two pictures</h2><div class="panels wide">{drawings}</div></section>"#
    )
}

fn contents(results: &Results) -> String {
    let items = results.scenarios.iter().map(|scenario| {
        let (name, slug) = (escape(&scenario.name), slug(&scenario.name));
        format!(r##"<li><a href="#{slug}">{name}</a></li>"##)
    });
    format!(r#"<nav aria-label="Scenarios"><ul>{}</ul></nav>"#, items.collect::<String>())
}

/// Who is who in every chart.
fn key(results: &Results, looks: &[Look]) -> String {
    let entries = results.competitors.iter().zip(looks).map(|(who, look)| {
        let (name, waits) = (escape(&who.name), escape(&who.waits));
        let mark = look.mark(8.0, 8.0, false);
        let out = match &who.excluded {
            Some(why) => format!(" <strong>not measured: {}</strong>", escape(why)),
            None => String::new(),
        };
        format!(
            r#"<li class="{}"><svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><title>{name}</title>{mark}</svg> <b>{name}</b> <span>{waits}</span>{out}</li>"#,
            look.class()
        )
    });
    format!(r#"<ul class="key" aria-label="Competitors">{}</ul>"#, entries.collect::<String>())
}

fn section(results: &Results, looks: &[Look], scenario: &Scenario, words: &Words) -> String {
    let (name, title, slug) =
        (escape(&scenario.name), escape(&scenario.title), slug(&scenario.name));
    let claims: Vec<_> =
        scenario.claims.iter().map(|claim| format!("<q>{}</q>", escape(claim))).collect();
    let claims = match claims.is_empty() {
        true => String::new(),
        false => format!(r#"<p class="claim">It bears on {}</p>"#, claims.join(" and ")),
    };
    let sentences = words.scenarios.get(&scenario.name).map_or(&[][..], Vec::as_slice);
    let sentences: String =
        sentences.iter().map(|sentence| format!("<li>{}</li>", escape(sentence))).collect();
    let said = if sentences.is_empty() {
        String::new()
    } else {
        format!(r#"<ul class="said">{sentences}</ul>"#)
    };
    let drawings: String = panels::of(results, looks, scenario)
        .iter()
        .map(|(key, drawing)| framed(&format!("{slug}-{key}"), drawing))
        .collect();
    let table = table::html(results, looks, scenario);
    let mut known = Vec::new();
    let code: String =
        scenario.levels.iter().map(|level| code::page::html(&level.request, &mut known)).collect();
    format!(
        r#"<section class="scenario" id="{slug}" aria-labelledby="{slug}-h">
<h3 id="{slug}-h"><code>{name}</code> {title}</h3>
{claims}{said}
<div class="panels">{drawings}</div>
{table}
{code}</section>
"#
    )
}

/// A drawing under its title.
fn framed(id: &str, drawing: &drawing::Drawing) -> String {
    let (title, svg) = (escape(&drawing.title), drawing.svg(id));
    format!("<figure><figcaption>{title}</figcaption>{svg}</figure>\n")
}
