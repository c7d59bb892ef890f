//! Three texts in rows: lines that are the same, or nearly, stand beside each other.

/// One row: each voice's line there, if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row<'a>(pub(super) [Option<&'a str>; 3]);

impl Row<'_> {
    /// Whether the three do not say the same here.
    pub(super) fn differs(&self) -> bool {
        let Self([first, others @ ..]) = self;
        let blank = |line: &Option<&str>| line.is_none_or(|line| line.trim().is_empty());
        others.iter().any(|other| other != first) && !self.0.iter().all(blank)
    }
}

/// Lines less alike than this do not share a row.
const ALIKE: f64 = 0.38;
/// What lines gain that open with the same word: imports stand beside imports, comments beside comments.
const SAME_OPENING: f64 = 0.25;

/// The rows of three texts. The last is the one the others are laid along: what only they have goes between its lines.
pub(super) fn rows(texts: [&str; 3]) -> Vec<Row<'_>> {
    let [first, second, third]: [Vec<&str>; 3] = texts.map(|text| text.lines().collect());
    let mut along_first = along(&first, &third).into_iter().peekable();
    let mut along_second = along(&second, &third).into_iter().peekable();
    let mut rows = Vec::new();
    for line in third.into_iter().map(Some).chain([None]) {
        // What stands only in the others, before this line.
        loop {
            let ours = along_first.next_if(|(_, with)| with.is_none()).and_then(|pair| pair.0);
            let theirs = along_second.next_if(|(_, with)| with.is_none()).and_then(|pair| pair.0);
            if ours.is_none() && theirs.is_none() {
                break;
            }
            rows.push(Row([ours, theirs, None]));
        }
        if line.is_some() {
            let ours = along_first.next().and_then(|pair| pair.0);
            let theirs = along_second.next().and_then(|pair| pair.0);
            rows.push(Row([ours, theirs, line]));
        }
    }
    rows
}

/// Pairs of lines of two texts, in order, each line of either in exactly one of them: the pairing most alike.
fn along<'a>(text: &[&'a str], other: &[&'a str]) -> Vec<(Option<&'a str>, Option<&'a str>)> {
    let (rows, columns) = (text.len(), other.len());
    // best[i][j]: how alike the rests from line i and line j can be made.
    let mut best = vec![vec![0.0_f64; columns + 1]; rows + 1];
    for i in (0..rows).rev() {
        for j in (0..columns).rev() {
            let paired = alike(text[i], other[j]).map_or(0.0, |alike| alike + best[i + 1][j + 1]);
            best[i][j] = paired.max(best[i + 1][j]).max(best[i][j + 1]);
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut pairs = Vec::new();
    while i < rows || j < columns {
        let paired = (i < rows && j < columns)
            .then(|| alike(text[i], other[j]).map(|alike| alike + best[i + 1][j + 1]))
            .flatten();
        if paired.is_some_and(|paired| paired >= best[i][j]) {
            pairs.push((Some(text[i]), Some(other[j])));
            (i, j) = (i + 1, j + 1);
        } else if j == columns || (i < rows && best[i + 1][j] >= best[i][j + 1]) {
            pairs.push((Some(text[i]), None));
            i += 1;
        } else {
            pairs.push((None, Some(other[j])));
            j += 1;
        }
    }
    pairs
}

/// From [`ALIKE`] to 1: the share of the longer line that both begin and end with. An empty line is like no other.
fn alike(one: &str, other: &str) -> Option<f64> {
    let (one, other) = (one.trim(), other.trim());
    if one == other {
        // A line of words that two texts share says more than a brace or a gap.
        return Some(if one.len() > 2 { 1.0 } else { 0.3 });
    }
    let (short, long) = if one.len() < other.len() { (one, other) } else { (other, one) };
    let begin = short.bytes().zip(long.bytes()).take_while(|(a, b)| a == b).count();
    let ends = short.bytes().rev().zip(long.bytes().rev()).take_while(|(a, b)| a == b).count();
    let shared = (begin + ends).min(short.len()) as f64 / long.len() as f64;
    let same_opening =
        ["use ", "/// "].iter().any(|word| one.starts_with(word) && other.starts_with(word));
    let alike = if same_opening { (shared + SAME_OPENING).min(0.9) } else { shared };
    (alike >= ALIKE).then_some(alike)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alike_shares_a_row_and_only_what_is_the_same_is_not_marked() {
        let rows = rows([
            "pub fn wait(\n    wait: Wait,\n) {\n    sleep(wait)\n}",
            "pub async fn wait(\n    wait: Wait,\n) {\n    sleep(wait).await\n}",
            "pub async fn wait(\n    wait: Wait,\n) {\n    sleep(wait).await\n}",
        ]);
        let differing: Vec<_> = rows.iter().filter(|row| row.differs()).collect();
        assert_eq!(rows.len(), 5, "{rows:#?}");
        assert_eq!(differing.len(), 2, "{rows:#?}");
        assert_eq!(differing[1].0[0], Some("    sleep(wait)"));
        assert_eq!(differing[1].0[2], Some("    sleep(wait).await"));
    }

    #[test]
    fn what_one_text_lacks_is_a_gap_in_its_column() {
        let rows = rows(["use one;\nbody()", "use two::Three;\nbody()", "body()"]);
        assert_eq!(
            rows,
            [Row([Some("use one;"), Some("use two::Three;"), None]), Row([Some("body()"); 3])]
        );
        let longer = rows_of_all(["a();\nb();\nc();", "a();\nc();", "a();\nc();"]);
        assert_eq!(longer, [["a();", "a();", "a();"], ["b();", "", ""], ["c();", "c();", "c();"]]);
    }

    #[test]
    fn no_line_is_lost_or_told_twice() {
        for handler in crate::code::Handler::all() {
            let texts = handler.voices.map(Option::unwrap);
            let rows = rows(texts);
            for (at, text) in texts.into_iter().enumerate() {
                let told: Vec<_> = rows.iter().filter_map(|row| row.0[at]).collect();
                assert_eq!(told, text.lines().collect::<Vec<_>>(), "{}", handler.name);
            }
        }
    }

    fn rows_of_all(texts: [&'static str; 3]) -> Vec<[&'static str; 3]> {
        rows(texts).into_iter().map(|row| row.0.map(Option::unwrap_or_default)).collect()
    }
}
