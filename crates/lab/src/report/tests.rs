//! What must be true of every page, tried on a run that never was and, where there is one, on a real one.

use std::path::Path;

use super::made_up::{self, VOID};
use super::text::escape;
use super::{Words, figure, html, page};
use crate::results::{Gate, Results};

fn made_up_page() -> String {
    page(&made_up::results(), &made_up::words())
}

/// Every run there is to try: the made-up one, that one with holes in it, and real ones.
fn runs() -> Vec<(String, Results)> {
    let made_up = made_up::results();
    let mut empty = made_up.clone();
    empty.cells.clear();
    let mut nobody = empty.clone();
    nobody.competitors.clear();
    nobody.scenarios.clear();
    let mut void = made_up.clone();
    for cell in &mut void.cells {
        cell.gates =
            vec![Gate { name: "errors".into(), void: true, sentence: "all <failed>".into() }];
        (cell.rate, cell.latency.p50_ms, cell.span_s) = (f64::NAN, f64::INFINITY, -1.0);
    }
    let mut odd = made_up.clone();
    for cell in &mut odd.cells {
        (cell.rate, cell.latency.p50_ms, cell.latency.max_ms) = (f64::NAN, f64::INFINITY, 0.0);
        (cell.usage, cell.probe) = (None, None);
    }
    let mut runs = vec![
        ("made up".to_owned(), made_up),
        ("without cells".to_owned(), empty),
        ("without anybody".to_owned(), nobody),
        ("all void".to_owned(), void),
        ("odd numbers".to_owned(), odd),
    ];
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lab-report/results.json");
    if let Ok(text) = std::fs::read_to_string(&real) {
        runs.push(("real".to_owned(), serde_json::from_str(&text).unwrap()));
    }
    runs
}

/// The names of the elements that are open where the markup ends, or where it breaks.
fn well_formed(markup: &str) -> Result<(), String> {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = markup;
    while let Some(start) = rest.find('<') {
        if open.last() == Some(&"style") && !rest[start..].starts_with("</style") {
            return Err("markup in a style".into());
        }
        rest = &rest[start + 1..];
        // A `>` in an attribute is escaped, so the first one ends the tag.
        let (tag, after) = rest.split_once('>').ok_or("a tag that does not end")?;
        rest = after;
        if tag.starts_with('!') || tag.ends_with('/') {
            continue;
        }
        let name = tag.split_whitespace().next().ok_or("a tag without a name")?;
        match name.strip_prefix('/') {
            None => open.push(name),
            Some(closed) => match open.pop() {
                Some(opened) if opened == closed => {}
                opened => return Err(format!("</{closed}> closes {opened:?} at {:.80}", rest)),
            },
        }
    }
    if open.is_empty() { Ok(()) } else { Err(format!("never closed: {open:?}")) }
}

#[test]
fn every_element_that_opens_closes() {
    for (name, results) in runs() {
        for markup in [html(&results), figure(&results)] {
            assert_eq!(well_formed(&markup), Ok(()), "{name}");
        }
    }
    assert!(well_formed("<a><b></a></b>").is_err() && well_formed("<a>").is_err());
}

#[test]
fn no_number_on_a_page_is_none() {
    for (name, results) in runs() {
        for markup in [page(&results, &made_up::words()), figure(&results)] {
            for not in ["NaN", "inf\"", "inf ", ">inf", "-inf", "null"] {
                let at = markup.find(not);
                assert_eq!(at, None, "{name}: {not} in {:.200}", &markup[at.unwrap_or(0)..]);
            }
        }
    }
}

#[test]
fn another_language_is_drawn_against_itself_and_on_no_scale_of_others() {
    let mut results = made_up::results();
    assert!(!html(&results).contains("each against itself"));
    results.competitors[3].name = "fastapi".to_owned();
    for cell in &mut results.cells {
        if cell.competitor.starts_with('<') {
            cell.competitor = "fastapi".to_owned();
        }
    }
    let page = html(&results);
    let charts = page.split("<figure>").skip(1).filter_map(|rest| rest.split("</figure>").next());
    let with = charts.filter(|chart| chart.contains("fastapi"));
    let own: Vec<_> = with.map(|chart| chart.contains("each against itself")).collect();
    assert!(!own.is_empty() && own.iter().all(|own| *own), "{own:?}");
    assert_eq!(well_formed(&page), Ok(()));
}

#[test]
fn every_drawing_has_a_title() {
    for (name, results) in runs() {
        for markup in [html(&results), figure(&results)] {
            for svg in markup.split("<svg ").skip(1) {
                let (_, inside) = svg.split_once('>').unwrap();
                assert!(inside.starts_with("<title"), "{name}: {:.200}", svg);
            }
        }
    }
}

#[test]
fn every_id_is_there_once_and_every_reference_finds_one() {
    let page = made_up_page();
    let values = |attribute: &str| -> Vec<String> {
        let parts = page.split(attribute).skip(1);
        parts.map(|part| part.split('"').next().unwrap().to_owned()).collect()
    };
    let mut ids = values(" id=\"");
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "an id is there twice");
    let labels = values("aria-labelledby=\"");
    let labels = labels.iter().flat_map(|labels| labels.split(' ')).map(str::to_owned);
    for id in labels.chain(values("href=\"#")) {
        assert!(ids.contains(&id), "nothing has the id {id}");
    }
}

