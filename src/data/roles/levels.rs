//! Levels whose order can be told: bands of numbers, numbered levels, and scales that everybody knows.

use crate::data::numbers::{Writing, writing};
use std::collections::BTreeSet;

/// Levels from lowest to highest, and why.
pub(super) struct Ordered {
    pub(super) levels: Vec<String>,
    pub(super) why: String,
    pub(super) sure: &'static str,
    /// A scale that people answer on.
    pub(super) answers: bool,
}

/// A scale with words in order; words on one step mean the same.
struct Words {
    name: &'static str,
    answers: bool,
    steps: &'static [&'static [&'static str]],
}

const SCALES: [Words; 9] = [
    Words {
        name: "agreement",
        answers: true,
        steps: &[
            &["strongly disagree", "disagree strongly", "totally disagree", "completely disagree", "fully disagree"],
            &["disagree"],
            &["somewhat disagree", "rather disagree", "slightly disagree"],
            &["neutral", "neither", "neither agree nor disagree", "undecided"],
            &["somewhat agree", "rather agree", "slightly agree"],
            &["agree"],
            &["strongly agree", "agree strongly", "totally agree", "completely agree", "fully agree"],
        ],
    },
    Words {
        name: "satisfaction",
        answers: true,
        steps: &[
            &["very dissatisfied", "very unsatisfied", "extremely dissatisfied"],
            &["dissatisfied", "unsatisfied"],
            &["somewhat dissatisfied", "rather dissatisfied"],
            &["neutral", "neither", "neither satisfied nor dissatisfied"],
            &["somewhat satisfied", "rather satisfied"],
            &["satisfied"],
            &["very satisfied", "extremely satisfied"],
        ],
    },
    Words {
        name: "likelihood",
        answers: true,
        steps: &[
            &["very unlikely", "not at all likely", "extremely unlikely"],
            &["unlikely", "not likely"],
            &["somewhat unlikely"],
            &["neutral", "neither", "maybe", "undecided"],
            &["somewhat likely"],
            &["likely"],
            &["very likely", "extremely likely"],
        ],
    },
    Words {
        name: "frequency",
        answers: true,
        steps: &[
            &["never"],
            &["rarely", "seldom", "hardly ever"],
            &["sometimes", "occasionally"],
            &["often", "frequently", "usually"],
            &["very often"],
            &["always"],
        ],
    },
    Words {
        name: "importance",
        answers: true,
        steps: &[
            &["not at all important", "not important", "unimportant"],
            &["slightly important", "a little important"],
            &["neutral", "moderately important", "somewhat important"],
            &["important"],
            &["very important"],
            &["extremely important"],
        ],
    },
    Words {
        name: "quality",
        answers: true,
        steps: &[
            &["terrible", "very poor", "very bad"],
            &["poor", "bad"],
            &["fair", "average", "ok", "okay", "acceptable"],
            &["good"],
            &["very good"],
            &["excellent"],
        ],
    },
    Words {
        name: "size",
        answers: false,
        steps: &[
            &["very low", "lowest", "very small", "micro", "xs"],
            &["low", "small", "s"],
            &["medium", "moderate", "mid", "middle", "m"],
            &["high", "large", "big", "l"],
            &["very high", "highest", "very large", "enterprise", "xl"],
        ],
    },
    Words {
        name: "status",
        answers: false,
        steps: &[&["bronze"], &["silver"], &["gold"], &["platinum"], &["diamond"]],
    },
    Words {
        name: "education",
        answers: false,
        steps: &[
            &["no formal education", "no education", "no schooling"],
            &["basic", "primary", "primary school", "elementary", "elementary school"],
            &["lower secondary", "middle school", "some high school"],
            &["2n cycle", "high school", "secondary", "secondary school", "upper secondary", "high school graduate"],
            &["some college", "partial college", "vocational", "associate", "associates", "associate degree"],
            &[
                "graduation",
                "graduate",
                "bachelor",
                "bachelors",
                "bachelor degree",
                "bachelors degree",
                "undergraduate",
                "college",
                "college graduate",
                "university",
                "university degree",
            ],
            &["master", "masters", "master degree", "masters degree", "graduate degree", "postgraduate"],
            &["phd", "doctor", "doctorate", "doctoral", "doctorate degree"],
        ],
    },
];

/// Words that may stand in a band beside its numbers.
const BAND_WORDS: [&str; 52] = [
    "under",
    "below",
    "less",
    "fewer",
    "than",
    "up",
    "to",
    "over",
    "above",
    "more",
    "and",
    "or",
    "plus",
    "older",
    "younger",
    "at",
    "least",
    "most",
    "from",
    "between",
    "years",
    "year",
    "yrs",
    "yr",
    "y",
    "old",
    "age",
    "aged",
    "months",
    "month",
    "weeks",
    "week",
    "days",
    "day",
    "k",
    "m",
    "mio",
    "thousand",
    "million",
    "usd",
    "eur",
    "gbp",
    "chf",
    "employees",
    "employee",
    "people",
    "persons",
    "staff",
    "seats",
    "per",
    "annum",
    "pa",
];

/// Marks that may stand in a band.
const BAND_MARKS: &str = " -–—+<>=≤≥$£€¥,.()/~'";

/// The levels in order; `None` where the order cannot be told.
pub(super) fn ordered(distinct: &BTreeSet<String>) -> Option<Ordered> {
    if !(3..=30).contains(&distinct.len()) || distinct.iter().all(|t| writing(t) != Writing::Not) {
        return None;
    }
    known_scale(distinct).or_else(|| numbered(distinct)).or_else(|| bands(distinct))
}

fn known_scale(distinct: &BTreeSet<String>) -> Option<Ordered> {
    SCALES.iter().find_map(|scale| {
        let step = |text: &String| {
            let plain = normal(text);
            scale.steps.iter().position(|words| words.contains(&plain.as_str()))
        };
        let keyed = distinct.iter().map(|t| Some((step(t)?, t))).collect::<Option<Vec<(usize, &String)>>>()?;
        let why = format!("a known order: {}", scale.name);
        Some(Ordered { levels: in_order(keyed)?, why, sure: "high", answers: scale.answers })
    })
}

/// `Bachelor's Degree` to `bachelors degree`.
fn normal(text: &str) -> String {
    let kept: String = text
        .to_lowercase()
        .chars()
        .filter(|c| !"'’.".contains(*c))
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Levels that begin with their own number: `1) $0 - $100`.
fn numbered(distinct: &BTreeSet<String>) -> Option<Ordered> {
    let keyed = distinct
        .iter()
        .map(|text| {
            let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
            let rest = &text[digits.len()..];
            let marked = rest.starts_with(')') || rest.starts_with(". ") || rest.starts_with(": ");
            Some((digits.parse::<u32>().ok().filter(|_| marked)?, text))
        })
        .collect::<Option<Vec<_>>>()?;
    Some(Ordered { levels: in_order(keyed)?, why: "the levels are numbered".into(), sure: "high", answers: false })
}

/// Bands of numbers: `Under 15K`, `15-24K`, `250K+`; `$30,000 - $50,000`; `11-50`.
fn bands(distinct: &BTreeSet<String>) -> Option<Ordered> {
    let keyed = distinct.iter().map(|t| Some((band(t)?, t))).collect::<Option<Vec<_>>>()?;
    Some(Ordered {
        levels: in_order(keyed)?,
        why: "the numbers in the levels give the order".into(),
        sure: "medium",
        answers: false,
    })
}

/// Where a band begins in thousandths, and whether it lies below (-1) or above (1) that.
fn band(text: &str) -> Option<(i64, i8)> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphabetic()).filter(|w| !w.is_empty()).collect();
    let fits = words.iter().all(|w| BAND_WORDS.contains(w))
        && lower.chars().all(|c| c.is_alphabetic() || c.is_ascii_digit() || BAND_MARKS.contains(c));
    let first = first_number(&lower).filter(|_| fits)?;
    let starts = |list: &[&str]| list.iter().any(|w| lower.starts_with(w));
    let side = if starts(&["under", "below", "less", "fewer", "up to", "<", "≤"]) {
        -1
    } else if starts(&["over", "above", "more", ">"]) {
        1
    } else {
        0
    };
    Some(((first * 1000.0).round() as i64, side))
}

