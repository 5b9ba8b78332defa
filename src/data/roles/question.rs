//! What the answers in a column of a survey are.

use super::facts::Facts;
use super::levels::ordered;
use crate::data::schema::{Question, QuestionKind};

/// A question, and why it is one.
pub(super) struct Asked {
    pub(super) question: Question,
    pub(super) role: &'static str,
    pub(super) why: String,
    pub(super) sure: &'static str,
    /// Nothing but a survey holds such a column.
    pub(super) telling: bool,
}

/// Words in the names of questions that are answered on a scale.
const SCALED: [&str; 9] = ["satisf", "agree", "likert", "rating", "importan", "likely", "csat", "trust", "ease"];

/// What a column asks; `None` for free text and columns without values.
pub(super) fn asked(f: &Facts) -> Option<Asked> {
    if f.values == 0 || f.is_date() {
        return None;
    }
    if f.is_number() {
        return number(f);
    }
    if let Some(found) = ordered(&f.distinct) {
        return Some(Asked {
            question: Question::Levels(found.levels),
            role: "levels",
            why: found.why,
            sure: found.sure,
            telling: found.answers,
        });
    }
    if let Some(mark) = f.separator() {
        let several = f.cells.iter().flatten().filter(|c| c.contains(mark)).count();
        return Some(Asked {
            question: Question::Options { separated_by: mark.into() },
            role: "options",
            why: format!("{several} cells hold several, with `{mark}` between them"),
            sure: "high",
            telling: false,
        });
    }
    let n = f.distinct.len();
    ((2..=30).contains(&n) && n * 2 <= f.values.max(4)).then(|| Asked {
        question: Question::Kind(QuestionKind::Choice),
        role: "choice",
        why: format!("one of {n} answers"),
        sure: "medium",
        telling: false,
    })
}

fn number(f: &Facts) -> Option<Asked> {
    // Whatever is no number would be refused, and its row with it.
    if f.numbers < f.values {
        return None;
    }
    let plain = f.distinct.iter().all(|v| v.bytes().all(|b| b.is_ascii_digit()));
    let coded = f.plain.strip_prefix('q').is_some_and(|n| n.bytes().next().is_some_and(|b| b.is_ascii_digit()));
    let scaled = coded || f.named(&SCALED);
    let (question, role, why, sure, telling) = if f.is_whole() && f.within(0.0, 10.0) && f.named(&["nps", "recommend"])
    {
        (Question::Kind(QuestionKind::Nps), "nps", "from 0 to 10, by its name".to_string(), "high", true)
    } else if plain && f.within(1.0, 7.0) && f.distinct.len() > 2 {
        let top = if f.range.1 <= 5.0 { 5 } else { 7 };
        let levels = (1..=top).map(|n| n.to_string()).collect();
        (Question::Levels(levels), "levels", format!("whole numbers from 1 to {top}: a scale"), "medium", scaled)
    } else {
        (Question::Kind(QuestionKind::Number), "number", "a number".to_string(), "medium", false)
    };
    Some(Asked { question, role, why, sure, telling })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, cells: &[&str]) -> Option<Question> {
        let cells = cells.iter().cycle().take(40).map(|c| Some((*c).to_string())).collect();
        asked(&Facts::of(name, cells, false)).map(|a| a.question)
    }

    #[test]
    fn questions_are_told_by_their_answers() {
        let kind = |k| Some(Question::Kind(k));
        assert_eq!(of("nps", &["0", "7", "10"]), kind(QuestionKind::Nps));
        assert_eq!(of("minutes", &["12", "7.5", "90"]), kind(QuestionKind::Number));
        assert_eq!(of("channel", &["web", "store", "app"]), kind(QuestionKind::Choice));
        let five: Vec<String> = (1..=5).map(|n| n.to_string()).collect();
        assert_eq!(of("q3", &["1", "4", "2", "5"]), Some(Question::Levels(five)));
        let agree = ["disagree", "neutral", "agree", "strongly agree"];
        assert_eq!(of("fair", &agree), Some(Question::Levels(agree.map(String::from).to_vec())));
        assert_eq!(of("interests", &["a;b", "b", "a;c"]), Some(Question::Options { separated_by: ";".into() }));
        let texts: Vec<String> = (0..40).map(|i| format!("text {i}")).collect();
        assert_eq!(of("why", &texts.iter().map(String::as_str).collect::<Vec<_>>()), None);
    }
}
