//! Dates of fixed width: which texts are the same hour, told without reading each of them.

use chrono::NaiveDate;

/// A date format all of whose parts have a fixed width, and that begins and ends with digits.
pub(crate) struct Template {
    tokens: Vec<Token>,
    length: usize,
}

enum Token {
    Literal(u8),
    /// Which of year, month, day, hour, minute and second, and how many digits.
    Part(usize, usize),
}

impl Template {
    /// `None` if the format has parts of another kind, or no calendar day.
    pub(crate) fn of(format: &str) -> Option<Self> {
        let mut tokens = Vec::new();
        let mut seen = [false; 6];
        let mut bytes = format.bytes();
        while let Some(byte) = bytes.next() {
            if byte != b'%' {
                tokens.push(Token::Literal(byte));
                continue;
            }
            let letter = bytes.next()?;
            let part = b"YmdHMS".iter().position(|known| *known == letter)?;
            if std::mem::replace(&mut seen[part], true) {
                return None;
            }
            tokens.push(Token::Part(part, if part == 0 { 4 } else { 2 }));
        }
        let digits = |token: Option<&Token>| matches!(token, Some(Token::Part(..)));
        let whole = digits(tokens.first()) && digits(tokens.last()) && seen.starts_with(&[true; 3]);
        let length = tokens.iter().map(|t| if let Token::Part(_, width) = t { *width } else { 1 }).sum();
        whole.then_some(Self { tokens, length })
    }

    /// Hours from 1970 to a text that is written exactly so. Such texts of one hour are read as one day and hour.
    pub(crate) fn hour(&self, text: &[u8]) -> Option<i32> {
        if text.len() != self.length {
            return None;
        }
        let mut parts = [0u32; 6];
        let mut rest = text;
        for token in &self.tokens {
            match token {
                Token::Literal(byte) => rest = rest.strip_prefix(&[*byte])?,
                Token::Part(part, width) => {
                    let (digits, after) = rest.split_at(*width);
                    for digit in digits {
                        let digit = digit.wrapping_sub(b'0');
                        if digit > 9 {
                            return None;
                        }
                        parts[*part] = parts[*part] * 10 + u32::from(digit);
                    }
                    rest = after;
                }
            }
        }
        let [year, month, day, hour, minute, second] = parts;
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        Some(NaiveDate::from_ymd_opt(year.cast_signed(), month, day)?.to_epoch_days() * 24 + hour.cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(format: &str, text: &str) -> Option<i32> {
        Template::of(format).expect("a template").hour(text.as_bytes())
    }

    #[test]
    fn only_texts_of_full_width_are_told() {
        assert_eq!(hour("%Y-%m-%d", "1970-01-02"), Some(24));
        assert_eq!(hour("%d/%m/%Y %H:%M", "01/02/1970 05:59"), Some(31 * 24 + 5));
        assert_eq!(hour("%Y%m%dT%H:%M:%S", "19691231T23:00:59"), Some(-1));
        for odd in ["1970-1-02", "1970-01-2", "1970-13-01", "1970-02-30", "1970/01/02", "1970-01-02 ", "+970-01-02"] {
            assert_eq!(hour("%Y-%m-%d", odd), None, "{odd}");
        }
        for odd in ["1970-01-02 24:00", "1970-01-02 10:60", "1970-01-02 1:00x"] {
            assert_eq!(hour("%Y-%m-%d %H:%M", odd), None, "{odd}");
        }
    }

    #[test]
    fn formats_of_other_widths_have_no_template() {
        for format in
            ["%d.%m.%y", "%d %b %Y", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m", "unix", "%Y-%m-%d%"]
        {
            assert!(Template::of(format).is_none(), "{format}");
        }
    }
}