/// The first number of a band. A `k` or `m` behind a later one counts for it too: `15-24K` begins at 15,000.
fn first_number(text: &str) -> Option<f64> {
    let mut numbers: Vec<(f64, f64)> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let body = &rest[at..];
        let end = body.find(|c: char| !(c.is_ascii_digit() || c == ',' || c == '.')).unwrap_or(body.len());
        let (token, behind) = body.split_at(end);
        let token = token.trim_end_matches([',', '.']);
        let value = match writing(token) {
            Writing::Not => return None,
            Writing::Plain if token.rsplit_once('.').is_none_or(|(_, part)| part.len() != 3) => token.parse().ok()?,
            // `30.000` is a band of thousands, whatever the mark.
            _ => token.replace([',', '.'], "").parse().ok()?,
        };
        let word: String = behind.trim_start().chars().take_while(|c| c.is_alphabetic()).collect();
        let factor = match word.as_str() {
            "k" | "thousand" => 1e3,
            "m" | "mio" | "million" => 1e6,
            _ => 1.0,
        };
        numbers.push((value, factor));
        rest = behind;
    }
    let (value, factor) = *numbers.first()?;
    let shared = numbers.iter().skip(1).find(|(other, f)| factor == 1.0 && *f > 1.0 && value < *other);
    Some(value * shared.map_or(factor, |(_, f)| *f))
}

