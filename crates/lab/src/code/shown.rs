//! A handler on a terminal: columns where there is room for them, one text below the other where there is not.

use std::fmt::Write as _;

use super::align::{Row, rows};
use super::{Handler, VOICES};

/// How it is to be laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// Columns of the terminal.
    pub(super) width: usize,
    /// Whether to mark differences by colour too.
    pub(super) coloured: bool,
}

/// A column narrower than this breaks most lines of code.
const NARROWEST: usize = 42;
/// Before every line of a voice: a bar where the three differ.
const BAR: &str = "▌";
const BETWEEN: &str = "  ";

/// The whole text.
pub(super) fn shown(handler: &Handler, look: Look) -> String {
    let mut text = format!("{}\n\n", handler.says());
    let python = handler.python();
    let rows = rows(handler.voices.map(Option::unwrap_or_default));
    let fits =
        |columns: usize| look.width >= columns * (NARROWEST + 1) + (columns - 1) * BETWEEN.len();
    match &python {
        Some(python) if fits(4) => text += &columns(Some(python), &rows, look),
        Some(python) => {
            let _ = write!(text, "{}\n{python}\n", titled("python (FastAPI)", look));
            text += &if fits(3) { columns(None, &rows, look) } else { stacked(&rows, look) };
        }
        None if fits(3) => text += &columns(None, &rows, look),
        None => text += &stacked(&rows, look),
    }
    let differing = rows.iter().filter(|row| row.differs()).count();
    let _ =
        writeln!(text, "\n{BAR} {differing} of {} rows are not the same in all three.", rows.len());
    text
}

