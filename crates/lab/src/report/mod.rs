//! `report.html`: one page that explains itself, opens offline and needs no network.

use std::fmt::Write as _;
use std::path::Path;

use crate::results::Results;
use crate::{answer, tables};

/// The page: the answer, then the tables, then what ran where.
pub fn html(results: &Results) -> String {
    let answer = answer::lines(results, Path::new("")).join("\n");
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>waitlab</title>\n<style>body{font:16px sans-serif;margin:2em auto;max-width:70em;padding:0 1em;color-scheme:light dark}\
         pre{overflow:auto}</style>\n<h1>Blocking or async?</h1>\n",
    );
    let _ = writeln!(page, "<pre>{}</pre>", escaped(&answer));
    let _ = writeln!(page, "<pre>{}</pre>", escaped(&tables::all(results)));
    let _ = writeln!(
        page,
        "<p>{} · {} · {} · {} cores · {}</p>",
        escaped(&results.started),
        escaped(&results.command.join(" ")),
        escaped(&results.machine.cpu),
        results.machine.cores,
        escaped(&results.machine.kernel),
    );
    page
}

/// Text as HTML shows it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
