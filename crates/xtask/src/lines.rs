//! What differs between two texts, line by line: the longest common subsequence, as `diff` finds it.

/// A line of one text, of the other, or of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// In both.
    Both(&'a str),
    /// Only in the first.
    Left(&'a str),
    /// Only in the second.
    Right(&'a str),
}

/// Every line of both texts, once. Quadratic, and the files here are short.
pub(crate) fn compare<'a>(left: &'a str, right: &'a str) -> Vec<Line<'a>> {
    let (left, right): (Vec<_>, Vec<_>) = (left.lines().collect(), right.lines().collect());
    // common[i][j]: how many lines left[i..] and right[j..] share.
    let mut common = vec![vec![0_usize; right.len() + 1]; left.len() + 1];
    for i in (0..left.len()).rev() {
        for j in (0..right.len()).rev() {
            common[i][j] = match left[i] == right[j] {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < left.len() || j < right.len() {
        if i < left.len() && j < right.len() && left[i] == right[j] {
            lines.push(Line::Both(left[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == right.len() || (i < left.len() && common[i + 1][j] >= common[i][j + 1]) {
            lines.push(Line::Left(left[i]));
            i += 1;
        } else {
            lines.push(Line::Right(right[j]));
            j += 1;
        }
    }
    lines
}

/// How many lines are only in the first, and how many only in the second.
pub(crate) fn counts(left: &str, right: &str) -> (usize, usize) {
    let lines = compare(left, right);
    let lefts = lines.iter().filter(|line| matches!(line, Line::Left(_))).count();
    let rights = lines.iter().filter(|line| matches!(line, Line::Right(_))).count();
    (lefts, rights)
}

/// Both texts as one, for a block of kind `diff`. Files here are read whole, so nothing is left out.
pub(crate) fn diff(left: (&str, &str), right: (&str, &str)) -> String {
    let mut text = format!("--- {}\n+++ {}\n", left.0, right.0);
    for line in compare(left.1, right.1) {
        let (mark, line) = match line {
            Line::Both(line) => (' ', line),
            Line::Left(line) => ('-', line),
            Line::Right(line) => ('+', line),
        };
        text.push_str(format!("{mark}{line}").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_moved_or_changed_are_counted_on_their_side() {
        assert_eq!(counts("a\nb\nc\n", "a\nB\nc\nd\n"), (1, 2));
        assert_eq!(counts("a\n", "a\n"), (0, 0));
        assert_eq!(counts("", "a\nb\n"), (0, 2));
    }

    #[test]
    fn a_diff_shows_both_texts_whole() {
        let text = diff(("one", "a\n\nb\n"), ("two", "a\n\nc\n"));
        assert_eq!(text, "--- one\n+++ two\n a\n\n-b\n+c\n");
    }
}