/// Everything side by side; Python runs down its own column.
fn columns(python: Option<&str>, rows: &[Row<'_>], look: Look) -> String {
    let count = 3 + usize::from(python.is_some());
    let room = (look.width - (count - 1) * BETWEEN.len()) / count - 1;
    let voices = rows.iter().flat_map(|row| row.0).flatten();
    let widest = voices.chain(python.into_iter().flat_map(str::lines)).map(width_of).max();
    let width = room.min(widest.unwrap_or(room));
    // It has its own pace: a line of Python is nobody's counterpart.
    let python: Option<Vec<String>> =
        python.map(|python| python.lines().flat_map(|line| wrapped(line, width)).collect());

    let mut text = String::new();
    let titles = python.iter().map(|_| "python (FastAPI)").chain(VOICES);
    let titles: Vec<_> = titles.map(|title| padded(title, width + 1)).collect();
    let _ = writeln!(text, "{}", titled(titles.join(BETWEEN).trim_end(), look));
    let mut told = 0;
    for row in rows {
        let cells = row.0.map(|line| wrapped(line.unwrap_or(""), width));
        let height = cells.iter().map(Vec::len).max().unwrap_or(1);
        for at in 0..height {
            let mut line = String::new();
            if let Some(python) = &python {
                let part = python.get(told).map_or("", String::as_str);
                let _ = write!(line, " {}{BETWEEN}", padded(part, width));
                told += 1;
            }
            let parts = cells.iter().map(|cell| cell.get(at).map_or("", String::as_str));
            let parts = parts.map(|part| marked(part, row.differs(), width, look));
            line += &parts.collect::<Vec<_>>().join(BETWEEN);
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
    for rest in python.iter().flatten().skip(told) {
        let _ = writeln!(text, " {rest}");
    }
    text
}

/// One text below the other, the same lines marked as in columns.
fn stacked(rows: &[Row<'_>], look: Look) -> String {
    let mut text = String::new();
    for (at, voice) in VOICES.into_iter().enumerate() {
        let _ = writeln!(text, "{}", titled(voice, look));
        for row in rows {
            let Some(line) = row.0[at] else { continue };
            let _ = writeln!(text, "{}", marked(line, row.differs(), 0, look).trim_end());
        }
        text.push('\n');
    }
    text.pop();
    text
}

/// A line with the bar or the gap before it, filled up to its column.
fn marked(line: &str, differs: bool, width: usize, look: Look) -> String {
    let line = padded(line, width);
    // An empty place says by itself that there is nothing.
    match (differs && !line.trim().is_empty(), look.coloured) {
        (true, true) => format!("\u{1b}[33m{BAR}\u{1b}[0;1m{line}\u{1b}[0m"),
        (true, false) => format!("{BAR}{line}"),
        (false, true) => format!(" \u{1b}[2m{line}\u{1b}[0m"),
        (false, false) => format!(" {line}"),
    }
}

fn titled(title: &str, look: Look) -> String {
    if look.coloured { format!("\u{1b}[4m{title}\u{1b}[0m") } else { format!("── {title}") }
}

/// A line in pieces of at most this width; what is carried over is set in by four more.
fn wrapped(line: &str, width: usize) -> Vec<String> {
    let indent = line.len() - line.trim_start().len() + 4;
    let (first, mut rest) = cut_to(line, width);
    let mut pieces = vec![first.to_owned()];
    while !rest.is_empty() {
        let indent = indent.min(width / 2);
        let (piece, left) = cut_to(rest.trim_start(), width - indent);
        pieces.push(format!("{:indent$}{piece}", ""));
        rest = left;
    }
    pieces
}

/// A line up to this width, broken where a word or a call ends if that is in its second half, and what is left of it.
fn cut_to(line: &str, width: usize) -> (&str, &str) {
    let Some((end, _)) = line.char_indices().nth(width) else { return (line, "") };
    let after = line[..end].rfind([' ', '(', ',']).map(|at| at + 1);
    let before = line[..end].rfind(['.', ')']);
    let at = after.max(before).filter(|&at| at > width / 2).unwrap_or(end);
    line.split_at(at)
}

fn padded(line: &str, width: usize) -> String {
    format!("{line:<width$}")
}

fn width_of(line: &str) -> usize {
    line.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(width: usize) -> String {
        shown(&Handler::find("wait").unwrap(), Look { width, coloured: false })
    }

    #[test]
    fn where_there_is_room_python_and_the_three_voices_stand_side_by_side() {
        let text = wait(240);
        let title = text.lines().find(|line| line.contains("python")).unwrap();
        assert!(VOICES.iter().all(|voice| title.contains(voice)), "{text}");
        let waits = text.lines().find(|line| line.contains("within(deadline,")).unwrap();
        assert_eq!(waits.matches("within(deadline").count(), 3, "{text}");
        assert_eq!(waits.matches(BAR).count(), 3, "{text}");
        let answers = text.lines().find(|line| line.contains("Ok(Json(wait.waited()))")).unwrap();
        assert!(!answers.contains(BAR), "{text}");
        assert!(text.lines().all(|line| width_of(line) <= 240), "{text}");
    }

    #[test]
    fn with_less_room_python_stands_above_and_with_little_one_text_below_the_other() {
        let middle = wait(140);
        let title = middle.lines().find(|line| line.contains("blocking")).unwrap();
        assert!(title.contains("axum") && !title.contains("python"), "{middle}");
        assert!(middle.lines().all(|line| width_of(line) <= 140), "{middle}");
        let narrow = wait(80);
        assert!(narrow.lines().any(|line| line == "── actix"), "{narrow}");
        assert!(
            narrow.contains("▌    within(deadline, sleep(wait.duration())).await?;"),
            "{narrow}"
        );
        assert!(narrow.contains("\n     Ok(Json(wait.waited()))"), "{narrow}");
    }

    #[test]
    fn every_line_of_every_handler_fits_its_columns() {
        for handler in Handler::all() {
            for width in [135, 180, 240] {
                let text = shown(&handler, Look { width, coloured: false });
                let long = text.lines().find(|line| width_of(line) > width);
                // Python above the columns is not broken.
                assert!(long.is_none_or(|line| !line.contains(BAR)), "{}: {long:?}", handler.name);
            }
        }
    }

    #[test]
    fn a_long_line_is_broken_at_a_space_and_loses_nothing() {
        assert_eq!(
            wrapped("    let a = b_and_c.and_more();", 20),
            ["    let a = b_and_c", "        .and_more();"]
        );
        assert_eq!(wrapped("", 20), [""]);
        assert_eq!(wrapped("short", 20), ["short"]);
    }

    #[test]
    fn only_a_terminal_gets_colours() {
        assert!(!wait(200).contains('\u{1b}'));
        let coloured = shown(&Handler::find("wait").unwrap(), Look { width: 200, coloured: true });
        assert!(coloured.contains("\u{1b}[33m▌"), "{coloured}");
    }
}
