//! Numbers as people write them: decimal commas, thousands, currency signs, brackets for negatives.

use serde::{Deserialize, Serialize};

/// How the numbers of a column are written. What is absent is detected.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NumberFormat {
    /// Decimal mark: `.` or `,`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimal: Option<String>,
    /// Thousands mark, removed before reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thousands: Option<String>,
    /// Characters removed before reading: `€`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strip: Option<String>,
    /// Words that stand for a missing value, beside the usual ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub null: Vec<String>,
}

/// Words that stand for a missing value in any column.
pub(crate) const NULL_WORDS: [&str; 14] =
    ["", "NA", "N/A", "n/a", "na", "NULL", "null", "None", "none", "NaN", "nan", "-", "#N/A", "#REF!"];

/// Signs that are money, not number.
pub(crate) const CURRENCY_SIGNS: [char; 5] = ['£', '€', '$', '¥', '\u{a0}'];

/// How one text reads as a number under the plain rule, and what is peculiar about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writing {
    /// `1234.5`
    Plain,
    /// `1.234,50` or `1234,5`
    DecimalComma,
    /// `1,234.50`
    Thousands,
    /// Not a number whatever the marks.
    Not,
}

/// Tells how a trimmed text without currency sign is written.
pub(crate) fn writing(text: &str) -> Writing {
    let body = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')).unwrap_or(text);
    if body.parse::<f64>().is_ok() {
        return Writing::Plain;
    }
    let digits = body.trim_start_matches(['-', '+']);
    let grouped = |whole: &str, mark: char| {
        let mut parts = whole.split(mark);
        parts.next().is_some_and(|p| (1..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()))
            && parts.all(|p| p.len() == 3 && p.bytes().all(|b| b.is_ascii_digit()))
    };
    let plain = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    if let Some((whole, part)) = digits.rsplit_once(',')
        && plain(part)
        && (plain(whole) || grouped(whole, '.'))
        && !(grouped(digits, ',') && part.len() == 3)
    {
        return Writing::DecimalComma;
    }
    if let Some((whole, part)) = digits.rsplit_once('.')
        && plain(part)
        && grouped(whole, ',')
    {
        return Writing::Thousands;
    }
    if grouped(digits, ',') {
        return Writing::Thousands;
    }
    if grouped(digits, '.') {
        return Writing::DecimalComma;
    }
    Writing::Not
}

/// What the values of a column say about how its numbers are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Values written with a decimal comma.
    pub(crate) comma: usize,
    /// Values written with a comma for thousands.
    pub(crate) thousands: usize,
    /// Values with a decimal point and no other mark.
    pub(crate) point: usize,
    /// Whole numbers: they fit every reading.
    pub(crate) whole: usize,
    /// Values with each of [`CURRENCY_SIGNS`].
    pub(crate) signs: [usize; CURRENCY_SIGNS.len()],
    /// Values in brackets.
    pub(crate) brackets: usize,
    /// Texts that are no number.
    pub(crate) not: usize,
}

impl Seen {
    /// Counts over a sample of a column.
    pub(crate) fn of<'a>(values: impl Iterator<Item = &'a str>) -> Self {
        let mut seen = Self::default();
        for value in values {
            let mut text = value.trim().to_string();
            for (i, sign) in CURRENCY_SIGNS.iter().enumerate() {
                if text.contains(*sign) {
                    seen.signs[i] += 1;
                    text = text.replace(*sign, "");
                }
            }
            let text = text.trim();
            if text.starts_with('(') && text.ends_with(')') {
                seen.brackets += 1;
            }
            match writing(text) {
                Writing::Plain if text.contains('.') => seen.point += 1,
                Writing::Plain => seen.whole += 1,
                Writing::DecimalComma => seen.comma += 1,
                Writing::Thousands => seen.thousands += 1,
                Writing::Not => seen.not += 1,
            }
        }
        seen
    }

    /// The format that reads the column, or `None` when commas are decimal in some values and not in others.
    pub(crate) fn format(&self) -> Option<NumberFormat> {
        if self.comma > 0 && (self.point > 0 || self.thousands > 0) {
            return None;
        }
        let signs: String =
            CURRENCY_SIGNS.iter().zip(self.signs).filter(|(_, n)| *n > 0).map(|(sign, _)| *sign).collect();
        let mut format = NumberFormat { strip: (!signs.is_empty()).then_some(signs), ..NumberFormat::default() };
        if self.comma > 0 {
            format.decimal = Some(",".into());
            format.thousands = Some(".".into());
        } else if self.thousands > 0 {
            format.thousands = Some(",".into());
        }
        Some(format)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writings_are_told_apart() {
        assert_eq!(writing("1234.5"), Writing::Plain);
        assert_eq!(writing("1.234,50"), Writing::DecimalComma);
        assert_eq!(writing("12,5"), Writing::DecimalComma);
        assert_eq!(writing("1,234"), Writing::Thousands);
        assert_eq!(writing("1,234.50"), Writing::Thousands);
        assert_eq!(writing("(12.00)"), Writing::Plain);
        assert_eq!(writing("twelve"), Writing::Not);
        assert_eq!(writing("1,23,4"), Writing::Not);
    }

    #[test]
    fn a_column_is_read_one_way_or_not_at_all() {
        let comma = Seen::of(["1.234,50 €", "3,20 €"].into_iter());
        assert_eq!(
            comma.format(),
            Some(NumberFormat {
                decimal: Some(",".into()),
                thousands: Some(".".into()),
                strip: Some("€".into()),
                null: Vec::new()
            })
        );
        assert_eq!(Seen::of(["1,5", "1.5"].into_iter()).format(), None);
        assert_eq!(Seen::of(["1", "1.5"].into_iter()).format(), Some(NumberFormat::default()));
    }
}
