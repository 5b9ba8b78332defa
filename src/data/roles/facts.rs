//! What is known of the values of one column.

use crate::data::dates::{judge_numbers, looks_like_date};
use crate::data::numbers::{CURRENCY_SIGNS, NULL_WORDS, Writing, writing};
use crate::data::read::percent;
use std::collections::BTreeSet;

/// How exports write no and yes.
const FLAGS: [[&str; 2]; 6] = [["0", "1"], ["0.0", "1.0"], ["no", "yes"], ["n", "y"], ["false", "true"], ["f", "t"]];

/// The facts of one column.
pub(super) struct Facts {
    pub(super) name: String,
    /// The name in lower case, letters and digits only.
    pub(super) plain: String,
    /// Cells as they stand, trimmed; missing words are none.
    pub(super) cells: Vec<Option<String>>,
    pub(super) values: usize,
    pub(super) missing: usize,
    pub(super) distinct: BTreeSet<String>,
    pub(super) numbers: usize,
    pub(super) negative: usize,
    pub(super) decimals: usize,
    pub(super) dates: usize,
    pub(super) typed_date: bool,
    /// The smallest and the largest number; without any, infinite.
    pub(super) range: (f64, f64),
    whole: usize,
}

impl Facts {
    pub(super) fn of(name: &str, cells: Vec<Option<String>>, typed_date: bool) -> Self {
        let plain: String = name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
        let mut facts = Self {
            name: name.into(),
            plain,
            cells: Vec::with_capacity(cells.len()),
            values: 0,
            missing: 0,
            distinct: BTreeSet::new(),
            numbers: 0,
            negative: 0,
            decimals: 0,
            dates: 0,
            typed_date,
            range: (f64::INFINITY, f64::NEG_INFINITY),
            whole: 0,
        };
        for cell in cells {
            let text = cell.as_deref().unwrap_or("").trim();
            if NULL_WORDS.contains(&text) {
                facts.missing += 1;
                facts.cells.push(None);
                continue;
            }
            facts.values += 1;
            let bare: String = text.chars().filter(|c| !CURRENCY_SIGNS.contains(c)).collect();
            let bare = bare.trim();
            if writing(bare) != Writing::Not {
                facts.number(bare);
            } else if facts.dates * 10 >= facts.values.saturating_sub(1) * 5 && looks_like_date(text) {
                facts.dates += 1;
            }
            if !facts.distinct.contains(text) {
                facts.distinct.insert(text.to_string());
            }
            facts.cells.push(Some(text.to_string()));
        }
        facts
    }

    fn number(&mut self, bare: &str) {
        self.numbers += 1;
        self.negative += usize::from(bare.starts_with(['-', '(']));
        match bare.rsplit_once(['.', ',']) {
            Some((_, part)) if part.trim_end_matches('0').is_empty() => self.whole += 1,
            Some(_) => self.decimals += 1,
            None => self.whole += 1,
        }
        if let Ok(value) = bare.parse::<f64>() {
            self.range = (self.range.0.min(value), self.range.1.max(value));
        }
    }

    pub(super) fn is_date(&self) -> bool {
        self.typed_date || (self.values > 0 && self.dates * 10 >= self.values * 9) || self.counts_days()
    }

    /// Whether its numbers are days or seconds, by their size and by its name.
    pub(super) fn counts_days(&self) -> bool {
        let values: Vec<&str> = self.distinct.iter().map(String::as_str).collect();
        self.named(&["date", "time", "created", "day"]) && self.is_number() && judge_numbers(&values).is_some()
    }

    pub(super) fn is_number(&self) -> bool {
        self.values > 0 && self.numbers * 100 >= self.values * 95
    }

    pub(super) fn is_whole(&self) -> bool {
        self.is_number() && self.whole * 100 >= self.numbers * 99
    }

    pub(super) fn is_unique(&self) -> bool {
        self.values > 1 && self.distinct.len() == self.values && self.missing == 0
    }

    /// Yes and no in one of the usual spellings, or one of the two and nothing else.
    pub(super) fn is_flag(&self) -> bool {
        let known = |pair: &[&str; 2]| self.distinct.iter().all(|v| pair.contains(&v.to_lowercase().as_str()));
        !self.distinct.is_empty() && FLAGS.iter().any(known)
    }

    /// Numbers inside the bounds, both included.
    pub(super) fn within(&self, low: f64, high: f64) -> bool {
        self.range.0 >= low && self.range.1 <= high
    }

    /// Whether the name holds one of the words.
    pub(super) fn named(&self, words: &[&str]) -> bool {
        words.iter().any(|w| self.plain.contains(w))
    }

    /// Whether the name is one of the words.
    pub(super) fn called(&self, words: &[&str]) -> bool {
        words.contains(&self.plain.as_str())
    }

    /// What stands between several options in one cell; `None` where cells hold one.
    pub(super) fn separator(&self) -> Option<&'static str> {
        [";", "|"].into_iter().find(|mark| {
            let several = self.cells.iter().flatten().filter(|c| c.contains(mark)).count();
            let options: BTreeSet<&str> =
                self.distinct.iter().flat_map(|c| c.split(mark)).map(str::trim).filter(|o| !o.is_empty()).collect();
            several * 10 >= self.values.max(1) && (2..=40).contains(&options.len())
        })
    }

    pub(super) fn looks_like(&self) -> String {
        let blank = if self.missing > 0 {
            format!(", {} blank", percent(self.missing as f64 / (self.values + self.missing) as f64))
        } else {
            String::new()
        };
        if self.values == 0 {
            return "empty".into();
        }
        if self.is_date() {
            let first = self.distinct.first().map(String::as_str).unwrap_or_default();
            return format!("date like {first}{blank}");
        }
        if self.is_number() {
            let kind = if self.is_whole() { "whole number" } else { "number" };
            return format!("{kind}, {} distinct{blank}", self.distinct.len());
        }
        format!("text, {} distinct{blank}", self.distinct.len())
    }
}