#[test]
fn a_page_loads_nothing() {
    let (page, figure) = (made_up_page(), figure(&made_up::results()));
    for loads in
        ["src=", "<link", "<script", "<img", "@import", "url(", "<iframe", "\"refresh", "xlink"]
    {
        assert!(!page.contains(loads), "the page has {loads}");
        assert!(!figure.contains(loads), "the figure has {loads}");
    }
    assert!(page.contains("default-src 'none'"), "the browser is not told");
}

#[test]
fn everyone_and_everything_that_took_part_is_there() {
    let (page, results) = (made_up_page(), made_up::results());
    let sections: Vec<_> = page.split("<section class=\"scenario\"").skip(1).collect();
    assert_eq!(sections.len(), results.scenarios.len());
    for (section, scenario) in sections.iter().zip(&results.scenarios) {
        assert!(section.contains(&escape(&scenario.title)), "{}", scenario.name);
        let (charts, table) = section.split_once("<table").unwrap();
        for level in &scenario.levels {
            assert!(table.contains(&escape(&level.name)), "{} {}", scenario.name, level.name);
        }
        for who in &results.competitors {
            let name = format!(">{}</", escape(&who.name));
            assert!(charts.contains(&name), "{} is not drawn in {}", who.name, scenario.name);
            assert!(table.contains(&name), "{} is not in the table of {}", who.name, scenario.name);
        }
    }
    for line in made_up::words().answer.iter().filter(|line| !line.starts_with('"')) {
        assert!(page.contains(&escape(line)), "{line}");
    }
}

#[test]
fn a_name_is_text_and_never_markup() {
    for (name, results) in runs() {
        let page = html(&results);
        assert!(
            !page.contains("<x>") && !page.contains("<of>") && !page.contains("<failed>"),
            "{name}"
        );
        assert!(!figure(&results).contains("<x>"), "{name}");
    }
    assert!(made_up_page().contains("&lt;x&gt; &amp; &quot;co&quot;"));
}

#[test]
fn a_void_cell_is_its_sentence_in_chart_and_table() {
    let page = made_up_page();
    let section = page.split("id=\"plaintext\"").nth(1).unwrap();
    let (charts, table) = section.split_once("<table").unwrap();
    let mark = format!("starved: {} (round 1, 2, 3)</title>", escape(VOID));
    let (_, after) = charts.split_once(&mark).expect("the void cell's mark");
    assert!(after.split("</g>").next().unwrap().contains("class=\"hollow\""), "{:.200}", after);
    let (_, level) = table.split_once("closed/1024").unwrap();
    let (row, _) = level.split_once("</tbody>").unwrap();
    let (_, row) = row.split_once("&lt;x&gt;").unwrap();
    assert!(row.contains(&escape(VOID)) && !row.contains("<small>"), "{row}");
}

#[test]
fn a_line_is_not_drawn_through_a_void_point() {
    let lines = |results: &Results| {
        let page = page(results, &Words::default());
        let (_, chart) = page.split_once("<title id=\"plaintext-rate-0-t\">").unwrap();
        chart.split("</svg>").next().unwrap().matches("class=\"line\"").count()
    };
    let whole = made_up::results();
    let mut broken = whole.clone();
    for cell in &mut broken.cells {
        if cell.competitor == "axum" && cell.level == "closed/64" {
            cell.gates.push(Gate { void: true, ..Default::default() });
        }
    }
    assert_eq!(lines(&broken), lines(&whole) + 1);
}

#[test]
fn a_run_in_which_all_is_void_draws_no_number() {
    let (_, results) = runs().into_iter().find(|(name, _)| name == "all void").unwrap();
    let page = page(&results, &Words::default());
    assert!(!page.contains("<figure>"), "there is a chart of void cells alone");
    assert!(page.contains("void: errors: all &lt;failed&gt;"));
}

#[test]
fn a_caution_of_every_cell_is_said_once_and_one_of_a_row_beside_it() {
    let page = made_up_page();
    assert_eq!(page.matches("1 of the server&#39;s 1 CPUs").count(), 1);
    let note = "generator-crowded: a generator thread stood in line 7 % of the time (round 1), and so in round 2 and 3";
    assert_eq!(page.matches(note).count(), 1);
}

#[test]
fn the_figure_brings_its_own_paper_and_evidence() {
    let figure = figure(&made_up::results());
    for part in ["fill=\"#ffffff\"", "Median of 3 rounds", "2 cores", "0123456789ab", "split"] {
        assert!(figure.contains(part), "{part}");
    }
    assert!(!figure.contains("var("), "a colour that only a page knows");
}

/// To look at: `LAB_REPORT_DIR=DIR cargo test -p lab report`.
#[test]
fn pages_are_left_where_they_are_wanted() {
    let Some(folder) = std::env::var_os("LAB_REPORT_DIR") else { return };
    for (name, results) in runs() {
        let name = name.replace(' ', "-");
        let folder = Path::new(&folder);
        std::fs::write(folder.join(format!("{name}.html")), html(&results)).unwrap();
        std::fs::write(folder.join(format!("{name}.svg")), figure(&results)).unwrap();
    }
}
