//! Text as a page needs it: markup escaped, numbers as a person reads them.

/// Text inside an element or an attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // XML has no way to write the other control characters.
            '\n' | '\t' => escaped.push(character),
            _ if character.is_control() => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// At least three digits, as many as there are before the point, thousands set apart: `0.0821`, `4.10`, `12,345`.
pub(super) fn number(value: f64) -> String {
    if !value.is_finite() {
        return "–".into();
    }
    let size = value.abs();
    let decimals = match size {
        _ if size >= 99.95 || size == 0.0 => 0,
        _ if size >= 9.995 => 1,
        _ if size >= 0.9995 => 2,
        _ => (2.0 - size.log10().floor()).min(9.0) as usize,
    };
    let text = format!("{size:.decimals$}");
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let sign = if value < 0.0 { "−" } else { "" };
    format!("{sign}{}{fraction}", thousands(whole))
}

/// A number without the zeros that say nothing: for axes and for what was set rather than measured.
pub(super) fn short(value: f64) -> String {
    let text = number(value);
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Thousands set apart.
pub(super) fn count(value: u64) -> String {
    thousands(&value.to_string())
}

/// Powers of 1,000: `17.9 KB`, `1.02 GB`.
pub(super) fn bytes(value: f64) -> String {
    let (unit, name) = match value.abs() {
        size if size >= 1e9 => (1e9, "GB"),
        size if size >= 1e6 => (1e6, "MB"),
        size if size >= 1e3 => (1e3, "KB"),
        _ => (1.0, "bytes"),
    };
    format!("{} {name}", number(value / unit))
}

/// A name that fits beside a line.
pub(super) fn clipped(name: &str, most: usize) -> String {
    if name.chars().count() <= most {
        return name.to_owned();
    }
    name.chars().take(most - 1).chain(['…']).collect()
}

/// A name for an `id`: letters, digits and hyphens.
pub(super) fn slug(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .collect()
}

fn thousands(digits: &str) -> String {
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_three_digits_and_never_loses_one_before_the_point() {
        let cases = [
            (0.0, "0"),
            (0.082_14, "0.0821"),
            (0.9999, "1.00"),
            (4.1, "4.10"),
            (9.999, "10.0"),
            (99.96, "100"),
            (1_234.5, "1,234"),
            (1_234_567.0, "1,234,567"),
            (-12.34, "−12.3"),
            (f64::NAN, "–"),
            (f64::INFINITY, "–"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text, "{value}");
        }
        assert_eq!(
            (short(0.5), short(200.0), short(1.0)),
            ("0.5".into(), "200".into(), "1".into())
        );
    }

    #[test]
    fn bytes_pick_the_unit_that_leaves_a_small_number() {
        let texts = [999.0, 17_900.0, 123_400_000.0, 1_020_000_000.0].map(bytes);
        assert_eq!(texts, ["999 bytes", "17.9 KB", "123 MB", "1.02 GB"]);
    }

    #[test]
    fn markup_in_a_name_stays_text() {
        assert_eq!(escape("<x> & \"y\"'\u{1b}"), "&lt;x&gt; &amp; &quot;y&quot;&#39;\u{fffd}");
    }
}