/// The texts by their keys; `None` where two have the same.
fn in_order<K: Ord>(mut keyed: Vec<(K, &String)>) -> Option<Vec<String>> {
    keyed.sort();
    let strictly = keyed.windows(2).all(|w| w[0].0 < w[1].0);
    strictly.then(|| keyed.into_iter().map(|(_, t)| t.clone()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out of the levels in the order of the alphabet.
    fn of(texts: &[&str]) -> Option<Vec<String>> {
        ordered(&texts.iter().map(|t| (*t).to_string()).collect()).map(|o| o.levels)
    }

    #[test]
    fn orders_that_can_be_told_are_told() {
        for levels in [
            vec!["Under 15K", "15-24K", "25-34K", "100-124K", "250K+"],
            vec!["under 25k", "25k-50k", "50k-80k", "over 80k"],
            vec!["Less than $30,000", "$30,000 - $50,000", "$50,001 - $100,000", "$100,000+"],
            vec!["19-24", "25-34", "35-44", "65+"],
            vec!["1-10", "11-50", "51-200", "1,001-5,000", "5,001-10,000", "10,001+"],
            vec!["500-999", "1K-5K", "5K-1M", "1M+"],
            vec!["1", "2", "3", "4", "5+"],
            vec!["1) $0 - $100", "2) $100 - $200", "3) $200 - $350", "10) $1,000 +"],
            vec!["Basic", "2n Cycle", "Graduation", "Master", "PhD"],
            vec!["High School", "Bachelor's Degree", "Master's Degree", "Doctorate"],
            vec!["Strongly disagree", "Disagree", "Neutral", "Agree", "Strongly agree"],
            vec!["never", "rarely", "sometimes", "often", "always"],
            vec!["bronze", "silver", "gold"],
            vec!["Low", "Medium", "High"],
        ] {
            assert_eq!(of(&levels), Some(levels.iter().map(|l| (*l).to_string()).collect()), "{levels:?}");
        }
    }

    #[test]
    fn names_have_no_order() {
        for levels in [
            vec!["north", "south", "west"],
            vec!["1", "2", "3"],
            vec!["1 Adult Kids", "1 Adult No Kids", "2 Adults Kids", "2 Adults No Kids"],
            vec!["Zone 1", "Zone 2", "Zone 3"],
            vec!["Agree", "Satisfied", "Never"],
            vec!["PhD", "Doctorate", "Master"],
            vec!["Low", "High"],
        ] {
            assert_eq!(of(&levels), None, "{levels:?}");
        }
    }
}
