//! How numbers are written. Everything is composed in English; a finished rendering is gone through once for another reader.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whose marks numbers have. Words stay English, dates stay ISO 8601.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Locale {
    /// 1,234.5
    #[default]
    En,
    /// 1.234,5
    De,
    /// 1 234,5 with a narrow space that does not break
    Fr,
    /// 1’234.5, as in Switzerland
    Ch,
}

/// Elements whose text is for machines.
const CODE: [&str; 4] = ["style", "script", "code", "pre"];

impl Locale {
    pub(crate) fn is_english(&self) -> bool {
        *self == Locale::En
    }

    /// Between units and tenths.
    pub fn decimal(self) -> char {
        match self {
            Locale::En | Locale::Ch => '.',
            Locale::De | Locale::Fr => ',',
        }
    }

    fn thousands(self) -> char {
        match self {
            Locale::En => ',',
            Locale::De => '.',
            Locale::Fr => '\u{202f}',
            Locale::Ch => '’',
        }
    }

    /// The numbers of English text in this locale. Dates, versions, paths, ids and what `code` ticks enclose are no numbers.
    pub fn text(self, text: &str) -> String {
        if self.is_english() {
            return text.to_string();
        }
        let mut written = String::with_capacity(text.len());
        for (at, part) in text.split('`').enumerate() {
            if at > 0 {
                written.push('`');
            }
            if at % 2 == 0 { self.words(part, &mut written) } else { written.push_str(part) }
        }
        written
    }

    fn words(self, text: &str, written: &mut String) {
        let within = |c: char| c.is_alphanumeric() || "._,-/:@#".contains(c);
        let mut rest = text;
        while let Some(start) = rest.find(within) {
            let len = rest[start..].find(|c| !within(c)).unwrap_or(rest.len() - start);
            written.push_str(&rest[..start]);
            self.word(&rest[start..start + len], written);
            rest = &rest[start + len..];
        }
        written.push_str(rest);
    }

    fn word(self, word: &str, written: &mut String) {
        let core = word.trim_start_matches('-').trim_end_matches(['.', ',', ':']);
        // 1.2k, 3.4M and 1.5x are numbers too.
        let digits = core.trim_end_matches(|c: char| c.is_alphabetic());
        let from = word.len() - word.trim_start_matches('-').len();
        if core.len() - digits.len() > 2 || !is_number(digits) {
            written.push_str(word);
            return;
        }
        written.push_str(&word[..from]);
        written.extend(digits.chars().map(|c| match c {
            '.' => self.decimal(),
            ',' => self.thousands(),
            digit => digit,
        }));
        written.push_str(&word[from + digits.len()..]);
    }

    /// The numbers in the text of HTML or SVG; tags, and text for machines, stay.
    pub fn page(self, page: &str) -> String {
        if self.is_english() {
            return page.to_string();
        }
        let mut written = String::with_capacity(page.len());
        let (mut rest, mut skipped) = (page, None);
        while let Some(open) = rest.find('<') {
            let (text, tag) = rest.split_at(open);
            if skipped.is_some() {
                written.push_str(text)
            } else {
                written.push_str(&self.text(text))
            }
            let len = tag.find('>').map_or(tag.len(), |end| end + 1);
            let name = tag[1..len].trim_end_matches('>').split([' ', '\n']).next().unwrap_or_default();
            match skipped {
                Some(element) if name.strip_prefix('/') == Some(element) => skipped = None,
                None => skipped = CODE.into_iter().find(|element| *element == name),
                Some(_) => {}
            }
            written.push_str(&tag[..len]);
            rest = &tag[len..];
        }
        written.push_str(&self.text(rest));
        written
    }
}

/// Whether this is a number with a mark, as English writes it: `1,234`, `1,234.5`, `0.05`, `.05`.
fn is_number(word: &str) -> bool {
    let (whole, part) = word.split_once('.').map_or((word, None), |(whole, part)| (whole, Some(part)));
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    let grouped = groups.clone().count() > 0;
    let whole_is = if grouped { digits(first) && first.len() <= 3 } else { first.is_empty() || digits(first) };
    whole_is && groups.all(|group| group.len() == 3 && digits(group)) && part.map_or(grouped, digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{html, markdown, sample};

    #[test]
    fn numbers_have_the_marks_of_their_reader() {
        let english = "£1,234,567.5 of 0.25 (−1,000; -2.5; .05): 12.3 %, 1.2M, 3.4x, 99.9.";
        assert_eq!(Locale::En.text(english), english);
        assert_eq!(Locale::De.text(english), "£1.234.567,5 of 0,25 (−1.000; -2,5; ,05): 12,3 %, 1,2M, 3,4x, 99,9.");
        assert_eq!(Locale::Ch.text("1,234.5"), "1’234.5");
        assert_eq!(Locale::Fr.text("1,234.5"), "1\u{202f}234,5");
    }

    #[test]
    fn what_only_looks_like_a_number_stays() {
        for text in [
            "2011-12-09",
            "0.1.0",
            "2026-Q1.1",
            "S01",
            "k = 3, 4, 5",
            "10.1093/biomet/74.3",
            "a1.5",
            "1,23",
            "12,3456",
            "12:30.5",
            "`x = 1.5`",
            "www.7.com",
            "1.5kg-bag",
        ] {
            assert_eq!(Locale::De.text(text), text);
        }
    }

    #[test]
    fn tags_and_code_stay() {
        let page = "<style>a{x:1.5}</style><p data-x=\"1.5\">1.5<code>1.5</code> 2.5</p><script>1.5<2.5</script>3.5";
        let german = "<style>a{x:1.5}</style><p data-x=\"1.5\">1,5<code>1.5</code> 2,5</p><script>1.5<2.5</script>3,5";
        assert_eq!(Locale::De.page(page), german);
    }

    /// Marks change and nothing else does: what is written for a German reader, marks exchanged, is what an English one reads.
    #[test]
    fn a_page_has_the_same_numbers_in_every_locale() {
        let mut report = sample::everything();
        let (english, summary) = (html::render(&report).unwrap(), markdown::render(&report));
        let swapped = |text: &str| -> String {
            text.chars()
                .map(|c| {
                    if c == ',' {
                        '.'
                    } else if c == '.' {
                        ','
                    } else {
                        c
                    }
                })
                .collect()
        };
        let only_marks = |ours: &str, theirs: &str| {
            let differing: Vec<(char, char)> = ours.chars().zip(theirs.chars()).filter(|(a, b)| a != b).collect();
            assert_eq!(ours.chars().count(), theirs.chars().count());
            assert!(differing.len() > 5, "{}", differing.len());
            assert!(differing.iter().all(|(a, b)| swapped(&a.to_string()) == b.to_string()), "{differing:?}");
        };
        report.look.locale = Locale::De;
        let page = html::render(&report).unwrap();
        let tag = "<html lang=\"en\"";
        only_marks(&english, &page.replacen(&format!("{tag} data-decimal=\",\""), tag, 1));
        only_marks(&summary, &markdown::render(&report));
    }
}
